"""Regions that a person covers: on every level of a TIFF slide they are made plain, and nothing else is.

A region is a rectangle in px of the finest level. On a reduced level it is rounded outwards and one px
wider, for a reduced px is mixed from its neighbourhood. A tile that no region meets keeps its bytes; one
that a region meets is decoded, painted and compressed as it was (`repainting`); tiles of which nothing is
left share one plain tile.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from deidentify.errors import BrokenInput, CannotCover
from deidentify.images.codestreams import DEFLATE, JPEG, JPEG_2000, LZW, NONE, OLD_DEFLATE, ZSTD
from deidentify.images.pages import ROWS, Tiles, one, size_of
from deidentify.images.painting import Box, Cell, Painter
from deidentify.images.tiff import TILES, Directory, Layout, Page

MOST_REGIONS: Final = 200
_CODECS: Final = {
    NONE: "none", JPEG: "jpeg", LZW: "lzw", DEFLATE: "deflate", OLD_DEFLATE: "deflate", ZSTD: "zstd",
    **dict.fromkeys(JPEG_2000, "jpeg2000"),
}  # fmt: skip
_YCBCR: Final = 6


def check_boxes(boxes: Sequence[Box], size: tuple[int, int]) -> None:
    """Raises CannotCover for a region that does not meet the picture at all, or more of them than may be:
    they were drawn on another one.
    """
    if len(boxes) > MOST_REGIONS:
        raise CannotCover(f"more than {MOST_REGIONS} covered regions")
    for left, top, width, height in boxes:
        if min(width, height) < 1 or not (-width < left < size[0] and -height < top < size[1]):
            raise CannotCover("a covered region does not lie on the picture")


def at_level(box: Box, base: tuple[int, int], size: tuple[int, int]) -> Box:
    """A region of the finest level in px of a level of ``size``, which it never leaves."""
    more = 0 if size == base else 1
    edges = []
    for axis in (0, 1):
        low = box[axis] * size[axis] // base[axis] - more
        high = -(-(box[axis] + box[axis + 2]) * size[axis] // base[axis]) + more
        edges.append((max(low, 0), min(high, size[axis])))
    (left, right), (top, bottom) = edges
    return left, top, right - left, bottom - top


def inside(boxes: Sequence[Box], place: Box) -> list[Box]:
    """The parts of the boxes that lie in a place, in px of that place."""
    parts = []
    for left, top, width, height in boxes:
        x, y = max(left, place[0]), max(top, place[1])
        right, bottom = min(left + width, place[0] + place[2]), min(top + height, place[1] + place[3])
        if x < right and y < bottom:
            parts.append((x - place[0], y - place[1], right - x, bottom - y))
    return parts


def is_whole(parts: Sequence[Box], width: int, height: int) -> bool:
    """Whether one of the parts is all there is."""
    return any(part == (0, 0, width, height) for part in parts)


@dataclass(slots=True)
class Written:
    """What is to be written: pages, the length of each of their tiles, how to come by its bytes, and how
    many were painted.
    """

    pages: list[Page]
    sizes: list[int]
    pieces: Callable[[int], Iterable[bytes]]
    painted: int = 0


@contextmanager
def covered(layout: Layout, pages: list[Page], tiles: Tiles, boxes: Sequence[Box]) -> Iterator[Written]:
    """The pages with their tiles painted; as they are without boxes. Raises CannotCover, BrokenInput."""
    if not boxes:
        yield Written(pages, tiles.sizes, tiles.pieces)
        return
    with Painter() as painter:
        yield _Covering(layout, pages, tiles, boxes, painter).written()


@dataclass(slots=True)
class _Covering:
    layout: Layout
    pages: list[Page]
    tiles: Tiles
    boxes: Sequence[Box]
    painter: Painter
    _sources: list[Callable[[], bytes]] = field(default_factory=list)
    _sizes: list[int] = field(default_factory=list)
    _copies: dict[int, int] = field(default_factory=dict)
    _painted: int = 0

    def written(self) -> Written:
        base = size_of(self.layout, _tags(self.pages[0]))
        check_boxes(self.boxes, base)
        pages = [self._page(page, base) for page in self.pages]
        return Written(pages, self._sizes, lambda key: (self._sources[key](),), self._painted)

    def _page(self, page: Page, base: tuple[int, int]) -> Page:
        tags = _tags(page)
        size = size_of(self.layout, tags)
        boxes = [at_level(box, base, size) for box in self.boxes]
        places = _places(self.layout, tags, len(page.tiles), tiled=page.tables == TILES)
        shared: dict[Cell, int] = {}
        keys = []
        for key, place in zip(page.tiles, places, strict=True):
            parts = inside(boxes, place)
            cell = _cell(self.layout, tags, place) if parts and key >= 0 else None
            if cell is None:
                keys.append(self._copy(key))
            elif is_whole(parts, *_shown(place, size)) and cell in shared:
                self._painted += 1
                keys.append(shared[cell])
            else:
                keys.append(self._paint(key, cell, _whole_or(parts, place, size)))
                if is_whole(parts, *_shown(place, size)):
                    shared[cell] = keys[-1]
        return replace(
            page, tiles=tuple(keys), levels=tuple(self._page(level, base) for level in page.levels)
        )

    def _copy(self, key: int) -> int:
        if key < 0:
            return key
        if key not in self._copies:
            self._copies[key] = self._new(lambda: b"".join(self.tiles.pieces(key)), self.tiles.sizes[key])
        return self._copies[key]

    def _paint(self, key: int, cell: Cell, parts: Sequence[Box]) -> int:
        """Painted twice, for its length and to be written: what is painted is kept nowhere else."""
        self._painted += 1

        def source() -> bytes:
            return self.painter.paint(b"".join(self.tiles.pieces(key)), cell, parts)

        return self._new(source, len(source()))

    def _new(self, source: Callable[[], bytes], size: int) -> int:
        self._sources.append(source)
        self._sizes.append(size)
        return len(self._sizes) - 1


def _tags(page: Page) -> Directory:
    return {tag.code: tag for tag in page.tags}


def _shown(place: Box, size: tuple[int, int]) -> tuple[int, int]:
    """Width and height of what a tile shows of the picture: the last ones reach over its edge."""
    return min(place[2], size[0] - place[0]), min(place[3], size[1] - place[1])


def _whole_or(parts: list[Box], place: Box, size: tuple[int, int]) -> list[Box]:
    """Where all that is shown is covered, what lies beyond the picture's edge is too."""
    return [(0, 0, place[2], place[3])] if is_whole(parts, *_shown(place, size)) else parts


