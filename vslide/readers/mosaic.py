"""A finished slide in a local HDF5 file."""

from pathlib import Path
from typing import Any

import numpy as np

from vslide.errors import Damaged, NoSuchField
from vslide.geometry import place
from vslide.layout import GROUPED, chunk_counts
from vslide.readers.base import MosaicReader, PixelCache, Pixels, shrink_to
from vslide.store import SlideFile


class MosaicSlide(MosaicReader):
    """Reads chunks by their place in the file and decodes them outside HDF5's lock. Thread-safe.

    Raises NotASlide or Damaged while opening. Checksums are the business of `vslide.verify`; a chunk that
    does not decode raises Damaged here.
    """

    def __init__(self, path: Path) -> None:
        self._file = SlideFile(path)
        self.path = path
        self.header = self._file.header
        self.fields = self._file.fields
        self.levels = tuple(float(level) for level in self._file.levels)
        self._each = len(self.header.channels) // self.header.planes
        self._cache = PixelCache()
        try:
            self.placement = place(self.fields, self.header.pixel_size_um, self.header.field_shape)
        except Damaged:
            self._file.close()
            raise

    def close(self) -> None:
        self._file.close()

    def info(self) -> dict[str, Any]:
        return super().info() | {"bytes": self.path.stat().st_size}

    def _place(self, index: int, channel: int, level: int, row: int = 0, column: int = 0) -> tuple[int, ...]:
        run = self._file.index(level).chunks[0] if level in GROUPED else 1
        return index // run, channel // self._each, row, column

    def chunk(self, index: int, channel: int, row: int, column: int, *, level: int = 1) -> bytes:
        """Stored bytes of one chunk. At the grouped levels 8, 16, 32 it also holds the field's neighbours in
        time.
        """
        self.check_plane(index, channel, level)
        place_in_file = self._place(index, channel, level, row, column)
        counts = self._file.index(level).sizes.shape
        if not (0 <= row < counts[2] and 0 <= column < counts[3]):
            raise NoSuchField(f"no chunk ({row}, {column}) at level {level}")
        return self._file.plain(level, place_in_file)

    def _pixels(self, level: int, where: tuple[int, ...]) -> Pixels:
        return self._cache.get((level, where), lambda: self._file.pixels(level, where))

    def window(self, index: int, channel: int, level: int, rows: slice, columns: slice) -> Pixels:
        if level != 1:
            where = self._place(index, channel, level)
            run = self._file.index(level).chunks[0]
            return self._pixels(level, where)[index % run, channel % self._each, rows, columns]
        tall, wide = self.header.chunk_shape
        result = np.empty((rows.stop - rows.start, columns.stop - columns.start), self.dtype)
        for row in range(rows.start // tall, -(-rows.stop // tall)):
            for column in range(columns.start // wide, -(-columns.stop // wide)):
                pixels = self._pixels(1, (index, channel // self._each, row, column))[0, channel % self._each]
                top, left = max(rows.start, row * tall), max(columns.start, column * wide)
                bottom, right = min(rows.stop, (row + 1) * tall), min(columns.stop, (column + 1) * wide)
                part = pixels[
                    top - row * tall : bottom - row * tall, left - column * wide : right - column * wide
                ]
                result[
                    top - rows.start : bottom - rows.start, left - columns.start : right - columns.start
                ] = part
        return result

    def thumbnail(self, max_size: int = 512) -> Pixels:
        """(C, h, w) from the stored overview; finer than the overview is composed from the layers."""
        index = self._file.index(0)
        if max(index.shape[1:]) < min(max_size, max(self.size)):
            level = max(one for one in self.levels if max(self.size) / one >= max_size or one == 1)
            width, height = self.placement.size_at(int(level))
            return shrink_to(self.region(0, 0, width, height, level=level, z=self.layers // 2), max_size)
        overview = np.empty(index.shape, self.dtype)
        each, tall, wide = index.chunks
        for where in np.ndindex(*chunk_counts(index.shape, index.chunks)):
            plane, y, x = where[0] * each, where[1] * tall, where[2] * wide
            room = overview[plane : plane + each, y : y + tall, x : x + wide]
            room[...] = self._pixels(0, where)[:, : room.shape[1], : room.shape[2]]
        return shrink_to(overview, max_size)
