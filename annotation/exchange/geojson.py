"""QuPath's GeoJSON, both dialects: classifications with `color` or `colorRGB`, measurements as a list or an
object.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from annotation.exchange import jsons, told
from annotation.exchange.errors import NotReadable
from annotation.exchange.model import Document, Layer, Shape, Written

OF_TYPE: Final = {
    "Point": "point",
    "MultiPoint": "point",
    "LineString": "line",
    "MultiLineString": "line",
    "Polygon": "polygon",
    "MultiPolygon": "polygon",
}
DESCRIPTION: Final = "ANNOTATION_DESCRIPTION"
OURS: Final = "nocturne"


def read(data: Any) -> Document:
    """A FeatureCollection, a list of features or one feature. Raises NotReadable, which names the feature."""
    features, extra = _features(data)
    extra.pop(OURS, None)
    ours = jsons.member(data, OURS)
    shapes = tuple(_shape(feature, number) for number, feature in enumerate(features, start=1))
    layers = told.layers(ours["layers"]) if "layers" in ours else _layers_of(features)
    colours = {layer.uid: layer.colour for layer in layers}
    shapes = tuple(_plain(shape, feature, colours) for shape, feature in zip(shapes, features, strict=True))
    form = "list" if isinstance(data, list) else data["type"]
    own = {"geojson": {"form": form, "members": extra}} if form != "FeatureCollection" or extra else {}
    return Document(shapes, layers, jsons.positive(ours.get("mpp")), {**jsons.member(ours, "extra"), **own})


def _plain(shape: Shape, feature: Any, colours: Mapping[str, str]) -> Shape:
    """Without the memory of how it was written, where we would write it the same way from the rest."""
    bare = replace(shape, extra={key: value for key, value in shape.extra.items() if key != "geojson"})
    return bare if _feature(bare, colours) == feature else shape


def _features(data: Any) -> tuple[list[Any], dict[str, Any]]:
    if isinstance(data, list):
        return data, {}
    if (
        isinstance(data, dict)
        and data.get("type") == "FeatureCollection"
        and isinstance(data.get("features"), list)
    ):
        return data["features"], {
            key: value for key, value in data.items() if key not in {"type", "features"}
        }
    if isinstance(data, dict) and data.get("type") == "Feature":
        return [data], {}
    raise NotReadable("This JSON holds no GeoJSON features.")


def _shape(feature: Any, number: int) -> Shape:
    if not isinstance(feature, dict) or not isinstance(feature.get("geometry"), dict):
        raise NotReadable(f"Feature {number} has no geometry.")
    geometry = feature["geometry"]
    name = geometry.get("type")
    if not isinstance(name, str) or name not in OF_TYPE:
        raise NotReadable(f"Feature {number}: a {name} is not an annotation.")
    if not jsons.is_position_tree(geometry.get("coordinates"), jsons.DEPTH_OF[name]):
        raise NotReadable(f"Feature {number}: its coordinates are not positions.")
    properties = dict(jsons.member(feature, "properties"))
    ours = jsons.member(properties, OURS)
    properties.pop(OURS, None)
    plain = Shape(
        kind=OF_TYPE[name],
        geometry=geometry,
        label=_label_of(properties),
        comment=str(jsons.member(properties, "metadata").get(DESCRIPTION, "")),
        layer=_label_of(properties),
        uid=str(feature.get("id", "")),
    )
    shape = told.added(plain, ours, f"Feature {number}")
    return replace(shape, extra={**shape.extra, "geojson": _rest(feature, properties)})


def _rest(feature: Mapping[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    """Members and properties as they were: written back as they were."""
    members = {
        key: value for key, value in feature.items() if key not in {"type", "geometry", "properties", "id"}
    }
    return {"members": members, "properties": properties}


def _label_of(properties: Mapping[str, Any]) -> str:
    found = properties.get("classification")
    if isinstance(found, str):
        return found
    if isinstance(found, Mapping):
        names = found.get("names")
        return ": ".join(map(str, names)) if isinstance(names, list) else str(found.get("name", ""))
    return str(properties.get("name") or "")


def _layers_of(features: list[Any]) -> tuple[Layer, ...]:
    """One layer per classification, in its colour."""
    colours: dict[str, str] = {}
    for feature in features:
        properties = jsons.member(feature, "properties")
        colours.setdefault(_label_of(properties), _colour_of(properties.get("classification") or properties))
    return tuple(Layer(uid=name, name=name, colour=colour) for name, colour in colours.items())


def _colour_of(classification: Any) -> str:
    if not isinstance(classification, Mapping):
        return ""
    rgb = classification.get("color")
    if isinstance(rgb, list) and len(rgb) == 3 and all(isinstance(part, int) for part in rgb):
        return "#" + "".join(f"{part & 255:02x}" for part in rgb)
    packed = classification.get("colorRGB")
    return f"#{packed & 0xFFFFFF:06x}" if isinstance(packed, int) else ""


def write(document: Document) -> Written:
    """A FeatureCollection (or the form it was read in). GeoJSON carries everything: what QuPath has no word
    for is `nocturne`.
    """
    colours = {layer.uid: layer.colour for layer in document.layers}
    features = [_feature(shape, colours) for shape in document.shapes]
    known = document.extra.get("geojson", {})
    ours = _ours(document, features)
    if known.get("form") == "list" and not ours:
        return Written(jsons.dump(features))
    if known.get("form") == "Feature" and len(features) == 1 and not ours:
        return Written(jsons.dump(features[0]))
    collection = {"type": "FeatureCollection", "features": features, **known.get("members", {})}
    return Written(jsons.dump({**collection, **({OURS: ours} if ours else {})}))


def _ours(document: Document, features: list[Any]) -> dict[str, Any]:
    """What QuPath has no word for, and only that: a file that came from QuPath goes back without it."""
    extra = {key: value for key, value in document.extra.items() if key != "geojson"}
    ours: dict[str, Any] = {"extra": extra} if extra else {}
    if document.mpp is not None:
        ours["mpp"] = document.mpp
    if document.layers != _layers_of(features):
        ours["layers"] = told.of_layers(document.layers)
    return ours


def _feature(shape: Shape, colours: Mapping[str, str]) -> dict[str, Any]:
    rest = shape.extra.get("geojson", {})
    properties = dict(rest.get("properties", {"objectType": "annotation"}))
    if shape.label and _label_of(properties) != shape.label:
        properties["classification"] = _classification(shape.label, colours.get(shape.layer, ""))
    if shape.comment:
        properties["metadata"] = {**(properties.get("metadata") or {}), DESCRIPTION: shape.comment}
    ours = _ours_of(shape)
    if ours:
        properties[OURS] = ours
    identity = {"id": shape.uid} if shape.uid else {}
    return {
        "type": "Feature",
        **identity,
        "geometry": dict(shape.geometry),
        "properties": properties,
        **rest.get("members", {}),
    }


def _classification(label: str, colour: str) -> dict[str, Any]:
    if not colour:
        return {"name": label}
    return {"name": label, "color": [int(colour[i : i + 2], 16) for i in (1, 3, 5)]}


def _ours_of(shape: Shape) -> dict[str, Any]:
    extra = {key: value for key, value in shape.extra.items() if key != "geojson"}
    plain = replace(shape, kind=OF_TYPE[shape.geometry["type"]], layer=shape.label, author="", negative=False)
    return told.beside(replace(shape, extra=extra), replace(plain, extra={}), {})
