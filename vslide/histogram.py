"""How often each grey value occurs, and the window that shows a channel well."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vslide.geometry import divide_up
from vslide.layout import FIELDS_PER_CHUNK
from vslide.model import RGB, Channel
from vslide.reader import SlideReader

Pixels = NDArray[Any]
Window = tuple[float, float]
"""The grey values that are shown black and in full colour."""

QUICK_LEVEL = 8
"""Fine enough to keep the brightness of a cell's nucleus."""
QUICK_FIELDS = 512
QUICK_SIDE = 2048
QUICK_PX = 1 << 20
_LOW, _HIGH = 1.0, 99.8
"""Percent of the px below the ends of a window."""
_STRIPE = 1024
_MOST_AT_ONCE = 1 << 23
"""px counted in one go: OpenCV counts in 32-bit floating point, exact up to 2^24."""


@dataclass(frozen=True, eq=False)
class Histogram:
    """Exact counts of one channel: `counts[grey value]` (int64) from 0 to the highest that occurs."""

    counts: NDArray[np.int64]

    @cached_property
    def _up_to(self) -> NDArray[np.int64]:
        """Number of px that do not exceed each grey value."""
        return np.cumsum(self.counts)

    @property
    def total(self) -> int:
        """Number of px."""
        return int(self._up_to[-1])

    @property
    def lowest(self) -> int:
        return int(np.argmax(self.counts > 0))

    @property
    def highest(self) -> int:
        return len(self.counts) - 1

    @property
    def mean(self) -> float:
        return float(self.counts @ np.arange(len(self.counts)) / max(1, self.total))

    def percentile(self, percent: float) -> int:
        """The smallest grey value that at least `percent` of the px do not exceed."""
        return int(np.searchsorted(self._up_to, max(1, percent / 100 * self.total))) if self.total else 0

    def bins(self, number: int, top: int) -> list[int]:
        """Counts over 0…`top` in `number` equal bins."""
        edges = np.ceil(np.linspace(0, top + 1, number + 1)).astype(np.int64)
        below = np.concatenate([[0], self._up_to])
        found: list[int] = np.diff(below[np.minimum(edges, len(self.counts))]).tolist()
        return found

    def window(self, black_level: int = 0) -> Window:
        """What shows the channel well: from its background to its 99.8th percentile.

        The background is the most frequent grey value where that lies below the median, as glass does beside
        tissue, else the first percentile; never below `black_level`. Zero is not counted: that is where
        nothing was scanned.
        """
        counts = self.counts.copy()
        counts[0] = 0
        seen = Histogram(counts)
        low, high = seen.percentile(_LOW), seen.percentile(_HIGH)
        peak = seen.peak((high - low) // 64)
        background = peak if peak <= seen.percentile(50) else low
        low = max(background, min(black_level, high))
        return low, max(low + 1, high)

    def peak(self, around: int = 0) -> int:
        """The grey value with the most px at most `around` grey values away."""
        below = np.pad(self._up_to, (around + 1, around), "edge")
        below[: around + 1] = 0
        return int(np.argmax(below[2 * around + 1 :] - below[: len(self.counts)]))


def histogram(planes: Iterable[Pixels], greys: int) -> Histogram:
    """Of all px of some planes (h, w), uint8 or uint16 below `greys` (256 or 65,536)."""
    counts, highest = np.zeros(greys, np.int64), 1
    for plane in planes:
        for part in _parts(plane):
            top = int(part.max()) + 1
            found = cv2.calcHist([part], [0], None, [top], [0, top])
            counts[:top] += found.ravel().astype(np.int64)
            highest = max(highest, top)
    return Histogram(counts[:highest])


def _parts(plane: Pixels) -> Iterator[Pixels]:
    rows = max(1, _MOST_AT_ONCE // max(1, plane.shape[1]))
    return (plane[top : top + rows] for top in range(0, len(plane), rows))


def suggested_windows(pixels: Pixels, channels: Sequence[Channel]) -> list[Window]:
    """A window for each channel of a picture (C, H, W), of a large one from evenly spread rows. 8-bit red,
    green and blue are shown as they are.
    """
    if tuple(channels) == RGB and pixels.dtype == np.uint8:
        return [(0, 255)] * len(channels)
    greys = _greys(pixels.dtype)
    pairs = zip(pixels[:, :: divide_up(pixels[0].size, QUICK_PX)], channels, strict=True)
    return [histogram([plane], greys).window(channel.black_level) for plane, channel in pairs]


def slide_histograms(
    slide: SlideReader, level: int | None = None, channels: Sequence[int] | None = None
) -> tuple[Histogram, ...]:
    """One histogram for each of `channels` (all) of a slide, over all fields, focus layers and times.

    At a stored `level` of all px: exact at level 1. Without a level it is quick: of level 8 (or the next
    finer one) of at most 512 fields, spread evenly; of a vendor file from a thumbnail. Raises NoSuchField.
    """
    greys = _greys(slide.dtype)
    wanted = range(len(slide.channels)) if channels is None else channels
    if not slide.fields:
        return tuple(histogram(_stripes(slide, channel, level), greys) for channel in wanted)
    chosen = level or int(max(one for one in slide.levels if one <= QUICK_LEVEL))
    groups = divide_up(len(slide.fields), FIELDS_PER_CHUNK)
    step = 1 if level else divide_up(groups * FIELDS_PER_CHUNK, QUICK_FIELDS)
    looked_at = [n for n in range(len(slide.fields)) if n // FIELDS_PER_CHUNK % step == 0]
    return tuple(
        histogram((slide.plane(index, channel, level=chosen) for index in looked_at), greys)
        for channel in wanted
    )


def _stripes(slide: SlideReader, channel: int, level: int | None) -> Iterator[Pixels]:
    """The px of one channel of a vendor file, focus layer by focus layer."""
    if level is None:
        yield slide.thumbnail(QUICK_SIDE)[channel]
        return
    width, height = (divide_up(side, level) for side in slide.size)
    for z in range(slide.layers):
        for top in range(0, height, _STRIPE):
            rows = min(_STRIPE, height - top)
            yield slide.region(0, top, width, rows, level=level, channels=[channel], z=z)[0]


def _greys(dtype: np.dtype[Any]) -> int:
    """How many grey values there are."""
    return 1 << 8 * dtype.itemsize
