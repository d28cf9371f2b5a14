"""A folder of tiles with a grid in their names becomes a virtual slide."""

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from vslide.assemble import Corners
from vslide.build import build
from vslide.codec import chunk_grid, encode_plane, probe, probe_offset
from vslide.errors import InvalidHeader, NotASlide
from vslide.manifest import Manifest
from vslide.model import MAX_FIELD_SIDE, RGB, Channel, FieldKey, Plane, SlideHeader
from vslide.readers.journal import JournalSlide
from vslide.register import register
from vslide.rewrite import passing_journal

Pixels = NDArray[Any]
Tiles = dict[tuple[int, int], dict[str, Path]]
"""{(row, column): {channel: path}}; one channel without a name where names state none."""

_CHANNEL = r"(?:[_-](?:ch(?:annel)?|w)[_-]?(?P<w>[a-z0-9]+))?"
PATTERNS = (
    r"Grid@(?P<c>\d+) (?P<r>\d+)",
    r"r(?:ow)?[_-]?(?P<r>\d+)[_-]?c(?:ol)?[_-]?(?P<c>\d+)" + _CHANNEL,
    r"y(?P<r>\d+)[_-]?x(?P<c>\d+)" + _CHANNEL,
    r"(?P<r>\d+)[_-](?P<c>\d+)" + _CHANNEL + r"\.[^.]+$",
)
"""Ways in which tile names state their column `c`, row `r` and channel `w`; the first that fits every tile is
taken."""
_TIFF = (".tif", ".tiff")
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", *_TIFF)
_MODES = ("1", "L", "P", "I;16", "I;16B", "I", "RGB", "RGBA")
_MAX_NUMBER = 1 << 20
_MAX_SAMPLES = 1 << 30
_REACH = 0.2
_DARK_PERCENT = 0.1  # of the pixels of a tile are darker than what counts as its black level
"""Share of a tile by which the grid may be wrong: nobody measured it."""


@dataclass(frozen=True, slots=True)
class TileGrid:
    """How tiles lie: steps in px between neighbours (None: from `overlap`), pixel size in µm. `register`:
    find where they truly lie from what they share.
    """

    pixel_size_um: float = 1.0
    magnification: float = 1.0
    overlap: float = 0.1
    step_x: float | None = None
    step_y: float | None = None
    pattern: str | None = None
    register: bool = False


def find_tiles(folder: Path, pattern: str | None = None) -> Tiles:
    """The pictures in `folder` by their places. Raises NotASlide when no pattern places each exactly once, or
    a place lacks a channel that others have.
    """
    pictures = sorted(path for path in folder.iterdir() if path.suffix.lower() in _PICTURES)
    try:
        patterns = [re.compile(one, re.IGNORECASE) for one in ((pattern,) if pattern else PATTERNS)]
    except re.error as error:
        raise NotASlide(f"the pattern is no regular expression: {error}") from error
    for one in patterns:
        if pictures and (tiles := _placed(pictures, one)):
            _check_channels(folder, tiles)
            return tiles
    raise NotASlide(
        f"{folder.name}: the names of its {len(pictures)} pictures do not place each tile once in a grid"
    )


def _placed(pictures: list[Path], pattern: re.Pattern[str]) -> Tiles | None:
    tiles: Tiles = {}
    for path in pictures:
        found = pattern.search(path.name)
        places = found.groupdict() if found else {}
        if not (places.get("r") or "").isdecimal() or not (places.get("c") or "").isdecimal():
            return None
        r, c, channel = int(places["r"]), int(places["c"]), places.get("w") or ""
        if max(r, c) > _MAX_NUMBER or channel in tiles.setdefault((r, c), {}):
            return None
        tiles[r, c][channel] = path
    return tiles


def _check_channels(folder: Path, tiles: Tiles) -> None:
    expected = {channel for channels in tiles.values() for channel in channels}
    for (r, c), channels in tiles.items():
        if missing := sorted(expected - set(channels)):
            raise NotASlide(f"{folder.name}: row {r}, column {c} lacks channel {', '.join(missing)}")


def read_tile(path: Path) -> Pixels:
    """(C, H, W) uint8 or uint16, just as the file has it: 1 or 3 colours. An alpha channel may only be
    opaque. Raises NotASlide for what cannot be kept losslessly.
    """
    pixels = _read_tiff(path) if path.suffix.lower() in _TIFF else _read_picture(path)
    if pixels.shape[0] == 4 and (pixels[3] == np.iinfo(pixels.dtype).max).all():
        pixels = pixels[:3]
    if pixels.shape[0] not in (1, 3) or max(pixels.shape) > MAX_FIELD_SIDE:
        raise NotASlide(f"{path.name}: a picture of {pixels.shape} (colours, height, width)")
    return pixels


def _read_picture(path: Path) -> Pixels:
    try:
        with Image.open(path) as picture:  # reads the head only, and refuses what would fill the memory
            if picture.mode not in _MODES:
                raise NotASlide(f"{path.name}: {picture.mode} pixels cannot be kept as they are")
        decoded = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, cv2.error) as error:
        raise NotASlide(f"{path.name}: {error}") from error
    if decoded is None:
        raise NotASlide(f"{path.name}: the picture does not decode")
    pixels: Pixels = np.atleast_3d(np.asarray(decoded))
    if pixels.shape[2] >= 3:
        pixels = pixels[:, :, [2, 1, 0, *range(3, pixels.shape[2])]]
    return _planar(path, pixels)


