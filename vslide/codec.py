"""Compression of pixels, done once: Blosc 1 buffers (HDF5 filter 32001) that every reader decodes unchanged.

The buffers are self-describing, so each channel may use the codec that a probe of its first field found best.
numcodecs releases the interpreter lock while it works: encode and decode from a small thread pool.
"""

from typing import Any, Literal, get_args

import numpy as np
from numcodecs import blosc
from numpy.typing import DTypeLike, NDArray

from vslide.errors import Damaged, InvalidHeader, Truncated

Pixels = NDArray[Any]
CodecName = Literal["zstd-shuffle", "zstd-bitshuffle", "zstd-plain", "lz4-bitshuffle"]

TARGET_CHUNK = 512
JPEG_QUALITY = 90
"""Of camera chunks in JPEG, unless their producer chooses, and of such a slide's zoom layers and overview:
about 40 dB on stained tissue, at a seventh to a tenth of the raw bytes."""
_HEADER_BYTES = 16
_PROBE_SIDE = 256
_WORTH_SWITCHING = 0.98
_WORTH_SHIFTING = 0.95

_CODECS: dict[str, tuple[str, int]] = {
    "zstd-shuffle": ("zstd", blosc.SHUFFLE),
    "zstd-bitshuffle": ("zstd", blosc.BITSHUFFLE),
    "zstd-plain": ("zstd", blosc.NOSHUFFLE),
    "lz4-bitshuffle": ("lz4", blosc.BITSHUFFLE),
}

# Blosc's own thread pool is global and does not survive a fork; parallelism comes from our callers' threads.
blosc.use_threads = False


def _divide(size: int) -> int:
    best = size
    for parts in range(1, max(2, size // 64) + 1):
        if size % parts == 0 and abs(size // parts - TARGET_CHUNK) < abs(best - TARGET_CHUNK):
            best = size // parts
    return best


def chunk_grid(field_h: int, field_w: int) -> tuple[int, int]:
    """(chunk_h, chunk_w) in px: the exact divisors of the field's sides nearest to 512."""
    if field_h < 1 or field_w < 1:
        raise InvalidHeader(f"a field of {field_h} x {field_w} px")
    return _divide(field_h), _divide(field_w)


def encode_chunk(pixels: Pixels, codec: str = "zstd-shuffle") -> bytes:
    """One Blosc 1 buffer of a C-ordered copy of `pixels` (any shape, uint8 or uint16).

    One block for the whole chunk: with 512 x 512 px that packs 2 % better than Blosc's own choice (32 KiB),
    and is 1.4 times as fast in both directions (docs/decisions/0016).
    """
    if codec not in _CODECS:
        raise InvalidHeader(f"unknown codec {codec!r}, one of {', '.join(get_args(CodecName))}")
    compressor, shuffle = _CODECS[codec]
    solid = np.ascontiguousarray(pixels)
    packed: bytes = blosc.compress(solid, compressor.encode(), 1, shuffle, solid.nbytes)
    return packed


def encode_plane(
    pixels: Pixels, chunk_shape: tuple[int, int], codec: str = "zstd-shuffle", offset: int = 0
) -> tuple[bytes, ...]:
    """Compress a colour field (H, W) into its chunks, row by row, `offset` (the channel's) subtracted before.

    `chunk_shape` (height, width) must divide (H, W); raises InvalidHeader otherwise.
    """
    height, width = chunk_shape
    if pixels.ndim != 2 or pixels.shape[0] % height or pixels.shape[1] % width:
        raise InvalidHeader(f"chunks of {height} x {width} do not divide a plane of shape {pixels.shape}")
    if offset:
        pixels = pixels - np.array(offset, pixels.dtype)
    return tuple(
        encode_chunk(pixels[y : y + height, x : x + width], codec)
        for y in range(0, pixels.shape[0], height)
        for x in range(0, pixels.shape[1], width)
    )


def check_chunk(buf: bytes, size: int) -> None:
    """Raise Truncated or Damaged unless the buffer's header tells its own length and `size` bytes of
    pixels.
    """
    if len(buf) < _HEADER_BYTES:
        raise Truncated(f"a chunk of {len(buf)} bytes has no Blosc header")
    decoded, stored = int.from_bytes(buf[4:8], "little"), int.from_bytes(buf[12:16], "little")
    if stored != len(buf):
        raise Truncated(f"a chunk says {stored} bytes and has {len(buf)}")
    if decoded != size:
        raise Damaged(f"a chunk holds {decoded} bytes of pixels instead of {size}")


def decode_chunk(buf: bytes, dtype: DTypeLike, shape: tuple[int, ...]) -> Pixels:
    """Pixels of `shape` from one stored buffer. Raises Truncated or Damaged instead of reading past
    anything.
    """
    pixels = np.empty(shape, dtype)
    check_chunk(buf, pixels.nbytes)
    try:
        blosc.decompress(buf, pixels)
    except (RuntimeError, ValueError) as error:
        raise Damaged(f"a chunk does not decode: {error}") from error
    return pixels


def probe(pixels: Pixels) -> CodecName:
    """The codec that packs the middle of this first field best; the default unless another saves at least 2
    %.
    """
    top, left = ((side - min(side, _PROBE_SIDE)) // 2 for side in pixels.shape)
    sample = pixels[top : top + _PROBE_SIDE, left : left + _PROBE_SIDE]
    names: tuple[CodecName, ...] = ("zstd-shuffle", "zstd-bitshuffle", "zstd-plain")
    sizes = {name: len(encode_chunk(sample, name)) for name in names}
    best = min(names, key=lambda name: sizes[name])
    return best if sizes[best] < _WORTH_SWITCHING * sizes["zstd-shuffle"] else "zstd-shuffle"


def probe_offset(pixels: Pixels, black_level: int) -> int:
    """What to subtract from a bright 16-bit channel: its black level where that saves at least 5 % of this
    first field, else 0. (A camera whose darkness lies at 400 keeps its values astride of a byte.)
    """
    if pixels.dtype.itemsize == 1 or not black_level:
        return 0
    as_they_are, shifted = (
        len(encode_chunk(pixels - np.array(offset, pixels.dtype))) for offset in (0, black_level)
    )
    return black_level if shifted < _WORTH_SHIFTING * as_they_are else 0
