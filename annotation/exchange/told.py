"""What a format has no word for: told beside it, as the difference to what everybody would read.

Where an outline cannot be said exactly, its own geometry stands beside it with the digest of what was said;
if another program has changed that since, what it says counts.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any, Final

from annotation.exchange import jsons
from annotation.exchange.errors import NotReadable
from annotation.exchange.jsons import DEPTH_OF, is_position_tree
from annotation.exchange.model import KINDS, Layer, Shape

TYPES: Final[dict[str, type]] = {
    "kind": str, "label": str, "comment": str, "layer": str, "uid": str, "author": str, "negative": bool,
    "extra": dict,
}  # fmt: skip
ONE_OF: Final = {"MultiPolygon": "Polygon", "MultiLineString": "LineString", "MultiPoint": "Point"}
MANY_OF: Final = {one: many for many, one in ONE_OF.items()}
OF_KIND: Final = {"point": "Point", "line": "LineString", "ruler": "LineString"}  # all others enclose
Facts = dict[str, Any]


def parts_of(shape: Shape) -> list[tuple[Shape, Facts]]:
    """Its outlines, lines or points one by one, each with the marks by which `whole` finds them again."""
    one = ONE_OF.get(shape.geometry["type"])
    if one is None:
        return [(shape, {})]
    parts = [
        replace(shape, geometry={"type": one, "coordinates": part}) for part in shape.geometry["coordinates"]
    ]
    return [(part, {"part": number} if number else {"many": True}) for number, part in enumerate(parts)]


def split(shape: Shape) -> list[tuple[Shape, Facts]]:
    """As `parts_of`, but outlines stay together."""
    return [(shape, {})] if shape.geometry["type"] == "MultiPolygon" else parts_of(shape)


def beside(shape: Shape, read: Shape, marks: Facts) -> Facts:
    """Marks, and the fields of `shape` that a plain reader of what was written gets otherwise, as `read`."""
    names = ("kind",) if "part" in marks else TYPES
    told = {name: _value(shape, name) for name in names if getattr(shape, name) != getattr(read, name)}
    facts = {**marks, **told}
    if read.geometry != shape.geometry:
        facts |= {"geometry": dict(shape.geometry), "of": _digest(read)}
    return facts


def _value(shape: Shape, name: str) -> Any:
    value = getattr(shape, name)
    return dict(value) if isinstance(value, Mapping) else value


def _digest(shape: Shape) -> str:
    plain = {"type": shape.geometry["type"], "coordinates": _as_floats(shape.geometry["coordinates"])}
    return hashlib.sha256(json.dumps(plain).encode()).hexdigest()[:16]


def _as_floats(item: Any) -> Any:
    """Positions whose digest no format changes: to XML 0, 0.0 and -0.0 are one number."""
    return [_as_floats(one) for one in item] if isinstance(item, list | tuple) else float(item) + 0.0


def added(read: Shape, facts: Mapping[str, Any], where: str) -> Shape:
    """A plainly read shape with what was told beside it. Raises NotReadable."""
    known = {name: facts[name] for name in TYPES if name in facts}
    for name, value in known.items():
        if not isinstance(value, TYPES[name]):
            raise NotReadable(f"{where}: “{name}” is not what it should be.")
    if known.get("kind", "point") not in KINDS:
        raise NotReadable(f"{where}: “{known['kind']}” is not a shape we know.")
    if "geometry" in facts and facts.get("of") == _digest(read):
        known["geometry"] = _checked(facts["geometry"], where)
    shape, kind = replace(read, **known), str(known.get("geometry", read.geometry)["type"])
    if ONE_OF.get(kind, kind) != OF_KIND.get(shape.kind, "Polygon"):
        raise NotReadable(f"{where}: a {shape.kind} is no {kind}.")
    return shape


def _checked(geometry: Any, where: str) -> Any:
    kind = jsons.value(geometry, "type")
    if (
        not isinstance(kind, str)
        or kind not in DEPTH_OF
        or not is_position_tree(geometry.get("coordinates"), DEPTH_OF[kind])
    ):
        raise NotReadable(f"{where}: the geometry beside it is none.")
    return geometry


def whole(shapes: Iterable[tuple[Shape, Mapping[str, Any]]], where: str) -> list[Shape]:
    """Shapes with their marks, in the order of the file; what was one shape of several parts is one again."""
    found: list[Shape] = []
    for shape, facts in shapes:
        kind = shape.geometry["type"]
        if facts.get("part") and found and found[-1].geometry["type"] == MANY_OF.get(kind):
            before = found.pop()
            parts = [*before.geometry["coordinates"], shape.geometry["coordinates"]]
            found.append(replace(before, geometry={"type": MANY_OF[kind], "coordinates": parts}))
        elif facts.get("many") and kind in MANY_OF:
            parts = [shape.geometry["coordinates"]]
            found.append(replace(shape, geometry={"type": MANY_OF[kind], "coordinates": parts}))
        elif facts.get("part"):
            raise NotReadable(f"{where}: a part of a shape without the part before it.")
        else:
            found.append(shape)
    return found


def of_layers(layers: Iterable[Layer]) -> list[Facts]:
    return [asdict(layer) for layer in layers]


def layers(given: Any) -> tuple[Layer, ...]:
    """Layers that we wrote beside. Raises NotReadable."""
    fields = {"uid": str, "name": str, "colour": str, "extra": dict}
    right = isinstance(given, list) and all(
        isinstance(layer, dict)
        and layer.keys() == fields.keys()
        and all(isinstance(layer[name], kind) for name, kind in fields.items())
        for layer in given
    )
    if not right:
        raise NotReadable("The layers that Nocturne told beside are none.")
    return tuple(Layer(**layer) for layer in given)
