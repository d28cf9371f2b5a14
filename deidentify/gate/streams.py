"""What a file is made of, opened to its last layer: a generator of byte streams, each with its place and
grade."""

import base64
import binascii
import gzip
import html
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_to_bytes

from deidentify.gate.errors import CannotJudge
from deidentify.gate.needles import Grade

MOST_DEPTH: Final = 6
MOST_INFLATED: Final = 1 << 30
MOST_ENTRIES: Final = 5000
_BASE64_RUN: Final = re.compile(rb"[A-Za-z0-9+/]{8,}(?:\r?\n[A-Za-z0-9+/]{8,})*={0,2}")
_HEX_RUN: Final = re.compile(rb"(?:[0-9A-Fa-f]{2}){4,}")
_KNOWN_MEMBERS: Final = re.compile(
    r"^(?:\[Content_Types\]|_rels|word|docProps|customXml|xl|ppt)[\w./\[\]-]*$"
)


@dataclass(frozen=True, slots=True)
class Stream:
    place: str
    grade: Grade
    data: bytes | memoryview


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be there at all, whatever it says: a label, a barcode."""

    place: str
    how: str
    what: str


@dataclass(slots=True)
class Budget:
    """How much may still be inflated: a bomb is a file that cannot be judged."""

    inflated: int = MOST_INFLATED
    pictures: list[tuple[str, bytes]] = field(default_factory=list)

    def take(self, count: int, place: str) -> None:
        self.inflated -= count
        if self.inflated < 0:
            raise CannotJudge(f"{place}: inflates to more than {MOST_INFLATED >> 20} MiB")


def walk_blob(place: str, data: bytes, budget: Budget, depth: int = 0) -> Iterator[Stream]:
    """Any bytes found inside a file: searched as they are, then opened when they are a container that is
    known."""
    if depth > MOST_DEPTH:
        raise CannotJudge(f"{place}: nested deeper than {MOST_DEPTH}")
    if data[:4] == b"PK\x03\x04":
        yield from walk_zip(place, data, budget, depth)
    elif data[:8] == b"\x89PNG\r\n\x1a\n":
        yield from walk_png(place, data, budget, depth)
    elif data[:3] == b"\xff\xd8\xff":
        budget.pictures.append((place, data))
        yield from walk_jpeg(place, data)
    elif data[:2] == b"\x1f\x8b":
        yield from walk_blob(f"{place}>gzip", _gunzip(place, data, budget), budget, depth + 1)
    elif (
        data[:1] == b"\x78"
        and data[1:2] in b"\x01\x5e\x9c\xda"
        and (inflated := inflate(place, data, budget))
    ):
        yield from walk_blob(f"{place}>zlib", inflated, budget, depth + 1)
    elif is_text(data):
        yield from walk_text(place, data, budget, depth)
    else:
        yield Stream(place, Grade.BINARY, data)


def is_text(data: bytes) -> bool:
    """UTF-8 or ASCII without control characters, or UTF-16 with its mark."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return True
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return not any(ord(mark) < 32 and mark not in "\t\r\n\f\v" for mark in set(text))


def walk_text(place: str, data: bytes, budget: Budget, depth: int = 0) -> Iterator[Stream]:
    """Text as it stands, without its mark-up, and every run in it that is text in base64, hex or percent
    signs."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        yield Stream(place, Grade.TEXT, data)
        data = data.decode("utf-16", "replace").encode()
    yield Stream(place, Grade.TEXT, data)
    if b"<" in data or b"&" in data:
        yield Stream(
            f"{place}>text",
            Grade.TEXT,
            html.unescape(re.sub(rb"<[^>]*>", b"", data).decode("utf-8", "replace")).encode(),
        )
        yield Stream(f"{place}>words", Grade.TEXT, re.sub(rb"<[^>]*>", b" ", data))
    if b"%" in data:
        yield Stream(f"{place}>url", Grade.TEXT, unquote_to_bytes(data))
    if b"\\" in data:
        yield Stream(f"{place}>escapes", Grade.TEXT, _unescape(data))
    if depth >= MOST_DEPTH:
        return
    for name, decoded in _decoded_runs(data):
        budget.take(len(decoded), place)
        yield from walk_blob(f"{place}>{name}", decoded, budget, depth + 1)


def _decoded_runs(data: bytes) -> Iterator[tuple[str, bytes]]:
    for run in _BASE64_RUN.finditer(data):
        try:
            decoded = base64.b64decode(re.sub(rb"\s", b"", run.group()) + b"==")
        except (binascii.Error, ValueError):
            continue
        if (
            is_text(decoded)
            or decoded[:4] in (b"PK\x03\x04", b"\x89PNG")
            or decoded[:2] in (b"\xff\xd8", b"\x1f\x8b", b"\x78\x9c")
        ):
            yield "base64", decoded
    for run in _HEX_RUN.finditer(data):
        decoded = bytes.fromhex(run.group().decode())
        if is_text(decoded):
            yield "hex", decoded


def _unescape(data: bytes) -> bytes:
    text = data.decode("utf-8", "replace")
    return re.sub(
        r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})", lambda m: chr(int(m.group(1) or m.group(2), 16)), text
    ).encode("utf-8", "replace")


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
            try:
                member = archive.read(entry)
            except (zipfile.BadZipFile, RuntimeError, NotImplementedError, zlib.error, EOFError) as error:
                raise CannotJudge(f"{place}>{name}: cannot be inflated: {error}") from error
            yield from walk_blob(f"{place}>{name}", member, budget, depth + 1)


def walk_png(place: str, data: bytes, budget: Budget, depth: int = 0) -> Iterator[Stream]:
    """Every chunk, with tEXt, zTXt, iTXt and iCCP inflated, the pixels inflated, and whatever follows the
    end."""
    budget.pictures.append((place, data))
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


def walk_jpeg(place: str, data: bytes) -> Iterator[Stream]:
    """Comments and application segments as text, the rest as pixels; what follows the end of the picture as
    text."""
    position, words = 2, []
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xD9:
            position += 2
            break
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == 0xFE or 0xE0 <= marker <= 0xEF:
            words.append(data[position + 4 : position + 2 + length])
        position += 2 + max(length, 2)
        if marker == 0xDA:
            scan_end = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]").search(data, position)
            position = scan_end.start() if scan_end else len(data)
    words.append(data[position:])
    yield Stream(f"{place}>comments", Grade.TEXT, b"\n".join(words))
    yield Stream(place, Grade.PIXELS, data)


def inflate(place: str, data: bytes, budget: Budget) -> bytes:
    """One zlib stream; empty when it is none. What follows it stays in the raw search of its holder."""
    machine = zlib.decompressobj()
    try:
        result = machine.decompress(data, max(budget.inflated, 1))
    except zlib.error:
        return b""
    budget.take(len(result) + (1 if machine.unconsumed_tail else 0), place)
    return result


def _gunzip(place: str, data: bytes, budget: Budget) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as source:
            result = source.read(max(budget.inflated, 1) + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise CannotJudge(f"{place}: a broken gzip stream: {error}") from error
    budget.take(len(result), place)
    return result
