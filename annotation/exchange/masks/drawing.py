"""Which value every pixel of a mask has, strip by strip."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from annotation.exchange import carried
from annotation.exchange.errors import TooLarge
from annotation.exchange.model import Document, Shape

STRIP: Final = 256
LONGEST_SIDE: Final = 1_000_000
Strip = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, slots=True)
class Area:
    """One outline: its polygons as closed rings in px of level 1, and the value that it draws; 0 clears what
    the `cleared` values drew.
    """

    polygons: list[list[NDArray[np.float64]]]
    value: int
    top: float
    bottom: float
    cleared: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Drawing:
    """A mask to be: width and height in its own px, each `step` px of level 1 wide."""

    areas: Sequence[Area]
    width: int
    height: int
    step: float
    highest: int

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest that holds every value."""
        return np.dtype(np.min_scalar_type(max(self.highest, 1)))

    def coarser(self, factor: int) -> "Drawing":
        """The same, drawn anew for a coarser level."""
        width, height = -(-self.width // factor), -(-self.height // factor)
        return replace(self, width=width, height=height, step=self.step * factor)

    def only(self, value: int) -> "Drawing":
        """White where the mask has this value, else black."""
        return _Only(self.areas, self.width, self.height, self.step, self.highest, value)

    def strips(self, rows: int = STRIP) -> Iterator[Strip]:
        """From the top; the last may be lower."""
        for top in range(0, self.height, rows):
            yield self._strip(top, min(rows, self.height - top))

    def _strip(self, top: int, rows: int) -> Strip:
        strip = np.zeros((rows, self.width), self.dtype)
        low, high = top * self.step, (top + rows) * self.step
        for area in self.areas:
            if area.top < high and area.bottom > low:
                for polygon in area.polygons:
                    _fill(strip, polygon, self.step, top, area)
        return strip


@dataclass(frozen=True, slots=True)
class _Only(Drawing):
    value: int = 0

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint8)

    def strips(self, rows: int = STRIP) -> Iterator[Strip]:
        whole = Drawing(self.areas, self.width, self.height, self.step, self.highest)
        for strip in whole.strips(rows):
            yield np.where(strip == self.value, np.uint8(255), np.uint8(0))


def _fill(strip: Strip, polygon: list[NDArray[np.float64]], step: float, top: int, area: Area) -> None:
    """Every edge turns over the pixels to its right, in the rows whose middle it crosses: what was turned
    over an odd number of times lies inside.
    """
    rows, width = strip.shape
    points = [ring / step - (0.0, top) for ring in polygon]
    starts, ends = (
        np.concatenate([ring[:-1] for ring in points]),
        np.concatenate([ring[1:] for ring in points]),
    )
    left = int(np.clip(np.floor(starts[:, 0].min()), 0, width))
    right = int(np.clip(np.ceil(starts[:, 0].max()), 0, width))
    first, last = np.ceil(np.minimum(starts, ends)[:, 1] - 0.5), np.ceil(np.maximum(starts, ends)[:, 1] - 0.5)
    first, last = np.clip(first, 0, rows).astype(int), np.clip(last, 0, rows).astype(int)
    count = last - first
    if right <= left or not count.any():
        return
    edge = np.repeat(np.arange(len(count)), count)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    (x0, y0), (x1, y1) = starts[edge].T, ends[edge].T
    column = np.ceil(x0 + (row + 0.5 - y0) * (x1 - x0) / (y1 - y0) - 0.5)
    highest, lowest = int(row.min()), int(row.max()) + 1
    turned = np.zeros((lowest - highest, right - left + 1), bool)
    np.logical_xor.at(turned, (row - highest, np.clip(column - left, 0, right - left).astype(int)), True)
    inside = np.logical_xor.accumulate(turned, axis=1)[:, :-1]
    window = strip[highest:lowest, left:right]
    if area.value:
        window[inside] = area.value
    else:
        window[inside & np.isin(window, area.cleared)] = 0


def drawing_of(
    document: Document, size: tuple[int, int], *, step: float = 1.0, instances: bool = False
) -> tuple[Drawing, list[str]]:
    """What to draw for a slide of `size` px, and the labels of the values 1, 2, …: one for each label,
    or with `instances` one for each shape. Raises TooLarge.
    """
    if not step > 0:
        raise TooLarge("A pixel of a mask is more than 0 px of the slide.")
    width, height = (-(-side // step) for side in size)
    if not 0 < width <= LONGEST_SIDE or not 0 < height <= LONGEST_SIDE:
        raise TooLarge(f"A mask has between 1 and {LONGEST_SIDE:,} px a side.")
    drawn = [shape for shape in document.shapes if carried.polygons(shape)]
    positive = [shape for shape in drawn if not shape.negative]
    labels = [shape.label for shape in positive]
    names = labels if instances else sorted(set(labels))
    value_of = {name: number for number, name in enumerate(names, start=1)}
    values = range(1, len(labels) + 1) if instances else [value_of[label] for label in labels]
    by_layer: dict[str, set[int]] = {}
    for shape, value in zip(positive, values, strict=True):
        by_layer.setdefault(shape.layer, set()).add(value)
    areas = [_area(shape, value) for shape, value in zip(positive, values, strict=True)]
    areas += [_area(shape, 0, tuple(by_layer.get(shape.layer, ()))) for shape in drawn if shape.negative]
    return Drawing(areas, int(width), int(height), step, len(names)), names


def _area(shape: Shape, value: int, cleared: tuple[int, ...] = ()) -> Area:
    polygons = [
        [_closed(np.array([at[:2] for at in ring], np.float64)) for ring in polygon]
        for polygon in carried.polygons(shape)
    ]
    heights = np.concatenate([ring[:, 1] for polygon in polygons for ring in polygon])
    return Area(polygons, value, float(heights.min()), float(heights.max()), cleared)


def _closed(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    return ring if np.array_equal(ring[0], ring[-1]) else np.concatenate([ring, ring[:1]])
