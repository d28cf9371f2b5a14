"""A slide's file growing beside its journal: camera chunks as they are, zoom layers, overview, tables.

Planes are fed in the order in which the journal has them. Threads decode each plane once for its zoom
layers; one thread, the caller's, writes. A group of fields leaves memory as soon as it is complete, so
memory is bounded however long the scan.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from vslide.coding import Coding
from vslide.errors import Damaged
from vslide.file_writer import FileWriter
from vslide.geometry import Placement, overlap, place
from vslide.journal import stored_chunks
from vslide.layers import ZoomSums
from vslide.layout import FIELDS_PER_CHUNK, GROUPED, OVERVIEW_SIDE, SHA256_BYTES, chunk_counts, pixel_shapes
from vslide.model import ZOOM_LAYERS, Field, FieldKey, SlideHeader
from vslide.record import Record

Pixels = NDArray[Any]
Corners = Mapping[FieldKey, tuple[float, float]]
"""Registered corners (x, y in µm) of fields."""
_THREADS = 2
_DEPTH = 4 * _THREADS


@dataclass(frozen=True, slots=True)
class _Chunk:
    """One chunk ready to be stored."""

    level: int
    place: tuple[int, ...]
    stored: bytes
    sha256: bytes


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What a thread made: chunks to store, and layers that wait for the rest of their group."""

    chunks: list[_Chunk]
    number: int = 0
    plane: int = 0
    coarse: Mapping[int, Pixels] | None = None


@dataclass(slots=True)
class _Group:
    """One chunk of a coarse layer being filled."""

    pixels: Pixels
    missing: int


