"""What the two TIFF formats share: tiles in the order in which TIFF stores them, and the resolution tags."""

from collections.abc import Iterator, Sequence
from typing import Any

from vslide.export.common import Pixels, Source, in_order, interleaved

Place = tuple[tuple[int, int], Sequence[int], int, int]
"""Corner of the tile, channels, focus layer, time point."""


def tiles(
    source: Source, level: int, side: int, planes: Sequence[tuple[Sequence[int], int, int]]
) -> Iterator[Pixels]:
    """Tiles (side, side) or (side, side, 3) of each plane (channels, z, t), row by row."""

    def read(place: Place) -> Pixels:
        corner, channels, z, t = place
        return interleaved(source.tile(corner, side, level, channels, z, t))

    corners = source.corners(level, side)
    return in_order(read, ((corner, *plane) for plane in planes for corner in corners))


def resolution(source: Source, level: int) -> dict[str, Any]:
    """tifffile's arguments for the pixel size, none where it is not known."""
    if not source.slide.pixel_size_um:
        return {}
    per_cm = 10_000 / (source.slide.pixel_size_um * level)
    return {"resolution": (per_cm, per_cm), "resolutionunit": "CENTIMETER"}
