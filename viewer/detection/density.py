"""How much stain there is at each px, 0 to about 1, whatever the light."""

import numpy as np
from numpy.typing import NDArray
from skimage.color import hed_from_rgb

from core.errors import BadInput
from viewer.detection.model import Patch, Plane

_DARKEST = 1.0
"""Grey values below count as this: an optical density is finite."""
_HAEMATOXYLIN: NDArray[np.float32] = np.asarray(hed_from_rgb[:, 0], np.float32)
"""Of Ruifrok and Johnston's matrix: what red, green and blue light say of haematoxylin."""


def optical_density(patch: Patch) -> Plane:
    """(C, H, W): the light that is missing, in powers of ten, against white glass."""
    return np.asarray(np.log10(255 / np.maximum(patch.raw.astype(np.float32), _DARKEST)), np.float32)


def of_channel(patch: Patch, channel: int) -> Plane:
    """Haematoxylin in brightfield, else the channel within its window."""
    if patch.brightfield:
        parts = np.tensordot(_HAEMATOXYLIN * np.log(10), optical_density(patch), axes=1)
        return np.asarray(np.maximum(parts, 0), np.float32)
    if channel >= len(patch.raw):
        raise BadInput("The slide has no such channel.", field="channel")
    return _windowed(patch, channel)


def of_tissue(patch: Patch) -> Plane:
    """The mean of all colours in brightfield, else the brightest channel within its window."""
    if patch.brightfield:
        return np.asarray(optical_density(patch).mean(axis=0), np.float32)
    return np.asarray(np.max([_windowed(patch, n) for n in range(len(patch.raw))], axis=0), np.float32)


def _windowed(patch: Patch, channel: int) -> Plane:
    window = patch.windows[channel]
    above = patch.raw[channel].astype(np.float32) - window.low
    return np.asarray(np.clip(above / max(1, window.high - window.low), 0, 1), np.float32)
