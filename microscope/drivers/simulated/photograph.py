"""The two photographs of a glass: from above (macro) and of its label. Both (H, W, 3) uint8 RGB."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from microscope import barcode
from microscope.drivers.simulated import optics, stains
from microscope.drivers.simulated.doubts import Speck
from microscope.drivers.simulated.specimen import Specimen, view_of
from microscope.messages import Glass

Picture = NDArray[np.uint8]

GLASS_UM = (76_000.0, 26_000.0)
LABEL_UM = 20_000.0
MACRO_UM_PER_PX = 30.0
MACRO_ORIGIN_UM = (-300.0, -210.0)
_PART = 16  # OpenCV draws at parts of a pixel
_FINER = 8  # fine enough that the smallest hole of the specimen is on the photograph too


def macro(
    glass: Glass, specimen: Specimen, place_um: tuple[float, float], specks: Sequence[Speck] = ()
) -> Picture:
    """The whole glass from above; ``place_um`` is where the specimen's top-left corner lies on it, ``specks``
    are on its cover slip.
    """
    rng = np.random.default_rng([glass.seed, 0x3AC])
    picture = _empty_glass(rng)
    left, top = (round((place_um[axis] - MACRO_ORIGIN_UM[axis]) / MACRO_UM_PER_PX) for axis in (0, 1))
    tissue = _from_above(glass, specimen, place_um, left, top)
    height, width = tissue.shape[:2]
    under = picture[top : top + height, left : left + width].astype(np.uint16)
    picture[top : top + height, left : left + width] = (
        under * tissue[: under.shape[0], : under.shape[1]] // 255
    )
    for speck in specks:
        at = [place_um[axis] + middle for axis, middle in enumerate((speck.x_um, speck.y_um))]
        x, y = (round((at[axis] - MACRO_ORIGIN_UM[axis]) / MACRO_UM_PER_PX * _PART) for axis in (0, 1))
        radius = round(speck.radius_um / MACRO_UM_PER_PX * _PART)
        cv2.circle(picture, (x, y), radius, speck.colour, -1, cv2.LINE_AA, shift=4)
    return optics.grained(picture)


def label(glass: Glass) -> Picture:
    """The label photographed: a little turned, soft, unevenly lit; flaws make it unreadable or another
    slide's.
    """
    rng = np.random.default_rng([glass.seed, 0x1AB])
    text = _neighbour(glass.barcode) if glass.flaw == "barcode_mismatch" else glass.barcode
    printed = barcode.draw_label(text, tuple(glass.label.splitlines()[:4]) or (glass.stain,))
    if glass.flaw == "barcode_unreadable":
        printed = _smeared(printed, rng)
    side = printed.shape[0]
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), float(rng.uniform(-4, 4)), 0.93)
    photo = cv2.warpAffine(printed, turn, (side, side), flags=cv2.INTER_AREA, borderValue=(96, 99, 104))
    photo = cv2.GaussianBlur(photo, (0, 0), float(rng.uniform(0.8, 1.5)))
    slope = np.linspace(float(rng.uniform(0.80, 0.92)), 1.0, side, dtype=np.float32)[None, :, None]
    return optics.grained(np.clip(photo * slope, 0, 255).astype(np.uint8))


def _from_above(
    glass: Glass, specimen: Specimen, place_um: tuple[float, float], left: int, top: int
) -> Picture:
    """The specimen at macro scale as transmitted light, 255 where nothing is."""
    corner = (left * MACRO_UM_PER_PX + MACRO_ORIGIN_UM[0], top * MACRO_UM_PER_PX + MACRO_ORIGIN_UM[1])
    width = round(specimen.width_um / MACRO_UM_PER_PX) + 2
    height = round(specimen.height_um / MACRO_UM_PER_PX) + 2
    fine = view_of(
        corner[0] - place_um[0],
        corner[1] - place_um[1],
        width * _FINER,
        height * _FINER,
        MACRO_UM_PER_PX / _FINER,
    )
    seen = specimen.see(fine, coarse=True)
    if stains.is_fluorescent(glass.stain):
        # Unstained to the eye: the section only looks a little grey.
        grey = (
            255.0 - np.minimum(seen.astype(np.float32).sum(axis=2) * 0.55, 1) * 48 - seen.mean(axis=2) * 0.1
        )
        seen = np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)
    else:
        seen = np.minimum(seen * (255 / np.array(stains.GLASS, np.float32)), 255).astype(np.uint8)
    return np.asarray(cv2.resize(seen, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _empty_glass(rng: np.random.Generator) -> Picture:
    width = round((GLASS_UM[0] - 2 * MACRO_ORIGIN_UM[0]) / MACRO_UM_PER_PX)
    height = round((GLASS_UM[1] - 2 * MACRO_ORIGIN_UM[1]) / MACRO_UM_PER_PX)
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = (58, 60, 64)
    edge_x, edge_y = (round(-part / MACRO_UM_PER_PX) for part in MACRO_ORIGIN_UM)
    cv2.rectangle(picture, (edge_x, edge_y), (width - edge_x, height - edge_y), (231, 233, 234), -1)
    cv2.rectangle(picture, (edge_x, edge_y), (width - edge_x, height - edge_y), (168, 178, 180), 3)
    paper = round((LABEL_UM - MACRO_ORIGIN_UM[0]) / MACRO_UM_PER_PX)
    cv2.rectangle(picture, (edge_x + 4, edge_y + 4), (paper, height - edge_y - 4), (203, 205, 199), -1)
    cover_right = width - edge_x - int(rng.integers(120, 260))
    cv2.rectangle(
        picture, (paper + 70, edge_y + 34), (cover_right, height - edge_y - 34), (233, 235, 236), -1
    )
    cv2.rectangle(picture, (paper + 70, edge_y + 34), (cover_right, height - edge_y - 34), (222, 226, 227), 1)
    return picture


def _smeared(printed: Picture, rng: np.random.Generator) -> Picture:
    """Solvent has run over the print."""
    smear = cv2.blur(printed, (1, 91))
    smear = cv2.GaussianBlur(smear, (0, 0), 7)
    stain = np.full_like(smear, (188, 170, 160))
    weight = float(rng.uniform(0.25, 0.4))
    return np.asarray(cv2.addWeighted(smear, 1 - weight, stain, weight, 0), np.uint8)


def _neighbour(text: str) -> str:
    """The barcode of another slide: the last digit is one more."""
    for place in range(len(text) - 1, -1, -1):
        if text[place].isdigit():
            return f"{text[:place]}{(int(text[place]) + 1) % 10}{text[place + 1 :]}"
    return f"{text}0"