class Assembly:
    """The file of `count` fields. `feed` every plane, then `finish`; close through the context manager.

    Raises Damaged when a plane does not decode or there are more fields than `count`.
    """

    def __init__(self, target: Path | BinaryIO, header: SlideHeader, count: int) -> None:
        self.header = header
        self.count = count
        self._coding = Coding(header)
        self._numbers: dict[FieldKey, int] = {}
        self._first: list[Record] = []
        self._groups: dict[tuple[int, int, int], _Group] = {}
        self._shapes = {level: pixel_shapes(header, count, level)[1] for level in GROUPED}
        self._file = FileWriter(target, header, count)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="assembly")
        self._under_way: deque[Future[_Prepared]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._file.close()

    @property
    def keys(self) -> list[FieldKey]:
        """The fields so far, in acquisition order."""
        return list(self._numbers)

    def feed(self, record: Record) -> None:
        """Take one plane from the journal. Waits while enough planes are under way."""
        if record.key not in self._numbers:
            if len(self._numbers) == self.count:
                raise Damaged(f"{record.key} is one field more than the {self.count} planned")
            self._numbers[record.key] = len(self._numbers)
            self._first.append(record)
        self._submit(partial(self._prepare, record, self._numbers[record.key]))
        self._take(_DEPTH)

    def run_aside(self, work: Callable[[], None]) -> None:
        """Have a thread do something between two planes; what it raises comes out of a later call."""

        def done() -> _Prepared:
            work()
            return _Prepared([])

        self._submit(done)

    def _submit(self, work: Callable[[], _Prepared]) -> None:
        self._under_way.append(self._pool.submit(work))

    def _take(self, most: int) -> None:
        """Store what is ready, in order, until at most `most` pieces are under way."""
        while len(self._under_way) > most:
            prepared = self._under_way.popleft().result()
            for chunk in prepared.chunks:
                self._file.store(chunk.level, chunk.place, chunk.stored, chunk.sha256)
            for level, pixels in (prepared.coarse or {}).items():
                self._collect(level, prepared.number, prepared.plane, pixels)

    # --- in the threads
    def _prepare(self, record: Record, number: int) -> _Prepared:
        """Decode a plane once, for its zoom layers. Its bytes are compared with its digests when the whole
        file is verified.
        """
        stored, plane, columns = stored_chunks(record), record.channel, self.header.chunk_counts[1]
        sha256 = (
            record.digests[at : at + SHA256_BYTES] for at in range(0, len(record.digests), SHA256_BYTES)
        )
        chunks = [
            _Chunk(1, (number, plane, *divmod(at, columns)), chunk, digest)
            for at, (chunk, digest) in enumerate(zip(stored, sha256, strict=True))
        ]
        layers = self._layers(stored, record)
        for level in set(ZOOM_LAYERS) - set(GROUPED):
            chunks.append(self._encode(level, (number, plane, 0, 0), layers.pop(level)[None]))
        return _Prepared(chunks, number, plane, layers)

    def _layers(self, stored: tuple[bytes, ...], record: Record) -> dict[int, Pixels]:
        """{L: (colours, h, w)} of one plane."""
        header = self.header
        each = len(header.channels) // header.planes
        sums = [ZoomSums(*header.field_shape) for _ in range(each)]
        plane = (stored, record.key, record.channel)
        sides = zip(header.chunk_shape, header.chunk_counts, strict=True)
        apart = all(side % 4 == 0 or count == 1 for side, count in sides)
        for top, left, part in self._coding.parts(*plane) if apart else [(0, 0, self._coding.field(*plane))]:
            for colour, sum_ in zip(part, sums, strict=True):
                sum_.add(colour, top, left)
        layers = [sum_.layers(self._coding.dtype) for sum_ in sums]
        return {level: np.stack([layer[level] for layer in layers]) for level in ZOOM_LAYERS}

    def _encoded(self, level: int, where: tuple[int, ...], pixels: Pixels) -> _Prepared:
        return _Prepared([self._encode(level, where, pixels)])

    def _encode(self, level: int, where: tuple[int, ...], pixels: Pixels) -> _Chunk:
        stored = self._coding.stored(pixels, (level, *where))
        return _Chunk(level, where, stored, hashlib.sha256(stored).digest())

    # --- in the caller's thread
    def _collect(self, level: int, number: int, plane: int, pixels: Pixels) -> None:
        """Put a field's coarse layer into its group, and store the group when it is complete."""
        turn, at = divmod(number, FIELDS_PER_CHUNK)
        where = (level, turn, plane)
        if where not in self._groups:
            members = min(FIELDS_PER_CHUNK, self.count - turn * FIELDS_PER_CHUNK)
            self._groups[where] = _Group(np.zeros(self._shapes[level], self._coding.dtype), members)
        group = self._groups[where]
        group.pixels[at] = pixels
        group.missing -= 1
        if not group.missing:
            del self._groups[where]
            self._submit(partial(self._encoded, level, (turn, plane, 0, 0), group.pixels))

    def finish(self, registered: Corners | None = None) -> tuple[Field, ...]:
        """Write the overview and the tables and close the file; returns the fields as they lie in it."""
        self._take(0)
        fields = tuple(field_of(n, record, registered or {}) for n, record in enumerate(self._first))
        if len(fields) != self.count or self._groups:
            raise Damaged(f"{len(fields)} fields came of {self.count}, {len(self._groups)} groups are open")
        self._write_overview(place(fields, self.header.pixel_size_um, self.header.field_shape), fields)
        self._take(0)
        self._file.finish(fields)
        return fields

    def _write_overview(self, placement: Placement, fields: tuple[Field, ...]) -> None:
        level, z = _overview_level(placement), self.header.layers // 2
        picture = self._painted(placement, fields, level, z)
        chunks = self._file.create_overview(picture.shape, level, z, 0)
        each, tall, wide = chunks
        for where in np.ndindex(*chunk_counts(picture.shape, chunks)):
            plane, y, x = where[0] * each, where[1] * tall, where[2] * wide
            part = picture[plane : plane + each, y : y + tall, x : x + wide]
            full = np.zeros(chunks, self._coding.dtype)
            full[:, : part.shape[1], : part.shape[2]] = part
            self._submit(partial(self._encoded, 0, where, full))
        self._take(0)

    def _painted(self, placement: Placement, fields: tuple[Field, ...], level: int, z: int) -> Any:
        """The mosaic at `level` (C, h, w) from the layer's stored chunks, later fields on top."""
        width, height = placement.size_at(level)
        shape = (len(self.header.channels), height, width)
        picture = np.full(shape, self.header.background, self._coding.dtype)
        x, y = placement.at(level)
        chunk_shape = pixel_shapes(self.header, self.count, level)[1]
        run, each = chunk_shape[:2]
        for turn in range(0, self.count, run):
            members = [f for f in fields[turn : turn + run] if (f.key.z, f.key.t) == (z, 0)]
            for plane in range(self.header.planes if members else 0):
                where = (turn // run, plane, 0, 0)
                pixels = self._coding.pixels(self._file.stored(level, where), chunk_shape, (level, *where))
                for field in members:
                    shown = pixels[field.index % run]
                    from_y, to_y = overlap(int(y[field.index]), shown.shape[1], 0, height)
                    from_x, to_x = overlap(int(x[field.index]), shown.shape[2], 0, width)
                    colours = slice(plane * each, (plane + 1) * each)
                    picture[colours, to_y, to_x] = shown[:, from_y, from_x]
        return picture


def field_of(index: int, record: Record, registered: Corners) -> Field:
    """The field of which `record` is the first plane."""
    x, y = registered.get(record.key, (None, None))
    return Field(index, record.key, record.x_um, record.y_um, record.z_um, x, y)


def _overview_level(placement: Placement) -> int:
    fitting = (level for level in ZOOM_LAYERS if max(placement.size_at(level)) <= OVERVIEW_SIDE)
    return next(fitting, ZOOM_LAYERS[-1])
