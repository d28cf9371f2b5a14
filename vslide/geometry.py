"""Where fields lie in the mosaic: stage µm to whole pixels, the same at every level for every reader.

Level 1 position of a field = round((x_um - smallest x_um) / pixel size). At level L it is round(that / L) and
a field is ceil(width / L) px wide. Halves round up. Fields are painted in acquisition order: a later one lies
on top.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vslide.errors import Damaged, NoSuchField
from vslide.model import Field

MAX_MOSAIC_SIDE = 1 << 31


def divide_up(size: int, level: int) -> int:
    """Size in px at a level: a part of a pixel counts as one."""
    return -(-size // level)


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """Level 1 px positions of the fields' top-left corners, and the size (width, height) of the mosaic.

    Safe in any number of threads: the order in which fields are looked up is worked out once and kept.
    """

    x: NDArray[np.int64]
    y: NDArray[np.int64]
    z: NDArray[np.int64]
    t: NDArray[np.int64]
    size: tuple[int, int]
    field_shape: tuple[int, int]
    _layers: dict[tuple[int, int], "_ByY"] = field(default_factory=dict, repr=False)

    def at(self, level: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(x, y) px positions at `level`."""
        return _at(self.x, level), _at(self.y, level)

    def corner(self, index: int, level: int) -> tuple[int, int]:
        """(x, y) of one field in px of `level`."""
        return _at(int(self.x[index]), level), _at(int(self.y[index]), level)

    def size_at(self, level: int) -> tuple[int, int]:
        """(width, height) of the mosaic at `level` in px."""
        return divide_up(self.size[0], level), divide_up(self.size[1], level)

    def field_at(self, level: int) -> tuple[int, int]:
        """(height, width) of a field at `level` in px."""
        return divide_up(self.field_shape[0], level), divide_up(self.field_shape[1], level)

    def inside(self, box: tuple[int, int, int, int], level: int, z: int, t: int) -> list[int]:
        """Indices of the fields that meet box (x, y, width, height) at `level`, in acquisition order.

        Only fields of about the right y are looked at: 20 µs among 50,000.
        """
        left, top, width, height = box
        tall, wide = self.field_at(level)
        layer = self._layer(z, t)
        near = slice(*np.searchsorted(layer.y, ((top - tall - 1) * level, (top + height + 1) * level)))
        x, y = _at(layer.x[near], level), _at(layer.y[near], level)
        hit = (x < left + width) & (x + wide > left) & (y < top + height) & (y + tall > top)
        found: list[int] = layer.index[near][hit].tolist()
        return sorted(found)

    def _layer(self, z: int, t: int) -> "_ByY":
        if (z, t) not in self._layers:
            index = np.flatnonzero((self.z == z) & (self.t == t))
            index = index[np.argsort(self.y[index], kind="stable")]
            self._layers[z, t] = _ByY(index, self.x[index], self.y[index])
        return self._layers[z, t]


@dataclass(frozen=True, slots=True, eq=False)
class _ByY:
    """The fields of one focus layer and time point, by rising y."""

    index: NDArray[np.int64]
    x: NDArray[np.int64]
    y: NDArray[np.int64]


Position = TypeVar("Position", int, NDArray[np.int64])


def _at(position: Position, level: int) -> Position:
    """The nearest px at `level` of a px at level 1."""
    return (2 * position + level) // (2 * level)


def place(fields: Sequence[Field], pixel_size_um: float, field_shape: tuple[int, int]) -> Placement:
    """Lay the fields out by their registered positions where every field has one, else by the stage's.

    Raises Damaged when a position is not finite or lies absurdly far away.
    """
    registered = all(one.registered_x_um is not None and one.registered_y_um is not None for one in fields)
    corners: NDArray[Any] = np.array(
        [
            (one.registered_x_um, one.registered_y_um) if registered else (one.x_um, one.y_um)
            for one in fields
        ],
        dtype=np.float64,
    ).reshape(-1, 2)
    z, t = (
        np.array(values, dtype=np.int64)
        for values in ([one.key.z for one in fields], [one.key.t for one in fields])
    )
    return _laid_out(corners, z, t, pixel_size_um, field_shape)


def place_table(positions: NDArray[Any], pixel_size_um: float, field_shape: tuple[int, int]) -> Placement:
    """The same from the rows of a positions table (vslide.layout.POSITION_TYPE), without a Python object per
    field.
    """
    registered = np.stack([positions["registered_x_um"], positions["registered_y_um"]], axis=1)
    if np.isnan(registered).any():
        registered = np.stack([positions["x_um"], positions["y_um"]], axis=1)
    z, t = (positions[name].astype(np.int64) for name in ("z", "t"))
    return _laid_out(registered, z, t, pixel_size_um, field_shape)


def _laid_out(
    corners: NDArray[np.float64],
    z: NDArray[np.int64],
    t: NDArray[np.int64],
    pixel_size_um: float,
    field_shape: tuple[int, int],
) -> Placement:
    if not len(corners) or not np.isfinite(corners).all():
        raise Damaged("the positions of the fields are missing or not finite")
    offsets = (corners - corners.min(axis=0)) / pixel_size_um
    if offsets.max() > MAX_MOSAIC_SIDE:
        raise Damaged("a field lies further away than any stage reaches")
    pixels = np.floor(offsets + 0.5).astype(np.int64)
    height, width = field_shape
    size = int(pixels[:, 0].max()) + width, int(pixels[:, 1].max()) + height
    return Placement(pixels[:, 0], pixels[:, 1], z, t, size, field_shape)


def box_of_um(
    x_um: float, y_um: float, width_um: float, height_um: float, um_per_px: float
) -> tuple[int, int, int, int]:
    """(x, y, width, height) in px nearest to a box in µm, at least one px wide and high. Halves round up.

    Raises NoSuchField when a number is not finite, the box is empty or the pixel size is not known (0).
    """
    numbers = (x_um, y_um, width_um, height_um)
    if not all(map(math.isfinite, numbers)) or min(width_um, height_um) <= 0 or not um_per_px > 0:
        raise NoSuchField(f"no box {numbers} µm at {um_per_px} µm per px")
    x, y, width, height = (math.floor(number / um_per_px + 0.5) for number in numbers)
    return x, y, max(1, width), max(1, height)


def overlap(start: int, size: int, box_start: int, box_size: int) -> tuple[slice, slice]:
    """Along one axis: (slice into the field, slice into the box) of what both cover."""
    first, last = max(start, box_start), min(start + size, box_start + box_size)
    return slice(first - start, last - start), slice(first - box_start, last - box_start)
