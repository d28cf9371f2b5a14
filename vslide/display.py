"""Grey values to colours on a screen, and pictures to JPEG.

A channel is stretched from its window to 0…1, raised to its gamma and added in its colour, as the browser's
shader does (viewer/static/viewer/engine/shader.js). Look-up tables and sums of whole planes by OpenCV: 0.7 ms
for four channels of 512 x 512 px, where NumPy in floating point takes 6 ms.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vslide.histogram import Window, suggested_windows
from vslide.model import RGB, Channel
from vslide.pool import side_by_side

Pixels = NDArray[Any]
JPEG_QUALITY = 85
_JPEG_SIDE = 65_500
_ROWS = 256
"""Rows painted at once: few enough that their planes stay in the processor's cache."""
_FULL = 65_535
_STEP = _FULL / 255
"""Sums are kept in 16 bits, so that rounding is far below a grey value of the screen."""


def as_rgb(pixels: Pixels, channels: Sequence[Channel]) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 of (C, H, W). 8-bit red, green and blue are shown as they are; other channels in the
    windows that their own grey values suggest.
    """
    if tuple(channels) == RGB and pixels.dtype == np.uint8:
        return interleaved(pixels)
    return composite(pixels, channels)


def interleaved(pixels: Pixels) -> NDArray[np.uint8]:
    """(H, W, 3) of planar red, green and blue (3, H, W) uint8."""
    return np.asarray(cv2.merge(list(pixels)), np.uint8)


def composite(
    pixels: Pixels,
    channels: Sequence[Channel],
    windows: Sequence[Window] | None = None,
    gamma: Sequence[float] | None = None,
    mixer: NDArray[Any] | None = None,
) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 of (C, H, W) uint8 or uint16, any number of channels.

    `windows` are (low, high) grey values of each channel, shown black and in full colour; without them each
    is suggested by these very pixels. `gamma` is the exponent of each channel (1). `mixer` (3, C) says how
    much of each channel red, green and blue take, 0 or more; it is the channels' colours unless given. Raises
    ValueError when these do not fit.
    """
    mixer = _colours(channels) if mixer is None else np.asarray(mixer, np.float64)
    if pixels.dtype.name not in ("uint8", "uint16") or not (np.isfinite(mixer) & (mixer >= 0)).all():
        raise ValueError("a composite is of uint8 or uint16, with finite weights of 0 or more")
    windows = suggested_windows(pixels, channels) if windows is None else windows
    gamma = [1.0] * len(channels) if gamma is None else gamma
    if not len(pixels) == len(channels) == len(windows) == len(gamma) or mixer.shape != (3, len(channels)):
        raise ValueError(f"{len(pixels)} planes, {len(channels)} channels, {len(windows)} windows")
    greys = 1 << 8 * pixels.dtype.itemsize
    tables = [_table(greys, *window, power) for window, power in zip(windows, gamma, strict=True)]
    picture = np.empty((*pixels.shape[1:], 3), np.uint8)

    def paint(top: int) -> None:
        part = picture[top : top + _ROWS]
        rows = pixels[:, top : top + _ROWS]
        planes = [cv2.LUT(plane, table) for plane, table in zip(rows, tables, strict=True)]
        cv2.merge([_lane(planes, weights) for weights in mixer], dst=part)

    side_by_side(paint, range(0, len(picture), _ROWS))
    return picture


def _lane(planes: Sequence[Pixels], weights: NDArray[np.float64]) -> Pixels:
    """One of red, green and blue, uint8: the weighted sum of 16-bit planes, which saturates."""
    taken = [(plane, float(weight)) for plane, weight in zip(planes, weights, strict=True) if weight]
    if not taken:
        return np.zeros(planes[0].shape, np.uint8)
    (total, weight), *more = taken
    if more:
        total, weight = cv2.addWeighted(total, weight, *more.pop(0), 0), 1.0
    for plane, share in more:
        total = cv2.scaleAdd(plane, share, total)
    return cv2.convertScaleAbs(total, alpha=weight / _STEP)


def _colours(channels: Sequence[Channel]) -> NDArray[np.float64]:
    """(3, C) shares of 1 of red, green and blue."""
    values = [[int(one.colour[at : at + 2], 16) / 255 for one in channels] for at in (1, 3, 5)]
    return np.array(values).reshape(3, len(channels))


@lru_cache(maxsize=128)
def _table(greys: int, low: float, high: float, gamma: float) -> NDArray[np.uint16]:
    """(1, greys) uint16: what each grey value shows, 65535 is full. (Kept: making one takes as long as a
    tile.)
    """
    shares = np.clip((np.arange(greys) - low) / max(1.0, high - low), 0, 1)
    if gamma != 1:
        shares **= gamma
    table: NDArray[np.uint16] = np.rint(shares * _FULL).astype(np.uint16).reshape(1, greys)
    return table


def to_jpeg(rgb: NDArray[np.uint8], quality: int = JPEG_QUALITY, *, full_colour: bool = False) -> bytes:
    """A baseline JPEG of (H, W, 3) uint8 without metadata; colour at half resolution unless `full_colour`.

    Raises ValueError for a side above 65,500 px, which a JPEG cannot have.
    """
    if max(rgb.shape) > _JPEG_SIDE:
        raise ValueError(f"no JPEG is {rgb.shape[1]} x {rgb.shape[0]} px")
    sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444 if full_colour else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    _, packed = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)
    return packed.tobytes()
