"""Masks on the disk: PNG strip by strip, and OME-TIFF in tiles with a pyramid."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from tifffile import TiffWriter

from annotation.exchange.errors import UnsupportedFormat
from annotation.exchange.masks.drawing import Drawing, Strip

PNG_SUFFIX: Final = ".png"
SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
GREY: Final = 0
INDEXED: Final = 3
TILE: Final = 256
SMALLEST_LEVEL: Final = 512
FACTOR: Final = 2


def write_png(drawing: Drawing, target: Path, colours: list[str]) -> None:
    """8 bits with a palette of the labels' `colours` (none: grey), or 16 bits of grey. Raises
    UnsupportedFormat for more values than that.
    """
    if drawing.dtype.itemsize > 2:
        raise UnsupportedFormat(
            f"A PNG has at most 65,535 values, this mask {drawing.highest:,}: write OME-TIFF."
        )
    deep = drawing.dtype.itemsize == 2
    kind = GREY if deep or not colours else INDEXED
    with target.open("wb") as stream:
        stream.write(SIGNATURE)
        head = struct.pack(">IIBBBBB", drawing.width, drawing.height, 16 if deep else 8, kind, 0, 0, 0)
        _chunk(stream, b"IHDR", head)
        if kind == INDEXED:
            _chunk(stream, b"PLTE", b"".join(bytes.fromhex(colour[1:]) for colour in ["#000000", *colours]))
        for part in _packed(drawing):
            _chunk(stream, b"IDAT", part)
        _chunk(stream, b"IEND", b"")


def _packed(drawing: Drawing) -> Iterator[bytes]:
    packer = zlib.compressobj(6)
    for strip in drawing.strips():
        # Every row begins with the number of its filter; none is as good as any for flat areas.
        rows = strip.astype(strip.dtype.newbyteorder(">")).view(np.uint8).reshape(len(strip), -1)
        yield packer.compress(np.pad(rows, ((0, 0), (1, 0))).tobytes())
    yield packer.flush()


def _chunk(stream: BinaryIO, name: bytes, body: bytes) -> None:
    if body or name == b"IEND":
        stream.write(struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)))


def write_ome(drawing: Drawing, target: Path, mpp: float | None) -> None:
    """Tiles of 256 px, and halved levels until one fits into 512 px; every level is drawn, not scaled."""
    levels = [drawing]
    while max(levels[-1].width, levels[-1].height) > SMALLEST_LEVEL:
        levels.append(levels[-1].coarser(FACTOR))
    scale = {}
    if mpp is not None:
        size = mpp * drawing.step
        scale = {
            "PhysicalSizeX": size,
            "PhysicalSizeXUnit": "µm",
            "PhysicalSizeY": size,
            "PhysicalSizeYUnit": "µm",
        }
    with TiffWriter(target, bigtiff=True, ome=True) as writer:
        for number, level in enumerate(levels):
            writer.write(
                _tiles(level),
                shape=(level.height, level.width),
                dtype=level.dtype,
                tile=(TILE, TILE),
                compression="zlib",
                photometric="minisblack",
                subfiletype=1 if number else 0,
                subifds=None if number else len(levels) - 1,
                metadata=None if number else {"axes": "YX", "Name": "mask", **scale},
            )


def _tiles(drawing: Drawing) -> Iterator[Strip]:
    for strip in drawing.strips(TILE):
        for left in range(0, drawing.width, TILE):
            tile = strip[:, left : left + TILE]
            yield np.pad(tile, ((0, TILE - tile.shape[0]), (0, TILE - tile.shape[1])))
