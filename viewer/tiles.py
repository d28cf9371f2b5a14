"""Pixels for eyes: raw channels composed to RGB, histograms. Knows no request and no database."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vslide import RGB, Channel
from vslide.display import composite, interleaved
from vslide.histogram import Histogram as Counts

Pixels = NDArray[Any]

BINS = 256


@dataclass(frozen=True, slots=True)
class Window:
    """How a channel is painted: `low` is black, `high` is full `colour` (#rrggbb), `gamma` between them."""

    colour: str
    low: int
    high: int
    gamma: float = 1.0


AS_IT_IS = [Window(channel.colour, 0, 255) for channel in RGB]
"""Brightfield: what the camera saw."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of a channel over 0..`top` in equal bins, and the window that shows it well."""

    counts: tuple[int, ...]
    top: int
    auto_low: int
    auto_high: int

    def as_row(self) -> dict[str, Any]:
        """`ChannelHistogram` of viewer/static/viewer/panel/histogram.js."""
        return {"counts": self.counts, "top": self.top, "autoLow": self.auto_low, "autoHigh": self.auto_high}


def compose(region: Pixels, windows: Sequence[Window]) -> NDArray[np.uint8]:
    """(C, H, W) raw intensities, uint8 or uint16, to (H, W, 3): the sum of the windowed channels in their
    colours.

    The browser's shader does the same sum (engine/shader.js).
    """
    if region.dtype == np.uint8 and list(windows) == AS_IT_IS:
        return interleaved(region)
    channels = [Channel(f"channel {number}", window.colour) for number, window in enumerate(windows)]
    ends = [(window.low, window.high) for window in windows]
    return composite(region, channels, ends, [window.gamma for window in windows])


def histogram(counted: Counts, *, dtype: str, black_level: int = 0) -> Histogram:
    """What the browser draws of a channel. 16-bit channels end at twice their brightest px."""
    top = 255 if dtype == "uint8" else min(65_535, max(BINS, 2 * counted.highest))
    low, high = (int(end) for end in counted.window(black_level))
    return Histogram(tuple(counted.bins(BINS, top)), top, low, min(top, high))
