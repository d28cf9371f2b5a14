"""The writings of a text that hide it from a plain search, and the first bytes by which kinds are known."""

import base64
import binascii
import html
import quopri
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote_to_bytes

PNG: Final = b"\x89PNG\r\n\x1a\n"
FOREIGN: Final = (
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an OLE container"),
    (b"\x28\xb5\x2f\xfd", "a zstd stream"),
    (b"\x04\x22\x4d\x18", "an LZ4 stream"),
    (b"GIF87a", "a GIF picture"),
    (b"GIF89a", "a GIF picture"),
    (b"%PDF-", "a PDF"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"SQLite format 3\0", "a database"),
    (b"-----BEGIN PGP", "an encrypted message"),
)
_BASE64_RUN: Final = re.compile(rb"[A-Za-z0-9+/_-]{8,}(?:\r?\n[A-Za-z0-9+/_-]{8,})*={0,2}")
_HEX_RUN: Final = re.compile(rb"(?:[0-9A-Fa-f]{2}[ :,\-]?){4,}")
_C_HEX_RUN: Final = re.compile(rb"(?:0[xX][0-9A-Fa-f]{2}[,;\s]*){4,}")
_DECIMAL_RUN: Final = re.compile(rb"(?:\b[0-9]{2,3}\b[,;\s]+){5,}[0-9]{2,3}")
_ESCAPE: Final = re.compile(rb"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})|\\'([0-9a-fA-F]{2})|\\([0-3][0-7]{2})")
_RTF_WORD: Final = re.compile(
    rb"\\(?:u(-?\d{1,6})\s?\??|'([0-9a-fA-F]{2})|[a-zA-Z]+-?\d*\s?|[^a-zA-Z])|[{}\r\n]"
)


def is_text(data: bytes) -> bool:
    """UTF-8 or ASCII without control characters, or UTF-16 with its mark."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return True
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return not any(ord(mark) < 32 and mark not in "\t\r\n\f\v" for mark in set(text))


def is_zlib(data: bytes) -> bool:
    return data[:1] == b"\x78" and data[1:2] in (b"\x01", b"\x5e", b"\x9c", b"\xda")


def foreign_kind(data: bytes) -> str:
    """A container that the gate knows by its first bytes and does not open; empty for none."""
    return next((name for magic, name in FOREIGN if data.startswith(magic)), "")


def rewritten(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The same text without mark-up, entities, percent signs, escapes or soft line ends."""
    if b"<" in data or b"&" in data:
        bare = html.unescape(re.sub(rb"<[^<>]*>", b"", data).decode("utf-8", "replace"))
        yield "text", bare.encode("utf-8", "replace")
        yield "words", re.sub(rb"<[^<>]*>", b" ", data)
    if b"%" in data:
        once = unquote_to_bytes(data)
        yield "url", once
        if b"%" in once:
            yield "url>url", unquote_to_bytes(once)
    if b"\\" in data:
        yield "escapes", _ESCAPE.sub(_escaped, data)
    if re.search(rb"=[0-9A-F]{2}", data):
        yield "quoted-printable", quopri.decodestring(data)


def decoded_runs(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Every run of base64, hex or numbers that stands for a text or for a container."""
    for run in _BASE64_RUN.finditer(data):
        try:
            decoded = base64.b64decode(
                re.sub(rb"\s", b"", run.group()) + b"==", altchars=_alphabet(run.group())
            )
        except (binascii.Error, ValueError):
            continue
        if _speaks(decoded):
            yield "base64", decoded
    for name, pattern in (("hex", _HEX_RUN), ("numbers", _C_HEX_RUN)):
        for run in pattern.finditer(data):
            digits = re.sub(rb"0[xX]|[^0-9A-Fa-f]", b"", run.group()) if name == "numbers" else run.group()
            decoded = bytes.fromhex(re.sub(rb"[^0-9A-Fa-f]", b"", digits).decode())
            if _speaks(decoded):
                yield name, decoded
    for run in _DECIMAL_RUN.finditer(data):
        numbers = [int(number) for number in re.findall(rb"\d+", run.group())]
        if max(numbers) < 256 and _speaks(decoded := bytes(numbers)):
            yield "numbers", decoded


def rtf_layers(data: bytes) -> Iterator[tuple[str, bytes]]:
    """What an RTF document says with its control words taken out, and its packed pictures and objects."""
    yield "text", _RTF_WORD.sub(_rtf_mark, data) or b" "
    for run in re.finditer(rb"(?:[0-9A-Fa-f]{2}\s*){32,}", data):
        yield "object", bytes.fromhex(re.sub(rb"\s", b"", run.group()).decode())


def _speaks(data: bytes) -> bool:
    starts = (b"PK\x03\x04", PNG, b"\xff\xd8\xff", b"\x1f\x8b", b"{\\rtf", b"BZh", b"\xfd7zXZ\0")
    wide = len(data) >= 8 and max(data[0::2].count(0), data[1::2].count(0)) * 5 >= len(data) * 2
    return is_text(data) or data.startswith(starts) or is_zlib(data) or wide or bool(foreign_kind(data))


def _alphabet(run: bytes) -> bytes:
    return b"-_" if b"-" in run or b"_" in run else b"+/"


def _escaped(match: re.Match[bytes]) -> bytes:
    wide, short, rtf, octal = match.groups()
    code = int(octal, 8) if octal else int(wide or short or rtf, 16)
    return chr(code).encode("utf-8", "replace")


def _rtf_mark(match: re.Match[bytes]) -> bytes:
    number, short = match.groups()
    if number:
        return chr(int(number) % 65536).encode("utf-8", "replace")
    if short:
        return bytes.fromhex(short.decode()).decode("cp1252", "replace").encode()
    return b" " if match.group() in (b"\\~", b"\\tab", b"\\par", b"\\line", b"\\par ", b"\\line ") else b""
