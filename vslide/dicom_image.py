"""One instance of a DICOM whole slide image: its size, and where in the picture each of its frames lies.

PS3.3 C.8.12.4 (whole slide microscopy image), C.7.6.17 (TILED_FULL, TILED_SPARSE).
"""

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vslide import dicom_file as tags
from vslide.codestream import describe
from vslide.dicom_file import (
    DicomFile,
    Elements,
    Fragments,
    find_fragments,
    items,
    number,
    read_dicom,
    text,
)
from vslide.errors import Damaged, NotASlide
from vslide.limits import too_large
from vslide.model import MAX_CHANNELS

WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
MAX_FRAME_PIXELS = 1 << 26
MAX_LAYERS = 1024
_COLOURS = {
    "raw": {"RGB"},
    "jpeg": {"RGB", "YBR_FULL", "YBR_FULL_422"},
    "jpeg-ls": {"RGB"},
    "jpeg2000": {"RGB", "YBR_RCT", "YBR_ICT"},
}


@dataclass(frozen=True, slots=True)
class Tiles:
    """Frames of one optical path and focus plane: corner px in the level, number of the frame."""

    x: NDArray[np.int64]
    y: NDArray[np.int64]
    frame: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DicomImage:
    """`size` (width, height) of the whole picture in px, `frame_shape` (height, width) of a tile; `paths` are
    the optical paths' identifiers; `tiles` by (identifier, focus plane).
    """

    path: Path
    file: DicomFile
    size: tuple[int, int]
    frame_shape: tuple[int, int]
    samples: int
    bits: int
    photometric: str
    layers: int
    paths: tuple[str, ...]
    fragments: Fragments
    tiles: dict[tuple[str, int], Tiles] = field(repr=False)

    @property
    def encoding(self) -> str:
        return self.file.encoding

    @property
    def elements(self) -> Elements:
        return self.file.elements


def read_image(path: Path) -> DicomImage:
    """The instance at `path`; raises as `describe_image` and `read_dicom` do."""
    return describe_image(path, read_dicom(path))


def describe_image(path: Path, file: DicomFile) -> DicomImage:
    """Raises NotASlide for a picture that is not read, Damaged or Truncated where it contradicts itself."""
    about = file.elements
    rows, columns = number(about, tags.ROWS), number(about, tags.COLUMNS)
    samples, bits = number(about, tags.SAMPLES), number(about, tags.BITS)
    photometric = text(about, tags.PHOTOMETRIC)
    _check_pixels(file, samples, bits, photometric)
    frames = number(about, tags.FRAMES, 1)
    frame_bytes = rows * columns * samples * bits // 8
    if not 0 < rows * columns <= MAX_FRAME_PIXELS:
        raise Damaged(f"frames of {columns} x {rows} px")
    if why := too_large(frame_bytes * frames, file.size):
        raise Damaged(f"{frames} frames of {columns} x {rows} px: {why}")
    fragments = find_fragments(path, file, frames, frame_bytes)
    size = number(about, tags.MATRIX_COLUMNS, columns), number(about, tags.MATRIX_ROWS, rows)
    if min(size) < 1:
        raise Damaged(f"a picture of {size[0]} x {size[1]} px")
    paths = tuple(text(one, tags.PATH_ID) for one in items(about, tags.OPTICAL_PATHS)) or ("",)
    if len(set(paths)) != len(paths) or len(paths) > MAX_CHANNELS:
        raise Damaged(f"{len(paths)} optical paths, more than {MAX_CHANNELS} or two of one name")
    if items(about, tags.PER_FRAME) and text(about, tags.ORGANIZATION) != "TILED_FULL":
        layers, tiles = _sparse(about, frames, paths)
    else:
        layers = number(about, tags.FOCAL_PLANES, 1)
        tiles = _full(about, frames, paths, layers, size, (rows, columns))
    return DicomImage(
        path, file, size, (rows, columns), samples, bits, photometric, layers, paths, fragments, tiles
    )


def check_stream(image: DicomImage, start: bytes) -> None:
    """Raise Damaged unless a compressed frame that starts like this is what the file declares."""
    stream = describe(start)
    height, width = image.frame_shape
    agrees = (stream.width, stream.height, stream.samples) == (width, height, image.samples)
    if stream.kind != image.encoding or not agrees or stream.bits > image.bits:
        raise Damaged(
            f"a frame is {stream} instead of {image.encoding}, {width} x {height} px, "
            f"{image.samples} samples of {image.bits} bits"
        )


def _check_pixels(file: DicomFile, samples: int, bits: int, photometric: str) -> None:
    colour = samples == 3 and bits == 8 and photometric in _COLOURS[file.encoding]
    grey = samples == 1 and bits in (8, 16) and photometric == "MONOCHROME2"
    grey = grey and (bits == 8 or file.encoding != "jpeg")
    if not (colour or grey) or number(file.elements, tags.SIGNED):
        raise NotASlide(f"{samples} samples of {bits} bits as {photometric[:32]!r} are not read")


def _full(
    about: Elements,
    frames: int,
    paths: tuple[str, ...],
    layers: int,
    size: tuple[int, int],
    shape: tuple[int, int],
) -> dict[tuple[str, int], Tiles]:
    """Frames in the order of the standard: optical path, focus plane, row, column."""
    across, down = -(-size[0] // shape[1]), -(-size[1] // shape[0])
    offset = number(about, tags.FRAME_OFFSET)
    total = across * down * layers * len(paths)
    if not 0 < layers <= MAX_LAYERS or offset + frames > total or (not offset and frames != total):
        raise Damaged(f"{frames} frames for {across} x {down} tiles, {layers} layers, {len(paths)} paths")
    found = {}
    for plane in range(offset // (across * down), -(-(offset + frames) // (across * down))):
        first = max(offset, plane * across * down)
        place = np.arange(first, min(offset + frames, (plane + 1) * across * down), dtype=np.int64)
        y, x = np.divmod(place % (across * down), across)
        found[paths[plane // layers], plane % layers] = Tiles(x * shape[1], y * shape[0], place - offset)
    return found


def _sparse(about: Elements, frames: int, paths: tuple[str, ...]) -> tuple[int, dict[tuple[str, int], Tiles]]:
    described = items(about, tags.PER_FRAME)
    if len(described) != frames:
        raise Damaged(f"{frames} frames, {len(described)} of them described")
    places = [_place(one, paths[0]) for one in described]
    depths = {z: layer for layer, z in enumerate(sorted({z for _, z, _, _ in places}))}
    grouped: dict[tuple[str, int], list[tuple[int, int, int]]] = {}
    for frame, (path, z, x, y) in enumerate(places):
        grouped.setdefault((path, depths[z]), []).append((x, y, frame))
    tiles = {key: Tiles(*np.array(rows, np.int64).T) for key, rows in grouped.items()}
    return len(depths), tiles


def _place(described: Elements, only_path: str) -> tuple[str, float, int, int]:
    """(optical path, z, x, y) of a frame; the standard counts pixels from 1."""
    position = items(described, tags.POSITION)
    if not position:
        raise Damaged("a frame without a place")
    at = position[0]
    path = items(described, tags.PATH_OF_FRAME)
    x, y = (number(at, tag, 1) for tag in (tags.COLUMN_AT, tags.ROW_AT))
    return (text(path[0], tags.PATH_ID) if path else only_path), decimal(at, tags.Z_AT), x - 1, y - 1


def decimal(elements: Elements, tag: int) -> float:
    """A decimal string's last value (of a pixel's spacing: along x); 0 where it is missing or no number."""
    try:
        value = float(text(elements, tag).split("\\")[-1] or 0)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0
