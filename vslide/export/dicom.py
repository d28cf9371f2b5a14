"""DICOM whole slide images: a directory with one instance for each level, TILED_FULL (PS3.3 C.8.12.4).

Brightfield of 8 bits becomes JPEG baseline or, on demand, lossless JPEG-LS; every other slide becomes
monochrome JPEG-LS, each channel an optical path. Frames follow one another as the standard orders them:
optical path, focus plane, row, column. A slide with time points becomes a series, in a directory of its own,
for each of them.
"""

import struct
import tempfile
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from shutil import copyfileobj
from typing import Any, BinaryIO

import imagecodecs
from pydicom.filewriter import dcmwrite
from pydicom.uid import JPEGBaseline8Bit, JPEGLSLossless

from vslide.errors import NotASlide
from vslide.export.common import JPEG_QUALITY, Pixels, Source, in_order, interleaved
from vslide.export.dicom_header import Frames, Series, build, new_uid

_TILE = 512
_ITEM, _SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0\0\0\0\0"
_PIXEL_DATA = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff"
_ITEM_BYTES = 8
_ROOM = 4096
BASIC_TABLE_END = 1 << 32
"""Frames that begin behind this byte do not fit into the basic offset table; the extended one holds them."""


def write(source: Source, draft: Path) -> None:
    """Raises NotASlide for a slide that does not know its pixel size: DICOM has no place for that."""
    if not source.slide.pixel_size_um:
        raise NotASlide("a DICOM slide needs a pixel size, and this slide does not know its own")
    draft.mkdir()
    study = new_uid()
    for t in range(source.times):
        folder = draft / f"time-{t}" if source.times > 1 else draft
        folder.mkdir(exist_ok=True)
        series = Series(study, t + 1)
        for number, level in enumerate(source.levels):
            _write_instance(source, folder / f"level-{number}.dcm", level, number + 1, series, t)


def _write_instance(source: Source, path: Path, level: int, number: int, series: Series, t: int) -> None:
    lossy = source.is_rgb and not source.options.lossless
    with tempfile.TemporaryFile(dir=path.parent) as spool:
        sizes = [_write_item(spool, frame) for frame in _frames(source, level, t, lossy)]
        raw = len(sizes) * _TILE * _TILE * source.slide.dtype.itemsize * (3 if source.is_rgb else 1)
        photometric = ("YBR_FULL_422" if lossy else "RGB") if source.is_rgb else "MONOCHROME2"
        syntax = JPEGBaseline8Bit if lossy else JPEGLSLossless
        frames = Frames(len(sizes), _TILE, syntax, photometric, raw / max(1, sum(sizes)) if lossy else 0.0)
        made = build(source, level, number, series, frames)
        starts = list(accumulate((size + _ITEM_BYTES for size in sizes[:-1]), initial=0))
        table = b""
        if starts[-1] < BASIC_TABLE_END:
            table = struct.pack(f"<{len(starts)}I", *starts)
        else:
            made.ExtendedOffsetTable = struct.pack(f"<{len(starts)}Q", *starts)
            made.ExtendedOffsetTableLengths = struct.pack(f"<{len(sizes)}Q", *sizes)
        with path.open("wb") as stream:
            dcmwrite(stream, made, enforce_file_format=True)
            stream.write(_PIXEL_DATA)
            _write_item(stream, table)
            spool.seek(0)
            copyfileobj(spool, stream, 1 << 20)
            stream.write(_SEQUENCE_END)


def _write_item(stream: BinaryIO | Any, data: bytes) -> int:
    """One fragment, of even length; returns that length."""
    even = data + b"\0" * (len(data) % 2)
    stream.write(_ITEM + struct.pack("<I", len(even)) + even)
    return len(even)


def _frames(source: Source, level: int, t: int, lossy: bool) -> Iterator[bytes]:
    groups = [(0, 1, 2)] if source.is_rgb else [(one,) for one in range(len(source.slide.channels))]

    def encode(job: tuple[tuple[int, ...], int, tuple[int, int]]) -> bytes:
        channels, z, corner = job
        return _encode(interleaved(source.tile(corner, _TILE, level, channels, z, t)), lossy)

    corners = source.corners(level, _TILE)
    return in_order(
        encode, ((group, z, corner) for group in groups for z in range(source.layers) for corner in corners)
    )


def _encode(pixels: Pixels, lossy: bool) -> bytes:
    if lossy:
        return bytes(imagecodecs.jpeg8_encode(pixels, level=JPEG_QUALITY, subsampling="422"))
    # Noise grows under JPEG-LS, beyond the buffer that imagecodecs would allow.
    return bytes(imagecodecs.jpegls_encode(pixels, out=2 * pixels.nbytes + _ROOM))
