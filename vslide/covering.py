"""Regions of a slide that a clean copy shows plain: the chunks that they meet are painted and encoded anew.

A region is (left, top, width, height) in px of the mosaic at level 1. Every field under it is painted,
also where another one lies on top, in all its colours, focus layers and times.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from vslide.coding import Coding
from vslide.errors import NoSuchField
from vslide.geometry import place_table
from vslide.model import SlideHeader
from vslide.store import SlideFile

Box = tuple[int, int, int, int]
GREY: Final = 128
"""Of brightfield; in fluorescence a covered region is dark."""
_MORE_PX: Final = 1
"""On a reduced level: a px is mixed from its neighbourhood, and fields are moved by half a px at most."""


class Cover:
    """What a copy shows plain. Raises NoSuchField for a region that does not meet the mosaic."""

    def __init__(self, file: SlideFile, header: SlideHeader, boxes: Sequence[Box]) -> None:
        self._file, self._boxes, self._coding = file, boxes, Coding(header)
        self._placement = place_table(file.positions, header.pixel_size_um, header.field_shape)
        self._shown = file.overview_attributes().get("level", 1)
        self._plain = GREY if header.modality == "brightfield" else 0
        width, height = self._placement.size
        for left, top, wide, tall in boxes:
            if min(wide, tall) < 1 or not (-wide < left < width and -tall < top < height):
                raise NoSuchField("a covered region does not lie on the slide")

    def chunk(self, level: int, place: tuple[int, ...], plain: bytes) -> bytes:
        """The chunk as the copy stores it: the same bytes where no region meets it. Level 0: the overview."""
        parts = list(self._parts(level, place))
        if not parts:
            return plain
        pixels = self._file.decode(level, place, self._file.stored(level, place)).copy()
        for part in parts:
            pixels[part] = self._plain
        return self._coding.stored(pixels, self._file.name(level, place))

    def _parts(self, level: int, place: tuple[int, ...]) -> Iterator[tuple[Any, ...]]:
        """Where in the chunk's array something is covered."""
        index = self._file.index(level)
        tall, wide = index.chunks[-2:]
        top, left = place[-2] * tall, place[-1] * wide
        if level == 0:
            yield from _meets(self._boxes, (0, 0), self._shown, (left, top, wide, tall), (slice(None),))
            return
        run = index.chunks[0]
        for number in range(place[0] * run, min((place[0] + 1) * run, index.shape[0])):
            corner = int(self._placement.x[number]), int(self._placement.y[number])
            yield from _meets(
                self._boxes, corner, level, (left, top, wide, tall), (number % run, slice(None))
            )


def _meets(
    boxes: Sequence[Box], corner: tuple[int, int], level: int, window: Box, before: tuple[Any, ...]
) -> Iterator[tuple[Any, ...]]:
    """Slices of a window (px of ``level``, seen from ``corner``, px of level 1) that the boxes meet."""
    more = 0 if level == 1 else _MORE_PX
    for box in boxes:
        spans = []
        for axis in (0, 1):
            low = (box[axis] - corner[axis]) // level - more - window[axis]
            high = -((corner[axis] - box[axis] - box[axis + 2]) // level) + more - window[axis]
            spans.append(slice(max(low, 0), min(high, window[axis + 2])))
        if all(span.start < span.stop for span in spans):
            yield (*before, spans[1], spans[0])
