"""A finished slide in a local HDF5 file."""

from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from vslide.errors import Damaged
from vslide.geometry import place_table
from vslide.keys import KeyRing
from vslide.layout import chunk_counts
from vslide.model import Field
from vslide.pool import WORKERS
from vslide.readers.base import CACHE_BYTES, PixelCache, Pixels, shrink_to
from vslide.readers.chunked import ChunkedReader, ChunkPlace
from vslide.store import SlideFile


class MosaicSlide(ChunkedReader):
    """Reads chunks by their place in the file and decodes them outside HDF5's lock. Thread-safe.

    The last decoded chunks are kept, `cache_bytes` of them. Raises NotASlide or Damaged while opening.
    Checksums are the business of `vslide.verify`; a chunk that does not decode raises Damaged here.
    """

    def __init__(self, path: Path, keys: KeyRing | None = None, *, cache_bytes: int = CACHE_BYTES) -> None:
        self._file = SlideFile(path, keys)
        self.path = path
        self.header = self._file.header
        self.levels = tuple(float(level) for level in self._file.levels)
        self._cache = PixelCache(cache_bytes)
        try:
            self.placement = place_table(
                self._file.positions, self.header.pixel_size_um, self.header.field_shape
            )
        except Damaged:
            self._file.close()
            raise

    @cached_property
    def fields(self) -> tuple[Field, ...]:  # type: ignore[override]
        """Made when somebody asks: most pictures need the positions alone."""
        return self._file.fields

    def keep_in(self, cache: PixelCache) -> None:
        """Keep decoded chunks there from now on; no other slide may keep any under the same names."""
        self._cache = cache

    def close(self) -> None:
        self._file.close()

    def info(self) -> dict[str, Any]:
        return super().info() | {"bytes": self.path.stat().st_size}

    def chunk(self, index: int, channel: int, row: int, column: int, *, level: int = 1) -> bytes:
        """Stored bytes of one chunk. At the grouped levels 8, 16, 32 it also holds the field's neighbours in
        time.
        """
        _, *place_in_file = self.place_of(index, channel, row, column, level)
        return self._file.plain(level, tuple(place_in_file))

    def held(self, where: ChunkPlace) -> Pixels | None:
        return self._cache.held(where)

    def chunk_pixels(self, where: ChunkPlace) -> Pixels:
        return self._cache.get(where, lambda: self.fresh_pixels(where))

    def fresh_pixels(self, where: ChunkPlace) -> Pixels:
        return self._file.pixels(where[0], where[1:])

    def expect(self, places: Sequence[ChunkPlace]) -> None:
        if len(places) > WORKERS:
            self._file.expect(places[0][0], [where[1:] for where in places])

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
            pixels = self._cache.get((0, *where), partial(self._file.pixels, 0, where))
            room[...] = pixels[:, : room.shape[1], : room.shape[2]]
        return shrink_to(overview, max_size)
