"""Annotation files for the tests of exchange: the real ones, one that has everything, and any at all."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as some

from annotation.exchange import Document, Layer, Property, Shape
from annotation.exchange.carried import positions
from annotation.exchange.ellipses import Ellipse

FOLDER = Path(os.environ.get("NOCTURNE_DATA", Path(__file__).parents[3] / "shared" / "data")) / "annotations"
REAL = {
    "imagescope_test_image.xml": "imagescope",
    "patch_test_smaller_xml.xml": "imagescope",
    "patch_test_smaller_geojson.geojson": "geojson",
    "qupath05.geojson": "geojson",
    "patch_test_smaller_json.json": "dsa",
    "dsa_sample_annotation.json": "dsa",
    "simple.tiff.anot": "dsa",
    "darwin_v7_103S.json": "darwin",
    "sm_annotations.dcm": "dicom",
}


def real(name: str) -> bytes:
    if not (FOLDER / name).is_file():
        pytest.skip("no real annotation files: set NOCTURNE_DATA")
    return (FOLDER / name).read_bytes()


def facts(document: Document, via: str) -> tuple[Any, ...]:
    """Everything that a document says but what `via` itself remembers of how it was written."""

    def known(extra: Any) -> dict[str, Any]:
        return {name: value for name, value in extra.items() if name != via}

    shapes = [replace(shape, extra=known(shape.extra)) for shape in document.shapes]
    layers = [replace(layer, extra=known(layer.extra)) for layer in document.layers]
    return sorted(shapes, key=_in_order), layers, document.mpp, known(document.extra)


def _in_order(shape: Shape) -> str:
    """The same for 0 and 0.0, which formats do not tell apart."""
    places = [[float(number) + 0.0 for number in at] for at in positions(shape)]
    return repr((places, replace(shape, geometry={"type": shape.geometry["type"]})))


SQUARE = [[10, 10], [50, 10], [50, 50], [10, 50], [10, 10]]
HOLE = [[20, 20], [20, 30], [30, 30], [30, 20], [20, 20]]
FAR = [[100, 100], [140, 100], [120, 140], [100, 100]]
POLYGON = {"type": "Polygon", "coordinates": [SQUARE]}
AREA = Shape("polygon", POLYGON, "tumour", layer="tumour")


def _of(kind: str, name: str, coordinates: Any, **more: Any) -> Shape:
    return Shape(kind, {"type": name, "coordinates": coordinates}, "tumour", layer="tumour", **more)


# One shape that has each property; the rest concerns the whole document.
EXAMPLES: dict[Property, Shape] = {
    Property.OUTLINE: AREA,
    Property.RECTANGLE: replace(AREA, kind="rectangle"),
    Property.ELLIPSE: _of("ellipse", "Polygon", [Ellipse(100, 80, 40, 20).ring(64)]),
    Property.FREEHAND: replace(AREA, kind="freehand"),
    Property.HOLES: _of("polygon", "Polygon", [SQUARE, HOLE]),
    Property.PARTS: _of("polygon", "MultiPolygon", [[SQUARE, HOLE], [FAR]]),
    Property.POINT: _of("point", "Point", [7, 8]),
    Property.LINE: _of("line", "LineString", [[1, 2], [3, 4], [5, 5]]),
    Property.RULER: _of("ruler", "LineString", [[1, 2], [30, 40]]),
    Property.MANY: _of("point", "MultiPoint", [[1, 2], [3, 4]]),
    Property.NEGATIVE: replace(AREA, negative=True),
    Property.LABEL: AREA,
    Property.COMMENT: replace(AREA, comment="looks odd"),
    Property.IDENTITY: replace(AREA, uid="9a3c5b0e-0000-4000-8000-000000000001"),
    Property.AUTHOR: replace(AREA, author="reader-001"),
    Property.LAYER: replace(AREA, layer="first look"),
    Property.PRECISION: _of("point", "Point", [300000.02, 5]),
    Property.OF_IMAGESCOPE: replace(AREA, extra={"imagescope": {"attributes": {"Zoom": "0.5"}, "rows": []}}),
    Property.OF_QUPATH: replace(
        AREA, extra={"geojson": {"members": {"nucleusGeometry": POLYGON}, "properties": {"a": 1}}}
    ),
    Property.OF_DICOM: replace(
        AREA,
        extra={
            "dicom": {
                "measurements": [
                    {"name": ["42798000", "SCT", "Area"], "unit": ["um2", "UCUM", "um2"], "value": 20.5}
                ]
            }
        },
    ),
    Property.OF_DSA: replace(AREA, extra={"dsa": {"type": "polyline", "members": {"lineWidth": 3}}}),
    Property.OF_DARWIN: replace(AREA, extra={"darwin": {"slot_names": ["0"]}}),
}


def document_with(wanted: Property) -> Document:
    """A small document that has this property, and no more than it must."""
    shape = EXAMPLES.get(wanted, AREA)
    layers = [
        Layer(name, name)
        for name in sorted({shape.layer, "tumour"} if wanted is Property.LAYER else {shape.layer})
    ]
    if wanted is Property.COLOUR:
        layers = [replace(layers[0], colour="#ff8000")]
    if wanted is Property.ORDER:
        other = replace(AREA, layer="stroma", label="stroma")
        return Document((AREA, other, AREA), (*layers, Layer("stroma", "stroma")))
    return Document((shape,), tuple(layers), 0.25 if wanted is Property.SCALE else None)


numbers = some.integers(-(10**6), 10**6) | some.floats(-1e5, 1e5, allow_subnormal=False)
points = some.tuples(numbers, numbers).map(list)
rings = some.lists(points, min_size=3, max_size=8, unique_by=tuple).map(lambda r: [*r, list(r[0])])
polygons = some.lists(rings, min_size=1, max_size=3)
words = some.text(max_size=12)
json_values = some.dictionaries(words, some.none() | some.booleans() | some.integers() | words, max_size=3)
ellipses = some.builds(
    lambda x, y, rx, ry, corners: {"type": "Polygon", "coordinates": [Ellipse(x, y, rx, ry).ring(corners)]},
    some.integers(0, 5000),
    some.integers(0, 5000),
    some.integers(1, 500),
    some.integers(1, 500),
    some.sampled_from([64, 128]),
)
geometries = {
    "polygon": some.builds(lambda c: {"type": "Polygon", "coordinates": c}, polygons),
    "freehand": some.builds(
        lambda c: {"type": "MultiPolygon", "coordinates": c}, some.lists(polygons, min_size=1, max_size=3)
    ),
    "rectangle": some.builds(
        lambda x, y: {
            "type": "Polygon",
            "coordinates": [[[x, y], [x + 4, y], [x + 4, y + 2.5], [x, y + 2.5], [x, y]]],
        },
        some.integers(0, 9999),
        some.integers(0, 9999),
    ),
    "ellipse": ellipses,
    "line": some.builds(
        lambda c: {"type": "LineString", "coordinates": c}, some.lists(points, min_size=2, max_size=4)
    ),
    "ruler": some.builds(
        lambda c: {"type": "MultiLineString", "coordinates": c},
        some.lists(some.lists(points, min_size=2, max_size=3), min_size=1, max_size=2),
    ),
    "point": points.map(lambda c: {"type": "Point", "coordinates": c})
    | some.lists(points, min_size=1, max_size=3).map(lambda c: {"type": "MultiPoint", "coordinates": c}),
}
shapes = some.one_of(
    *(
        some.builds(
            Shape,
            kind=some.just(kind),
            geometry=geometry,
            label=words,
            comment=words,
            layer=some.sampled_from(["1", "2"]),
            uid=some.just("") | some.uuids().map(str),
            author=some.sampled_from(["", "reader-001"]),
            negative=some.booleans(),
            extra=some.just({}) | some.fixed_dictionaries({"elsewhere": json_values}),
        )
        for kind, geometry in geometries.items()
    )
)
documents = some.builds(
    lambda drawn, mpp: Document(tuple(drawn), (Layer("1", "one", "#00ff00"), Layer("2", "two")), mpp),
    some.lists(shapes, min_size=1, max_size=4),
    some.none() | some.just(0.5),
)
