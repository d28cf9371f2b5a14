"""A colour profile without words: the numbers that decide the colours are kept, every text, date and name is
replaced."""

import struct
from typing import Final

from deidentify.errors import BrokenInput

MOST_BYTES: Final = 4 << 20
NUMERIC_TAGS: Final = frozenset(
    name.encode()
    for name in ("rXYZ", "gXYZ", "bXYZ", "wtpt", "bkpt", "lumi", "rTRC", "gTRC", "bTRC", "kTRC", "chad",
                 "A2B0", "A2B1", "A2B2", "B2A0", "B2A1", "B2A2", "gamt")
)  # fmt: skip
NUMERIC_TYPES: Final = frozenset({b"XYZ ", b"curv", b"para", b"sf32", b"mft1", b"mft2", b"mAB ", b"mBA "})
PARAMETERS: Final = (1, 3, 4, 5, 7)
"""Of each kind of parametric curve."""
_DESCRIPTION: Final = b"slide"


def clean_profile(profile: bytes) -> bytes | None:
    """A new profile with the same colours, or None when it holds no numeric tag that is known."""
    if len(profile) < 132 or len(profile) > MOST_BYTES or profile[36:40] != b"acsp":
        raise BrokenInput("a colour profile that is none")
    count = struct.unpack(">I", profile[128:132])[0]
    if count > 100 or 132 + 12 * count > len(profile):
        raise BrokenInput("a colour profile with a broken table")
    tags: list[tuple[bytes, bytes]] = []
    for number in range(count):
        name, offset, size = struct.unpack(">4sII", profile[132 + 12 * number : 144 + 12 * number])
        body = profile[offset : offset + size]
        if len(body) != size:
            raise BrokenInput("a colour profile that ends too early")
        if name in NUMERIC_TAGS and body[:4] in NUMERIC_TYPES:
            tags.append((name, _numbers(body)))
    if not tags:
        return None
    old = profile[8] < 4
    return _assemble(profile, [(b"desc", _text(_DESCRIPTION, old)), (b"cprt", _copyright(old)), *tags])


def _numbers(body: bytes) -> bytes:
    """A tag's body without what lies behind its numbers (ICC.1:2022, 10). Tables are kept as they are."""
    kind, size = body[:4], len(body)
    if kind == b"XYZ ":
        size = 20
    elif kind == b"sf32":
        size = 8 + 4 * 9
    elif kind == b"curv":
        size = 12 + 2 * int.from_bytes(body[8:12], "big")
    elif kind == b"para":
        function = int.from_bytes(body[8:10], "big")
        if function >= len(PARAMETERS):
            raise BrokenInput("a colour profile with a curve of no known kind")
        size = 12 + 4 * PARAMETERS[function]
    if size > len(body):
        raise BrokenInput("a colour profile that ends inside a tag")
    return body[:size]


def _assemble(profile: bytes, tags: list[tuple[bytes, bytes]]) -> bytes:
    table, body, position = [], b"", 132 + 12 * len(tags)
    for name, data in tags:
        table.append(struct.pack(">4sII", name, position + len(body), len(data)))
        body += data + bytes(-len(data) % 4)
    header = bytearray(128)
    header[8:12] = profile[8:12]  # version
    header[12:24] = profile[12:24]  # class, colour space, connection space
    header[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    header[36:40] = b"acsp"
    header[64:80] = profile[64:80]  # rendering intent and illuminant
    result = bytes(header) + struct.pack(">I", len(tags)) + b"".join(table) + body
    return struct.pack(">I", len(result)) + result[4:]


def _text(text: bytes, old: bool) -> bytes:
    if old:
        return b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text + bytes(1 + 4 + 4 + 2 + 1 + 67)
    wide = text.decode().encode("utf-16-be")
    return b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(wide), 28) + wide


def _copyright(old: bool) -> bytes:
    return b"text\0\0\0\0none\0" if old else _text(b"none", old)
