"""Brightfield chunks as JPEG: baseline, 4:4:4, JFIF (YCbCr), all three colours in one picture.

A chunk (fields, 3, h, w) is one picture of w x (fields * h) px, the fields one below the other: what a
browser's `createImageBitmap` and any JPEG library decode unchanged. A chunk is nothing but its picture:
comments, other application segments, restart markers and bytes behind the end are refused, so nothing else
travels in it.
imagecodecs (libjpeg-turbo) releases the interpreter lock in both directions.
"""

import math
import struct
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from vslide.codec import JPEG_QUALITY
from vslide.errors import Damaged, InvalidHeader, Truncated

Pixels = NDArray[Any]

MAX_SIDE = 65_500
"""Longest side of a picture in px that libjpeg takes."""
START = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"
"""How every chunk begins: start of image, and a JFIF segment without a thumbnail."""
END = b"\xff\xd9"

_TABLES = {0xC4, 0xDB}
_BASELINE, _SCAN = 0xC0, 0xDA


def encode_picture(picture: Pixels, quality: int = JPEG_QUALITY) -> bytes:
    """One JPEG of a picture (H, W, 3) uint8. Raises InvalidHeader for one that JPEG cannot hold."""
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise InvalidHeader(f"JPEG takes (H, W, 3) uint8, not {picture.shape} {picture.dtype}")
    if not 0 < min(picture.shape) <= max(picture.shape) <= MAX_SIDE:
        raise InvalidHeader(f"a JPEG of {picture.shape[1]} x {picture.shape[0]} px")
    return bytes(imagecodecs.jpeg8_encode(np.ascontiguousarray(picture), level=quality, subsampling="444"))


def encode_rgb(
    pixels: Pixels, chunk_shape: tuple[int, int], quality: int = JPEG_QUALITY
) -> tuple[bytes, ...]:
    """Compress a colour field, (H, W, 3) as cameras give it or planar (3, H, W), into its chunks, row by row.

    `chunk_shape` (height, width) must divide (H, W), `quality` is libjpeg's (1 to 100). Raises InvalidHeader.
    """
    if pixels.ndim == 3 and pixels.shape[2] != 3 and pixels.shape[0] == 3:
        pixels = np.moveaxis(pixels, 0, -1)
    height, width = chunk_shape
    if pixels.ndim != 3 or pixels.shape[0] % height or pixels.shape[1] % width:
        raise InvalidHeader(f"chunks of {height} x {width} do not divide a field of shape {pixels.shape}")
    return tuple(
        encode_picture(pixels[y : y + height, x : x + width], quality)
        for y in range(0, pixels.shape[0], height)
        for x in range(0, pixels.shape[1], width)
    )


def check_picture(stored: bytes, height: int, width: int) -> None:
    """Raise Truncated or Damaged unless these bytes are one baseline JPEG of (height, width, 3) and nothing
    else. Looks at the markers, decodes nothing.
    """
    if not stored.startswith(START):
        raise Damaged("a chunk is no JPEG with a JFIF header")
    if not stored.endswith(END):
        raise Truncated("a JPEG chunk has no end")
    scan = _check_segments(stored, height, width)
    # In the scan each 0xff is a byte of data, with a zero behind it, or the end.
    if stored.count(b"\xff", scan) != stored.count(b"\xff\x00", scan) + 1:
        raise Damaged("a JPEG chunk holds more than one scan")


def _check_segments(stored: bytes, height: int, width: int) -> int:
    """Where the scan begins. The size is that of the frame header, the only one that a decoder reads too."""
    position, framed = 20, False
    while True:
        mark, length = stored[position : position + 2], int.from_bytes(stored[position + 2 : position + 4])
        body = stored[position + 4 : position + 2 + length]
        if len(mark) < 2 or len(body) != length - 2:
            raise Truncated("a JPEG chunk ends inside a segment")
        position += 2 + length
        if mark[0] != 0xFF or mark[1] not in (*_TABLES, _BASELINE, _SCAN):
            raise Damaged(f"a JPEG chunk has a segment {mark.hex()} that chunks do not have")
        if mark[1] == _SCAN:
            if not framed or body[:1] != b"\x03":
                raise Damaged("a JPEG chunk has no frame of three colours")
            return position
        if mark[1] == _BASELINE:
            wanted = struct.pack(">BHHB", 8, height, width, 3)
            if framed or body[: len(wanted)] != wanted:
                raise Damaged(f"a JPEG chunk is framed {body[:6].hex()} instead of {wanted.hex()}")
            framed = True


def decode_picture(stored: bytes, height: int, width: int) -> Pixels:
    """The picture (height, width, 3). Raises Truncated or Damaged; never makes more pixels than these."""
    check_picture(stored, height, width)
    try:
        picture: Pixels = imagecodecs.jpeg8_decode(stored)
    except (imagecodecs.Jpeg8Error, ValueError) as error:
        raise Damaged(f"a JPEG chunk does not decode: {error}") from error
    if picture.shape != (height, width, 3):
        raise Damaged(f"a JPEG chunk decodes to {picture.shape}")
    return picture


class JpegChunks:
    """Chunks of a JPEG slide, (…, 3, h, w): the fields of a group one below the other."""

    def decode(self, plain: bytes, shape: tuple[int, ...], plane: int) -> Pixels:
        """Pixels in `shape`. Raises Truncated or Damaged."""
        *fields, _, height, width = shape
        picture = decode_picture(plain, math.prod(fields) * height, width)
        return np.ascontiguousarray(np.moveaxis(picture.reshape(*fields, height, width, 3), -1, -3))

    def encode(self, pixels: Pixels, plane: int) -> bytes:
        *fields, _, height, width = pixels.shape
        return encode_picture(np.moveaxis(pixels, -3, -1).reshape(math.prod(fields) * height, width, 3))

    def check(self, plain: bytes, shape: tuple[int, ...]) -> None:
        """Raise Truncated or Damaged unless the bytes are such a chunk and nothing else."""
        *fields, _, height, width = shape
        check_picture(plain, math.prod(fields) * height, width)
