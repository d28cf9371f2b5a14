"""Compressed tiles without the places where words hide: comments, application segments and bytes after the
end.

The picture itself is never decoded: a tile that holds no words comes back as the same bytes.
"""

import re
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

from deidentify.errors import BrokenInput, UnknownContent
from deidentify.images.lzw import clean_lzw

JPEG, OLD_JPEG, NONE, LZW, DEFLATE, OLD_DEFLATE, ZSTD = 7, 6, 1, 5, 8, 32946, 50000
JPEG_2000: Final = frozenset({33003, 33005, 34712})
ACCEPTED: Final = frozenset({JPEG, NONE, LZW, DEFLATE, OLD_DEFLATE, ZSTD, *JPEG_2000})
LONGEST_HEADER: Final = 1 << 20
PART: Final = 16 << 20
_AFTER_SCAN: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_AFTER_LS_SCAN: Final = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")  # ISO 14495-1: a set bit after ff is no data
_LS_PRESETS: Final = 1
_ADOBE: Final = re.compile(rb"^Adobe\x00[\x64\x65].{5}$", re.DOTALL)
_J2K_COMMENT: Final = 0x64
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_ZSTD_RUN, _ZSTD_RESERVED = 1, 3


def clean_tile(data: bytes, compression: int) -> bytes:
    """The tile's bytes with every word taken out. Raises UnknownContent for a codec or segment that is on no
    list."""
    if compression == JPEG:
        return clean_jpeg(data)
    if compression in JPEG_2000:
        return clean_jpeg2000(data)
    if compression in (DEFLATE, OLD_DEFLATE):
        return _clean_deflate(data)
    if compression == ZSTD:
        return _clean_zstd(data)
    if compression == LZW:
        return clean_lzw(data)
    if compression == NONE:
        return data
    raise UnknownContent(f"compression {compression}", f"tiles with compression {compression} are not known")


def clean_jpeg(data: bytes) -> bytes:
    """A JPEG stream (or the tables of one) without comments, application segments and bytes after its end."""
    return _clean_segments(data, _keeps_jpeg, _AFTER_SCAN)


def long_jpeg(file: BinaryIO, start: int, end: int) -> tuple[bytes, int, int]:
    """(clean header, where the coded picture begins, where it ends with its mark) of a JPEG stream of one
    scan that stands in a file and is too long to be held. Raises UnknownContent, BrokenInput.
    """
    file.seek(start)
    head, size = file.read(min(LONGEST_HEADER, end - start)), 2
    while head[size : size + 2] != b"\xff\xda":
        if size + 4 > len(head) or head[size] != 0xFF:
            raise BrokenInput("a JPEG strip whose header does not end")
        size += 2 + int.from_bytes(head[size + 2 : size + 4], "big")
    size += 2 + int.from_bytes(head[size + 2 : size + 4], "big")
    position, before = start + size, b""
    for part in parts_of(file, position, end):
        if scan := _AFTER_SCAN.search(before + part):
            break
        position, before = position + len(part), part[-1:]
    else:
        raise BrokenInput("a JPEG strip without an end")
    if scan.group() != b"\xff\xd9":
        raise UnknownContent("JPEG scans", "a JPEG strip of several scans")
    return clean_jpeg(head[:size]), start + size, position - len(before) + scan.end()


