"""What every format is read into and written from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KINDS = ("rectangle", "ellipse", "freehand", "polygon", "point", "line", "ruler")


@dataclass(frozen=True, slots=True)
class Shape:
    """One annotation: `geometry` is GeoJSON in px of level 1 (y downwards). `negative` marks what is cut out.
    `layer` is the uid of a Layer.
    `extra` holds what a format said beyond this, by format name, so that going back loses nothing.
    """

    kind: str
    geometry: Mapping[str, Any]
    label: str = ""
    comment: str = ""
    layer: str = ""
    uid: str = ""
    author: str = ""
    negative: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layer:
    """A named group of shapes; `colour` is #rrggbb or empty."""

    uid: str
    name: str = ""
    colour: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Document:
    """A file of annotations; `mpp` in µm per px of level 1, where known. `notes` say in words what the file
    held and we did not take.
    """

    shapes: tuple[Shape, ...]
    layers: tuple[Layer, ...] = ()
    mpp: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Image:
    """The DICOM image that annotations lie on: its UIDs, the size of its total pixel matrix in px, and what
    its header says of patient and study (by keyword), which a file about it must repeat.
    """

    study: str
    series: str
    instance: str
    frame_of_reference: str
    width: int = 0
    height: int = 0
    patient: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """A file's bytes, and in words what the format could not carry."""

    content: bytes
    notes: tuple[str, ...] = ()


def all_layers(document: Document) -> list[Layer]:
    """The document's layers, and one for every layer that only its shapes speak of."""
    known = {layer.uid: layer for layer in document.layers}
    for shape in document.shapes:
        known.setdefault(shape.layer, Layer(shape.layer, shape.label))
    return list(known.values())
