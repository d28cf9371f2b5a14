"""The structure of one DICOM file (PS3.5 7 and A.4, PS3.10 7), with every length checked against the file.

It stands between a file of unknown origin and the decoders, so it is small and refuses what a whole slide
image does not need: deflated and big-endian files, deep nesting, lengths that the file does not have. Only
the values that a reader of slides asks for are kept.
"""

import math
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from vslide.errors import Damaged, NotASlide, Truncated

Elements = dict[int, "bytes | list[Elements]"]

ENCODINGS = {
    "1.2.840.10008.1.2": "raw",
    "1.2.840.10008.1.2.1": "raw",
    "1.2.840.10008.1.2.4.50": "jpeg",
    "1.2.840.10008.1.2.4.80": "jpeg-ls",
    "1.2.840.10008.1.2.4.81": "jpeg-ls",
    "1.2.840.10008.1.2.4.90": "jpeg2000",
    "1.2.840.10008.1.2.4.91": "jpeg2000",
}
"""Transfer syntaxes that are read, and how their pixels are stored."""

SOP_CLASS, SERIES = 0x00080016, 0x0020000E
IMAGE_TYPE, SAMPLES, PHOTOMETRIC, PLANAR = 0x00080008, 0x00280002, 0x00280004, 0x00280006
FRAMES, ROWS, COLUMNS = 0x00280008, 0x00280010, 0x00280011
BITS, SIGNED = 0x00280100, 0x00280103
MATRIX_COLUMNS, MATRIX_ROWS, FOCAL_PLANES = 0x00480006, 0x00480007, 0x00480303
ORGANIZATION, FRAME_OFFSET = 0x00209311, 0x00209228
OPTICAL_PATHS, PATH_ID, PATH_NAME, LENS_POWER = 0x00480105, 0x00480106, 0x00480107, 0x00480112
EXCITATION, EMISSION = 0x00220055, 0x00220003
SHARED, PER_FRAME = 0x52009229, 0x52009230
MEASURES, SPACING = 0x00289110, 0x00280030
POSITION, COLUMN_AT, ROW_AT, Z_AT = 0x0048021A, 0x0048021E, 0x0048021F, 0x0040074A
PATH_OF_FRAME = 0x00480207
EXTENDED_TABLE = 0x7FE00001
_SYNTAX, _META_LENGTH = 0x00020010, 0x00020000
_PIXEL_DATA = 0x7FE00010
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD

_SEQUENCES = frozenset((OPTICAL_PATHS, SHARED, PER_FRAME, MEASURES, POSITION, PATH_OF_FRAME))
_VALUES = frozenset((
    SOP_CLASS, SERIES, IMAGE_TYPE, SAMPLES, PHOTOMETRIC, PLANAR, FRAMES, ROWS, COLUMNS, BITS, SIGNED,
    MATRIX_COLUMNS, MATRIX_ROWS, FOCAL_PLANES, ORGANIZATION, FRAME_OFFSET, PATH_ID, PATH_NAME, LENS_POWER,
    EXCITATION, EMISSION, SPACING, COLUMN_AT, ROW_AT, Z_AT, _SYNTAX, _META_LENGTH,
))  # fmt: skip
_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_UNDEFINED = 0xFFFFFFFF
_SIGNATURE = slice(128, 132)
MAX_DEPTH = 12
MAX_ELEMENTS = 5_000_000
MAX_FRAMES = 1 << 22
_MAX_VALUE = 4096


@dataclass(frozen=True, slots=True)
class Fragments:
    """Where the stored pixels lie, in bytes. Frame i consists of the fragments `first[i]:first[i + 1]`."""

    offsets: NDArray[np.int64]
    sizes: NDArray[np.int64]
    first: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DicomFile:
    """`encoding` is "raw", "jpeg", "jpeg-ls" or "jpeg2000"; `elements` holds the known values by tag;
    `pixels` is where the stored pixels begin and their length, None when encapsulated.
    """

    encoding: str
    elements: Elements
    size: int
    pixels: tuple[int, int | None] | None


def is_dicom(path: Path) -> bool:
    """True for a file that begins as PS3.10 says."""
    with path.open("rb") as stream:
        return stream.read(_SIGNATURE.stop)[_SIGNATURE] == b"DICM"


def read_dicom(path: Path) -> DicomFile:
    """Walk the file once. Raises NotASlide for what is not read, Damaged or Truncated for a broken file."""
    if not is_dicom(path):
        raise NotASlide(f"{path.name} is not a DICOM file")
    with path.open("rb") as stream:
        return _Walk(stream, os.fstat(stream.fileno()).st_size).file()


