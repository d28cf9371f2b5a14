"""What may be drawn: GeoJSON geometries in px of level 1. Pure; the first thing every door asks."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

from core.errors import BadInput

LIMIT_PX: Final = 1e7
MOST_VERTICES: Final = 100_000
SHAPES: Final[dict[str, tuple[str, ...]]] = {
    "rectangle": ("Polygon",),
    "ellipse": ("Polygon",),
    "freehand": ("Polygon", "MultiPolygon"),
    "polygon": ("Polygon", "MultiPolygon"),
    "point": ("Point",),
    "line": ("LineString",),
    "ruler": ("LineString",),
}
Position = tuple[float, float]


def checked(kind: str, geometry: Any) -> dict[str, Any]:
    """The geometry with every position as two finite numbers and every ring closed; BadInput says what is
    wrong.
    """
    if kind not in SHAPES:
        raise BadInput(f"“{kind}” is not a shape we draw.", field="kind", choices=sorted(SHAPES))
    if not isinstance(geometry, dict) or geometry.get("type") not in SHAPES[kind]:
        raise BadInput(f"A {kind} is a GeoJSON {' or '.join(SHAPES[kind])}.", field="geometry")
    cleaned = _coordinates(geometry["type"], geometry.get("coordinates"))
    if sum(1 for _ in positions(cleaned)) > MOST_VERTICES:
        raise BadInput(f"An annotation has at most {MOST_VERTICES:,} vertices.", field="geometry")
    return {"type": geometry["type"], "coordinates": cleaned}


def _coordinates(shape: str, value: Any) -> list[Any]:
    if shape == "Point":
        return list(_position(value))
    if shape == "LineString":
        return _path(value, least=2)
    if shape == "Polygon":
        return _polygon(value)
    return [_polygon(part) for part in _listed(value, "A MultiPolygon is a list of polygons.")]


def _polygon(value: Any) -> list[list[list[float]]]:
    return [_ring(ring) for ring in _listed(value, "A polygon is a list of rings.")]


def _ring(value: Any) -> list[list[float]]:
    ring = _path(value, least=3)
    if ring[0] != ring[-1]:
        ring.append(list(ring[0]))
    if len({tuple(position) for position in ring}) < 3:
        raise BadInput("An outline needs at least three different corners.", field="geometry")
    return ring


def _path(value: Any, *, least: int) -> list[list[float]]:
    path = [list(_position(item)) for item in _listed(value, "Coordinates are a list of positions.")]
    if len(path) < least:
        raise BadInput(f"This shape needs at least {least} positions.", field="geometry")
    return path


def _listed(value: Any, message: str) -> Sequence[Any]:
    if not isinstance(value, list | tuple) or not value:
        raise BadInput(message, field="geometry")
    return value


def _position(value: Any) -> Position:
    if not isinstance(value, list | tuple) or len(value) < 2:
        raise BadInput("A position is two numbers.", field="geometry")
    x, y = value[0], value[1]
    for number in (x, y):
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            raise BadInput("A position is two finite numbers.", field="geometry")
        if abs(number) > LIMIT_PX:
            raise BadInput("A position lies far outside any slide.", field="geometry")
    return x, y


def positions(coordinates: Any) -> Iterator[Position]:
    """Every (x, y) of a GeoJSON coordinates value, however deep."""
    if coordinates and isinstance(coordinates[0], int | float):
        yield coordinates[0], coordinates[1]
        return
    for part in coordinates:
        yield from positions(part)
