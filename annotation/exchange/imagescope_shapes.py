"""Between ImageScope's flat regions and GeoJSON's nested ones."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from annotation.exchange.errors import NotReadable
from annotation.exchange.model import Shape

Vertex = tuple[float, float, float]
ELLIPSE_CORNERS = 128


@dataclass(slots=True)
class Region:
    """One <Region>: `ours` are the attribute rows that are for us (without their prefix), `rows` all
    others.
    """

    kind: str
    vertices: list[Vertex]
    attributes: dict[str, str]
    rows: list[dict[str, str]] = field(default_factory=list)
    ours: dict[str, str] = field(default_factory=dict)
    where: str = ""

    @property
    def closed(self) -> bool:
        return len(self.vertices) > 3 and self.vertices[0][:2] == self.vertices[-1][:2]

    @property
    def area(self) -> bool:
        return self.kind in {"rectangle", "ellipse", "freehand", "polygon"}

    def ring(self) -> list[list[float]]:
        points = [[x, y] for x, y, _ in self.vertices]
        if self.kind in {"rectangle", "ellipse"} and len(points) == 2:
            return _ellipse(points) if self.kind == "ellipse" else _corners(points)
        if len(points) < 3:
            raise NotReadable(f"{self.where}: an outline of {len(points)} vertices encloses nothing.")
        return points if points[0] == points[-1] else [*points, list(points[0])]

    def geometry(self, parts: Sequence["Region"]) -> dict[str, Any]:
        """The GeoJSON of this region and the parts and holes that follow it."""
        if self.kind == "point":
            return {"type": "Point", "coordinates": list(self.vertices[0][:2])}
        if self.kind == "line":
            return {"type": "LineString", "coordinates": [[x, y] for x, y, _ in self.vertices]}
        polygons: list[list[list[list[float]]]] = []
        for part in parts:
            if "hole" in part.ours and polygons:
                polygons[-1].append(part.ring())
            else:
                polygons.append([part.ring()])
        if len(polygons) == 1:
            return {"type": "Polygon", "coordinates": polygons[0]}
        return {"type": "MultiPolygon", "coordinates": polygons}


def _corners(points: Sequence[Sequence[float]]) -> list[list[float]]:
    (x0, y0), (x1, y1) = points
    return [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]


def _ellipse(points: Sequence[Sequence[float]]) -> list[list[float]]:
    """The ellipse in the box between two corners, with a corner of ours at each of its four extremes."""
    (x0, y0), (x1, y1) = points
    cx, cy, rx, ry = (x0 + x1) / 2, (y0 + y1) / 2, abs(x1 - x0) / 2, abs(y1 - y0) / 2
    angles = [2 * math.pi * n / ELLIPSE_CORNERS for n in range(ELLIPSE_CORNERS)]
    ring = [[round(cx + rx * math.cos(a), 6), round(cy + ry * math.sin(a), 6)] for a in angles]
    return [*ring, list(ring[0])]


def merge(regions: Sequence[Region]) -> list[list[Region]]:
    """Parts and holes (as we write them) behind the region they belong to; every other region alone."""
    groups: list[list[Region]] = []
    for region in regions:
        if groups and region.area and ("hole" in region.ours or "part" in region.ours):
            groups[-1].append(region)
        else:
            groups.append([region])
    return groups


def regions_of(shape: Shape, free: Iterator[str], mpp: float | None, notes: set[str]) -> list[Region]:
    """The regions that say this shape: one per ring."""
    kept = shape.extra.get("imagescope", {})
    rings = _rings(shape, closed=bool(kept.get("closed")), notes=notes)
    regions: list[Region] = []
    for number, (points, ours) in enumerate(rings):
        depths = kept.get("z", [])
        zs = (
            depths[number]
            if number < len(depths) and len(depths[number]) == len(points)
            else [0.0] * len(points)
        )
        vertices = [(x, y, z) for (x, y), z in zip(points, zs, strict=True)]
        attributes = (
            dict(kept["attributes"]) if kept and number == 0 else _fresh(shape, next(free), points, mpp)
        )
        attributes["NegativeROA"] = "1" if shape.negative or "hole" in ours else "0"
        if "hole" in ours:
            attributes["InputRegionId"] = regions[0].attributes.get("Id", "0")
        rows = list(kept.get("rows", ())) if number == 0 else []
        regions.append(Region(shape.kind, vertices, attributes, rows, ours))
    if len(regions) > 1:
        notes.add(
            "Holes and parts of one shape are regions of their own in ImageScope; "
            "reading them back joins them."
        )
    return regions


Ring = tuple[list[tuple[float, float]], dict[str, str]]


def _rings(shape: Shape, *, closed: bool, notes: set[str]) -> list[Ring]:
    kind, coordinates = shape.geometry["type"], shape.geometry["coordinates"]
    if kind == "Point":
        notes.add("A point is a region of one vertex.")
        return [([_xy(coordinates)], {})]
    if kind == "LineString":
        if len(coordinates) > 2:
            notes.add(
                "ImageScope's ruler has two ends; "
                "a line with more keeps its vertices but may be drawn otherwise."
            )
        return [([_xy(c) for c in coordinates], {})]
    if kind not in {"Polygon", "MultiPolygon"}:
        notes.add(f"ImageScope has no {kind}: its parts became regions of one shape each.")
        return [([_xy(c) for c in part], {}) for part in _flat(kind, coordinates)]
    if shape.kind == "ellipse" and (box := _box_of_ellipse(coordinates)):
        return [(box, {})]
    polygons = [coordinates] if kind == "Polygon" else coordinates
    rings: list[Ring] = []
    for part, polygon in enumerate(polygons):
        for index, ring in enumerate(polygon):
            points = [_xy(c) for c in ring]
            ours = {"hole": "1"} if index else ({"part": str(part)} if part else {})
            rings.append((points if closed or points[0] != points[-1] else points[:-1], ours))
    return rings


def _flat(kind: str, coordinates: Any) -> list[Any]:
    return [[position] for position in coordinates] if kind == "MultiPoint" else list(coordinates)


def _xy(position: Sequence[float]) -> tuple[float, float]:
    return position[0], position[1]


def _box_of_ellipse(coordinates: Any) -> list[tuple[float, float]] | None:
    """The box of an upright ellipse; None where the outline is not one (it then stays an outline)."""
    ring = coordinates[0]
    xs, ys = [p[0] for p in ring], [p[1] for p in ring]
    x0, y0, x1, y1 = min(xs), min(ys), max(xs), max(ys)
    rx, ry = (x1 - x0) / 2, (y1 - y0) / 2
    if len(coordinates) > 1 or rx <= 0 or ry <= 0 or len(ring) < 12:
        return None
    off = max(
        abs(math.hypot((x - x0 - rx) / rx, (y - y0 - ry) / ry) - 1) for x, y in zip(xs, ys, strict=True)
    )
    return [(x0, y0), (x1, y1)] if off < 0.01 else None


def _fresh(
    shape: Shape, uid: str, points: Sequence[tuple[float, float]], mpp: float | None
) -> dict[str, str]:
    length = sum(math.dist(a, b) for a, b in pairwise([*points, points[0]]))
    area = abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise([*points, points[0]]))) / 2
    raw: Mapping[str, str] = {
        "Id": uid,
        "Zoom": "1",
        "Selected": "0",
        "ImageLocation": "",
        "ImageFocus": "-1",
        "Length": f"{length:.1f}",
        "Area": f"{area:.1f}",
        "InputRegionId": "0",
        "Analyze": "1",
        "DisplayId": uid,
    }
    scaled = {"LengthMicrons": f"{length * mpp:.1f}", "AreaMicrons": f"{area * mpp * mpp:.1f}"} if mpp else {}
    return {**raw, **scaled}
