"""Where fields lie in the mosaic: stage µm to whole pixels, the same at every level for every reader.

Level 1 position of a field = round((x_um - smallest x_um) / pixel size). At level L it is round(that / L) and
a field is ceil(width / L) px wide. Halves round up. Fields are painted in acquisition order: a later one lies
on top.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vslide.errors import Damaged
from vslide.model import Field

MAX_MOSAIC_SIDE = 1 << 31


def divide_up(size: int, level: int) -> int:
    """Size in px at a level: a part of a pixel counts as one."""
    return -(-size // level)


@dataclass(frozen=True, slots=True)
class Placement:
    """Level 1 px positions of the fields' top-left corners, and the size (width, height) of the mosaic."""

    x: NDArray[np.int64]
    y: NDArray[np.int64]
    z: NDArray[np.int64]
    t: NDArray[np.int64]
    size: tuple[int, int]
    field_shape: tuple[int, int]

    def at(self, level: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(x, y) px positions at `level`."""
        return (2 * self.x + level) // (2 * level), (2 * self.y + level) // (2 * level)

    def size_at(self, level: int) -> tuple[int, int]:
        """(width, height) of the mosaic at `level` in px."""
        return divide_up(self.size[0], level), divide_up(self.size[1], level)

    def field_at(self, level: int) -> tuple[int, int]:
        """(height, width) of a field at `level` in px."""
        return divide_up(self.field_shape[0], level), divide_up(self.field_shape[1], level)

    def inside(self, box: tuple[int, int, int, int], level: int, z: int, t: int) -> list[int]:
        """Indices of the fields that meet box (x, y, width, height) at `level`, in acquisition order."""
        left, top, width, height = box
        x, y = self.at(level)
        tall, wide = self.field_at(level)
        hit = (self.z == z) & (self.t == t)
        hit &= (x < left + width) & (x + wide > left) & (y < top + height) & (y + tall > top)
        return [int(index) for index in np.flatnonzero(hit)]


def place(fields: Sequence[Field], pixel_size_um: float, field_shape: tuple[int, int]) -> Placement:
    """Lay the fields out by their registered positions where every field has one, else by the stage's.

    Raises Damaged when a position is not finite or lies absurdly far away.
    """
    registered = all(
        field.registered_x_um is not None and field.registered_y_um is not None for field in fields
    )
    corners: NDArray[Any] = np.array(
        [
            (field.registered_x_um, field.registered_y_um) if registered else (field.x_um, field.y_um)
            for field in fields
        ],
        dtype=np.float64,
    ).reshape(-1, 2)
    if not fields or not np.isfinite(corners).all():
        raise Damaged("the positions of the fields are missing or not finite")
    offsets = (corners - corners.min(axis=0)) / pixel_size_um
    if offsets.max() > MAX_MOSAIC_SIDE:
        raise Damaged("a field lies further away than any stage reaches")
    pixels = np.floor(offsets + 0.5).astype(np.int64)
    height, width = field_shape
    return Placement(
        x=pixels[:, 0],
        y=pixels[:, 1],
        z=np.array([field.key.z for field in fields], dtype=np.int64),
        t=np.array([field.key.t for field in fields], dtype=np.int64),
        size=(int(pixels[:, 0].max()) + width, int(pixels[:, 1].max()) + height),
        field_shape=field_shape,
    )


def overlap(start: int, size: int, box_start: int, box_size: int) -> tuple[slice, slice]:
    """Along one axis: (slice into the field, slice into the box) of what both cover."""
    first, last = max(start, box_start), min(start + size, box_start + box_size)
    return slice(first - start, last - start), slice(first - box_start, last - box_start)
