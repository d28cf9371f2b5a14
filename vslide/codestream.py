"""What a compressed picture says of its size, read from its first bytes: nothing is decoded.

A decoder allocates what the code stream declares, whatever the file around it says: both are compared first.
"""

import struct
from dataclasses import dataclass

from vslide.errors import Damaged

_JPEG, _JPEG2000 = b"\xff\xd8", b"\xff\x4f\xff\x51"
_BASELINE, _JPEG_LS = {0xC0, 0xC1}, {0xF7}
_OTHER_FRAMES = {0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_MAX_SEGMENTS = 200


@dataclass(frozen=True, slots=True)
class Stream:
    """`kind` is "jpeg" (8-bit baseline), "jpeg-ls" or "jpeg2000"; sizes in px, `bits` of each sample."""

    kind: str
    width: int
    height: int
    samples: int
    bits: int


def describe(data: bytes) -> Stream:
    """The frame header of a JPEG, JPEG-LS or JPEG 2000 code stream. Raises Damaged."""
    try:
        if data.startswith(_JPEG2000):
            return _jpeg2000(data)
        if data.startswith(_JPEG):
            return _jpeg(data)
    except struct.error as error:
        raise Damaged("a compressed picture ends inside its header") from error
    raise Damaged("a compressed picture starts with bytes of no known kind")


def _jpeg(data: bytes) -> Stream:
    at = 2
    for _ in range(_MAX_SEGMENTS):
        marker, length = struct.unpack_from(">HH", data, at)
        kind = marker & 0xFF
        if marker >> 8 != 0xFF or length < 2 or kind in _OTHER_FRAMES:
            raise Damaged("a compressed picture is neither baseline JPEG nor JPEG-LS")
        if kind in _BASELINE | _JPEG_LS:
            bits, height, width, samples = struct.unpack_from(">BHHB", data, at + 4)
            return Stream("jpeg-ls" if kind in _JPEG_LS else "jpeg", width, height, samples, bits)
        at += 2 + length
    raise Damaged("a compressed picture has no frame header")


def _jpeg2000(data: bytes) -> Stream:
    right, bottom, left, top, tile_wide, tile_tall = struct.unpack_from(">6I", data, 8)
    samples, depth = struct.unpack_from(">HB", data, 40)
    if min(tile_wide, tile_tall) < 1 or right <= left or bottom <= top:
        raise Damaged("a JPEG 2000 picture without an area")
    return Stream("jpeg2000", right - left, bottom - top, samples, (depth & 0x7F) + 1)
