"""HDF5 by its objects: names, links, attributes, every chunk inflated, and the raw bytes that are no
chunk."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np

from deidentify.gate.blobs import walk_inside
from deidentify.gate.codestreams import walk_jpeg
from deidentify.gate.errors import CannotJudge
from deidentify.gate.needles import Grade
from deidentify.gate.pictures import as_bytes
from deidentify.gate.streams import Budget, Picture, Stream

MOST_OBJECTS = 10_000
SMALL_PIXELS = 8_000_000
JPEG_FILTER = 32019
FILTERS = frozenset({1, 2, 3, 4, 32000, 32001, 32004, 32008, 32015, hdf5plugin.Blosc.filter_id})


def walk_hdf5(path: Path, data: memoryview, budget: Budget) -> Iterator[Stream]:
    try:
        with h5py.File(path, "r") as file:
            chunks: list[tuple[int, int]] = []
            yield from _group(file["/"], chunks, [0])
            yield from _between(data, chunks, budget)
            _overview(file, budget)
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise CannotJudge(f"HDF5 cannot be read to its end: {error}") from error


def _group(group: h5py.Group, chunks: list[tuple[int, int]], seen: list[int]) -> Iterator[Stream]:
    yield from _attributes(group)
    for name in group:
        seen[0] += 1
        if seen[0] > MOST_OBJECTS:
            raise CannotJudge(f"more than {MOST_OBJECTS} objects")
        yield Stream("object name", Grade.TEXT, name.encode())
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise CannotJudge("a link leads out of the tree")
        item = group[name]
        if isinstance(item, h5py.Group):
            yield from _group(item, chunks, seen)
        elif isinstance(item, h5py.Dataset):
            yield from _attributes(item)
            yield from _dataset(item, chunks)
        else:
            raise CannotJudge("a named type")


def _attributes(item: h5py.Group | h5py.Dataset) -> Iterator[Stream]:
    for name in item.attrs:
        value = item.attrs[name]
        yield Stream("attribute name", Grade.TEXT, name.encode())
        yield Stream(f"attribute of {item.name}", Grade.TEXT, _as_bytes(value))


def _as_bytes(value: object) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if isinstance(value, bytes):
        return value
    array = np.asarray(value)
    if array.dtype.hasobject:
        return b"\n".join(_as_bytes(entry) for entry in array.ravel().tolist())
    text = str(value).encode() if array.size < 100 else b""
    return array.tobytes() + b"\n" + text


def _dataset(item: h5py.Dataset, chunks: list[tuple[int, int]]) -> Iterator[Stream]:
    if item.external or item.is_virtual:
        raise CannotJudge("a dataset keeps its values in another file")
    plan = item.id.get_create_plist()
    filters = [plan.get_filter(number)[0] for number in range(plan.get_nfilters())]
    if filters != [JPEG_FILTER] and not FILTERS.issuperset(filters):
        raise CannotJudge("a dataset uses an unknown filter")
    words = item.dtype.hasobject or item.dtype.kind in "SUV" or item.dtype.names is not None
    grade = Grade.TEXT if words else Grade.PIXELS
    if item.chunks is None:
        yield Stream(f"dataset {item.name}", grade, _as_bytes(item[()]))
        return
    for number in range(item.id.get_num_chunks()):
        info = item.id.get_chunk_info(number)
        chunks.append((info.byte_offset, info.byte_offset + info.size))
        window = tuple(
            slice(low, low + step) for low, step in zip(info.chunk_offset, item.chunks, strict=True)
        )
        if filters == [JPEG_FILTER]:
            yield from walk_jpeg(f"dataset {item.name} chunk {number}", _stored(item, info))
        else:
            yield Stream(f"dataset {item.name} chunk {number}", grade, _as_bytes(item[window]))


def _stored(item: h5py.Dataset, info: Any) -> bytes:
    _, stored = item.id.read_direct_chunk(info.chunk_offset)
    return bytes(stored)


def _between(data: memoryview, chunks: list[tuple[int, int]], budget: Budget) -> Iterator[Stream]:
    """Superblock, headers, heaps, tables and freed space as words; the stored chunks as pixels."""
    end = 0
    for low, high in [*sorted(chunks), (len(data), len(data))]:
        if low > end:
            yield Stream(f"bytes at {end}", Grade.BINARY, data[end:low])
            yield from walk_inside(f"bytes at {end}", bytes(data[end:low]), budget)
        if high > low:
            yield Stream(f"chunk at {low}", Grade.PIXELS, data[low:high])
        end = max(end, high)


def _overview(file: h5py.File, budget: Budget) -> None:
    """The picture of the whole slide, put by for those who look: words at the glass's edge show on it."""
    item = file.get("overview")
    if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "ui" or item.size > SMALL_PIXELS * 4:
        return
    try:
        pixels = as_bytes(np.asarray(item[()]))
    except OSError:  # sealed or of chunks that this reader does not decode; its bytes were searched
        budget.unopened.append("the overview's pixels")
        return
    if pixels is not None:
        budget.pictures.append(Picture("overview", pixels, may_show_words=False))
