"""Grey values to colours on a screen: each channel stretched between two percentiles and added in its
colour.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vslide.model import RGB, Channel

_DARK, _BRIGHT = 1.0, 99.8


def as_rgb(pixels: NDArray[Any], channels: Sequence[Channel]) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 of (C, H, W). Red, green and blue are shown as they are; other channels are
    stretched.
    """
    if tuple(channels) == RGB and pixels.dtype == np.uint8:
        return np.ascontiguousarray(np.moveaxis(pixels, 0, -1)).astype(np.uint8)
    total = np.zeros((*pixels.shape[1:], 3))
    for plane, channel in zip(pixels, channels, strict=True):
        low, high = np.percentile(plane, (_DARK, _BRIGHT))
        stretched = np.clip((plane - low) / max(1.0, high - low), 0, 1)
        colour = [int(channel.colour[at : at + 2], 16) for at in (1, 3, 5)]
        total += stretched[..., None] * np.array(colour)
    return np.clip(total, 0, 255).astype(np.uint8)
