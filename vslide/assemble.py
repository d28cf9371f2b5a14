"""Writing the HDF5 file of a slide: camera chunks as they are, zoom layers, overview, tables and
checksums.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import hdf5plugin
import numpy as np
from numpy.typing import NDArray

from vslide.codec import CodecName, decode_plane, encode_chunk
from vslide.geometry import Placement, overlap, place
from vslide.journal import PlaneKey
from vslide.layers import zoom_layers
from vslide.layout import (
    FIELDS_PER_CHUNK,
    GROUPED,
    LEVELS,
    OVERVIEW,
    OVERVIEW_SIDE,
    POSITIONS,
    SHA256_BYTES,
    checksums_name,
    chunk_counts,
    digest,
    fields_name,
    pixel_shapes,
    pixel_type,
    positions_table,
    write_header,
)
from vslide.model import ZOOM_LAYERS, Field, FieldKey, Plane, SlideHeader
from vslide.record import Record

_OVERVIEW_CHUNK = 512


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plane made ready in a thread: stored chunks with their sha256, and its zoom layers."""

    chunks: tuple[bytes, ...]
    digests: tuple[bytes, ...]
    layers: dict[int, NDArray[Any]]


class Assembly:
    """One HDF5 file being written by one thread; `prepare` may run in many. Close through the context
    manager.
    """

    group = FIELDS_PER_CHUNK

    def __init__(
        self, path: Path, header: SlideHeader, keys: Sequence[FieldKey], planes: Mapping[PlaneKey, Record]
    ) -> None:
        self._header = header
        self._fields = [_field(index, key, planes[key, 0]) for index, key in enumerate(keys)]
        self._numbers = {key: index for index, key in enumerate(keys)}
        self._dtype = pixel_type(header)
        self._codec: CodecName = "zstd-shuffle" if self._dtype.itemsize > 1 else "zstd-bitshuffle"
        self._placement: Placement = place(self._fields, header.pixel_size_um, header.field_shape)
        self._file = h5py.File(path, "x", libver=("earliest", "v108"), locking=False)
        self._checksums: dict[int, NDArray[np.uint8]] = {}
        self._pixels = {level: self._create(level) for level in LEVELS}
        self._grouped: dict[tuple[int, int], NDArray[Any]] = {}
        self._overview_level = _overview_level(self._placement)
        width, height = self._placement.size_at(self._overview_level)
        shape = (len(header.channels), height, width)
        self._overview = np.full(shape, header.background, self._dtype)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def _create(self, level: int) -> Any:
        shape, chunks = pixel_shapes(self._header, len(self._fields), level)
        return self._create_dataset(level, fields_name(level), shape, chunks)

    def _create_dataset(self, level: int, name: str, shape: tuple[int, ...], chunks: tuple[int, ...]) -> Any:
        counts = (*chunk_counts(shape, chunks), SHA256_BYTES)
        self._checksums[level] = np.zeros(counts, np.uint8)
        blosc = hdf5plugin.Blosc(cname="zstd", clevel=1, shuffle=hdf5plugin.Blosc.SHUFFLE)
        return self._file.create_dataset(
            name, shape, self._dtype, chunks=chunks, fillvalue=0, compression=blosc
        )

    def prepare(self, plane: Plane) -> Prepared:
        """Decode a plane once, for its zoom layers. Pure: safe in any thread. Raises Damaged."""
        header = self._header
        pixels = decode_plane(plane.chunks, self._dtype, header.field_shape, header.chunk_shape)
        digests = tuple(hashlib.sha256(chunk).digest() for chunk in plane.chunks)
        return Prepared(plane.chunks, digests, zoom_layers(pixels, ZOOM_LAYERS))

    def add(self, record: Record, prepared: Prepared) -> None:
        """Store one plane's chunks and layer 4, and keep its coarser layers for the group's chunks."""
        number, channel = self._numbers[record.key], record.channel
        columns = self._header.chunk_counts[1]
        for place_in_field, (chunk, sha256) in enumerate(zip(prepared.chunks, prepared.digests, strict=True)):
            self._store(1, (number, channel, *divmod(place_in_field, columns)), chunk, sha256)
        for level, pixels in prepared.layers.items():
            if level in GROUPED:
                shape = (self._pixels[level].chunks[0], *pixels.shape)
                group = self._grouped.setdefault((level, channel), np.zeros(shape, self._dtype))
                group[number % self.group] = pixels
            else:
                self._store_encoded(level, (number, channel, 0, 0), pixels)
        self._paint(number, channel, prepared.layers[self._overview_level])

    def end_group(self, start: int) -> None:
        """Store the coarse layers of the fields from `start` on, one chunk per colour and layer."""
        for (level, channel), pixels in self._grouped.items():
            self._store_encoded(level, (start // self.group, channel, 0, 0), pixels)
        self._grouped.clear()

    def _store_encoded(self, level: int, place: tuple[int, ...], pixels: NDArray[Any]) -> None:
        chunk = encode_chunk(pixels, self._codec)
        self._store(level, place, chunk, hashlib.sha256(chunk).digest())

    def _store(self, level: int, place: tuple[int, ...], chunk: bytes, sha256: bytes) -> None:
        dataset = self._pixels[level]
        offset = tuple(number * side for number, side in zip(place, dataset.chunks, strict=True))
        dataset.id.write_direct_chunk(offset, chunk)
        self._checksums[level][place] = np.frombuffer(sha256, np.uint8)

    def _paint(self, number: int, channel: int, pixels: NDArray[Any]) -> None:
        field, level = self._fields[number], self._overview_level
        if (field.key.z, field.key.t) != (self._header.layers // 2, 0):
            return
        x, y = self._placement.at(level)
        _, height, width = self._overview.shape
        from_x, to_x = overlap(int(x[number]), pixels.shape[1], 0, width)
        from_y, to_y = overlap(int(y[number]), pixels.shape[0], 0, height)
        self._overview[channel, to_y, to_x] = pixels[from_y, from_x]

    def finish(self) -> None:
        """Write overview, tables, attributes and the digest."""
        self._write_overview()
        write_header(self._file.attrs, self._header)
        table = positions_table(self._fields)
        self._file.create_dataset(POSITIONS, data=table)
        levels = (*LEVELS, 0)
        for level in levels:
            self._file.create_dataset(checksums_name(level), data=self._checksums[level])
        seal = digest(self._header, table, [self._checksums[level] for level in levels])
        self._file.attrs["digest"] = np.array(seal.encode(), dtype=h5py.string_dtype("utf-8", len(seal)))

    def _write_overview(self) -> None:
        _, height, width = self._overview.shape
        tall, wide = min(height, _OVERVIEW_CHUNK), min(width, _OVERVIEW_CHUNK)
        dataset = self._create_dataset(0, OVERVIEW, self._overview.shape, (1, tall, wide))
        self._pixels[0] = dataset
        dataset.attrs["level"] = np.int32(self._overview_level)
        dataset.attrs["z"] = np.int32(self._header.layers // 2)
        dataset.attrs["t"] = np.int32(0)
        for where in np.ndindex(*chunk_counts(dataset.shape, dataset.chunks)):
            channel, y, x = where[0], where[1] * tall, where[2] * wide
            part = self._overview[channel, y : y + tall, x : x + wide]
            full = np.zeros((1, tall, wide), self._dtype)
            full[0, : part.shape[0], : part.shape[1]] = part
            self._store_encoded(0, where, full)

    def chunk_digests(self) -> tuple[str, ...]:
        """sha256 (hex) of each camera chunk in the order (field, channel, row, column)."""
        return tuple(bytes(sha256).hex() for sha256 in self._checksums[1].reshape(-1, SHA256_BYTES))


def _field(index: int, key: FieldKey, record: Record) -> Field:
    return Field(index, key, record.x_um, record.y_um, record.z_um)


def _overview_level(placement: Placement) -> int:
    fitting = (level for level in ZOOM_LAYERS if max(placement.size_at(level)) <= OVERVIEW_SIDE)
    return next(fitting, ZOOM_LAYERS[-1])
