"""The Digital Slide Archive's annotations (HistomicsUI, HistomicsTK, large_image): documents of elements.

One document is a layer. What its elements have no word for stands under `user.nocturne`, a place that the
schema leaves to programs.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

from annotation.exchange import ellipses, jsons, told
from annotation.exchange.errors import NotReadable
from annotation.exchange.model import Document, Layer, Shape, Written, all_layers

OURS: Final = "nocturne"
POSITIONED: Final = {"points", "center", "width", "height", "radius", "rotation", "closed", "holes", "type"}
GEOMETRY: Final = {"point", "polyline", "arrow", "rectangle", "ellipse", "circle"}


def is_ours(data: Any) -> bool:
    first = data[0] if isinstance(data, list) and data else data
    return isinstance(first, dict) and isinstance(_body(first).get("elements"), list)


def read(data: Any) -> Document:
    """One document or a list, bare or within `annotation`. Raises NotReadable, which names the element."""
    items = data if isinstance(data, list) else [data]
    layers: list[Layer] = []
    shapes: list[Shape] = []
    notes: list[str] = []
    for number, item in enumerate(items, start=1):
        if not is_ours(item):
            raise NotReadable(f"Document {number} holds no elements.")
        layer = _layer(item, number, {known.uid for known in layers})
        layers.append(layer)
        shapes.extend(_shapes(_body(item)["elements"], layer, notes))
    ours = jsons.member(items[0], OURS) if items else {}
    form = {"dsa": {"form": "list"}} if isinstance(data, list) and len(items) == 1 else {}
    extra = {**jsons.member(ours, "extra"), **form}
    return Document(tuple(shapes), tuple(layers), jsons.positive(ours.get("mpp")), extra, tuple(notes))


def _body(item: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = item.get("annotation")
    return inner if isinstance(inner, dict) else item


def _layer(item: Mapping[str, Any], number: int, taken: set[str]) -> Layer:
    body = {key: value for key, value in _body(item).items() if key != "elements"}
    around = {key: value for key, value in item.items() if key not in {"annotation", OURS}}
    wrapped = _body(item) is not item
    name = str(body.get("name") or "")
    ours = jsons.member(jsons.member(body, "attributes"), OURS)
    uid = str(ours.get("uid", name or number))
    colours = [
        _hex(element.get("lineColor")) for element in _body(item)["elements"] if isinstance(element, dict)
    ]
    colour = str(ours.get("colour", next((found for found in colours if found), "")))
    name = str(ours.get("name", name))
    said = {"body": _without_ours(body), "around": around if wrapped else None}
    own = {} if said == {"body": _body_of(name), "around": None} else {"dsa": said}
    extra = {**jsons.member(ours, "extra"), **own}
    return Layer(uid if uid not in taken else f"{uid}#{number}", name, colour, extra)


def _body_of(name: str) -> dict[str, Any]:
    """What a layer that came from elsewhere says of itself."""
    return {"name": name, "attributes": {}}


def _without_ours(body: dict[str, Any]) -> dict[str, Any]:
    attributes = body.get("attributes")
    if not isinstance(attributes, dict) or OURS not in attributes:
        return {key: value for key, value in body.items() if key != OURS}
    rest = {key: value for key, value in attributes.items() if key != OURS}
    return {**{key: value for key, value in body.items() if key != OURS}, "attributes": rest}


def _shapes(elements: list[Any], layer: Layer, notes: list[str]) -> list[Shape]:
    found: list[tuple[Shape, Mapping[str, Any]]] = []
    for number, element in enumerate(elements, start=1):
        where = f"Layer {layer.uid}, element {number}"
        if not isinstance(element, dict):
            raise NotReadable(f"{where} is no object.")
        if element.get("type") not in GEOMETRY:
            notes.append(f"{where}: a {element.get('type')} is not an annotation.")
            continue
        facts = jsons.member(jsons.member(element, "user"), OURS)
        shape = told.added(_plain(element, layer, where), facts, where)
        found.append((shape, facts))
    return told.whole(found, f"Layer {layer.uid}")


def _plain(element: Mapping[str, Any], layer: Layer, where: str) -> Shape:
    """An element as every program reads it."""
    try:
        kind, geometry, depth = _geometry(element)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise NotReadable(f"{where}: its positions are not numbers.") from error
    label = jsons.member(element, "label").get("value")
    rest = {key: value for key, value in element.items() if key not in POSITIONED | {"id"}}
    user = rest.get("user")
    if isinstance(user, dict) and OURS in user:
        rest["user"] = {key: value for key, value in user.items() if key != OURS}
        if not rest["user"]:
            del rest["user"]
    own: dict[str, Any] = {"type": element["type"], **({"z": depth} if any(depth) else {}), "members": rest}
    if geometry["type"] == "Polygon" and element.get("closed") and _repeats(element["points"]):
        own["repeats"] = True
    plain = own == {"type": _type_of(kind), "members": _members(layer.colour, str(label or ""))}
    return Shape(
        kind=kind,
        geometry=geometry,
        label=str(label or element.get("group") or layer.name),
        layer=layer.uid,
        uid=str(element.get("id") or ""),
        extra={} if plain else {"dsa": own},
    )


def _type_of(kind: str) -> str:
    return kind if kind in {"point", "rectangle", "ellipse"} else "polyline"


def _members(colour: str, label: str) -> dict[str, Any]:
    return {
        **({"lineColor": _rgb(colour)} if colour else {}),
        **({"label": {"value": label}} if label else {}),
    }


def _geometry(element: Mapping[str, Any]) -> tuple[str, dict[str, Any], list[float]]:
    """(kind, GeoJSON, the third coordinates)."""
    name = element["type"]
    if name == "point":
        x, y, *z = jsons.numbers(element["center"], 2, 3)
        return "point", {"type": "Point", "coordinates": [x, y]}, z
    if name in {"polyline", "arrow"}:
        return _path(element)
    x, y, *z = jsons.numbers(element["center"], 2, 3)
    if name == "circle":
        wide = tall = 2 * jsons.number(element["radius"])
    else:
        wide, tall = jsons.number(element["width"]), jsons.number(element["height"])
    angle = jsons.number(element.get("rotation") or 0)
    if name == "rectangle":
        return "rectangle", {"type": "Polygon", "coordinates": [_box(x, y, wide, tall, angle)]}, z
    ring = ellipses.Ellipse(x, y, wide / 2, tall / 2, angle).ring()
    return "ellipse", {"type": "Polygon", "coordinates": [ring]}, z


def _path(element: Mapping[str, Any]) -> tuple[str, dict[str, Any], list[float]]:
    points = [jsons.numbers(point, 2, 3) for point in element["points"]]
    depth = [point[2] if len(point) > 2 else 0 for point in points]
    path = [point[:2] for point in points]
    if not element.get("closed"):
        if len(path) < 2:
            raise ValueError(path)
        return "line", {"type": "LineString", "coordinates": path}, depth
    holes = [[jsons.numbers(point, 2, 3)[:2] for point in hole] for hole in element.get("holes") or ()]
    rings = [_closed(ring) for ring in (path, *holes)]
    return "freehand", {"type": "Polygon", "coordinates": rings}, depth


def _repeats(points: list[list[float]]) -> bool:
    """Whether a closed path says its first point again."""
    return len(points) > 3 and points[0][:2] == points[-1][:2]


def _closed(ring: list[list[float]]) -> list[list[float]]:
    if len(ring) < 3:
        raise ValueError(ring)
    return ring if ring[0] == ring[-1] and len(ring) > 3 else [*ring, list(ring[0])]


def _box(x: float, y: float, wide: float, tall: float, angle: float) -> list[list[float]]:
    turn, lean = math.cos(angle), math.sin(angle)
    ring = []
    for across, down in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)):
        along, below = across * wide / 2, down * tall / 2
        ring.append([round(x + along * turn - below * lean, 6), round(y + along * lean + below * turn, 6)])
    return ring


def write(document: Document) -> Written:
    """One document for each layer."""
    items = [
        _item(layer, [shape for shape in document.shapes if shape.layer == layer.uid])
        for layer in all_layers(document)
    ]
    extra = {key: value for key, value in document.extra.items() if key != "dsa"}
    ours = {
        **({"mpp": document.mpp} if document.mpp is not None else {}),
        **({"extra": extra} if extra else {}),
    }
    if ours and not items:
        items = [{"name": "", "elements": []}]
    if ours:
        items[0] = {**items[0], OURS: ours}
    one = len(items) == 1 and jsons.member(document.extra, "dsa").get("form") != "list"
    return Written(jsons.dump(items[0] if one else items))


def _item(layer: Layer, shapes: list[Shape]) -> dict[str, Any]:
    said = jsons.member(layer.extra, "dsa")
    body = dict(jsons.member(said, "body")) or _body_of(layer.name)
    elements = [element for shape in shapes for element in _elements(shape, layer)]
    plain = {**body, "elements": elements}
    around = said.get("around")
    read_back = _layer(plain, 1, set())
    extra = {key: value for key, value in layer.extra.items() if key != "dsa"}
    ours: dict[str, Any] = {
        name: getattr(layer, name)
        for name in ("uid", "name", "colour")
        if getattr(layer, name) != getattr(read_back, name)
    }
    if extra:
        ours["extra"] = extra
    if ours:
        plain["attributes"] = {**jsons.member(body, "attributes"), OURS: ours}
    return plain if around is None else {**around, "annotation": plain}


def _elements(shape: Shape, layer: Layer) -> list[dict[str, Any]]:
    return [_element(part, layer, marks) for part, marks in told.parts_of(shape)]


def _element(shape: Shape, layer: Layer, marks: dict[str, Any]) -> dict[str, Any]:
    own = jsons.member(shape.extra, "dsa")
    members = dict(
        own.get("members", _members(layer.colour, shape.label if shape.label != layer.name else ""))
    )
    element: dict[str, Any] = {**_where(shape, own), **members}
    if shape.uid and "part" not in marks:
        element["id"] = shape.uid
    if jsons.member(members, "label").get("value") not in {None, shape.label}:
        element["label"] = {**element["label"], "value": shape.label}
    facts = told.beside(shape, _plain(element, layer, ""), marks)
    if facts:
        element["user"] = {**jsons.member(element, "user"), OURS: facts}
    return element


def _where(shape: Shape, own: Mapping[str, Any]) -> dict[str, Any]:
    """The members that say where it lies."""
    coordinates, kept = shape.geometry["coordinates"], own.get("z") or []
    if shape.geometry["type"] == "Point":
        return {"type": "point", "center": [*coordinates[:2], kept[0] if kept else 0]}
    found = ellipses.found_in(shape.geometry) if shape.kind == "ellipse" else None
    if found:
        return _round(found, own, kept)
    if shape.kind == "rectangle" and (box := _box_in(coordinates)):
        x, y, wide, tall, angle = box
        centre = [x, y, kept[0] if kept else 0]
        return {"type": "rectangle", "center": centre, "width": wide, "height": tall, "rotation": angle}
    outline = shape.geometry["type"] == "Polygon"
    rings = coordinates if outline else [coordinates]
    paths = [ring[:-1] if outline and ring[0] == ring[-1] else ring for ring in rings]
    if own.get("repeats"):
        paths[0] = [*paths[0], paths[0][0]]
    depth = kept if len(kept) == len(paths[0]) else [0] * len(paths[0])
    points = [[*point[:2], z] for point, z in zip(paths[0], depth, strict=True)]
    name = "arrow" if own.get("type") == "arrow" and not outline else "polyline"
    holes = {"holes": [[[*point[:2], 0] for point in hole] for hole in paths[1:]]} if len(paths) > 1 else {}
    return {"type": name, "points": points, **({} if name == "arrow" else {"closed": outline}), **holes}


def _round(found: ellipses.Ellipse, own: Mapping[str, Any], kept: list[float]) -> dict[str, Any]:
    centre = [round(found.x, 6), round(found.y, 6), kept[0] if kept else 0]
    if own.get("type") == "circle" and abs(found.rx - found.ry) < ellipses.CLOSE_PX:
        return {"type": "circle", "center": centre, "radius": round(found.rx, 6)}
    sides = {"width": round(2 * found.rx, 6), "height": round(2 * found.ry, 6)}
    return {"type": "ellipse", "center": centre, **sides, "rotation": found.angle}


def _box_in(rings: Any) -> tuple[float, float, float, float, float] | None:
    """Centre, sides and angle of a rectangle whose ring this is; None where it is none."""
    ring = rings[0]
    if len(rings) > 1 or len(ring) != 5:
        return None
    (ax, ay), (bx, by), (cx, cy) = (point[:2] for point in ring[:3])
    wide, tall = math.dist((ax, ay), (bx, by)), math.dist((bx, by), (cx, cy))
    x, y, angle = (ax + cx) / 2, (ay + cy) / 2, math.atan2(by - ay, bx - ax)
    drawn = _box(x, y, wide, tall, angle)
    near = all(math.dist(a, b[:2]) < ellipses.CLOSE_PX for a, b in zip(drawn, ring, strict=True))
    return (round(x, 6), round(y, 6), round(wide, 6), round(tall, 6), angle) if near else None


def _rgb(colour: str) -> str:
    return f"rgb({', '.join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))})"


def _hex(colour: Any) -> str:
    """`rgb(0, 255, 0)`, `rgba(…)` or `#00ff00` as #rrggbb; empty for anything else."""
    text = colour if isinstance(colour, str) else ""
    if len(text) == 7 and text.startswith("#"):
        return text.lower()
    inner = text.partition("(")[2].partition(")")[0].split(",")[:3]
    parts = [part.strip() for part in inner]
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        return ""
    return "#" + "".join(f"{min(int(part), 255):02x}" for part in parts)
