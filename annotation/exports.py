"""Annotations leave as files: readers are numbers, and nothing says whose slide it was."""

from collections.abc import Iterable
from typing import Final

from annotation import exchange
from annotation.exchange import Document, Layer, Shape, Written
from annotation.models import Annotation
from annotation.queries import signed_off
from lims.models import Slide
from viewer.models import VirtualSlide

SUFFIXES: Final = {"xml": "imagescope", "geojson": "geojson"}
PALETTE: Final = ("#00ff00", "#ffd000", "#00c8ff", "#ff40ff", "#ff6030", "#a080ff", "#80ffb0", "#ff8090")


def document_of(slide: Slide, annotations: Iterable[Annotation]) -> Document:
    """The drawing on a slide, one layer per label, each label always in the same colour of the palette."""
    shapes = tuple(
        Shape(
            kind=annotation.kind,
            geometry=annotation.geometry,
            label=annotation.label,
            comment=annotation.comment,
            layer=annotation.label,
            uid=str(annotation.client_id),
            author=annotation.assignment.reader.number if annotation.assignment else "",
        )
        for annotation in annotations
    )
    labels = sorted({shape.label for shape in shapes})
    layers = tuple(Layer(label, label, PALETTE[number % len(PALETTE)]) for number, label in enumerate(labels))
    virtual = VirtualSlide.objects.filter(slide=slide, current=True).first()
    return Document(shapes, layers, virtual.pixel_size_um if virtual else None)


def exported(slide: Slide, target: str, annotations: Iterable[Annotation] | None = None) -> Written:
    """One file; the signed-off annotations where none are given."""
    chosen = signed_off(slide) if annotations is None else annotations
    return exchange.write(document_of(slide, chosen), target)
