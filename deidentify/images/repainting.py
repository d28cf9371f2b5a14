"""The codecs of `painting`, which runs this in a process with limits: a tile's pixels as its codec stores
them, without any turning of colours, are painted and stored the same way again.
"""

import io
import json
import resource
import sys
import zlib
from collections.abc import Callable, Sequence
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from deidentify.errors import BrokenInput, CannotCover, DeidentifyError
from deidentify.images.painting import HEAD, PLAIN, Box, Cell, receive

Pixels = NDArray[Any]
MEMORY_MIB: Final = 2048
TILE_CPU_S: Final = 60
_HORIZONTAL: Final = 2
_SOF, _SOS, _APP0, _APP14 = frozenset({0xC0, 0xC1, 0xC2}), 0xDA, 0xE0, 0xEE
_DECODING: Final = (OSError, ValueError, RuntimeError, SyntaxError, LookupError, Image.DecompressionBombError)


def repaint(data: bytes, cell: Cell, boxes: Sequence[Box]) -> bytes:
    """The tile with its boxes plain. Raises CannotCover, BrokenInput."""
    if cell.codec == "jpeg":
        return _jpeg(data, cell, boxes)
    if cell.codec in _WHOLE:
        return _whole(data, cell, boxes, *_WHOLE[cell.codec])
    if cell.codec in _PACKED:
        return _packed(data, cell, boxes, *_PACKED[cell.codec])
    raise CannotCover(f"tiles of the kind {cell.codec} cannot be painted over")


def _paint(pixels: Pixels, boxes: Sequence[Box]) -> Pixels:
    """A copy of pixels (height, width, samples) that is plain within the boxes."""
    painted = pixels.copy()
    for left, top, width, height in boxes:
        painted[top : top + height, left : left + width] = PLAIN if pixels.dtype.itemsize == 1 else 0
    return painted


def _jpeg(data: bytes, cell: Cell, boxes: Sequence[Box]) -> bytes:
    """With the same quantisation, sampling, names of its components and words on its colours: what lies
    outside of the boxes changes by a rounding at most, and every decoder takes it for the colours that it
    took it for before.
    """
    whole = _with_tables(data, bytes.fromhex(cell.tables))
    try:
        with Image.open(io.BytesIO(whole), formats=["JPEG"]) as head:
            if not isinstance(head, JpegImagePlugin.JpegImageFile):
                raise CannotCover("a JPEG tile of an unusual kind cannot be painted over")
            if head.width > cell.width or head.height > cell.height:
                raise BrokenInput("a JPEG tile is larger than its place")
            layers, tables = head.layer, head.quantization
            sampling = JpegImagePlugin.get_sampling(head)
        if len(layers) not in (1, 3) or (len(layers) == 3 and sampling < 0):
            raise CannotCover("a JPEG tile of unusual sampling cannot be painted over")
        space = "GRAYSCALE" if len(layers) == 1 else "YCBCR"
        pixels = imagecodecs.jpeg8_decode(whole, colorspace=space, outcolorspace=space)
        how: dict[str, Any] = {"qtables": _asked([tables[layer[3]] for layer in layers])}
    except _DECODING as error:
        raise BrokenInput("a JPEG tile under a covered region cannot be decoded") from error
    if len(layers) == 3:
        how["subsampling"] = sampling
    store = io.BytesIO()
    painted = Image.frombytes(
        "L" if len(layers) == 1 else "YCbCr", pixels.shape[1::-1], _paint(pixels, boxes).tobytes()
    )
    painted.save(store, "JPEG", **how)
    return _as_before(store.getvalue(), whole)


def _asked(tables: list[Any]) -> list[Any]:
    """The quantisation tables of the components as libjpeg takes them: a second one serves all colours."""
    if all(table == tables[0] for table in tables):
        return tables[:1]
    return tables[:2] if tables[1] == tables[2] else tables


def _with_tables(data: bytes, tables: bytes) -> bytes:
    return tables.removesuffix(b"\xff\xd9") + data[2:] if tables else data


def _segments(data: bytes) -> list[tuple[int, int, int]]:
    """(marker, start, end) of each segment up to the first scan's header."""
    found, at = [], 2
    while at + 4 <= len(data):
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        found.append((marker, at, end))
        if marker == _SOS or end > len(data):
            break
        at = end
    return found