def _places(layout: Layout, tags: Directory, count: int, *, tiled: bool) -> list[Box]:
    """Where each tile or strip lies in px of its level, plane after plane."""
    width, height = size_of(layout, tags)
    wide, tall = width, min(one(layout, tags, ROWS, height), height)
    if tiled:
        wide, tall = one(layout, tags, 322, 0), one(layout, tags, 323, 0)
    if min(wide, tall, width, height) < 1:
        raise BrokenInput("tiles without a size")
    across, down = -(-width // wide), -(-height // tall)
    planes = one(layout, tags, 277, 1) if one(layout, tags, 284, 1) == 2 else 1
    if count != across * down * planes:
        raise BrokenInput("the number of tiles does not fit the size of the picture")
    places = []
    for number in range(count):
        row, column = divmod(number % (across * down), across)
        rows = tall if tiled else min(tall, height - row * tall)
        places.append((column * wide, row * tall, wide, rows))
    return places


def _cell(layout: Layout, tags: Directory, place: Box) -> Cell:
    """How a tile is stored. Raises CannotCover."""
    compression = one(layout, tags, 259, 1)
    depths = set(tags[258].numbers(layout.order)) if 258 in tags else {1}
    sampled = tags[530].numbers(layout.order) if 530 in tags else (2, 2)
    packed = _CODECS.get(compression, "") not in ("jpeg", "jpeg2000")
    if len(depths) != 1 or one(layout, tags, 266, 1) != 1:
        raise CannotCover("tiles of mixed depths or with turned bits cannot be painted over")
    if packed and one(layout, tags, 262, 1) == _YCBCR and tuple(sampled) != (1, 1):
        raise CannotCover("tiles of subsampled colours without JPEG cannot be painted over")
    return Cell(
        codec=_CODECS.get(compression, f"compression {compression}"),
        width=place[2],
        height=place[3],
        samples=1 if one(layout, tags, 284, 1) == 2 else one(layout, tags, 277, 1),
        bits=depths.pop(),
        order=layout.order,
        predictor=one(layout, tags, 317, 1),
        tables=tags[347].data.hex() if 347 in tags else "",
    )
