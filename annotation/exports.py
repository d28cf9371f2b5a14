"""Annotations leave as files: readers are numbers, and nothing says whose slide it was.

What goes into a release says only what stands in our own fields. In the laboratory a file that was brought
in goes back `whole`: with its layers, attributes and measurements, which may name anybody.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from annotation import exchange
from annotation.exchange import Document, Layer, Shape, Written, told
from annotation.models import Annotation
from annotation.queries import signed_off
from lims.models import Slide
from viewer.models import VirtualSlide

SUFFIXES: Final = {"xml": "imagescope", "geojson": "geojson"}  # what a release holds
PALETTE: Final = ("#00ff00", "#ffd000", "#00c8ff", "#ff40ff", "#ff6030", "#a080ff", "#80ffb0", "#ff8090")


def document_of(slide: Slide, annotations: Iterable[Annotation], *, whole: bool = False) -> Document:
    """The drawing on a slide, one layer per label, each label always in the same colour of the palette."""
    rows = list(annotations)
    virtual = VirtualSlide.objects.filter(slide=slide, current=True).first()
    mpp = virtual.pixel_size_um if virtual else None
    brought = _Brought(slide, rows) if whole else None
    shapes = told.whole(_marked(rows, brought), "The slide")
    labels = sorted({shape.label for shape in shapes if shape.layer == shape.label})
    layers = [Layer(label, label, PALETTE[number % len(PALETTE)]) for number, label in enumerate(labels)]
    if brought is None:
        return Document(tuple(shapes), tuple(layers), mpp)
    return brought.document(tuple(shapes), layers, mpp, alone=all(row.extra.get("file") for row in rows))


def _marked(rows: Sequence[Annotation], brought: "_Brought | None") -> Iterable[tuple[Shape, dict[str, Any]]]:
    """Shapes, with the marks of those that were parts of one; a part alone stands alone."""
    first: tuple[Any, Any] | None = None
    for row in rows:
        plain = _plain(row)
        if brought is None or "file" not in row.extra:
            yield plain, {}
            continue
        marks, place = dict(row.extra.get("marks", {})), (row.extra["file"], row.extra["n"])
        if marks.get("part") and first != place:
            marks = {"many": True}
        first = place
        yield brought.shape(row, plain), marks


def _plain(row: Annotation) -> Shape:
    return Shape(
        kind=row.kind,
        geometry=row.geometry,
        label=row.label,
        comment=row.comment,
        layer=row.label,
        uid=str(row.client_id),
        author=row.assignment.reader.number if row.assignment else "",
        negative=row.negative,
    )


class _Brought:
    """What the files said that these annotations came with. Their first rows know; also deleted ones."""

    def __init__(self, slide: Slide, rows: Sequence[Annotation]) -> None:
        files = {row.extra["file"] for row in rows if "file" in row.extra}
        first = Annotation.objects.filter(slide=slide, extra__has_key="head").order_by("pk")
        self._heads: dict[str, dict[str, Any]] = {}
        for row in first:
            if row.extra["file"] in files:
                self._heads.setdefault(row.extra["file"], row.extra["head"])
        self._layers: dict[tuple[str, str], Layer] = {}
        taken: set[str] = set()
        for file, head in self._heads.items():
            for layer in told.layers(head["layers"]):
                uid = layer.uid if layer.uid not in taken else f"{layer.uid}@{file}"
                taken.add(uid)
                self._layers[file, layer.uid] = replace(layer, uid=uid)

    def shape(self, row: Annotation, plain: Shape) -> Shape:
        kept = row.extra
        layer = self._layers.get((kept["file"], kept["layer"]))
        return replace(
            plain,
            layer=layer.uid if layer else kept["layer"],
            uid=kept["uid"],
            author=kept["author"],
            extra=kept["extra"],
        )

    def document(
        self, shapes: tuple[Shape, ...], layers: list[Layer], mpp: float | None, *, alone: bool
    ) -> Document:
        """One file alone keeps its own scale, known or not."""
        own = {layer.uid for layer in self._layers.values()}
        drawn = [layer for layer in layers if layer.uid not in own]
        extra = {
            name: value for head in reversed(self._heads.values()) for name, value in head["extra"].items()
        }
        scale = next(iter(self._heads.values()))["mpp"] if alone and len(self._heads) == 1 else mpp
        return Document(shapes, (*self._layers.values(), *drawn), scale, extra)


def exported(
    slide: Slide, target: str, annotations: Iterable[Annotation] | None = None, *, whole: bool = False
) -> Written:
    """One file; the signed-off annotations where none are given."""
    rows = list(signed_off(slide) if annotations is None else annotations)
    image = exchange.image_of(str(slide.uid))
    written = exchange.write(document_of(slide, rows, whole=whole), target, image)
    changed = sum(1 for row in rows if whole and "file" in row.extra and row.version > 1)
    note = (f"{changed} annotations were changed here: their measurements are still those of the file.",)
    return replace(written, notes=(*written.notes, *(note if changed else ())))
