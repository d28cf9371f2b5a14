"""V7 Darwin's JSON 2.0. An outline is a set of closed paths, and what lies within an odd number of them is
inside; one without its outline is a bounding box. What it has no word for stands under `nocturne`.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

from annotation.exchange import ellipses, jsons, told
from annotation.exchange.carried import polygons, positions
from annotation.exchange.errors import NotReadable
from annotation.exchange.model import Document, Layer, Shape, Written
from annotation.exchange.nesting import nested

OURS: Final = "nocturne"
HEAD: Final = {"version": "2.0", "item": {"name": "", "path": "/"}}
WHERE: Final = ("polygon", "ellipse", "line", "keypoint", "bounding_box")
Point = dict[str, float]


def is_ours(data: Any) -> bool:
    return isinstance(data, dict) and isinstance(data.get("annotations"), list) and "item" in data


def read(data: Any) -> Document:
    """Raises NotReadable, which names the annotation."""
    found: list[tuple[Shape, Mapping[str, Any]]] = []
    notes: list[str] = []
    for number, item in enumerate(data["annotations"], start=1):
        where = f"Annotation {number}"
        if not isinstance(item, dict):
            raise NotReadable(f"{where} is no object.")
        if not any(name in item for name in WHERE):
            notes.append(f"{where} has no place on the slide: {', '.join(sorted(item))}.")
            continue
        facts = jsons.member(item, OURS)
        shape = told.added(_plain(item, where), facts, where)
        found.append((shape, facts))
    shapes = tuple(told.whole(found, "The annotations"))
    ours = jsons.member(data, OURS)
    head = {key: value for key, value in data.items() if key not in {"annotations", OURS}}
    extra = {**jsons.member(ours, "extra"), **({"darwin": head} if head != HEAD else {})}
    return Document(shapes, _layers(ours, shapes), jsons.positive(ours.get("mpp")), extra, tuple(notes))


def _layers(ours: Mapping[str, Any], shapes: tuple[Shape, ...]) -> tuple[Layer, ...]:
    """Those that we wrote; else one for each class of annotations."""
    if "layers" in ours:
        return told.layers(ours["layers"])
    return tuple(Layer(label, label) for label in dict.fromkeys(shape.label for shape in shapes))


def _plain(item: Mapping[str, Any], where: str) -> Shape:
    """An annotation as every program reads it."""
    name = next(name for name in WHERE if name in item)
    try:
        kind, geometry = _READERS[name](item[name])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise NotReadable(f"{where}: its positions are not numbers.") from error
    label = str(item.get("name") or "")
    rest = {key: value for key, value in item.items() if key not in {*WHERE, "id", "name", OURS}}
    own = {"darwin": rest} if rest else {}
    return Shape(kind, geometry, label, layer=label, uid=str(item.get("id") or ""), extra=own)


def _polygon(value: Any) -> tuple[str, dict[str, Any]]:
    paths = [[_at(point) for point in path] for path in value["paths"]]
    if not paths or any(len(path) < 3 for path in paths):
        raise ValueError(paths)
    polygons = nested([[*path, list(path[0])] if path[0] != path[-1] else path for path in paths])
    if len(polygons) == 1:
        return "polygon", {"type": "Polygon", "coordinates": polygons[0]}
    return "polygon", {"type": "MultiPolygon", "coordinates": polygons}


def _ellipse(value: Any) -> tuple[str, dict[str, Any]]:
    (x, y), (rx, ry) = _at(value["center"]), _at(value["radius"])
    found = ellipses.Ellipse(x, y, rx, ry, jsons.number(value.get("angle") or 0))
    return "ellipse", {"type": "Polygon", "coordinates": [found.ring()]}


def _line(value: Any) -> tuple[str, dict[str, Any]]:
    path = [_at(point) for point in value["path"]]
    if len(path) < 2:
        raise ValueError(path)
    return "line", {"type": "LineString", "coordinates": path}


def _keypoint(value: Any) -> tuple[str, dict[str, Any]]:
    return "point", {"type": "Point", "coordinates": _at(value)}


def _box(value: Any) -> tuple[str, dict[str, Any]]:
    x, y, wide, tall = (jsons.number(value[name]) for name in ("x", "y", "w", "h"))
    right, low = round(x + wide, 6), round(y + tall, 6)
    ring = [[x, y], [right, y], [right, low], [x, low], [x, y]]
    return "rectangle", {"type": "Polygon", "coordinates": [ring]}


_READERS: Final = {
    "polygon": _polygon,
    "ellipse": _ellipse,
    "line": _line,
    "keypoint": _keypoint,
    "bounding_box": _box,
}


def _at(point: Any) -> list[float]:
    return [jsons.number(point["x"]), jsons.number(point["y"])]


def write(document: Document) -> Written:
    head = document.extra.get("darwin") or HEAD
    items = [_item(part, marks) for shape in document.shapes for part, marks in told.split(shape)]
    extra = {key: value for key, value in document.extra.items() if key != "darwin"}
    ours: dict[str, Any] = {"extra": extra} if extra else {}
    if document.mpp is not None:
        ours["mpp"] = document.mpp
    if document.layers != _layers({}, document.shapes):
        ours["layers"] = told.of_layers(document.layers)
    return Written(jsons.dump({**head, "annotations": items, **({OURS: ours} if ours else {})}))


def _item(shape: Shape, marks: dict[str, Any]) -> dict[str, Any]:
    name, value = _where(shape)
    item = {**jsons.member(shape.extra, "darwin"), name: value}
    if name == "polygon":
        item["bounding_box"] = _bounds(shape)
    if shape.uid and "part" not in marks:
        item["id"] = shape.uid
    item["name"] = shape.label
    facts = told.beside(shape, _plain(item, ""), marks)
    return {**item, **({OURS: facts} if facts else {})}


def _where(shape: Shape) -> tuple[str, Any]:
    """The word for its kind, and its value."""
    coordinates, kind = shape.geometry["coordinates"], shape.geometry["type"]
    if kind == "Point":
        return "keypoint", _point(coordinates)
    if kind == "LineString":
        return "line", {"path": [_point(at) for at in coordinates]}
    found = ellipses.found_in(shape.geometry) if shape.kind == "ellipse" else None
    if found:
        value = {"center": _point((found.x, found.y)), "radius": _point((found.rx, found.ry))}
        return "ellipse", {**value, "angle": found.angle}
    if shape.kind == "rectangle" and (box := _is_box(coordinates)):
        return "bounding_box", box
    rings = [ring for polygon in polygons(shape) for ring in polygon]
    return "polygon", {"paths": [[_point(at) for at in ring[:-1]] for ring in rings]}


def _is_box(rings: Any) -> Point | None:
    (x, y), (right, low) = rings[0][0][:2], rings[0][len(rings[0]) // 2][:2]
    box = {"x": x, "y": y, "w": round(right - x, 6), "h": round(low - y, 6)}
    near = len(rings) == 1 and len(rings[0]) == 5 and right > x and low > y
    again = _box(box)[1]["coordinates"][0]
    same = near and all(math.dist(a, b[:2]) < 1e-5 for a, b in zip(again, rings[0], strict=True))
    return box if same else None


def _bounds(shape: Shape) -> Point:
    xs, ys = zip(*(at[:2] for at in positions(shape)), strict=True)
    return {"x": min(xs), "y": min(ys), "w": round(max(xs) - min(xs), 6), "h": round(max(ys) - min(ys), 6)}


def _point(at: Any) -> Point:
    return {"x": at[0], "y": at[1]}