def parts_of(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    """The bytes of a file from ``start`` to ``end``, or to where it ends now, in parts of a few megabytes."""
    file.seek(start)
    while start < end and (part := file.read(min(PART, end - start))):
        start += len(part)
        yield part


def clean_jpeg_ls(data: bytes) -> bytes:
    """The same of a JPEG-LS stream (ISO 14495-1)."""
    return _clean_segments(data, _keeps_jpeg_ls, _AFTER_LS_SCAN)


def _clean_segments(data: bytes, keeps: Callable[[int, bytes], bool], after_scan: re.Pattern[bytes]) -> bytes:
    if data[:2] != b"\xff\xd8":
        raise BrokenInput("a JPEG tile that does not start as one")
    kept, position = [b"\xff\xd8"], 2
    while position < len(data):
        if position + 2 > len(data) or data[position] != 0xFF:
            raise BrokenInput("a JPEG tile whose segments do not follow each other")
        marker = data[position + 1]
        if marker == 0xD9:
            kept.append(b"\xff\xd9")
            break
        if marker == 0xFF:
            position += 1
            continue
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if end > len(data) or end < position + 4:
            raise BrokenInput("a JPEG tile that ends inside a segment")
        if marker == 0xDA:
            scan = after_scan.search(data, end)
            end = scan.start() if scan else len(data)
        if keeps(marker, data[position + 4 : end]):
            kept.append(data[position:end])
        position = end
    result = b"".join(kept)
    return data if result == data else result


def _keeps_jpeg(marker: int, body: bytes) -> bool:
    if marker == 0xEE:  # says how the colours are coded: without it some decoders show other colours
        return _ADOBE.match(body) is not None
    if marker == 0xE0:
        return body[:5] == b"JFIF\0" and len(body) == 14
    if marker == 0xFE or 0xE1 <= marker <= 0xEF:
        return False
    if 0xC0 <= marker <= 0xCF or marker in (0xDA, 0xDB, 0xDC, 0xDD):
        return True
    raise UnknownContent(f"JPEG segment {marker:02x}", f"a JPEG segment {marker:02x} is not known")


def _keeps_jpeg_ls(marker: int, body: bytes) -> bool:
    if marker == 0xE8 and body[:4] == b"mrfx":  # without it the colours are others
        raise UnknownContent("JPEG-LS colour transform", "a JPEG-LS tile with a colour transform of its own")
    if marker == 0xFE or 0xE0 <= marker <= 0xEF:
        return False
    if marker in (0xF7, 0xDA, 0xDD) or (marker == 0xF8 and body[:1] == bytes((_LS_PRESETS,))):
        return True
    raise UnknownContent(f"JPEG-LS segment {marker:02x}", f"a JPEG-LS segment {marker:02x} is not known")


def clean_jpeg2000(data: bytes) -> bytes:
    """A JPEG 2000 codestream without the comments of its main header and the bytes after its end."""
    if data[:4] != b"\xff\x4f\xff\x51":
        raise UnknownContent("JPEG 2000 wrapper", "a JPEG 2000 tile that is no bare codestream")
    kept, position = [b"\xff\x4f"], 2
    while data[position : position + 2] != b"\xff\x90":
        if position + 4 > len(data):
            raise BrokenInput("a JPEG 2000 tile that ends inside its header")
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if data[position] != 0xFF or end > len(data) or end < position + 4:
            raise BrokenInput("a JPEG 2000 tile with a broken header")
        if data[position + 1] != _J2K_COMMENT:
            kept.append(data[position:end])
        position = end
    body_end = _walk_tile_parts(data, position)
    kept.append(data[position:body_end] + b"\xff\xd9")
    result = b"".join(kept)
    return data if result == data else result


def _walk_tile_parts(data: bytes, position: int) -> int:
    """The position after the last tile-part. A comment inside a tile-part's header stops: taking it out
    changes lengths."""
    while data[position : position + 2] == b"\xff\x90":
        length = int.from_bytes(data[position + 6 : position + 10], "big")
        if length == 0:
            end = data.rfind(b"\xff\xd9")
            return end if end > position else len(data)
        inner = position + 12
        while inner < position + length and data[inner : inner + 2] != b"\xff\x93":
            if inner + 4 > len(data):
                raise BrokenInput("a JPEG 2000 tile that ends inside a tile-part")
            if data[inner + 1] == _J2K_COMMENT:
                raise UnknownContent("JPEG 2000 comment", "a comment inside a tile-part")
            inner += 2 + max(int.from_bytes(data[inner + 2 : inner + 4], "big"), 2)
        position += length
        if length < 14 or position > len(data):
            raise BrokenInput("a JPEG 2000 tile that ends inside a tile-part")
    return position


def _clean_deflate(data: bytes) -> bytes:
    machine = zlib.decompressobj()
    try:
        machine.decompress(data)
    except zlib.error as error:
        raise BrokenInput(f"a tile that cannot be inflated: {error}") from error
    if not machine.eof:
        raise BrokenInput("a tile that ends too early")
    return data[: len(data) - len(machine.unused_data)]


def _clean_zstd(data: bytes) -> bytes:
    """One frame without the bytes after its end (RFC 8878, 3.1.1): its blocks say how long they are."""
    if data[:4] != _ZSTD_MAGIC or len(data) < 5:
        raise BrokenInput("a Zstandard tile that does not start as one")
    described = data[4]
    single, checksum = described >> 5 & 1, described >> 2 & 1
    position = 5 + 1 - single + (0, 1, 2, 4)[described & 3] + (single, 2, 4, 8)[described >> 6]
    last = False
    while not last:
        head = int.from_bytes(data[position : position + 3], "little")
        last, kind, size = bool(head & 1), head >> 1 & 3, head >> 3
        position += 3 + (1 if kind == _ZSTD_RUN else size)
        if kind == _ZSTD_RESERVED or position > len(data):
            raise BrokenInput("a Zstandard tile that ends inside a block")
    position += 4 * checksum
    if position > len(data):
        raise BrokenInput("a Zstandard tile that ends before its checksum")
    if data[position : position + 4] == _ZSTD_MAGIC:
        raise UnknownContent("Zstandard frames", "a tile of several Zstandard frames")
    return data[:position]
