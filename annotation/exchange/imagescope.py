"""Aperio ImageScope's XML: layers (Annotation) of regions, negative regions included.

What the schema has no word for is kept in rows of a region's own attribute table, under names that begin
`nocturne.`; ImageScope shows such rows and leaves them alone.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError, SubElement, indent, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from annotation.exchange import told
from annotation.exchange.errors import NotReadable
from annotation.exchange.imagescope_shapes import Region, merge, regions_of
from annotation.exchange.model import Document, Layer, Shape, Written, all_layers

PREFIX: Final = "nocturne."
NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
AS_JSON: Final = "json:"
GREEN: Final = "#00ff00"
KIND_OF_TYPE: Final = {"0": "freehand", "1": "rectangle", "2": "ellipse", "3": "line", "4": "ruler"}
TYPE_OF_KIND: Final = {"rectangle": "1", "ellipse": "2", "line": "3", "ruler": "4"}


def read(content: bytes) -> Document:
    """Read one file. Raises NotReadable, also for entities and document types, which no such file needs."""
    try:
        root = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, UnicodeError, ValueError, LookupError) as error:
        raise NotReadable(f"This is not XML that we read: {error}") from error
    if root.tag != "Annotations":
        raise NotReadable(f"This XML begins with {root.tag}, not with Annotations.")
    mpp = _positive(root.get("MicronsPerPixel"))
    layers: list[Layer] = []
    shapes: list[Shape] = []
    for number, element in enumerate(root.findall("Annotation"), start=1):
        taken = {known.uid for known in layers}
        layer = _layer(element, number, taken)
        layer, drawn = _plain(layer, _shapes(element, layer), number, mpp)
        layers.append(layer)
        shapes.extend(drawn)
    return Document(tuple(shapes), tuple(layers), mpp, _document_extra(root))


def _document_extra(root: Element) -> dict[str, Any]:
    rest = {key: value for key, value in root.attrib.items() if key != "MicronsPerPixel"}
    given = rest.pop(f"{PREFIX}extra", None)
    return {**_json_object(given), **({"imagescope": {"attributes": rest}} if rest else {})}


def _json_object(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except ValueError as error:
        raise NotReadable(f"A {PREFIX}extra attribute is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise NotReadable(f"A {PREFIX}extra attribute is not a JSON object.")
    return value


def _positive(text: str | None) -> float | None:
    try:
        value = float(text or 0)
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None


def _layer(element: Element, number: int, taken: set[str]) -> Layer:
    raw = dict(element.attrib)
    name = raw.get("Name") or raw.get("LayerName") or ""
    rows = [dict(row.attrib) for row in element.findall("Attributes/Attribute")]
    ours = {row["Name"][len(PREFIX) :]: row.get("Value", "") for row in rows if _is_ours(row)}
    rows = [row for row in rows if not _is_ours(row)]
    headers = [dict(row.attrib) for row in element.findall("Regions/RegionAttributeHeaders/AttributeHeader")]
    extra = {"attributes": raw, "rows": rows, "headers": headers}
    uid = raw.get("Id") or str(number)
    uid = uid if uid not in taken else f"{uid}#{number}"
    plain = Layer(uid, name, _colour(raw.get("LineColor")), {"imagescope": extra})
    if "layer" not in ours:
        return plain
    (told_,) = told.layers([_json_object(ours["layer"])])
    return replace(
        told_,
        uid=told_.uid if told_.uid not in taken else f"{told_.uid}#{number}",
        extra={**told_.extra, **plain.extra},
    )


def _plain(layer: Layer, shapes: list[Shape], number: int, mpp: float | None) -> tuple[Layer, list[Shape]]:
    """Without the memory of how they were written, where we would write them the same way from the rest."""
    bare = replace(layer, extra=_without_memory(layer.extra))
    bare_shapes = [replace(shape, extra=_without_memory(shape.extra)) for shape in shapes]
    again = _write_layer(Element("Annotations"), bare, number, bare_shapes, mpp)
    return (
        bare if _layer(again, number, set()) == layer else layer,
        bare_shapes if _shapes(again, layer) == shapes else shapes,
    )


def _without_memory(extra: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in extra.items() if name != "imagescope"}


def _colour(text: str | None) -> str:
    """ImageScope packs blue, green, red."""
    if not (text or "").isdigit():
        return ""
    value = int(text or 0) & 0xFFFFFF
    return f"#{value & 255:02x}{value >> 8 & 255:02x}{value >> 16:02x}"


def _packed(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return str(blue << 16 | green << 8 | red)


def _shapes(element: Element, layer: Layer) -> list[Shape]:
    regions = [_region(found, layer, n) for n, found in enumerate(element.findall("Regions/Region"), start=1)]
    return [_shape(parts, layer) for parts in merge(regions)]


def _region(element: Element, layer: Layer, number: int) -> Region:
    where = f"Layer {layer.uid}, region {element.get('Id') or number}"
    try:
        vertices = [
            (_number(v.get("X")), _number(v.get("Y")), _number(v.get("Z") or "0"))
            for v in element.findall("Vertices/Vertex")
        ]
    except (TypeError, ValueError) as error:
        raise NotReadable(f"{where}: a vertex is not a pair of numbers.") from error
    if not vertices:
        raise NotReadable(f"{where} has no vertices.")
    rows = [dict(row.attrib) for row in element.findall("Attributes/Attribute")]
    ours = {row["Name"][len(PREFIX) :]: _said(row.get("Value", "")) for row in rows if _is_ours(row)}
    kept = [row for row in rows if not _is_ours(row)]
    kind = ours.get("kind") or KIND_OF_TYPE.get(element.get("Type", "0"), "freehand")
    if len(vertices) == 1:
        kind = "point"
    return Region(kind, vertices, dict(element.attrib), kept, ours, where)


def _said(text: str) -> str:
    """A value of one of our rows; what XML cannot say stands there as JSON."""
    if not text.startswith(AS_JSON):
        return text
    try:
        return str(json.loads(text[len(AS_JSON) :]))
    except ValueError as error:
        raise NotReadable(f"An attribute row of ours is not JSON: {error}") from error


def _in_xml(value: str) -> str:
    plain = not NOT_XML.search(value) and not value.startswith(AS_JSON)
    return value if plain else AS_JSON + json.dumps(value)


def _is_ours(row: Mapping[str, str]) -> bool:
    return row.get("Name", "").startswith(PREFIX)


def _number(text: str | None) -> float:
    value = float(text)  # type: ignore[arg-type]  # None raises TypeError, which the caller names
    if not math.isfinite(value):
        raise ValueError(text)
    return int(value) if value.is_integer() else value


def _shape(parts: Sequence[Region], layer: Layer) -> Shape:
    first = parts[0]
    raw = {key: value for key, value in first.attributes.items() if key not in {"Text", "NegativeROA"}}
    own: dict[str, Any] = {"attributes": raw, "rows": first.rows, "closed": first.closed}
    depths = [[vertex[2] for vertex in part.vertices] for part in parts]
    if any(z for part in depths for z in part):
        own["z"] = depths
    shape = Shape(
        kind=first.kind,
        geometry=first.geometry(parts),
        label=first.ours.get("label", layer.name),
        comment=first.ours.get("text", first.attributes.get("Text", "")),
        layer=layer.uid,
        uid=first.ours.get("uid", ""),
        author=first.ours.get("author", ""),
        negative=first.attributes.get("NegativeROA") == "1",
        extra={**_json_object(first.ours.get("extra")), "imagescope": own},
    )
    return told.added(shape, _json_object(first.ours.get("geometry")), first.where)


def write(document: Document) -> Written:
    """Write one file; what ImageScope cannot show is kept in attribute rows."""
    root = Element("Annotations")
    if document.mpp is not None:
        root.set("MicronsPerPixel", f"{document.mpp:.10g}")
    for key, value in document.extra.get("imagescope", {}).get("attributes", {}).items():
        root.set(key, value)
    if rest := _without_memory(document.extra):
        root.set(f"{PREFIX}extra", json.dumps(rest))
    for number, layer in enumerate(all_layers(document), start=1):
        shapes = [shape for shape in document.shapes if shape.layer == layer.uid]
        _write_layer(root, layer, number, shapes, document.mpp)
    indent(root, "\t")
    return Written(tostring(root, encoding="utf-8", xml_declaration=True))


def _write_layer(
    root: Element, layer: Layer, number: int, shapes: Sequence[Shape], mpp: float | None
) -> Element:
    kept = layer.extra.get("imagescope", {})
    raw = {"Id": str(number), "Name": _xml_text(layer.name), "ReadOnly": "0", "NameReadOnly": "0"}
    raw |= {"LineColorReadOnly": "0", "Incremental": "0", "Type": "4"}
    raw |= {"LineColor": _packed(layer.colour or GREEN), "Visible": "1"}
    element = SubElement(root, "Annotation", kept.get("attributes") or raw)
    attributes = SubElement(element, "Attributes")
    for row in kept.get("rows", ()):
        SubElement(attributes, "Attribute", row)
    _tell_layer(element, attributes, layer, number)
    regions = SubElement(element, "Regions")
    headers = SubElement(regions, "RegionAttributeHeaders")
    for header in kept.get("headers", ()):
        SubElement(headers, "AttributeHeader", header)
    taken = {s.extra.get("imagescope", {}).get("attributes", {}).get("Id") for s in shapes}
    free = (str(n) for n in range(1, 10**9) if str(n) not in taken)
    for shape in shapes:
        _write_shape(regions, shape, layer, regions_of(shape, free, mpp))
    SubElement(element, "Plots")
    return element


def _tell_layer(element: Element, attributes: Element, layer: Layer, number: int) -> None:
    """In a row of its own what would be read otherwise."""
    bare = replace(layer, extra=_without_memory(layer.extra))
    if replace(_layer(element, number, set()), extra={}) != bare:
        (value,) = told.of_layers([bare])
        SubElement(attributes, "Attribute", {"Name": f"{PREFIX}layer", "Id": "0", "Value": json.dumps(value)})


def _write_shape(parent: Element, shape: Shape, layer: Layer, regions: Sequence[Region]) -> None:
    plain = replace(shape, geometry=regions[0].geometry(regions))
    facts = told.beside(shape, plain, {})
    if facts:
        regions[0].ours["geometry"] = json.dumps(facts)
    for number, region in enumerate(regions):
        ours = region.ours if number else {**_ours_of(shape, layer), **region.ours}
        _write_region(parent, shape, region, ours)


def _write_region(parent: Element, shape: Shape, region: Region, ours: Mapping[str, str]) -> None:
    raw = {**region.attributes, "Text": _xml_text(shape.comment)}
    if not _same_kind(raw.get("Type"), shape.kind):
        raw["Type"] = TYPE_OF_KIND.get(shape.kind, "0")
    element = SubElement(parent, "Region", raw)
    rows = SubElement(element, "Attributes")
    for row in region.rows:
        SubElement(rows, "Attribute", row)
    for name, value in ours.items():
        SubElement(rows, "Attribute", {"Name": PREFIX + name, "Id": "0", "Value": _in_xml(value)})
    vertices = SubElement(element, "Vertices")
    for x, y, z in region.vertices:
        SubElement(vertices, "Vertex", {"X": _digits(x), "Y": _digits(y), "Z": _digits(z)})


def _digits(value: float) -> str:
    """As many as it takes to read the same number again."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _same_kind(kept: str | None, kind: str) -> bool:
    return (
        kept is not None and KIND_OF_TYPE.get(kept, "freehand") == KIND_OF_TYPE[TYPE_OF_KIND.get(kind, "0")]
    )


def _ours_of(shape: Shape, layer: Layer) -> dict[str, str]:
    ours = {"uid": shape.uid, "author": shape.author}
    ours["kind"] = shape.kind if shape.kind == "polygon" else ""
    ours["text"] = shape.comment if NOT_XML.search(shape.comment) else ""
    extra = _without_memory(shape.extra)
    ours["extra"] = json.dumps(extra) if extra else ""
    own_label = {"label": shape.label} if shape.label != layer.name else {}
    return {**{name: value for name, value in ours.items() if value}, **own_label}


def _xml_text(text: str) -> str:
    """XML has no word for control characters."""
    return NOT_XML.sub("\ufffd", text)
