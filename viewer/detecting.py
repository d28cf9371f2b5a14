"""Runs a pipeline of `viewer.detection` on part of a slide: as an overlay for the eye, or as outlines."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput, NotFound
from viewer import queries
from viewer.addressing import MOST_PX, TILE_SIZE, Box
from viewer.detection import PIPELINES, Outline, Patch, Pipeline
from viewer.detection.model import Labels, Values
from viewer.detection.outlines import outlines
from viewer.models import VirtualSlide
from viewer.pictures import read, reading

_USUAL_UM = 0.5
"""Of a px, where a slide does not say."""
_FINER = 4
"""By how much a pipeline may work finer than the screen shows."""


def pipeline_of(name: str) -> Pipeline:
    """Raises NotFound."""
    if name not in PIPELINES:
        raise NotFound("There is no such detector.", detectors=sorted(PIPELINES))
    return PIPELINES[name]


def coarsest(pipeline: Pipeline, virtual: VirtualSlide) -> int | None:
    """The downsample up to which its overlay can be shown; None: any."""
    return None if pipeline.any_scale else _FINER * _level(pipeline, virtual)


def overlay(virtual: VirtualSlide, pipeline: Pipeline, values: Values, box: Box) -> NDArray[np.uint8]:
    """(TILE_SIZE, TILE_SIZE, 4) RGBA of a tile. Raises BadInput where it covers too much."""
    shown, level = box.width // TILE_SIZE, _level(pipeline, virtual)
    most = coarsest(pipeline, virtual)
    if most is not None and shown > most:
        raise BadInput("Zoom in: this is looked for on finer pixels.", coarsest=most)
    if shown > _FINER * level:
        level = shown
    labels, (left, top) = _found(virtual, pipeline, values, box, level)
    if shown > level:
        x, y, side = (box.x - left) // level, (box.y - top) // level, box.width // level
        cut = pipeline.paint(labels)[y : y + side, x : x + side]
        return np.asarray(cv2.resize(cut, (TILE_SIZE, TILE_SIZE), interpolation=cv2.INTER_AREA), np.uint8)
    middles = (np.arange(TILE_SIZE) + 0.5) * shown
    columns, rows = ((middles + start) // level for start in (box.x - left, box.y - top))
    return pipeline.paint(labels[np.ix_(rows.astype(int), columns.astype(int))])


def found(virtual: VirtualSlide, pipeline: Pipeline, values: Values, box: Box) -> list[Outline]:
    """What lies in a box: of single things those whose middle does. Raises BadInput where it is too much."""
    level = _level(pipeline, virtual)
    if pipeline.any_scale:
        level = max(level, 1 << math.ceil(math.log2(max(1.0, math.sqrt(box.width * box.height / MOST_PX)))))
    labels, start = _found(virtual, pipeline, values, box, level)
    rings = outlines(labels, pipeline.outlined, start, level)
    if pipeline.outlined is not None:
        return rings
    return [one for one in rings if _middle_in(one, box)]


def _middle_in(outline: Outline, box: Box) -> bool:
    x, y = np.mean(outline[0], axis=0)
    return bool(box.x <= x < box.x + box.width and box.y <= y < box.y + box.height)


def _level(pipeline: Pipeline, virtual: VirtualSlide) -> int:
    steps = pipeline.um_per_px / (virtual.pixel_size_um or _USUAL_UM)
    return 1 << max(0, math.floor(math.log2(max(1.0, steps * 1.1))))


def _found(
    virtual: VirtualSlide, pipeline: Pipeline, values: Values, box: Box, level: int
) -> tuple[Labels, tuple[int, int]]:
    """Labels in px of `level`, and the px of level 1 where they begin: a little beyond the box."""
    um = (virtual.pixel_size_um or _USUAL_UM) * level
    margin, grid = math.ceil(pipeline.margin_um / um), pipeline.grid_px
    left, top = (side // level // grid * grid - margin for side in (box.x, box.y))
    right, bottom = (
        -(-end // (level * grid)) * grid + margin for end in (box.x + box.width, box.y + box.height)
    )
    wide, tall = right - left, bottom - top
    if wide * tall > 2 * MOST_PX:
        raise BadInput("This is too large a part: zoom in.", px=wide * tall)
    area = Box(left * level, top * level, wide * level, tall * level)
    with reading(virtual) as reader:
        every = range(len(reader.channels))
        raw = read(reader, area, (wide, tall), channels=every, z=(reader.layers - 1) // 2)
        brightfield = np.dtype(reader.dtype) == np.uint8 and len(every) == 3
    patch = Patch(raw, um, tuple(queries.windows(virtual)), brightfield)
    labels = pipeline.find(patch, values)
    if pipeline.outlined is None:
        return labels, (area.x, area.y)
    inner = labels[margin : tall - margin, margin : wide - margin]
    return inner, ((left + margin) * level, (top + margin) * level)