class _Walk:
    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self._size = stream, size
        self._implicit = False
        self._count = 0
        self.pixels: tuple[int, int | None] | None = None

    def file(self) -> DicomFile:
        self._stream.seek(_SIGNATURE.stop)
        meta = self._elements(self._meta_end(), 0)
        syntax = text(meta, _SYNTAX)
        if syntax not in ENCODINGS:
            raise NotASlide(f"the transfer syntax {syntax[:64]!r} is not read")
        self._implicit = syntax == "1.2.840.10008.1.2"
        elements = self._elements(self._size, 0)
        return DicomFile(ENCODINGS[syntax], elements, self._size, self.pixels)

    def _meta_end(self) -> int:
        tag, _, length = self._header()
        if tag != _META_LENGTH or length != 4:
            raise Damaged("the file does not begin with the length of its file meta information")
        end = int.from_bytes(self._take(4), "little") + self._stream.tell()
        if end > self._size:
            raise Truncated("the file meta information is longer than the file")
        return end

    def _take(self, count: int) -> bytes:
        data = self._stream.read(count)
        if len(data) < count:
            raise Truncated("the file ends inside an element")
        return data

    def _header(self) -> tuple[int, bytes, int]:
        """(tag, type, length); the type is empty where the file does not say it."""
        self._count += 1
        if self._count > MAX_ELEMENTS:
            raise Damaged(f"more than {MAX_ELEMENTS} elements")
        group, element = struct.unpack("<HH", self._take(4))
        tag = group << 16 | element
        if self._implicit or group == 0xFFFE:
            return tag, b"", int.from_bytes(self._take(4), "little")
        kind = self._take(2)
        if not (kind.isalpha() and kind.isupper()):
            raise Damaged(f"element {tag:08x} has no type")
        if kind in _LONG:
            self._take(2)
            return tag, kind, int.from_bytes(self._take(4), "little")
        return tag, kind, int.from_bytes(self._take(2), "little")

    def _elements(self, end: int, depth: int, *, open_ended: bool = False) -> Elements:
        """Elements up to byte `end`, or up to the end of their item."""
        found: Elements = {}
        while self._stream.tell() < end:
            tag, kind, length = self._header()
            if tag == _ITEM_END and open_ended:
                return found
            if tag == _PIXEL_DATA and depth == 0:
                self._note_pixels(kind, length)
                return found
            here = self._stream.tell()
            if length != _UNDEFINED and here + length > end:
                raise Truncated(f"element {tag:08x} declares {length} bytes, more than there are")
            self._value(found, tag, kind, length, depth)
        if open_ended:
            raise Truncated("an item of a sequence has no end")
        return found

    def _value(self, found: Elements, tag: int, kind: bytes, length: int, depth: int) -> None:
        here = self._stream.tell()
        if kind == b"SQ" or length == _UNDEFINED or tag in _SEQUENCES:
            items = self._items(here + length if length != _UNDEFINED else None, kind, depth + 1)
            if tag in _SEQUENCES:
                found[tag] = items
        elif tag in _VALUES and length <= _MAX_VALUE:
            found[tag] = self._take(length)
        else:
            self._stream.seek(here + length)

    def _items(self, end: int | None, kind: bytes, depth: int) -> list[Elements]:
        if depth > MAX_DEPTH:
            raise Damaged(f"sequences are nested deeper than {MAX_DEPTH}")
        if kind not in (b"SQ", b"UN", b""):
            raise Damaged("a compressed picture inside a sequence")
        outer, self._implicit = self._implicit, self._implicit or kind == b"UN"
        items: list[Elements] = []
        while end is None or self._stream.tell() < end:
            tag, _, length = self._header()
            if tag == _SEQUENCE_END and end is None:
                break
            here = self._stream.tell()
            if tag != _ITEM or (length != _UNDEFINED and here + length > (end or self._size)):
                raise Damaged("a sequence holds what is no item of it")
            open_ended = length == _UNDEFINED
            limit = (end or self._size) if open_ended else here + length
            items.append(self._elements(limit, depth, open_ended=open_ended))
        self._implicit = outer
        return items

    def _note_pixels(self, kind: bytes, length: int) -> None:
        here = self._stream.tell()
        if length == _UNDEFINED and kind == b"OB":
            self.pixels = here, None
        elif length != _UNDEFINED and here + length <= self._size:
            self.pixels = here, length
        else:
            raise Truncated("the pixels are longer than the file")


