"""Pixels for eyes: raw channels composed to RGB, histograms, JPEG. Knows no request and no database."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[Any]

BINS = 256
JPEG_QUALITY = 85
_AUTO_LOW, _AUTO_HIGH = 0.01, 0.997  # share of the slide below the window's ends


@dataclass(frozen=True, slots=True)
class Window:
    """How a channel is painted: `low` is black, `high` is full `colour` (#rrggbb)."""

    colour: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of a channel over 0..`top` in equal bins, and the window that shows it well."""

    counts: tuple[int, ...]
    top: int
    auto_low: int
    auto_high: int


def rgb(colour: str) -> tuple[float, float, float]:
    """#rrggbb as shares of 1."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def compose(region: Pixels, windows: Sequence[Window]) -> NDArray[np.uint8]:
    """(C, H, W) raw intensities to (H, W, 3): the sum of the windowed channels in their colours.

    The browser's shader does the same sum (engine/shader.js).
    """
    total = np.zeros((*region.shape[1:], 3), np.float32)
    for plane, window in zip(region, windows, strict=True):
        share = (plane.astype(np.float32) - window.low) / max(1, window.high - window.low)
        np.clip(share, 0, 1, out=share)
        for band, part in enumerate(rgb(window.colour)):
            if part:
                total[..., band] += share * part
    return np.asarray(np.rint(np.minimum(total, 1) * 255), np.uint8)


def jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """(H, W, 3) as a JPEG file without metadata."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()


def histogram(samples: Pixels, *, dtype: str) -> Histogram:
    """Histogram of one channel's samples (any shape). 16-bit channels end at twice their brightest mean."""
    values = np.bincount(np.asarray(samples).ravel(), minlength=BINS)
    brightest = int(np.flatnonzero(values)[-1]) if values.any() else 0
    top = 255 if dtype == "uint8" else min(65_535, max(BINS, 2 * brightest))
    cumulated = np.cumsum(values) / max(1, int(values.sum()))
    low = int(np.searchsorted(cumulated, _AUTO_LOW))
    high = int(np.searchsorted(cumulated, _AUTO_HIGH))
    edges = np.linspace(0, top + 1, BINS + 1)
    counts, _ = np.histogram(np.arange(values.size), bins=edges, weights=values)
    return Histogram(tuple(int(count) for count in counts), top, low, max(low + 1, min(top, high)))
