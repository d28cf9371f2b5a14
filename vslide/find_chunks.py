"""Finding the camera chunks in the bytes of a slide's file by their SHA-256, when HDF5 cannot be asked.

Where a chunk may lie: a Blosc buffer tells its length at its start, a JPEG has a start and an end. A sealed
chunk looks like noise; HDF5's index nodes say where those are, and each node can be read by itself (version 1
B-trees, chapter III.A.1 of the HDF5 file format specification).
"""

import hashlib
import mmap
import re
import struct
from collections.abc import Collection, Iterator
from pathlib import Path

from vslide.layout import pixel_type
from vslide.model import SlideHeader

Span = tuple[int, int]
"""First byte, and the byte behind the last."""

_JPEG_START, _JPEG_END = re.compile(rb"\xff\xd8\xff\xe0"), b"\xff\xd9"
_ENDS_TRIED = 3  # the tables of a JPEG may hold the bytes of its end
_LEAF = re.compile(rb"TREE\x01\x00")
_LEAF_HEAD = 24
_ENTRY = struct.Struct("<II5QQ")  # stored size, filter mask, place and a zero (four axes), address
_MOST_ENTRIES = 1 << 10


def find_chunks(path: Path, header: SlideHeader, wanted: Collection[str]) -> dict[str, Span]:
    """{sha256 in hex: where it lies} of those `wanted` chunks of the camera that the file still holds."""
    found: dict[str, Span] = {}
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for start, stop in _spans(data, header):
            sha256 = hashlib.sha256(data[start:stop]).hexdigest()
            if sha256 in wanted:
                found[sha256] = start, stop
    return found


def _spans(data: mmap.mmap, header: SlideHeader) -> Iterator[Span]:
    if header.key_id:
        return _indexed(data)
    return _jpegs(data) if header.encoding == "jpeg" else _blosc_buffers(data, header)


def _blosc_buffers(data: mmap.mmap, header: SlideHeader) -> Iterator[Span]:
    kind = pixel_type(header)
    size = (header.chunk_height * header.chunk_width * kind.itemsize).to_bytes(4, "little")
    start_of_chunk = re.compile(b"\x02\x01." + re.escape(bytes([kind.itemsize]) + size), re.DOTALL)
    for match in start_of_chunk.finditer(data):
        start = match.start()
        yield start, start + int.from_bytes(data[start + 12 : start + 16], "little")


def _jpegs(data: mmap.mmap) -> Iterator[Span]:
    for match in _JPEG_START.finditer(data):
        end = match.start()
        for _ in range(_ENDS_TRIED):
            end = data.find(_JPEG_END, end + 1)
            if end < 0:
                break
            yield match.start(), end + len(_JPEG_END)


def _indexed(data: mmap.mmap) -> Iterator[Span]:
    for match in _LEAF.finditer(data):
        entries = int.from_bytes(data[match.end() : match.end() + 2], "little")
        for number in range(min(entries, _MOST_ENTRIES)):
            at = match.start() + _LEAF_HEAD + number * _ENTRY.size
            if at + _ENTRY.size > len(data):
                break
            size, *_, address = _ENTRY.unpack_from(data, at)
            if address + size <= len(data):
                yield address, address + size
