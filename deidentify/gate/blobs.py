"""Any bytes opened to their last layer: archives in archives, packed streams, any writing of a text."""

import bz2
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

from deidentify.gate.codestreams import walk_jpeg
from deidentify.gate.errors import CannotJudge
from deidentify.gate.needles import Grade
from deidentify.gate.streams import MOST_INFLATED, Budget, Picture, Stream, inflate
from deidentify.gate.writings import PNG, decoded_runs, foreign_kind, is_text, is_zlib, rewritten, rtf_layers

MOST_DEPTH: Final = 6
MOST_ENTRIES: Final = 5000
MOST_RATIO: Final = 200
SMALLEST_BOMB: Final = 4 << 20
MOST_LOOKED_INTO: Final = 64 << 20
MOST_REWRITTEN: Final = 4 << 20
MOST_PACKED: Final = 20_000
SHORTEST_PACKED: Final = 4
_PACKED: Final = re.compile(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08")
_KNOWN_MEMBERS: Final = re.compile(
    r"^(?:\[Content_Types\]|_rels|word|docProps|customXml|xl|ppt)[\w./\[\]-]*$"
)


def walk_blob(place: str, data: bytes, budget: Budget, depth: int = 0) -> Iterator[Stream]:
    """Any bytes found inside a file: searched as they are, then opened when they are a container that is
    known."""
    if depth > MOST_DEPTH:
        raise CannotJudge(f"{place}: nested deeper than {MOST_DEPTH}")
    for magic, walk in _WALKERS:
        if data.startswith(magic):
            yield from walk(place, data, budget, depth)
            return
    if foreign := foreign_kind(data):
        yield Stream(place, Grade.BINARY, data)
        raise CannotJudge(f"{place}: {foreign} inside, which the gate does not open")
    if is_zlib(data) and (inflated := inflate(place, data, budget)):
        yield from walk_blob(f"{place}>zlib", inflated, budget, depth + 1)
    if is_text(data):
        yield from walk_text(place, data, budget, depth)
        return
    yield Stream(place, Grade.BINARY, data)
    yield from walk_inside(place, data, budget, depth)


def walk_inside(place: str, data: bytes, budget: Budget, depth: int = 0) -> Iterator[Stream]:
    """What is hidden in bytes of no known kind: packed streams anywhere, texts in other writings."""
    if depth >= MOST_DEPTH or len(data) > MOST_LOOKED_INTO:
        return
    view = memoryview(data)
    for number, found in enumerate(_PACKED.finditer(data)):
        if number >= MOST_PACKED:
            raise CannotJudge(f"{place}: more than {MOST_PACKED} packed streams")
        if found.start() and (opened := unpacked(place, view[found.start() :], budget)):
            yield from walk_blob(f"{place}>packed at {found.start()}", opened, budget, depth + 1)
    if len(data) <= MOST_REWRITTEN:
        for name, text in rewritten(data):
            yield Stream(f"{place}>{name}", Grade.BINARY, text)
        for name, decoded in decoded_runs(data):
            budget.take(len(decoded), place)
            yield from walk_blob(f"{place}>{name}", decoded, budget, depth + 1)


def unpacked(place: str, data: memoryview, budget: Budget) -> bytes:
    """A zlib or gzip stream that begins here; empty when none does. Chance makes short ones."""
    machine = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        opened = machine.decompress(data, max(budget.inflated, 1))
    except zlib.error:
        return b""
    budget.take(len(opened) + (1 if machine.unconsumed_tail else 0), place)
    return opened if len(opened) >= SHORTEST_PACKED else b""


def walk_text(place: str, data: bytes, budget: Budget, depth: int = 0) -> Iterator[Stream]:
    """Text as it stands, without its mark-up, and every run in it that is text in base64, hex or percent
    signs."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        yield Stream(place, Grade.TEXT, data)
        data = data.decode("utf-16", "replace").encode()
    yield Stream(place, Grade.TEXT, data)
    for name, text in rewritten(data):
        yield Stream(f"{place}>{name}", Grade.TEXT, text)
    if depth >= MOST_DEPTH:
        return
    for name, decoded in decoded_runs(data):
        budget.take(len(decoded), place)
        yield from walk_blob(f"{place}>{name}", decoded, budget, depth + 1)


def walk_zip(place: str, data: bytes, budget: Budget, depth: int = 0) -> Iterator[Stream]:
    """The raw archive (names, extra fields, comments, bytes between members) and every member, inflated."""
    yield Stream(place, Grade.BINARY, data)
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise CannotJudge(f"{place}: a broken zip archive: {error}") from error
    with archive:
        entries = archive.infolist()
        if len(entries) > MOST_ENTRIES:
            raise CannotJudge(f"{place}: {len(entries)} members")
        yield Stream(f"{place}>names", Grade.TEXT, "\n".join(entry.filename for entry in entries).encode())
        yield Stream(
            f"{place}>comments",
            Grade.TEXT,
            b"\n".join([archive.comment, *(e.comment + b"\n" + e.extra for e in entries)]),
        )
        for number, entry in enumerate(entries):
            # A member may be named after a person; a name that is not of the format's own is not repeated
            # anywhere.
            name = entry.filename if _KNOWN_MEMBERS.match(entry.filename) else f"member {number}"
            budget.take(entry.file_size, f"{place}>{name}")
            if entry.file_size > max(MOST_RATIO * entry.compress_size, SMALLEST_BOMB):
                raise CannotJudge(f"{place}>{name}: inflates more than {MOST_RATIO} times")
            try:
                member = archive.read(entry)
            except (zipfile.BadZipFile, RuntimeError, NotImplementedError, zlib.error, EOFError) as error:
                raise CannotJudge(f"{place}>{name}: cannot be inflated: {error}") from error
            yield from walk_blob(f"{place}>{name}", member, budget, depth + 1)


def _gunzip(place: str, data: bytes, budget: Budget) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as source:
            result = source.read(max(budget.inflated, 1) + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise CannotJudge(f"{place}: a broken gzip stream: {error}") from error
    budget.take(len(result), place)
    return result


def _walk_gzip(place: str, data: bytes, budget: Budget, depth: int) -> Iterator[Stream]:
    yield Stream(place, Grade.BINARY, data[:1024])
    yield from walk_blob(f"{place}>gzip", _gunzip(place, data, budget), budget, depth + 1)


def _walk_bz2(place: str, data: bytes, budget: Budget, depth: int) -> Iterator[Stream]:
    yield from walk_blob(
        f"{place}>bzip2", _drained(place, bz2.BZ2Decompressor(), data, budget), budget, depth + 1
    )


def _walk_xz(place: str, data: bytes, budget: Budget, depth: int) -> Iterator[Stream]:
    machine = lzma.LZMADecompressor(memlimit=MOST_INFLATED)
    yield from walk_blob(f"{place}>xz", _drained(place, machine, data, budget), budget, depth + 1)


def _drained(place: str, machine: Any, data: bytes, budget: Budget) -> bytes:
    try:
        result: bytes = machine.decompress(data, max(budget.inflated, 1))
    except (OSError, EOFError, ValueError, lzma.LZMAError) as error:
        raise CannotJudge(f"{place}: a broken packed stream: {error}") from error
    budget.take(len(result) + (0 if machine.eof else 1), place)
    if not machine.eof or machine.unused_data:
        raise CannotJudge(f"{place}: a packed stream that does not end where it should")
    return result


def _walk_rtf(place: str, data: bytes, budget: Budget, depth: int) -> Iterator[Stream]:
    yield Stream(place, Grade.BINARY, data)
    for name, text in rtf_layers(data):
        yield from walk_blob(f"{place}>{name}", text, budget, depth + 1)


def walk_png(place: str, data: bytes, budget: Budget, depth: int = 0) -> Iterator[Stream]:
    """Every chunk, with tEXt, zTXt, iTXt and iCCP inflated, the pixels inflated, and whatever follows the
    end."""
    budget.pictures.append(Picture(place, data))
    position, pixels = 8, b""
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        kind, body = data[position + 4 : position + 8], data[position + 8 : position + 8 + length]
        position += 12 + length
        if kind == b"IDAT":
            pixels += body
            continue
        yield Stream(f"{place}>{kind.decode('ascii', 'replace')}", Grade.TEXT, body)
        start = re.search(rb"\x78[\x01\x5e\x9c\xda]", body)
        if (
            kind in (b"zTXt", b"iTXt", b"iCCP")
            and start
            and (inflated := inflate(place, body[start.start() :], budget))
        ):
            yield from walk_blob(f"{place}>{kind.decode()}", inflated, budget, depth + 1)
        if kind == b"IEND":
            break
    if data[position:]:
        yield from walk_blob(f"{place}>after the end", data[position:], budget, depth + 1)
    yield Stream(f"{place}>pixels", Grade.PIXELS, inflate(place, pixels, budget) or pixels)


def walk_photograph(place: str, data: bytes, budget: Budget, depth: int) -> Iterator[Stream]:
    budget.pictures.append(Picture(place, data))
    yield from walk_jpeg(place, data)


_Walk = Callable[[str, bytes, Budget, int], Iterator[Stream]]
_WALKERS: Final[tuple[tuple[bytes, _Walk], ...]] = (
    (b"PK\x03\x04", walk_zip),
    (PNG, walk_png),
    (b"\xff\xd8\xff", walk_photograph),
    (b"\x1f\x8b", _walk_gzip),
    (b"BZh", _walk_bz2),
    (b"\xfd7zXZ\0", _walk_xz),
    (b"{\\rtf", _walk_rtf),
)
