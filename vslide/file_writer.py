"""The HDF5 file of a slide being written: chunks as they come, then tables, header and seal.

One thread writes. Chunks are given in their stored form and go past HDF5's filters.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from vslide.codec import JPEG_QUALITY
from vslide.layout import (
    JPEG_FILTER,
    LEVELS,
    OVERVIEW,
    POSITIONS,
    SEAL_FILTER,
    SHA256_BYTES,
    checksums_name,
    chunk_counts,
    digest,
    fields_name,
    filters,
    index_name,
    pixel_shapes,
    pixel_type,
    positions_table,
    write_header,
)
from vslide.model import Field, SlideHeader

_OVERVIEW_CHUNK = 512


class FileWriter:
    """A new file for `count` fields; close it through the context manager. Raises FileExistsError."""

    def __init__(self, target: Path | BinaryIO, header: SlideHeader, count: int) -> None:
        self.header = header
        self.count = count
        mode = "x" if isinstance(target, Path) else "w"
        # Version bounds, not SWMR: what a crash leaves is a draft that nobody opens (format.md, 5).
        self._file = h5py.File(target, mode, libver=("earliest", "v108"), **_locking(target))
        self._checksums: dict[int, NDArray[np.uint8]] = {}
        self._datasets: dict[int, Any] = {}
        self._chunks: dict[int, tuple[int, ...]] = {}
        for level in LEVELS:
            shape, chunks = pixel_shapes(header, count, level)
            self._create(level, fields_name(level), shape, chunks)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def create_overview(self, shape: tuple[int, int, int], level: int, z: int, t: int) -> tuple[int, ...]:
        """The dataset of the overview (C, h, w) and what it shows; returns the shape of its chunks."""
        each = shape[0] // self.header.planes
        chunks = (each, min(shape[1], _OVERVIEW_CHUNK), min(shape[2], _OVERVIEW_CHUNK))
        self._create(0, OVERVIEW, shape, chunks)
        for name, value in (("level", level), ("z", z), ("t", t)):
            self._datasets[0].attrs[name] = np.int32(value)
        return chunks

    def _create(self, level: int, name: str, shape: tuple[int, ...], chunks: tuple[int, ...]) -> None:
        self._checksums[level] = np.zeros((*chunk_counts(shape, chunks), SHA256_BYTES), np.uint8)
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk(chunks)
        plist.set_fill_value(np.zeros((), pixel_type(self.header)))
        for number in filters(self.header):
            # Optional, so that a filter which this process cannot run itself may be named.
            plist.set_filter(number, h5py.h5z.FLAG_OPTIONAL, _settings(number, self.header, chunks))
        kind = h5py.h5t.py_create(pixel_type(self.header))
        links = h5py.h5p.create(h5py.h5p.LINK_CREATE)
        links.set_create_intermediate_group(True)
        space = h5py.h5s.create_simple(shape)
        dataset = h5py.h5d.create(self._file.id, name.encode(), kind, space, plist, lcpl=links)
        self._datasets[level], self._chunks[level] = h5py.Dataset(dataset), chunks

    def store(self, level: int, place: tuple[int, ...], chunk: bytes, sha256: bytes) -> None:
        """The stored bytes of the chunk at `place` of the chunk grid, and their checksum."""
        self._datasets[level].id.write_direct_chunk(self._offset(level, place), chunk)
        self._checksums[level][place] = np.frombuffer(sha256, np.uint8)

    def stored(self, level: int, place: tuple[int, ...]) -> bytes:
        """A chunk that was stored before."""
        _, chunk = self._datasets[level].id.read_direct_chunk(self._offset(level, place))
        return bytes(chunk)

    def _offset(self, level: int, place: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(number * side for number, side in zip(place, self._chunks[level], strict=True))

    def checksums(self, level: int) -> NDArray[np.uint8]:
        """sha256 of the stored chunks: the chunk grid, then 32 bytes."""
        return self._checksums[level]

    def finish(self, fields: Sequence[Field]) -> None:
        """Write header, positions, checksums, index and the digest over them, and close the file."""
        write_header(self._file.attrs, self.header)
        positions = positions_table(fields)
        self._file.create_dataset(POSITIONS, data=positions)
        levels = (*LEVELS, 0)
        indices = [self._index(level) for level in levels]
        for level, index in zip(levels, indices, strict=True):
            self._file.create_dataset(checksums_name(level), data=self._checksums[level])
            self._file.create_dataset(index_name(level), data=index)
        sums = [self._checksums[level] for level in levels]
        seal = digest(self.header, positions, [*sums, *indices])
        self._file.attrs["digest"] = np.array(seal.encode(), dtype=h5py.string_dtype("utf-8", len(seal)))
        self.close()

    def _index(self, level: int) -> NDArray[np.uint64]:
        return chunk_places(self._datasets[level])


def chunk_places(dataset: Any) -> NDArray[np.uint64]:
    """Where HDF5 has put the chunks of a dataset: its chunk grid, then (byte offset, stored size); 0, 0 for a
    chunk that is absent, or that went through other filters than its dataset names.
    """
    places = np.zeros((*chunk_counts(dataset.shape, dataset.chunks), 2), "<u8")

    def note(chunk: Any) -> None:
        where = tuple(start // side for start, side in zip(chunk.chunk_offset, dataset.chunks, strict=True))
        if chunk.filter_mask == 0:
            places[where] = chunk.byte_offset, chunk.size

    dataset.id.chunk_iter(note)
    return places


def _locking(target: Path | BinaryIO) -> dict[str, Any]:
    return {"locking": False} if isinstance(target, Path) else {}


def _settings(number: int, header: SlideHeader, chunks: tuple[int, ...]) -> tuple[int, ...]:
    """What the filter's own plug-in expects (hdf5plugin writes the same for Blosc)."""
    if number == SEAL_FILTER:
        return (1,)  # the way of sealing
    if number == JPEG_FILTER:
        *fields, _, height, width = chunks
        return JPEG_QUALITY, width, math.prod(fields) * height, 1  # 1: three colours
    kind = pixel_type(header)
    size = int(np.prod(chunks)) * kind.itemsize
    return (
        2,
        2,
        kind.itemsize,
        size,
        1,
        1,
        5,
    )  # filter version, format, type size, bytes, level, shuffle, zstd
