"""A slide's HDF5 file opened for reading: header, tables, and where each stored chunk lies.

The file's own index table says where: a chunk is one `pread`, outside HDF5's lock, from any number of
threads.
"""

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from vslide.coding import ChunkName, Coding, camera_chunk
from vslide.errors import Damaged, NoSuchField, NotASlide, Truncated
from vslide.file_writer import chunk_places
from vslide.keys import KeyRing
from vslide.layout import (
    FIELDS,
    OVERVIEW,
    POSITION_TYPE,
    POSITIONS,
    checksums_name,
    chunk_counts,
    fields_from_table,
    fields_name,
    index_name,
    read_header,
)
from vslide.model import Field, FieldKey

READ_ACROSS = 16 << 10
"""Bytes between two chunks that a disk reads along rather than being asked twice."""
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class ChunkIndex:
    """Where the chunks of one dataset lie: `offsets` and `sizes` (bytes) shaped as the chunk grid; size 0 =
    absent.
    """

    name: str
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: np.dtype[Any]
    offsets: NDArray[np.int64]
    sizes: NDArray[np.int64]


class SlideFile:
    """An open slide of ours. Thread-safe. Raises NotASlide or Damaged while opening."""

    def __init__(self, path: Path, keys: KeyRing | None = None) -> None:
        self.path, self._ring = path, keys
        with path.open("rb") as stream:
            if stream.read(len(HDF5_SIGNATURE)) != HDF5_SIGNATURE:
                raise NotASlide(f"{path.name} is not an HDF5 file")
        self._lock = threading.Lock()
        self._indices: dict[int, ChunkIndex] = {}
        self._handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._bytes = os.fstat(self._handle).st_size
        try:
            # A published slide never changes, and locks fail on many network mounts.
            self.file = h5py.File(path, "r", locking=False)
        except OSError as error:
            os.close(self._handle)
            raise Damaged(f"{path.name}: HDF5 cannot open it: {error}") from error
        try:
            self._read_tables()
        except BaseException:
            self.close()
            raise

    def _read_tables(self) -> None:
        self.header = read_header(self.file.attrs)
        try:
            table = self.file[POSITIONS]
            if table.dtype != POSITION_TYPE or table.ndim != 1:
                raise Damaged("the positions table has a different type")
            self.positions: NDArray[Any] = table[:]
            self.levels = tuple(sorted(int(name) for name in self.file[FIELDS]))
        except (KeyError, ValueError, OSError, RuntimeError) as error:
            raise Damaged(f"{self.path.name}: the tables do not read: {error}") from error
        self._field_keys = np.stack([self.positions[axis] for axis in "rczt"], axis=1)
        self.coding = Coding(self.header, self._ring)

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """The rows of the positions table as objects, made when somebody asks."""
        return fields_from_table(self.positions)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self.file.close()
            if self._handle >= 0:
                os.close(self._handle)
                self._handle = -1

    def checksums(self, level: int) -> NDArray[np.uint8]:
        """The table of chunk checksums at `level` (0 is the overview), shaped as the chunk grid plus 32
        bytes.
        """
        return self._table(checksums_name(level))

    def index_table(self, level: int) -> NDArray[np.uint64]:
        """The table of (byte offset, stored size) of the chunks at `level` (0 is the overview), as stored."""
        return self._table(index_name(level))

    def hdf5_index(self, level: int) -> NDArray[np.uint64]:
        """The same, asked of HDF5: slow, and right whatever the table says."""
        with self._lock:
            try:
                return chunk_places(self.file[fields_name(level) if level else OVERVIEW])
            except (KeyError, RuntimeError, OSError, IndexError) as error:
                raise Damaged(f"level {level}: HDF5's chunk index does not read: {error}") from error

    def _table(self, name: str) -> NDArray[Any]:
        with self._lock:
            try:
                table: NDArray[Any] = self.file[name][:]
            except (KeyError, OSError, ValueError) as error:
                raise Damaged(f"{self.path.name}: no readable {name}") from error
        return table

    def overview_attributes(self) -> dict[str, int]:
        """`level`, `z` and `t` of the overview picture."""
        with self._lock:
            return {name: int(value) for name, value in self.file[OVERVIEW].attrs.items()}

    def index(self, level: int) -> ChunkIndex:
        """Places of the chunks at `level` (0 is the overview). Raises NoSuchField or Damaged."""
        if level not in self._indices:
            self._indices[level] = self._read_index(level, fields_name(level) if level else OVERVIEW)
        return self._indices[level]

    def _read_index(self, level: int, name: str) -> ChunkIndex:
        with self._lock:
            if name not in self.file:
                raise NoSuchField(f"{self.path.name} has no {name}")
            dataset = self.file[name]
            if not isinstance(dataset, h5py.Dataset) or dataset.chunks is None:
                raise Damaged(f"{name} is not stored in chunks")
            shape, chunks, dtype = dataset.shape, dataset.chunks, dataset.dtype
        table = self.index_table(level)
        if table.shape != (*chunk_counts(shape, chunks), 2) or table.dtype != np.uint64:
            raise Damaged(f"{index_name(level)} does not fit {name}")
        places = table.astype(np.int64)
        return ChunkIndex(name, shape, chunks, dtype, places[..., 0], places[..., 1])

    def filters(self, level: int) -> list[int]:
        """HDF5 filter numbers of the dataset at `level`: those of its encoding, then the seal."""
        with self._lock:
            plist = self.file[fields_name(level) if level else OVERVIEW].id.get_create_plist()
            return [int(plist.get_filter(number)[0]) for number in range(plist.get_nfilters())]

    def stored(self, level: int, place: tuple[int, ...]) -> bytes:
        """The stored bytes of one chunk, unchanged. Raises Damaged when it is absent, Truncated when cut
        short.
        """
        index = self.index(level)
        offset, size = int(index.offsets[place]), int(index.sizes[place])
        if size == 0:
            raise Damaged(f"{index.name}: no chunk at {place}")
        if min(offset, size) < 0 or offset + size > self._bytes:
            raise Truncated(f"{index.name}: the chunk at {place} would lie outside of the file")
        data = os.pread(self._handle, size, offset)
        if len(data) != size:
            raise Truncated(f"{index.name}: the file ends inside the chunk at {place}")
        return data

    def expect(self, level: int, places: Sequence[tuple[int, ...]]) -> None:
        """Have the disk begin to read these chunks, which are about to be asked for one by one."""
        index = self.index(level)
        runs: list[tuple[int, int]] = []
        for offset, size in sorted((int(index.offsets[place]), int(index.sizes[place])) for place in places):
            if runs and offset <= runs[-1][1] + READ_ACROSS:
                runs[-1] = runs[-1][0], offset + size
            else:
                runs.append((offset, offset + size))
        for start, stop in runs:
            if 0 <= start < stop <= self._bytes:
                os.posix_fadvise(self._handle, start, stop - start, os.POSIX_FADV_WILLNEED)

    def name(self, level: int, place: tuple[int, ...]) -> ChunkName:
        """What the coding knows the chunk at `place` by."""
        if level != 1:
            return (level, *place)
        return camera_chunk(FieldKey(*self._field_keys[place[0]].tolist()), *place[1:])

    def decode(self, level: int, place: tuple[int, ...], stored: bytes) -> NDArray[Any]:
        """Pixels of one stored chunk, in its full chunk shape."""
        return self.coding.pixels(stored, self.index(level).chunks, self.name(level, place))

    def pixels(self, level: int, place: tuple[int, ...]) -> NDArray[Any]:
        """The decoded chunk, in its full chunk shape."""
        return self.decode(level, place, self.stored(level, place))

    def plain(self, level: int, place: tuple[int, ...], stored: bytes | None = None) -> bytes:
        """The chunk as its producer compressed it, in the clear; `stored` when it has been read already."""
        found = self.stored(level, place) if stored is None else stored
        return self.coding.plain(found, self.name(level, place))
