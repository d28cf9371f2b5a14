"""Looking at an untrusted file without trusting it: structure only, no pixels, no links followed.

Runs inside the limited process of `vslide.inspect`. Each function returns the reasons to refuse a file.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import h5py

from vslide.examine_dicom import reasons as dicom_reasons
from vslide.layout import SEAL_FILTER
from vslide.limits import too_large

MAX_OBJECTS = 10_000
MAX_DIRECTORIES = 20_000
MAX_TAGS = 4096
MAX_SEGMENTS = 50_000_000
HDF5_FILTERS = {1, 2, 3, 4, 6, 32000, 32001, 32004, 32008, 32015, 32019, 32026, SEAL_FILTER}
"""deflate, shuffle, fletcher32, szip, scaleoffset, lzf, blosc, lz4, bitshuffle, zstd, jpeg, blosc2, seal."""

_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_WIDTH, _LENGTH, _BITS, _SAMPLES, _SUB_IFDS = 256, 257, 258, 277, 330
_OFFSETS, _COUNTS = (273, 324), (279, 325)
_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}


def examine(path: Path) -> tuple[str, list[str]]:
    """(kind, reasons to refuse); kind is "hdf5", "tiff", "dicom" or "unknown"."""
    with path.open("rb") as stream:
        start = stream.read(132)
    if start.startswith(b"\x89HDF\r\n\x1a\n"):
        return "hdf5", list(_hdf5(path))
    if start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        with path.open("rb") as stream:
            return "tiff", list(_Tiff(stream, path.stat().st_size).reasons())
    if start[128:132] == b"DICM":
        return "dicom", list(dicom_reasons(path))
    return "unknown", ["its first bytes are of no format that slides come in"]


def _hdf5(path: Path) -> Iterator[str]:
    try:
        with h5py.File(path, "r", locking=False) as file:
            seen = 0
            waiting = [("", file)]
            while waiting:
                prefix, group = waiting.pop()
                for name in group:
                    seen += 1
                    if seen > MAX_OBJECTS:
                        yield f"more than {MAX_OBJECTS} objects"
                        return
                    yield from _hdf5_object(f"{prefix}/{name}", group, name, waiting)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        yield f"HDF5 cannot read it: {error}"


def _hdf5_object(path: str, group: Any, name: str, waiting: list[tuple[str, Any]]) -> Iterator[str]:
    link = group.get(name, getlink=True)
    if not isinstance(link, h5py.HardLink):
        kind = "link into another file" if isinstance(link, h5py.ExternalLink) else "soft link"
        yield f"{path} is a {kind}"
        return
    item = group[name]
    if isinstance(item, h5py.Group):
        waiting.append((path, item))
    elif isinstance(item, h5py.Dataset):
        yield from _hdf5_dataset(path, item)


def _hdf5_dataset(path: str, dataset: Any) -> Iterator[str]:
    plist = dataset.id.get_create_plist()
    if dataset.is_virtual:
        yield f"{path} is a virtual dataset that points elsewhere"
        return
    if plist.get_external_count():
        yield f"{path} keeps its bytes in another file"
        return
    filters = {int(plist.get_filter(number)[0]) for number in range(plist.get_nfilters())}
    if unknown := sorted(filters - HDF5_FILTERS):
        yield f"{path} uses unknown filters {unknown}"
    declared = int(dataset.size or 0) * dataset.dtype.itemsize
    stored = dataset.id.get_storage_size()
    # A dataset that was never written stores nothing and costs nothing.
    if why := too_large(declared, stored or declared):
        yield f"{path} {why}"


class _Tiff:
    """Walks the directories of a TIFF or BigTIFF by hand, each once, never past the end of the file."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self._size = size
        start = stream.read(8)
        self._order = "<" if start[:2] == b"II" else ">"
        self._big = start[2:4] in (b"+\0", b"\0+")
        self._seen: set[int] = set()

    def reasons(self) -> Iterator[str]:
        try:
            self._stream.seek(8 if self._big else 4)
            waiting = [self._number()]
            while waiting:
                yield from self._directory(waiting.pop(), waiting)
                if len(self._seen) > MAX_DIRECTORIES:
                    yield f"more than {MAX_DIRECTORIES} picture directories"
                    return
        except (EOFError, struct.error):
            yield "a picture directory ends behind the end of the file"

    def _unpack(self, kind: str) -> int:
        size = struct.calcsize(self._order + kind)
        data = self._stream.read(size)
        if len(data) < size:
            raise EOFError
        return int(struct.unpack(self._order + kind, data)[0])

    def _number(self) -> int:
        return self._unpack("Q" if self._big else "I")

    def _directory(self, offset: int, waiting: list[int]) -> Iterator[str]:
        if offset == 0:
            return
        if offset in self._seen:
            yield f"the picture directories run in a circle at byte {offset}"
            return
        self._seen.add(offset)
        if offset >= self._size:
            yield f"a picture directory at byte {offset} of {self._size}"
            return
        self._stream.seek(offset)
        count = self._unpack("Q" if self._big else "H")
        if count > MAX_TAGS:
            yield f"a picture directory with {count} tags"
            return
        tags = {}
        for _ in range(count):
            tag, kind, number = self._unpack("H"), self._unpack("H"), self._number()
            here = self._stream.tell()
            tags[tag] = (kind, number, here)
            self._stream.seek(here + (8 if self._big else 4))
        waiting.append(self._number())
        yield from self._check_tags(tags, waiting)

    def _check_tags(self, tags: dict[int, tuple[int, int, int]], waiting: list[int]) -> Iterator[str]:
        for tag, (kind, number, _) in tags.items():
            if _SIZES.get(kind, 1) * number > self._size:
                yield f"tag {tag} declares {number} values, more than the file has bytes"
                return
        waiting.extend(self._values(tags, _SUB_IFDS, MAX_TAGS))
        places = next((tag for tag in _OFFSETS if tag in tags), None)
        sizes = next((tag for tag in _COUNTS if tag in tags), None)
        if places is None or sizes is None:
            return
        if tags[places][1] != tags[sizes][1] or tags[places][1] > MAX_SEGMENTS:
            yield f"{tags[places][1]} offsets for {tags[sizes][1]} sizes of tiles or strips"
            return
        stored = 0
        for at, length in zip(self._values(tags, places), self._values(tags, sizes), strict=True):
            stored += length
            if at + length > self._size:
                yield f"a tile or strip of {length} bytes at byte {at} of {self._size}"
                return
        yield from self._check_ratio(tags, stored)

    def _check_ratio(self, tags: dict[int, tuple[int, int, int]], stored: int) -> Iterator[str]:
        width, length = (next(iter(self._values(tags, tag)), 0) for tag in (_WIDTH, _LENGTH))
        samples = next(iter(self._values(tags, _SAMPLES)), 1)
        bits = next(iter(self._values(tags, _BITS)), 8)
        declared = width * length * samples * max(1, bits // 8)
        if why := too_large(declared, stored):
            yield f"a picture of {width} x {length} px {why}"

    def _values(
        self, tags: dict[int, tuple[int, int, int]], tag: int, limit: int = MAX_SEGMENTS
    ) -> list[int]:
        kind, count, here = tags.get(tag, (0, 0, 0))
        if kind not in _INTEGERS or not 0 < count <= limit:
            return []
        size = _SIZES[kind] * count
        self._stream.seek(here)
        if size > (8 if self._big else 4):
            self._stream.seek(self._number())
        data = self._stream.read(size)
        if len(data) < size:
            raise EOFError
        return list(struct.unpack(f"{self._order}{count}{_INTEGERS[kind]}", data))
