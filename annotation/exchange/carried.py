"""What each format carries: the one table that the writers' notes, docs/annotations.md and its test come
from.
"""

from collections.abc import Callable, Iterator
from enum import StrEnum
from itertools import groupby
from struct import pack, unpack
from typing import Any, Final

from annotation.exchange.model import Document, Shape

FINEST_PX: Final = 0.01


class Carry(StrEnum):
    OWN = "carried"  # the format has a word for it: every program sees it
    KEPT = "kept"  # stands in a place that the format leaves to us: other programs do not see it
    LOST = "lost"


class Property(StrEnum):
    OUTLINE = "outlines"
    RECTANGLE = "rectangles as rectangles"
    ELLIPSE = "ellipses as ellipses"
    FREEHAND = "freehand told from polygon"
    HOLES = "holes"
    PARTS = "outlines of several parts"
    POINT = "points"
    LINE = "lines"
    RULER = "rulers"
    MANY = "several points or lines in one shape"
    NEGATIVE = "negative outlines"
    LABEL = "labels"
    COMMENT = "comments"
    IDENTITY = "ids"
    AUTHOR = "readers"
    LAYER = "layers"
    ORDER = "the order of shapes across layers"
    COLOUR = "colours"
    SCALE = "micrometres per pixel"
    PRECISION = "positions finer than 0.01 px"
    OF_IMAGESCOPE = "ImageScope's attributes of regions, layers and file"
    OF_QUPATH = "QuPath's measurements, object types, nuclei and other properties"
    OF_DICOM = "DICOM's codes and measurements"
    OF_DSA = "HistomicsUI's properties"
    OF_DARWIN = "Darwin's properties"


_WORDS: Final = {"C": Carry.OWN, "k": Carry.KEPT, "-": Carry.LOST}
FORMATS: Final = ("imagescope", "geojson", "dicom", "dicom-sr", "dsa", "darwin")
MASKS: Final = ("mask-png", "mask-ome")
# C: the format's own word; k: kept for us beside it; -: lost. One column for each of FORMATS and MASKS.
_TABLE: Final[dict[Property, str]] = {
    Property.OUTLINE:       "CCCCCCCC",
    Property.RECTANGLE:     "CkCkCk--",
    Property.ELLIPSE:       "CkCCCC--",
    Property.FREEHAND:      "kkkkkk--",
    Property.HOLES:         "kCkkCCCC",
    Property.PARTS:         "kCkkkCCC",
    Property.POINT:         "CCCCCC--",
    Property.LINE:          "kCCCCC--",
    Property.RULER:         "Ckkkkk--",
    Property.MANY:          "kCkkkk--",
    Property.NEGATIVE:      "Ckkkkk--",
    Property.LABEL:         "CCCCCCkk",
    Property.COMMENT:       "CCkCkk--",
    Property.IDENTITY:      "kCkkkC--",
    Property.AUTHOR:        "kkkkkk--",
    Property.LAYER:         "CkkkCk--",
    Property.ORDER:         "-Ckk-C--",
    Property.COLOUR:        "CCCkCkCk",
    Property.SCALE:         "CkkkkkkC",
    Property.PRECISION:     "CCCkCC--",
    Property.OF_IMAGESCOPE: "Ckkkkk--",
    Property.OF_QUPATH:     "kCkkkk--",
    Property.OF_DICOM:      "kkCkkk--",
    Property.OF_DSA:        "kkkkCk--",
    Property.OF_DARWIN:     "kkkkkC--",
}  # fmt: skip


def carries(target: str, wanted: Property) -> Carry:
    return _WORDS[_TABLE[wanted][(*FORMATS, *MASKS).index(target)]]


def notes_on(document: Document, target: str) -> tuple[str, ...]:
    """What other programs will not find in a file of this format, by name; and what nobody will."""
    found = sorted(in_use(document))
    kept = [one for one in found if carries(target, one) is Carry.KEPT]
    lost = [one for one in found if carries(target, one) is Carry.LOST]
    return (
        *(f"{target} has no word for {one}: kept beside it, for Nocturne only." for one in kept),
        *(f"{target} cannot carry {one}: lost." for one in lost),
    )


def in_use(document: Document) -> set[Property]:
    """The properties that this document has."""
    found = {Property.SCALE} if document.mpp is not None else set()
    words = {*document.extra, *(name for layer in document.layers for name in layer.extra)}
    for shape in document.shapes:
        found |= {wanted for wanted, has in _HAS.items() if has(shape)}
        words |= shape.extra.keys()
    if len([uid for uid, _ in groupby(shape.layer for shape in document.shapes)]) > len(
        {shape.layer for shape in document.shapes}
    ):
        found.add(Property.ORDER)
    if any(layer.uid != layer.name or layer.extra for layer in document.layers):
        found.add(Property.LAYER)
    if any(layer.colour for layer in document.layers):
        found.add(Property.COLOUR)
    return found | {_OF[word] for word in words & _OF.keys()}


def positions(shape: Shape) -> Iterator[Any]:
    """Every position of a shape's geometry."""
    stack = [shape.geometry["coordinates"]]
    while stack:
        item = stack.pop()
        if isinstance(item[0], int | float):
            yield item
        else:
            stack.extend(item)


def polygons(shape: Shape) -> list[Any]:
    """Its polygons, each a list of rings; none for points and lines."""
    kind, coordinates = shape.geometry["type"], shape.geometry["coordinates"]
    if kind == "Polygon":
        return [coordinates]
    return list(coordinates) if kind == "MultiPolygon" else []


def _fine(shape: Shape) -> bool:
    """Whether 32-bit floats, which are all that a structured report has, would move it too far."""
    return any(
        abs(number - unpack("f", pack("f", number))[0]) > FINEST_PX
        for at in positions(shape)
        for number in at
    )


_OF: Final = {
    "imagescope": Property.OF_IMAGESCOPE,
    "geojson": Property.OF_QUPATH,
    "dicom": Property.OF_DICOM,
    "dsa": Property.OF_DSA,
    "darwin": Property.OF_DARWIN,
}
_HAS: Final[dict[Property, Callable[[Shape], bool]]] = {
    Property.OUTLINE: lambda shape: shape.kind in {"freehand", "polygon"},
    Property.RECTANGLE: lambda shape: shape.kind == "rectangle",
    Property.ELLIPSE: lambda shape: shape.kind == "ellipse",
    Property.FREEHAND: lambda shape: shape.kind == "freehand",
    Property.HOLES: lambda shape: any(len(rings) > 1 for rings in polygons(shape)),
    Property.PARTS: lambda shape: shape.geometry["type"] == "MultiPolygon",
    Property.POINT: lambda shape: shape.kind == "point",
    Property.LINE: lambda shape: shape.kind == "line",
    Property.RULER: lambda shape: shape.kind == "ruler",
    Property.MANY: lambda shape: shape.geometry["type"] in {"MultiPoint", "MultiLineString"},
    Property.NEGATIVE: lambda shape: shape.negative,
    Property.LABEL: lambda shape: bool(shape.label),
    Property.COMMENT: lambda shape: bool(shape.comment),
    Property.IDENTITY: lambda shape: bool(shape.uid),
    Property.AUTHOR: lambda shape: bool(shape.author),
    Property.LAYER: lambda shape: shape.layer != shape.label,
    Property.PRECISION: _fine,
}