def _read_tiff(path: Path) -> Pixels:
    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages.first
            if len(file.pages) != 1 or page.size > _MAX_SAMPLES:
                raise NotASlide(f"{path.name}: {len(file.pages)} pages of {page.shape} px")
            if page.photometric not in (1, 2):  # MINISBLACK and RGB; others would have to be converted
                raise NotASlide(f"{path.name}: {page.photometric!r} pixels cannot be kept as they are")
            pixels, axes = page.asarray(), page.axes
    except (tifffile.TiffFileError, ValueError, OSError, KeyError, IndexError, TypeError) as error:
        raise NotASlide(f"{path.name}: {error}") from error
    if axes not in ("YX", "YXS", "SYX"):
        raise NotASlide(f"{path.name}: a picture with the axes {axes}")
    return _planar(path, np.moveaxis(pixels, 0, -1) if axes == "SYX" else np.atleast_3d(pixels))


def _planar(path: Path, pixels: Pixels) -> Pixels:
    if pixels.dtype not in (np.uint8, np.uint16):
        raise NotASlide(f"{path.name}: {pixels.dtype} pixels; a slide holds uint8 or uint16")
    return np.ascontiguousarray(np.moveaxis(pixels, -1, 0))


def import_tiles(folder: Path, destination: Path, grid: TileGrid) -> Manifest:
    """Build a slide below `destination` from the tiles of `folder`; each place is one field, kept losslessly.

    One tile at a time is in memory. Raises NotASlide, InvalidHeader or IdentityRefused, and leaves nothing
    then.
    """
    tiles = find_tiles(folder, grid.pattern)
    names = sorted(next(iter(tiles.values())))
    first = read_tile(tiles[min(tiles)][names[0]])
    header = _header(first, tiles, names, grid)
    planes = _planes(header, tiles, names, grid, first)
    with passing_journal(header, len(tiles) * header.planes, planes, destination) as journal:
        return build(journal, destination, _registered(journal) if grid.register else None)


def _registered(journal: Path) -> Corners:
    with JournalSlide(journal) as slide:
        reach_um = _REACH * max(slide.header.field_shape) * slide.pixel_size_um
        return register(slide, tolerance_um=reach_um).corners()


def _channels(first: Pixels, names: list[str]) -> tuple[Channel, ...]:
    if len(first) == 3 and names != [""]:
        raise InvalidHeader("tiles of several channels must be grey; these are coloured")
    if len(first) == 3:
        return RGB
    offset = probe_offset(first[0], int(np.percentile(first[0], _DARK_PERCENT)))
    return tuple(Channel(name or "grey", offset=offset) for name in names)


def _header(first: Pixels, tiles: Tiles, names: list[str], grid: TileGrid) -> SlideHeader:
    colours, height, width = first.shape
    tall, wide = chunk_grid(height, width)
    rows, columns = (max(numbers) - min(numbers) + 1 for numbers in zip(*tiles, strict=True))
    return SlideHeader(
        slide_id=uuid.uuid4().hex,
        run_id=uuid.uuid4().hex,
        modality="brightfield" if colours == 3 else "fluorescence",
        field_width=width,
        field_height=height,
        dtype="uint16" if first.dtype.itemsize == 2 else "uint8",
        channels=_channels(first, names),
        pixel_size_um=grid.pixel_size_um,
        magnification=grid.magnification,
        rows=rows,
        columns=columns,
        chunk_width=wide,
        chunk_height=tall,
        driver="import-tiles",
    )


def _planes(
    header: SlideHeader, tiles: Tiles, names: list[str], grid: TileGrid, first: Pixels
) -> Iterator[Plane]:
    step_x = header.field_width * (1 - grid.overlap) if grid.step_x is None else grid.step_x
    step_y = header.field_height * (1 - grid.overlap) if grid.step_y is None else grid.step_y
    top, left = (min(numbers) for numbers in zip(*tiles, strict=True))
    codecs: dict[int, str] = {}
    for (row, column), paths in sorted(tiles.items()):
        x = (column - left) * step_x * grid.pixel_size_um
        y = (row - top) * step_y * grid.pixel_size_um
        for channel, colour in _colours(paths, names, first):
            if channel not in codecs:
                codecs[channel] = probe(colour)
            chunks = encode_plane(
                colour, header.chunk_shape, codecs[channel], header.channels[channel].offset
            )
            yield Plane(FieldKey(row - top, column - left), channel, x, y, 0.0, chunks)


def _colours(paths: Mapping[str, Path], names: list[str], first: Pixels) -> Iterator[tuple[int, Pixels]]:
    """(channel, pixels (H, W)) of the tiles at one place. Raises InvalidHeader when unlike the first."""
    channel = 0
    for name in names:
        pixels = read_tile(paths[name])
        if (pixels.shape, pixels.dtype) != (first.shape, first.dtype):
            unlike = f"{pixels.shape} {pixels.dtype}, the first tile is {first.shape} {first.dtype}"
            raise InvalidHeader(f"{paths[name].name}: {unlike}")
        for colour in pixels:
            yield channel, colour
            channel += 1
