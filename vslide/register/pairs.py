"""Which fields overlap, by their stage positions: no grid is assumed, so any mosaic will do."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from vslide.geometry import overlap

Floats = NDArray[np.float64]

MIN_OVERLAP_PX = 12
"""Narrower overlaps hold too few pixels to tell a true shift from chance."""
MAX_WINDOW_PX = 4096
"""Longer overlaps are compared in their middle only."""
_MIN_EDGE = 0.25


@dataclass(frozen=True, slots=True)
class Pair:
    """Two fields that should overlap: `b` lies `shift` (x, y in px) from `a`, says the stage."""

    a: int
    b: int
    shift: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Windows:
    """The pixels to compare: of `a` from `start_a`, of `b` from `start_b` (x, y in px), both of `size`
    (width, height).
    """

    start_a: tuple[int, int]
    start_b: tuple[int, int]
    size: tuple[int, int]

    @property
    def shift(self) -> tuple[int, int]:
        """How far `b` lies from `a` (x, y in px) when both windows show the same place."""
        return self.start_a[0] - self.start_b[0], self.start_a[1] - self.start_b[1]


def neighbours(indices: Sequence[int], corners: Floats, field_size: tuple[int, int]) -> list[Pair]:
    """Pairs of `indices` whose fields overlap by at least MIN_OVERLAP_PX both ways and along a quarter of a
    side: the small corners that diagonal neighbours share are left out.

    `corners` (N, 2) in px of every field, `field_size` (width, height) in px.
    """
    if len(indices) < 2:
        return []
    numbers = np.asarray(indices)
    size = np.asarray(field_size, np.float64)
    # In units of the field, two fields touch when they are less than 1 apart along both axes.
    found = cKDTree(corners[numbers] / size).query_pairs(1.0, p=np.inf, output_type="ndarray")
    found = np.sort(numbers[found.reshape(-1, 2)], axis=1)
    shifts = corners[found[:, 1]] - corners[found[:, 0]]
    common = size - np.abs(shifts)
    enough = (common >= MIN_OVERLAP_PX).all(axis=1) & (common >= _MIN_EDGE * size).any(axis=1)
    found, shifts = found[enough], shifts[enough]
    order = np.lexsort((found[:, 0], found[:, 1]))
    return [
        Pair(int(a), int(b), (float(x), float(y)))
        for (a, b), (x, y) in zip(found[order], shifts[order], strict=True)
    ]


def windows(shift: tuple[float, float], field_size: tuple[int, int], margin: int) -> Windows:
    """What to read of two fields that lie `shift` apart, and `margin` px more towards the middle of each, for
    an overlap that is larger than the stage says.
    """
    starts_a, starts_b, sizes = [], [], []
    for moved, side in zip(map(round, shift), field_size, strict=True):
        in_a, _ = overlap(0, side, moved, side)
        grow = min(margin, side - (in_a.stop - in_a.start)) if moved else 0
        size = in_a.stop - in_a.start + grow
        skip = max(0, size - MAX_WINDOW_PX) // 2
        # The later of the two along this axis starts at its first pixel, the earlier ends at its last.
        starts_a.append(skip + (side - size if moved >= 0 else 0))
        starts_b.append(skip + (0 if moved >= 0 else side - size))
        sizes.append(min(size, MAX_WINDOW_PX))
    return Windows((starts_a[0], starts_a[1]), (starts_b[0], starts_b[1]), (sizes[0], sizes[1]))
