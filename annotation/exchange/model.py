"""What every format is read into and written from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KINDS = ("rectangle", "ellipse", "freehand", "polygon", "point", "line")


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
    """A file of annotations; `mpp` in µm per px of level 1, where known."""

    shapes: tuple[Shape, ...]
    layers: tuple[Layer, ...] = ()
    mpp: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """A file's bytes, and in words what the format could not carry."""

    content: bytes
    notes: tuple[str, ...] = ()
