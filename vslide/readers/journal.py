"""Live preview: a slide whose journal is still being written."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vslide.coding import Coding, camera_chunk
from vslide.errors import NoSuchField
from vslide.geometry import place
from vslide.journal import PlaneKey, read_plane
from vslide.keys import KeyRing
from vslide.layers import zoom_layers
from vslide.model import ZOOM_LAYERS, Field, FieldKey, Plane
from vslide.readers.base import PixelCache, Pixels
from vslide.readers.chunked import ChunkedReader, ChunkPlace
from vslide.readers.tail import JournalTail
from vslide.record import Record


class JournalSlide(ChunkedReader):
    """What a run's journal holds so far, in all zoom layers. Thread-safe.

    `refresh()` takes up what came since, and reads nothing twice. A field appears when all of its colours are
    here, and keeps its index: where planes had to be sent again, fields may stand in another order than in
    the slide. Raises NotASlide without a readable journal, NoSuchField while no field is complete.
    """

    def __init__(self, directory: Path, keys: KeyRing | None = None) -> None:
        self.directory = directory
        self.levels = tuple(float(level) for level in (1, *ZOOM_LAYERS))
        self.fields = ()
        self._tail = JournalTail(directory)
        self._lock = threading.Lock()
        self._planes: dict[PlaneKey, Record] = {}
        self._waiting: dict[FieldKey, None] = {}
        self._cache = PixelCache()
        self.refresh()
        self._coding = Coding(self.header, keys)

    def refresh(self) -> int:
        """Look again; returns the number of complete fields."""
        with self._lock:
            records = self._tail.look()
            self.header, self.planned = self._tail.opening
            for record in records:
                if self._planes.setdefault((record.key, record.channel), record) is record:
                    self._waiting[record.key] = None
            if complete := [key for key in self._waiting if self._is_complete(key)]:
                self._show(complete)
            if not self.fields:
                raise NoSuchField("no field of view has arrived yet")
            return len(self.fields)

    def _is_complete(self, key: FieldKey) -> bool:
        return all((key, plane) in self._planes for plane in range(self.header.planes))

    def _show(self, keys: list[FieldKey]) -> None:
        found = []
        for index, key in enumerate(keys, len(self.fields)):
            record = self._planes[key, 0]
            found.append(Field(index, key, record.x_um, record.y_um, record.z_um))
            del self._waiting[key]
        # In this order: who reads meanwhile finds every field that a placement speaks of.
        self.fields = (*self.fields, *found)
        self.placement = place(self.fields, self.header.pixel_size_um, self.header.field_shape)

    def close(self) -> None:
        """Nothing is held open between reads."""

    def info(self) -> dict[str, Any]:
        return super().info() | {"live": True, "planes": len(self._planes), "planned": self.planned}

    def chunk(self, index: int, channel: int, row: int, column: int, *, level: int = 1) -> bytes:
        """Stored bytes of one camera chunk; a journal stores level 1 only."""
        self.check_plane(index, channel, level)
        rows, columns = self.header.chunk_counts
        if level != 1 or not (0 <= row < rows and 0 <= column < columns):
            raise NoSuchField(f"a journal has no chunk ({row}, {column}) at level {level}")
        key, plane = self.fields[index].key, channel // self._each
        stored = self._read(key, plane).chunks[row * columns + column]
        return self._coding.plain(stored, camera_chunk(key, plane, row, column))

    def chunk_shape(self, level: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """A record is checked and decoded whole: to a reader of a journal a plane is one chunk."""
        height, width = self.placement.field_at(level)
        shape = len(self.placement.x), len(self.channels), height, width
        return (1, self._each, height, width), shape

    def held(self, where: ChunkPlace) -> Pixels | None:
        return self._cache.held(where)

    def chunk_pixels(self, where: ChunkPlace) -> Pixels:
        return self._cache.get(where, lambda: self.fresh_pixels(where))

    def fresh_pixels(self, where: ChunkPlace) -> Pixels:
        level, index, plane, _, _ = where
        key = self.fields[index].key
        field = self._coding.field(self._read(key, plane).chunks, key, plane)
        return (field if level == 1 else np.stack([zoom_layers(colour)[level] for colour in field]))[None]

    @property
    def _each(self) -> int:
        """Colours in one plane."""
        return len(self.header.channels) // self.header.planes

    def _read(self, key: FieldKey, plane: int) -> Plane:
        record = self._planes[key, plane]
        try:
            return read_plane(replace(record, path=self._tail.path_of(record)))
        except FileNotFoundError:
            self.refresh()  # a take-over has sealed the segment: it has another name
            return read_plane(replace(record, path=self._tail.path_of(record)))
