"""Stain transfer: one real immunohistochemistry field becomes H&E, or four fluorescence colours.

The picture's light absorption is taken apart into haematoxylin and DAB by colour deconvolution and put
together again in the colours of another stain. Pictures are (H, W, 3) uint8 RGB, fluorescence (H, W, 4)
uint8 (brightness, not yet photons).
"""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data
from skimage.color import hed_from_rgb

from vslide.model import Channel

Picture = NDArray[np.uint8]
Densities = NDArray[np.float32]

FLUORESCENCE = (
    Channel("DAPI", "#1f3dff", excitation_nm=385, emission_nm=450, exposure_ms=20, black_level=100),
    Channel("FITC", "#00d936", excitation_nm=475, emission_nm=525, exposure_ms=50, black_level=100),
    Channel("TRITC", "#ff7a00", excitation_nm=550, emission_nm=590, exposure_ms=50, black_level=100),
    Channel("Cy5", "#ff0046", excitation_nm=635, emission_nm=680, exposure_ms=100, black_level=100),
)
GLASS = (246, 245, 247)  # RGB of empty, lit glass
_HAEMATOXYLIN = np.array([0.62, 0.70, 0.35], np.float32)
_EOSIN = np.array([0.09, 0.95, 0.32], np.float32)
_TILE = 512


def is_fluorescent(stain: str) -> bool:
    return stain.upper().startswith("IF")


def restain(picture: Picture, stain: str) -> Picture:
    """``picture`` (an IHC or H&E one) as if stained otherwise: "H&E", "IF…" (4 channels), anything else
    leaves it as it is.
    """
    if is_fluorescent(stain):
        return _fluorescence(picture)
    return _haematoxylin_eosin(picture) if stain.upper() in ("H&E", "HE") else picture


@lru_cache(maxsize=4)
def atlas(stain: str) -> Picture:
    """The bundled real tissue field in a stain, mirrored into 2048 × 2048 px that repeat every 1024 px
    without a seam.
    """
    field = data.immunohistochemistry()[:_TILE, :_TILE]  # type: ignore[no-untyped-call]
    tile = restain(np.ascontiguousarray(field), stain)
    pair = np.concatenate([tile, tile[:, ::-1]], axis=1)
    quad = np.concatenate([pair, pair[::-1]], axis=0)
    return np.ascontiguousarray(np.tile(quad, (2, 2, 1)))


@lru_cache(maxsize=4)
def coarse_atlas(stain: str) -> Picture:
    """``atlas`` shrunk eight times, for photographs of the whole glass."""
    return np.asarray(
        cv2.resize(atlas(stain), None, fx=1 / 8, fy=1 / 8, interpolation=cv2.INTER_AREA), np.uint8
    )


@lru_cache(maxsize=4)
def planes(stain: str) -> tuple[Picture, ...]:
    """``atlas`` of a fluorescent stain, channel by channel."""
    return tuple(np.ascontiguousarray(plane) for plane in np.moveaxis(atlas(stain), 2, 0))


def _densities(picture: Picture) -> tuple[Densities, Densities]:
    """(haematoxylin, DAB), each about 0 to 1."""
    absorbed = -np.log10(np.maximum(picture[..., :3], 1).astype(np.float32) / 255.0)
    amounts = np.maximum(absorbed @ hed_from_rgb.astype(np.float32), 0)
    scale = np.maximum(np.percentile(amounts.reshape(-1, 3), 99.5, axis=0), 1e-3)
    normal = np.minimum(amounts / scale, 1.2).astype(np.float32)
    return normal[..., 0], normal[..., 2]


def _haematoxylin_eosin(picture: Picture) -> Picture:
    nuclei, membranes = _densities(picture)
    tissue = 1.0 - picture[..., :3].min(axis=2).astype(np.float32) / 255.0
    stroma = cv2.GaussianBlur(tissue, (0, 0), 1.2)
    blue = 0.75 * np.clip(nuclei * 1.3 - 0.35, 0, 1) * (1 - 0.35 * np.clip(membranes, 0, 1))
    pink = 0.06 + 0.34 * np.clip(stroma * 1.1, 0, 1) - 0.12 * blue
    absorbed = blue[..., None] * _HAEMATOXYLIN + np.clip(pink, 0, 1)[..., None] * _EOSIN
    absorbed *= np.clip(tissue * 6, 0.1, 1)[..., None]
    light = np.clip(np.array(GLASS) * 10.0**-absorbed, 0, 255)
    return np.asarray(light.astype(np.uint8))


def _fluorescence(picture: Picture) -> Picture:
    nuclei, membranes = _densities(picture)
    blurred = cv2.GaussianBlur(nuclei, (0, 0), 6)
    dapi = np.clip((nuclei - 0.55 * blurred - 0.5 * np.clip(membranes - 0.5, 0, 1)) * 2.2, 0, 1)
    fitc = np.clip(membranes * 1.1 - 0.08, 0, 1) ** 1.3
    tissue = 1.0 - picture[..., :3].min(axis=2).astype(np.float32) / 255.0
    tritc = np.clip(tissue - 0.9 * membranes - 0.1, 0, 1)
    cy5 = np.clip(cv2.GaussianBlur(dapi * (1 - fitc), (0, 0), 1.5) * 1.6 - 0.25, 0, 1)
    return (np.stack([dapi, fitc, tritc, cy5], axis=2) * 255).astype(np.uint8)
