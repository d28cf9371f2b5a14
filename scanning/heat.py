"""The map of a mosaic's sharpness: which cell lies where on the overview, and how it is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

import vslide
from scanning.models import Quality
from vslide.quality import NO_TISSUE
from vslide.readers.base import MosaicReader

MOST_LABELLED = 200
WORST = 6
COARSE = 8


@dataclass(frozen=True)
class Cell:
    """A place of the mosaic, in px of level 1. `look` says it without colour: a hatch, and a figure."""

    r: int
    c: int
    index: int
    score: float
    x: int
    y: int
    look: str

    @property
    def percent(self) -> str:
        return f"{100 * self.score:.0f}"

    @property
    def name(self) -> str:
        return f"row {self.r + 1}, column {self.c + 1}"


@dataclass(frozen=True)
class HeatMap:
    """All cells over a mosaic of (width, height) px, of fields of (field_width, field_height)."""

    cells: Sequence[Cell]
    width: int
    height: int
    field_width: int
    field_height: int
    line: float

    @property
    def labelled(self) -> bool:
        return len(self.cells) <= MOST_LABELLED

    @property
    def label_size(self) -> int:
        return round(min(self.field_width, self.field_height) * 0.26)

    @property
    def label_x(self) -> int:
        return self.field_width // 2

    @property
    def label_y(self) -> int:
        return self.field_height // 2 + self.label_size // 3

    @property
    def with_tissue(self) -> list[Cell]:
        return sorted((cell for cell in self.cells if cell.score != NO_TISSUE), key=lambda cell: cell.score)

    @property
    def worst(self) -> list[Cell]:
        return self.with_tissue[:WORST]

    @property
    def best(self) -> Cell | None:
        return self.with_tissue[-1] if self.with_tissue else None


def look_of(score: float, sharp: float) -> str:
    """Of a score: "none" without tissue, "sharp", "soft", or "blurred" below half of what is sharp."""
    if score == NO_TISSUE:
        return "none"
    return "sharp" if score >= sharp else "soft" if score >= sharp / 2 else "blurred"


def heat_map(quality: Quality, slide: vslide.SlideReader, sharp: float) -> HeatMap | None:
    """None where nothing was measured, or the file is no mosaic of ours."""
    if not isinstance(slide, MosaicReader) or not quality.scores:
        return None
    cells = []
    for r, c, score, index in quality.scores:
        x, y = slide.placement.corner(index, 1)
        cells.append(Cell(r, c, index, score, x, y, look_of(score, sharp)))
    width, height = slide.size
    fields = slide.header.field_width, slide.header.field_height
    return HeatMap(cells, width, height, *fields, line=max(width, height) / 1000)


def busiest_corner(slide: MosaicReader, index: int, side: int) -> tuple[int, int]:
    """(x, y) in px of level 1 of the window of `side` px in which a field varies most in brightness."""
    left, top = slide.placement.corner(index, 1)
    level = int(min(slide.levels, key=lambda one: abs(one - COARSE)))
    seen = slide.plane(index, len(slide.channels) // 2, level=level).astype(np.float32)
    window = max(1, side // level)
    mean, square = (cv2.blur(one, (window, window)) for one in (seen, np.square(seen)))
    half, (tall, wide) = window // 2, seen.shape
    inside = (square - mean * mean)[half : max(half + 1, tall - half), half : max(half + 1, wide - half)]
    y, x = np.unravel_index(int(np.argmax(inside)), inside.shape)
    height, width = slide.header.field_shape
    return left + min(int(x) * level, width - side), top + min(int(y) * level, height - side)
