"""Regions and planes out of decoded chunks, wherever the chunks come from."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from vslide.errors import NoSuchField
from vslide.geometry import overlap
from vslide.layout import pixel_shapes
from vslide.pool import side_by_side
from vslide.readers.base import Box, MosaicReader, Pixels

ChunkPlace = tuple[int, int, int, int, int]
"""Level, and the place in its chunk grid: group of fields, plane, row, column."""

BATCH_BYTES = 32 << 20
"""Decoded pixels that one region holds at once."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What one chunk (of each plane) gives to a picture: rows and columns of the field `slot` of the chunk,
    and where they go.
    """

    group: int
    row: int
    column: int
    slot: int
    from_y: slice
    from_x: slice
    to_y: slice
    to_x: slice


class ChunkedReader(MosaicReader):
    """A mosaic that is stored in chunks. Subclasses say how to get one of them decoded.

    Missing chunks of one picture are decoded side by side, then painted field by field: a later one lies on
    top.
    """

    @abstractmethod
    def chunk_pixels(self, where: ChunkPlace) -> Pixels:
        """(fields, colours, height, width) of one chunk. Callers must not write into it."""

    def held(self, where: ChunkPlace) -> Pixels | None:
        """The same if it is at hand without any work, else None."""
        return None

    def fresh_pixels(self, where: ChunkPlace) -> Pixels:
        """The same decoded anew, for who does not come again: the caller's own."""
        return self.chunk_pixels(where).copy()

    def chunk_shape(self, level: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """(fields, colours, height, width) of a chunk, and the shape (N, C, h, w) of the level."""
        shape, chunk = pixel_shapes(self.header, len(self.placement.x), level)
        return chunk, shape

    def place_of(self, index: int, channel: int, row: int, column: int, level: int) -> ChunkPlace:
        """Where a field's chunk lies. Raises NoSuchField."""
        self.check_plane(index, channel, level)
        (run, each, tall, wide), (_, _, height, width) = self.chunk_shape(level)
        if not (0 <= row < -(-height // tall) and 0 <= column < -(-width // wide)):
            raise NoSuchField(f"no chunk ({row}, {column}) at level {level}")
        return level, index // run, channel // each, row, column

    def places_in(
        self, box: Box, level: int, channels: Sequence[int], z: int, t: int
    ) -> Iterator[ChunkPlace]:
        """The chunks that a region needs: box (x, y, width, height) in px of a stored level."""
        each = self.chunk_shape(level)[0][1]
        planes = sorted({channel // each for channel in channels})
        for piece in self._pieces(self._shown(box, level, z, t)[0], box, level):
            for plane in planes:
                yield level, piece.group, plane, piece.row, piece.column

    def expect(self, places: Sequence[ChunkPlace]) -> None:
        """These chunks are about to be asked for: a disk or a network may begin to bring them."""

    def plane(self, index: int, channel: int, *, level: int = 1) -> Pixels:
        self.check_plane(index, channel, level)
        (run, each, _, _), _ = self.chunk_shape(level)
        plane, colour = divmod(channel, each)
        x, y = self.placement.corner(index, level)
        height, width = self.placement.field_at(level)
        picture = np.empty((height, width), self.dtype)

        def bring(piece: Piece) -> None:
            where = level, piece.group, plane, piece.row, piece.column
            pixels = self.held(where)
            if pixels is None:  # a chunk with neighbours in it will be asked for again
                pixels = self.fresh_pixels(where) if run == 1 else self.chunk_pixels(where)
            picture[piece.to_y, piece.to_x] = pixels[piece.slot, colour, piece.from_y, piece.from_x]

        side_by_side(bring, list(self._pieces([index], (x, y, width, height), level)))
        return picture

    def _compose(self, box: Box, level: int, channels: tuple[int, ...], z: int, t: int) -> Pixels:
        (run, each, tall, wide), _ = self.chunk_shape(level)
        fields, covered = self._shown(box, level, z, t)
        planes = [divmod(channel, each) for channel in channels]
        pieces = list(self._pieces(fields, box, level))
        if (
            covered
            and len(pieces) == len(channels) == 1
            and (run, each, tall, wide) == (1, 1, box[3], box[2])
        ):
            return self._one_chunk((level, pieces[0].group, channels[0], pieces[0].row, pieces[0].column))
        canvas = np.empty((len(channels), box[3], box[2]), self.dtype)
        if not covered:
            canvas.fill(self.header.background)
        step = max(1, BATCH_BYTES // (tall * wide * len(channels) * self.dtype.itemsize))
        for first in range(0, len(pieces), step):
            self._paint(canvas, level, planes, pieces[first : first + step])
        return canvas

    def _one_chunk(self, where: ChunkPlace) -> Pixels:
        """A stored tile of one colour, decoded into what the caller gets."""
        held = self.held(where)
        pixels: Pixels = self.fresh_pixels(where) if held is None else held.copy()
        return pixels.reshape(pixels.shape[1:])

    def _paint(
        self, canvas: Pixels, level: int, planes: Sequence[tuple[int, int]], pieces: Sequence[Piece]
    ) -> None:
        """`planes` are (plane, colour in it) of each channel of the canvas."""
        chunks = self._chunks(level, pieces, {plane for plane, _ in planes})
        for piece in pieces:
            for picture, (plane, colour) in zip(canvas, planes, strict=True):
                pixels = chunks[level, piece.group, plane, piece.row, piece.column]
                picture[piece.to_y, piece.to_x] = pixels[piece.slot, colour, piece.from_y, piece.from_x]

    def _shown(self, box: Box, level: int, z: int, t: int) -> tuple[list[int], bool]:
        """The fields that show in a box, in the order in which they are painted, and whether the first of
        them covers all of it: what was acquired before that one is hidden.
        """
        left, top, width, height = box
        tall, wide = self.placement.field_at(level)
        inside = self.placement.inside(box, level, z, t)
        for number in range(len(inside) - 1, -1, -1):
            x, y = self.placement.corner(inside[number], level)
            if 0 <= left - x <= wide - width and 0 <= top - y <= tall - height:
                return inside[number:], True
        return inside, False

    def _pieces(self, fields: Sequence[int], box: Box, level: int) -> Iterator[Piece]:
        (run, _, tall, wide), (_, _, height, width) = self.chunk_shape(level)
        for index in fields:
            group, slot = divmod(index, run)
            x, y = self.placement.corner(index, level)
            columns = _spans(x, width, wide, box[0], box[2])
            for row, from_y, to_y in _spans(y, height, tall, box[1], box[3]):
                for column, from_x, to_x in columns:
                    yield Piece(group, row, column, slot, from_y, from_x, to_y, to_x)

    def _chunks(self, level: int, pieces: Sequence[Piece], planes: set[int]) -> dict[ChunkPlace, Pixels]:
        wanted = {
            (level, piece.group, plane, piece.row, piece.column) for piece in pieces for plane in planes
        }
        found = {where: pixels for where in wanted if (pixels := self.held(where)) is not None}
        missing = sorted(wanted - found.keys())

        def bring(where: ChunkPlace) -> None:
            found[where] = self.chunk_pixels(where)

        if missing:
            self.expect(missing)
            side_by_side(bring, missing)
        return found


def _spans(corner: int, side: int, chunk: int, start: int, size: int) -> list[tuple[int, slice, slice]]:
    """Along one axis: (number, slice into it, slice into the box) of each chunk of a field that meets a
    box.
    """
    first, last = max(0, start - corner) // chunk, -(-min(side, start + size - corner) // chunk)
    return [
        (number, *overlap(corner + number * chunk, min(chunk, side - number * chunk), start, size))
        for number in range(first, last)
    ]