def _as_before(new: bytes, old: bytes) -> bytes:
    """The new stream with the old one's JFIF and Adobe segments and its names of components."""
    said = b"".join(old[start:end] for marker, start, end in _segments(old) if marker in (_APP0, _APP14))
    frame = next((start for marker, start, _ in _segments(old) if marker in _SOF), None)
    if frame is None:
        raise CannotCover("a JPEG tile of an unusual kind cannot be painted over")
    names = [old[frame + 10 + 3 * number] for number in range(old[frame + 9])]
    made, at = bytearray(new), 0
    for marker, start, end in _segments(new):
        for number, name in enumerate(names):
            if marker in _SOF:
                made[start + 10 + 3 * number] = name
            elif marker == _SOS:
                made[start + 5 + 2 * number] = name
        at = end if marker == _APP0 else at
    return new[:2] + said + bytes(made[at or 2 :])


def _whole(
    data: bytes, cell: Cell, boxes: Sequence[Box], decode: Callable[..., Any], encode: Callable[..., Any]
) -> bytes:
    """A codec that says its size itself and can be written without loss."""
    try:
        pixels = np.asarray(decode(data))
    except _DECODING as error:
        raise CannotCover("a tile under a covered region cannot be decoded") from error
    if pixels.shape[0] > cell.height or pixels.shape[1] > cell.width or pixels.dtype.kind != "u":
        raise CannotCover("a tile under a covered region has another size or kind than its place")
    painted = _paint(pixels, boxes)
    made = bytes(encode(painted))
    if not np.array_equal(decode(made), painted):
        raise CannotCover("a tile under a covered region cannot be written anew without loss")
    return made


def _packed(
    data: bytes, cell: Cell, boxes: Sequence[Box], unpack: Callable[..., Any], pack: Callable[..., Any]
) -> bytes:
    """A codec of plain bytes: rows of pixels, or of their differences (predictor 2)."""
    if cell.bits not in (8, 16, 32) or cell.predictor not in (1, _HORIZONTAL):
        raise CannotCover("tiles with this predictor or number of bits cannot be painted over")
    kind = np.dtype(f"{cell.order}u{cell.bits // 8}")
    size = cell.width * cell.height * cell.samples * kind.itemsize
    try:
        plain = bytes(unpack(data, size))
    except (*_DECODING, zlib.error) as error:
        raise BrokenInput("a tile under a covered region cannot be unpacked") from error
    if len(plain) < size:
        raise BrokenInput("a tile under a covered region is shorter than it must be")
    rows = np.frombuffer(plain[:size], kind).reshape(cell.height, cell.width, cell.samples)
    across = cell.predictor == _HORIZONTAL
    painted = _paint(np.cumsum(rows, axis=1, dtype=kind) if across else rows, boxes)
    if across:
        painted[:, 1:] = painted[:, 1:] - painted[:, :-1]
    return bytes(pack(painted.astype(kind, copy=False).tobytes()))


def _inflate(data: bytes, size: int) -> bytes:
    return zlib.decompressobj().decompress(data, size)


_WHOLE: Final[dict[str, tuple[Callable[..., Any], Callable[..., Any]]]] = {
    "jpeg2000": (
        imagecodecs.jpeg2k_decode,
        lambda pixels: imagecodecs.jpeg2k_encode(
            np.ascontiguousarray(pixels), level=0, codecformat="j2k", reversible=True, mct=False
        ),
    ),
    "jpegls": (imagecodecs.jpegls_decode, imagecodecs.jpegls_encode),
}
_PACKED: Final[dict[str, tuple[Callable[..., Any], Callable[..., Any]]]] = {
    "none": (lambda data, size: data[:size], lambda data: data),
    "lzw": (lambda data, size: imagecodecs.lzw_decode(data, out=size), imagecodecs.lzw_encode),
    "deflate": (_inflate, zlib.compress),
    "zstd": (lambda data, size: imagecodecs.zstd_decode(data, out=size), imagecodecs.zstd_encode),
}


def _limit() -> None:
    """Of memory; and of time, anew for each tile."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MIB << 20, MEMORY_MIB << 20))
    resource.setrlimit(resource.RLIMIT_CPU, (spent + TILE_CPU_S, resource.RLIM_INFINITY))


def main() -> None:
    """Paints until nobody asks any more."""
    while True:
        try:
            asked, data = receive(sys.stdin.buffer)
        except EOFError:
            return
        _limit()
        told, painted = b"{}", b""
        try:
            painted = repaint(data, Cell(**asked["cell"]), [tuple(box) for box in asked["boxes"]])
        except DeidentifyError as error:
            told = json.dumps({"code": error.code, "message": str(error)}).encode()
        sys.stdout.buffer.write(HEAD.pack(len(told), len(painted)) + told + painted)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
