"""Between shapes and what DICOM has: one point, line, outline, rectangle or ellipse, and no holes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from annotation.exchange import told
from annotation.exchange.ellipses import found_in, from_ends
from annotation.exchange.errors import NotReadable
from annotation.exchange.model import Document, Shape

KIND_OF: Final = {
    "POINT": "point",
    "POLYLINE": "line",
    "POLYGON": "polygon",
    "RECTANGLE": "rectangle",
    "ELLIPSE": "ellipse",
}
HOLES: Final = ": holes"
CUT_OUT: Final = ": cut out"
Points = list[list[float]]
Rounding = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One annotation of DICOM's. `role` is the end of its group's name; `facts` go beside it."""

    shape: Shape
    graphic: str
    points: Points
    role: str
    facts: told.Facts


def leaves(document: Document, *, rounded: Rounding = float, boxes: bool = True) -> list[Leaf]:
    """Every annotation; `rounded` is what the file makes of a number, `boxes` whether it knows rectangles and
    outlines: to one that does not, a line whose ends meet is an outline.
    """
    return [leaf for n, shape in enumerate(document.shapes) for leaf in _of_shape(shape, n, rounded, boxes)]


def _of_shape(shape: Shape, n: int, rounded: Rounding, boxes: bool) -> list[Leaf]:
    role = CUT_OUT if shape.negative else ""
    found: list[Leaf] = []
    for part, marks in told.parts_of(shape):
        pieces = [
            (graphic, [[rounded(x), rounded(y)] for x, y in points])
            for graphic, points in _pieces(part, boxes)
        ]
        if not boxes and pieces[0][0] == "POLYLINE" and _meets(pieces[0][1]):
            pieces = [("POLYGON", pieces[0][1][:-1])]
        first, *holes = [_geometry(graphic, points) for graphic, points in pieces]
        if holes:
            first = {**first, "coordinates": [ring for one in (first, *holes) for ring in one["coordinates"]]}
        plain = replace(part, kind=KIND_OF[pieces[0][0]], geometry=first, label="", comment="", layer="")
        plain = replace(plain, uid="", author="", negative=False, extra={})
        facts = {"n": n, **told.beside(part, plain, marks)}
        found.append(Leaf(part, *pieces[0], role, facts))
        for number, piece in enumerate(pieces[1:], start=1):
            found.append(Leaf(part, *piece, HOLES, {"n": n, "part": marks.get("part", 0), "hole": number}))
    return found


def _pieces(part: Shape, boxes: bool) -> list[tuple[str, Points]]:
    kind, coordinates = part.geometry["type"], part.geometry["coordinates"]
    if kind == "Point":
        return [("POINT", [list(coordinates[:2])])]
    if kind == "LineString":
        return [("POLYLINE", [list(at[:2]) for at in coordinates])]
    if part.kind == "ellipse" and (found := found_in(part.geometry)):
        return [("ELLIPSE", found.ends())]
    rings = [[list(at[:2]) for at in ring[:-1]] for ring in coordinates]
    if boxes and part.kind == "rectangle" and len(rings) == 1 and len(rings[0]) == 4:
        return [("RECTANGLE", rings[0])]
    return [("POLYGON", ring) for ring in rings]


def _meets(path: Points) -> bool:
    return len(path) > 3 and path[0] == path[-1]


def plain(graphic: str, points: Sequence[Sequence[float]], where: str, **said: Any) -> Shape:
    """An annotation as every program reads it. Raises NotReadable."""
    least = {"POINT": 1, "POLYLINE": 2, "POLYGON": 3, "RECTANGLE": 4, "ELLIPSE": 4}
    if len(points) < least[graphic] or (
        graphic != "POLYLINE" and graphic != "POLYGON" and len(points) != least[graphic]
    ):
        raise NotReadable(f"{where}: a {graphic} of {len(points)} points.")
    return Shape(KIND_OF[graphic], _geometry(graphic, [list(at) for at in points]), **said)


def _geometry(graphic: str, points: Points) -> dict[str, Any]:
    if graphic == "POINT":
        return {"type": "Point", "coordinates": points[0]}
    if graphic == "POLYLINE":
        return {"type": "LineString", "coordinates": points}
    if graphic == "ELLIPSE":
        return {"type": "Polygon", "coordinates": [from_ends(points).ring()]}
    ring = points if points[0] == points[-1] else [*points, list(points[0])]
    return {"type": "Polygon", "coordinates": [ring]}


def assembled(found: Iterable[tuple[Shape, told.Facts]], where: str) -> list[Shape]:
    """Shapes as they were, in their order: holes in their outlines, parts joined; what bears no facts of ours
    follows as it is.
    """
    ours = sorted((item for item in found if _is_ours(item[1])), key=_place)
    other = [shape for shape, facts in found if not _is_ours(facts)]
    parts: list[tuple[Shape, told.Facts]] = []
    for shape, facts in ours:
        if not facts.get("hole"):
            parts.append((shape, facts))
        elif parts and parts[-1][1]["n"] == facts["n"] and parts[-1][0].geometry["type"] == "Polygon":
            before, known = parts.pop()
            rings = [*before.geometry["coordinates"], *shape.geometry["coordinates"]]
            parts.append((replace(before, geometry={"type": "Polygon", "coordinates": rings}), known))
        else:
            other.append(shape)  # somebody took the outline away
    told_ = [(told.added(_bare(shape), facts, where), facts) for shape, facts in parts]
    return [*told.whole(told_, where), *other]


def _bare(shape: Shape) -> Shape:
    """Its place and kind alone: everything else stands beside it."""
    return Shape(shape.kind, shape.geometry)


def _is_ours(facts: told.Facts) -> bool:
    return isinstance(facts.get("n"), int)


def _place(item: tuple[Shape, told.Facts]) -> tuple[int, int, int]:
    numbers = [item[1].get(name, 0) for name in ("n", "part", "hole")]
    if not all(isinstance(number, int) for number in numbers):
        raise NotReadable("The numbers that Nocturne told beside are none.")
    return numbers[0], numbers[1], numbers[2]
