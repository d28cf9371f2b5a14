"""Between ImageScope's flat regions and GeoJSON's nested ones."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from annotation.exchange.ellipses import found_in, in_box
from annotation.exchange.errors import NotReadable
from annotation.exchange.model import Shape

Vertex = tuple[float, float, float]
MANY = {
    "point": ("Point", "MultiPoint"),
    "line": ("LineString", "MultiLineString"),
    "ruler": ("LineString", "MultiLineString"),
}


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

    def follows(self, first: "Region") -> bool:
        """Whether it is a hole in, or a part of, the shape that begins with `first`."""
        marked = "part" in self.ours or ("hole" in self.ours and self.area)
        return marked and ((self.area and first.area) or self.kind == first.kind)

    def ring(self) -> list[list[float]]:
        points = [[x, y] for x, y, _ in self.vertices]
        if self.kind in {"rectangle", "ellipse"} and len(points) == 2:
            return in_box(*points).ring() if self.kind == "ellipse" else _corners(points)
        if len(points) < 3:
            raise NotReadable(f"{self.where}: an outline of {len(points)} vertices encloses nothing.")
        return points if points[0] == points[-1] else [*points, list(points[0])]

    def geometry(self, parts: Sequence["Region"]) -> dict[str, Any]:
        """The GeoJSON of this region and the parts and holes that follow it."""
        if self.kind in MANY:
            one, many = MANY[self.kind]
            paths = [[[x, y] for x, y, _ in part.vertices] for part in parts]
            found = [path[0] for path in paths] if one == "Point" else paths
            return (
                {"type": many, "coordinates": found}
                if len(found) > 1
                else {"type": one, "coordinates": found[0]}
            )
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


def merge(regions: Sequence[Region]) -> list[list[Region]]:
    """Parts and holes (as we write them) behind the region they belong to; every other region alone."""
    groups: list[list[Region]] = []
    for region in regions:
        if groups and region.follows(groups[-1][0]):
            groups[-1].append(region)
        else:
            groups.append([region])
    return groups


def regions_of(shape: Shape, free: Iterator[str], mpp: float | None) -> list[Region]:
    """The regions that say this shape: one per ring."""
    kept = shape.extra.get("imagescope", {})
    rings = _rings(shape, closed=bool(kept.get("closed")))
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
    return regions


Ring = tuple[list[tuple[float, float]], dict[str, str]]


def _rings(shape: Shape, *, closed: bool) -> list[Ring]:
    kind, coordinates = shape.geometry["type"], shape.geometry["coordinates"]
    if kind in {"Point", "MultiPoint"}:
        return _following([[position] for position in ([coordinates] if kind == "Point" else coordinates)])
    if kind in {"LineString", "MultiLineString"}:
        return _following([coordinates] if kind == "LineString" else coordinates)
    if shape.kind == "ellipse" and (found := found_in(shape.geometry)) and found.upright:
        return [(found.box(), {})]
    rings: list[Ring] = []
    for part, polygon in enumerate([coordinates] if kind == "Polygon" else coordinates):
        for index, ring in enumerate(polygon):
            points = [_xy(c) for c in ring]
            ours = {"hole": "1"} if index else ({"part": str(part)} if part else {})
            rings.append((points if closed or points[0] != points[-1] else points[:-1], ours))
    return rings


def _following(paths: Sequence[Sequence[Sequence[float]]]) -> list[Ring]:
    return [([_xy(c) for c in path], {"part": str(n)} if n else {}) for n, path in enumerate(paths)]


def _xy(position: Sequence[float]) -> tuple[float, float]:
    return position[0], position[1]


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
