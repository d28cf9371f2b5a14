"""What lies on a glass: a piece of tissue cut from the stained atlas, or a real picture.

A specimen answers one question: what is to be seen at these places? Places are specimen coordinates in µm
from the specimen's own top-left corner, given on a coarse grid (every ``GRID``-th pixel) that is refined on
the way, because tissue shape and distortion are smooth. One seed is one specimen, at every magnification.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

import vslide
from microscope.drivers.simulated import stains
from microscope.drivers.simulated.doubts import Doubt
from microscope.drivers.simulated.stains import GLASS

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]

GRID = 8
_PERIOD = 1024.0  # px after which the atlas repeats
_ATLAS_UM_PER_PX = 1.0
_MAX_PICTURE_PX = 3000
_GLASS_NOISE = 12
_VENDOR_SUFFIXES = (".svs", ".ndpi", ".tif", ".tiff", ".dcm", ".h5", ".scn", ".mrxs")


@dataclass(frozen=True, slots=True)
class View:
    """A window on the specimen, ``height`` × ``width`` px: places ``x``, ``y`` in µm at every GRID-th pixel,
    from one step before the window to one step beyond it.
    """

    x: Floats
    y: Floats
    height: int
    width: int


class Specimen(Protocol):
    width_um: float
    height_um: float

    def see(self, view: View, *, coarse: bool = False) -> Picture:
        """(H, W, 3) uint8 for brightfield stains, (H, W, 4) for fluorescence. ``coarse`` views shrink it
        without moiré.
        """

    def see_channel(self, view: View, channel: int) -> Picture:
        """One channel of a fluorescent specimen, (H, W) uint8."""

    def cover(self, view: View) -> Floats:
        """How much tissue covers each pixel, 0 to 1, (H, W)."""


def view_of(
    x_um: float, y_um: float, width: int, height: int, um_per_px: float, *, rotation: float = 0.0
) -> View:
    """The window of ``width`` × ``height`` px whose top-left corner lies at (x, y) µm, turned by
    ``rotation`` radians about it.
    """
    across = np.arange(-GRID, width + 2 * GRID, GRID, dtype=np.float32)[None, :] * um_per_px
    down = np.arange(-GRID, height + 2 * GRID, GRID, dtype=np.float32)[:, None] * um_per_px
    cosine, sine = math.cos(rotation), math.sin(rotation)
    return View(x_um + cosine * across - sine * down, y_um + sine * across + cosine * down, height, width)


class Tissue:
    """A section or a few needle cores of real tissue, bent so that the atlas does not show its mirrors."""

    def __init__(self, seed: int, stain: str, doubt: Doubt) -> None:
        rng = np.random.default_rng([seed, 0x715])
        self._stain, self._doubt = stain, doubt
        self._cores = not doubt.small and rng.random() < 0.35
        shrink = 0.42 if doubt.small else 1.0
        self.width_um, self.height_um = (
            (5300.0, 1350.0) if self._cores else (2750.0 * shrink, 2350.0 * shrink)
        )
        self._waves = _waves(rng, 12, 260, 1500)
        self._holes = _waves(rng, 10, 180, 600)
        self._bend_x, self._bend_y = _waves(rng, 5, 500, 1400), _waves(rng, 5, 500, 1400)
        self._angle = rng.uniform(0, 2 * math.pi)
        self._offset = rng.uniform(0, _PERIOD, 2)
        self._phases = rng.uniform(0, 2 * math.pi, 3)
        self._lut = _strength_table(doubt.strength * rng.uniform(0.94, 1.06, 3))
        self._gain = doubt.strength
        self._tears = _waves(rng, 8, 400, 900)

    def see(self, view: View, *, coarse: bool = False) -> Picture:
        atlas = stains.coarse_atlas(self._stain) if coarse else stains.atlas(self._stain)
        u, v, cover = self._maps(view, coarse)
        seen = cv2.remap(atlas, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        if stains.is_fluorescent(self._stain):
            dimmed = np.minimum(np.asarray(seen) * cover[..., None] * self._gain, 255)
            return np.asarray(dimmed.astype(np.uint8))
        return _on_glass(np.asarray(cv2.LUT(seen, self._lut), np.uint8), cover)

    def see_channel(self, view: View, channel: int) -> Picture:
        u, v, cover = self._maps(view, False)
        seen = cv2.remap(
            stains.planes(self._stain)[channel], u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
        return np.asarray(cv2.multiply(seen, cover, scale=self._gain, dtype=cv2.CV_8U), np.uint8)

    def _maps(self, view: View, coarse: bool) -> tuple[Floats, Floats, Floats]:
        """Where in the atlas each pixel looks (u, v) and how much tissue covers it (0 to 1), all (H, W)
        float32.
        """
        x, y = view.x, view.y
        cosine, sine = math.cos(self._angle), math.sin(self._angle)
        u = (cosine * x - sine * y + 55 * _sum(self._bend_x, x, y)) / _ATLAS_UM_PER_PX + self._offset[0]
        v = (sine * x + cosine * y + 55 * _sum(self._bend_y, x, y)) / _ATLAS_UM_PER_PX + self._offset[1]
        u -= math.floor(float(u.min()) / _PERIOD) * _PERIOD
        v -= math.floor(float(v.min()) / _PERIOD) * _PERIOD
        if coarse:
            u, v = u / 8, v / 8
        return _fine(u, view), _fine(v, view), self.cover(view)

    def cover(self, view: View) -> Floats:
        cover = _fine(self._depth_um(view.x, view.y), view) / 6.0 + 0.5
        return np.clip(cover, 0.0, 1.0, out=cover)

    def _depth_um(self, x: Floats, y: Floats) -> Floats:
        """How deep inside the tissue a place lies, in µm, negative outside."""
        rough = _sum(self._waves, x, y)
        if self._cores:
            depth = self._cores_depth(x, y) + 45 * rough
        else:
            half_w, half_h = self.width_um / 2, self.height_um / 2
            radius = np.sqrt(((x - half_w) / half_w) ** 2 + ((y - half_h) / half_h) ** 2)
            depth = (0.84 - radius + 0.115 * rough) * half_h
        if self._doubt.empty:
            return np.full(x.shape, -1e4, np.float32)
        holes = (2.0 - 2.4 * self._doubt.white - _sum(self._holes, x, y)) * 90
        if self._doubt.torn:
            holes = np.minimum(holes, (np.abs(_sum(self._tears, x, y)) - self._doubt.torn) * 110)
        border = np.minimum(np.minimum(x, self.width_um - x), np.minimum(y, self.height_um - y))
        closest: Floats = np.minimum(np.minimum(depth, holes), border).astype(np.float32)
        return closest

    def _cores_depth(self, x: Floats, y: Floats) -> Floats:
        depth = np.full(x.shape, -1e4, np.float32)
        for number, phase in enumerate(self._phases[:2]):
            length = self.width_um * (0.86 - 0.16 * number)
            start = 140 + 420 * number
            middle = self.height_um * (0.27 + 0.45 * number) + 95 * np.sin(x / 900 + phase)
            across = 215 + 40 * np.sin(x / 410 + 2 * phase) - np.abs(y - middle)
            depth = np.maximum(depth, np.minimum(across, np.minimum(x - start, start + length - x)))
        return depth


class RealPicture:
    """A picture, or a region of a whole-slide file, as the specimen: as it is, or made fluorescent."""

    def __init__(self, path: str, stain: str, um_per_px: float) -> None:
        self._pixels, self._um_per_px = _read(Path(path), um_per_px)
        if stains.is_fluorescent(stain):
            self._pixels = np.ascontiguousarray(stains.restain(self._pixels, stain))
        self._border = (0.0,) * 4 if stains.is_fluorescent(stain) else tuple(float(part) for part in GLASS)
        self.height_um, self.width_um = (side * self._um_per_px for side in self._pixels.shape[:2])

    def see(self, view: View, *, coarse: bool = False) -> Picture:
        u, v = (_fine(places / self._um_per_px, view) for places in (view.x, view.y))
        shrink = 8 if coarse else 1
        pixels = (
            cv2.resize(self._pixels, None, fx=1 / 8, fy=1 / 8, interpolation=cv2.INTER_AREA)
            if coarse
            else self._pixels
        )
        seen = cv2.remap(
            pixels,
            u / shrink,
            v / shrink,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=self._border,
        )
        return np.asarray(seen, np.uint8)

    def see_channel(self, view: View, channel: int) -> Picture:
        return np.ascontiguousarray(self.see(view)[..., channel])

    def cover(self, view: View) -> Floats:
        """All of a real picture counts, except what is as bright as its border."""
        unlike = np.abs(
            self.see(view).astype(np.float32) - np.array(self._border, np.float32)[: self._pixels.shape[2]]
        )
        return np.asarray(unlike.max(axis=2) > _GLASS_NOISE, np.float32)


def _read(path: Path, um_per_px: float) -> tuple[Picture, float]:
    """Pixels (H, W, 3) uint8, at most 3000 px a side, from the picture's middle, and their size in µm."""
    if path.suffix.lower() not in _VENDOR_SUFFIXES:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
        height, width = pixels.shape[:2]
        top, left = (max(0, side - _MAX_PICTURE_PX) // 2 for side in (height, width))
        return pixels[top : top + _MAX_PICTURE_PX, left : left + _MAX_PICTURE_PX], um_per_px
    with vslide.open(str(path)) as slide:
        width, height = slide.size
        region_w, region_h = min(width, _MAX_PICTURE_PX), min(height, _MAX_PICTURE_PX)
        planar = slide.region((width - region_w) // 2, (height - region_h) // 2, region_w, region_h)
        return np.ascontiguousarray(
            np.moveaxis(planar[:3].astype(np.uint8), 0, 2)
        ), slide.pixel_size_um or um_per_px


def _waves(rng: np.random.Generator, count: int, shortest_um: float, longest_um: float) -> Floats:
    """Random plane waves (count, 4): wave vector x, y in 1/µm, phase, weight; together of unit variance."""
    angle, phase = rng.uniform(0, 2 * math.pi, (2, count))
    number = 2 * math.pi / np.exp(rng.uniform(math.log(shortest_um), math.log(longest_um), count))
    weight = 1 / number / np.sqrt((1 / number**2).sum() / 2)
    return np.column_stack([number * np.cos(angle), number * np.sin(angle), phase, weight]).astype(np.float32)


def _sum(waves: Floats, x: Floats, y: Floats) -> Floats:
    total = np.zeros(x.shape, np.float32)
    for kx, ky, phase, weight in waves:
        total += weight * np.sin(kx * x + ky * y + phase)
    return total


def _fine(coarse: NDArray[np.floating], view: View) -> Floats:
    """Coarse values refined to every pixel of the view."""
    rows, columns = coarse.shape
    # warpAffine rounds places to 1/32 px, which would show; resize is exact, but counts from pixel centres.
    size = ((columns - 1) * GRID, (rows - 1) * GRID)
    centred = (coarse[:-1, :-1] + coarse[1:, :-1] + coarse[:-1, 1:] + coarse[1:, 1:]) / 4
    fine = np.asarray(
        cv2.resize(centred.astype(np.float32), size, interpolation=cv2.INTER_LINEAR), np.float32
    )
    return np.ascontiguousarray(fine[GRID : GRID + view.height, GRID : GRID + view.width])


def _on_glass(tissue: Picture, cover: Floats) -> Picture:
    if cover.min() >= 1.0:
        return tissue
    glass = np.empty_like(tissue)
    glass[:] = GLASS
    if cover.max() <= 0.0:
        return glass
    return np.asarray(cv2.blendLinear(tissue, glass, cover, 1.0 - cover), np.uint8)


def _strength_table(strength: NDArray[np.float64]) -> Picture:
    """A look-up table (1, 256, 3) that makes the stain stronger or fainter, as Beer and Lambert would."""
    level = np.arange(256, dtype=np.float64)[:, None]
    light = np.minimum(np.maximum(level, 1) / np.array(GLASS), 1.0)
    table = np.clip(np.array(GLASS) * light**strength, 0, 255)
    return np.asarray(table.astype(np.uint8)[None])
