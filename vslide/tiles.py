"""A folder of tiles with a grid in their names becomes a virtual slide."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from vslide.build import build
from vslide.codec import chunk_grid, encode_plane, probe
from vslide.errors import InvalidHeader, NotASlide
from vslide.journal import Journal
from vslide.manifest import Manifest
from vslide.model import RGB, Channel, FieldKey, Plane, SlideHeader

PATTERNS = (
    r"Grid@(?P<c>\d+) (?P<r>\d+)",
    r"r(?:ow)?[_-]?(?P<r>\d+)[_-]?c(?:ol)?[_-]?(?P<c>\d+)",
    r"y(?P<r>\d+)[_-]?x(?P<c>\d+)",
    r"(?P<r>\d+)[_-](?P<c>\d+)\.[^.]+$",
)
"""Ways in which tile names state their column `c` and row `r`; the first that fits every tile is taken."""
_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
_PLANES_PER_COMMIT = 30


@dataclass(frozen=True, slots=True)
class TileGrid:
    """How tiles lie: steps in px between neighbours (None: from `overlap`), pixel size in µm."""

    pixel_size_um: float = 1.0
    magnification: float = 1.0
    overlap: float = 0.1
    step_x: float | None = None
    step_y: float | None = None
    pattern: str | None = None


def find_tiles(folder: Path, pattern: str | None = None) -> dict[tuple[int, int], Path]:
    """{(row, column): path} of the pictures in `folder`. Raises NotASlide when no pattern places each exactly
    once.
    """
    pictures = sorted(path for path in folder.iterdir() if path.suffix.lower() in _PICTURES)
    for one in (pattern,) if pattern else PATTERNS:
        matches = [re.search(one, path.name, re.IGNORECASE) for path in pictures]
        places = {(int(m["r"]), int(m["c"])): path for m, path in zip(matches, pictures, strict=True) if m}
        if pictures and len(places) == len(pictures):
            return places
    raise NotASlide(
        f"{folder.name}: the names of its {len(pictures)} pictures do not place each tile once in a grid"
    )


def _read(path: Path) -> NDArray[Any]:
    """(C, H, W) uint8 or uint16. Raises NotASlide."""
    try:
        with Image.open(path) as picture:
            pixels = np.asarray(picture if picture.mode in ("L", "I;16") else picture.convert("RGB"))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise NotASlide(f"{path.name}: {error}") from error
    return pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)


def import_tiles(folder: Path, destination: Path, grid: TileGrid) -> Manifest:
    """Build a slide below `destination` from the tiles of `folder`; each tile is one field, kept losslessly.

    Raises NotASlide or InvalidHeader. The journal is removed once the slide has been verified.
    """
    tiles = find_tiles(folder, grid.pattern)
    first = _read(next(iter(tiles.values())))
    header = _header(first, tiles, grid)
    journal_dir = destination / f"run-{header.run_id}"
    with Journal.create(journal_dir, header, header.run_id, 1, len(tiles) * len(header.channels)) as journal:
        for sequence, plane in enumerate(_planes(header, tiles, grid, first)):
            journal.append(plane, sequence)
            if sequence % _PLANES_PER_COMMIT == 0:
                journal.commit()
        journal.commit()
    manifest = build(journal_dir, destination)
    for segment in journal_dir.iterdir():
        segment.unlink()
    journal_dir.rmdir()
    return manifest


def _header(first: NDArray[Any], tiles: dict[tuple[int, int], Path], grid: TileGrid) -> SlideHeader:
    colours, height, width = first.shape
    tall, wide = chunk_grid(height, width)
    rows, columns = (max(numbers) - min(numbers) + 1 for numbers in zip(*tiles, strict=True))
    bright = colours == 3
    return SlideHeader(
        slide_id=uuid.uuid4().hex,
        run_id=uuid.uuid4().hex,
        modality="brightfield" if bright else "fluorescence",
        field_width=width,
        field_height=height,
        dtype="uint16" if first.dtype.itemsize == 2 else "uint8",
        channels=RGB if bright else (Channel("grey"),),
        pixel_size_um=grid.pixel_size_um,
        magnification=grid.magnification,
        rows=rows,
        columns=columns,
        chunk_width=wide,
        chunk_height=tall,
        driver="import-tiles",
    )


def _planes(
    header: SlideHeader, tiles: dict[tuple[int, int], Path], grid: TileGrid, first: NDArray[Any]
) -> Iterator[Plane]:
    codecs = [probe(colour) for colour in first]
    step_x = header.field_width * (1 - grid.overlap) if grid.step_x is None else grid.step_x
    step_y = header.field_height * (1 - grid.overlap) if grid.step_y is None else grid.step_y
    top, left = (min(numbers) for numbers in zip(*tiles, strict=True))
    for (row, column), path in sorted(tiles.items()):
        pixels = _read(path)
        if pixels.shape != first.shape or pixels.dtype != first.dtype:
            raise InvalidHeader(
                f"{path.name}: {pixels.shape} {pixels.dtype}, the first tile is {first.shape} {first.dtype}"
            )
        x = (column - left) * step_x * grid.pixel_size_um
        y = (row - top) * step_y * grid.pixel_size_um
        key = FieldKey(row - top, column - left)
        for channel, (colour, codec) in enumerate(zip(pixels, codecs, strict=True)):
            yield Plane(key, channel, x, y, 0.0, encode_plane(colour, header.chunk_shape, codec))