def text(elements: Elements, tag: int) -> str:
    """A value as text, without its padding; empty when it is not there."""
    value = elements.get(tag, b"")
    return value.decode("utf-8", "replace").strip(" \0") if isinstance(value, bytes) else ""


def number(elements: Elements, tag: int, default: int = 0) -> int:
    """An unsigned binary whole number, or a decimal one in text (NumberOfFrames). Raises Damaged."""
    value = elements.get(tag)
    if not isinstance(value, bytes) or not value:
        return default
    if tag == FRAMES:
        digits = value.strip(b" \0")
        if not digits.isdigit() or len(digits) > 12:
            raise Damaged("the number of frames is no number")
        return int(digits)
    return int.from_bytes(value[:4], "little")


def real(elements: Elements, tag: int) -> float | None:
    """A positive number stored as a 32-bit float; None when it is not there."""
    value = elements.get(tag)
    if not isinstance(value, bytes) or len(value) != 4:
        return None
    (found,) = struct.unpack("<f", value)
    return float(found) if math.isfinite(found) and found > 0 else None


def items(elements: Elements, tag: int) -> list[Elements]:
    """The items of a sequence, none when it is not there."""
    value = elements.get(tag, [])
    return value if isinstance(value, list) else []


def find_fragments(path: Path, file: DicomFile, frames: int, frame_bytes: int) -> Fragments:
    """Where each frame lies; `frame_bytes` is the size of one uncompressed. Raises Damaged or Truncated."""
    if file.pixels is None:
        raise Damaged("there are no pixels")
    if not 0 < frames <= MAX_FRAMES:
        raise Damaged(f"{frames} frames, more than {MAX_FRAMES} or none")
    start, length = file.pixels
    if (length is None) != (file.encoding != "raw"):
        raise Damaged("the pixels are not stored as the transfer syntax says")
    if length is not None:
        needed = frames * frame_bytes
        if not needed <= length <= needed + 1:
            raise Damaged(f"{frames} frames of {frame_bytes} bytes in {length} bytes of pixels")
        offsets = start + np.arange(frames, dtype=np.int64) * frame_bytes
        return Fragments(offsets, np.full(frames, frame_bytes, np.int64), np.arange(frames + 1))
    with path.open("rb", buffering=0) as stream:
        table, offsets, sizes = _walk_fragments(stream.fileno(), start, file.size)
    return Fragments(offsets, sizes, _first_fragments(table, offsets, frames))


def _walk_fragments(handle: int, at: int, end: int) -> tuple[bytes, NDArray[np.int64], NDArray[np.int64]]:
    """(basic offset table, offsets, sizes) of an encapsulated picture, PS3.5 A.4."""
    table = b""
    found: list[tuple[int, int]] = []
    while True:
        header = os.pread(handle, 8, at)
        if len(header) < 8:
            raise Truncated("the fragments of the pixels have no end")
        group, element, size = struct.unpack("<HHI", header)
        tag = group << 16 | element
        if tag == _SEQUENCE_END:
            break
        if tag != _ITEM or at + 8 + size > end or len(found) > 2 * MAX_FRAMES:
            raise Damaged(f"a fragment of {size} bytes at byte {at} of {end}")
        found.append((at + 8, size))
        at += 8 + size
    if not found:
        raise Damaged("the pixels have no offset table")
    table = os.pread(handle, found[0][1], found[0][0])
    places = np.array(found[1:], np.int64).reshape(-1, 2)
    return table, places[:, 0], places[:, 1]


def _first_fragments(table: bytes, offsets: NDArray[np.int64], frames: int) -> NDArray[np.int64]:
    """The number of the first fragment of each frame, and the number of fragments behind the last."""
    if len(offsets) == frames:
        return np.arange(frames + 1)
    if frames == 1 and len(offsets):
        return np.array([0, len(offsets)])
    if len(table) != 4 * frames or not len(offsets):
        raise Damaged(f"{frames} frames in {len(offsets)} fragments, and no table says which")
    starts = np.frombuffer(table, "<u4").astype(np.int64) + offsets[0] - 8
    first = np.searchsorted(offsets - 8, starts)
    if starts[0] != offsets[0] - 8 or (np.diff(first) < 1).any() or first[-1] >= len(offsets):
        raise Damaged("the offset table does not point to fragments")
    if (offsets[first] - 8 != starts).any():
        raise Damaged("the offset table does not point to fragments")
    return np.append(first, len(offsets))
