"""Annotations that travel: real files in, out and in again; hostile ones refused."""

import json
import os
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from annotation.exchange import (
    Document,
    Layer,
    NotReadable,
    Shape,
    UnsupportedFormat,
    read,
    write,
)

FOLDER = Path(os.environ.get("NOCTURNE_DATA", Path(__file__).parents[3] / "shared" / "data")) / "annotations"
REAL = (
    "imagescope_test_image.xml",
    "patch_test_smaller_xml.xml",
    "patch_test_smaller_geojson.geojson",
    "qupath05.geojson",
)


def real(name: str) -> bytes:
    if not (FOLDER / name).is_file():
        pytest.skip("no real annotation files: set NOCTURNE_DATA")
    return (FOLDER / name).read_bytes()


def plain(document: Document) -> list[tuple[object, ...]]:
    return [(s.kind, s.geometry, s.label, s.comment, s.author, s.negative, s.uid) for s in document.shapes]


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("via", ["imagescope", "geojson"])
def test_real_files_come_back_equal(name, via):
    given = read(real(name))
    assert len(given.shapes) > 0
    assert plain(read(write(given, via).content)) == plain(given)


@pytest.mark.parametrize("name", REAL)
def test_a_real_file_in_its_own_format_loses_nothing(name):
    given = read(real(name))
    own = "imagescope" if name.endswith("xml") else "geojson"
    assert read(write(given, own).content) == given


def test_geojson_is_written_as_it_was_read():
    name = "qupath05.geojson"
    assert json.loads(write(read(real(name)), "geojson").content) == json.loads(real(name))


def test_it_reads_layers_negative_regions_and_attributes():
    given = read(
        b"""<Annotations MicronsPerPixel="0.25"><Annotation Id="3" Name="tumour" LineColor="255"><Regions>
        <Region Id="1" Type="1" Text="first"><Attributes><Attribute Name="Grade" Value="3"/></Attributes>
          <Vertices><Vertex X="0" Y="0"/><Vertex X="4" Y="0"/>
            <Vertex X="4" Y="2"/><Vertex X="0" Y="2"/></Vertices>
        </Region>
        <Region Id="2" Type="0" NegativeROA="1">
          <Vertices><Vertex X="1" Y="1"/><Vertex X="2" Y="1.5"/><Vertex X="1" Y="2"/></Vertices></Region>
        <Region Id="9" Type="2"><Vertices><Vertex X="0" Y="0"/><Vertex X="8" Y="4"/></Vertices></Region>
        </Regions></Annotation></Annotations>"""
    )
    assert (given.mpp, given.layers[0].colour) == (0.25, "#ff0000")
    assert [(s.kind, s.label, s.comment, s.negative) for s in given.shapes] == [
        ("rectangle", "tumour", "first", False),
        ("freehand", "tumour", "", True),
        ("ellipse", "tumour", "", False),
    ]
    again = write(given, "imagescope").content.decode()
    assert '<Vertex X="0" Y="0" Z="0" />' in again
    assert '<Vertex X="8" Y="4" Z="0" />' in again
    assert 'Name="Grade"' in again


points = some.tuples(some.integers(0, 10**6), some.integers(0, 10**6))
ring = some.lists(points, min_size=3, max_size=12, unique=True).map(lambda r: [list(p) for p in [*r, r[0]]])
polygon = some.lists(ring, min_size=1, max_size=3)
areas = polygon.map(lambda c: {"type": "Polygon", "coordinates": c}) | some.lists(
    polygon, min_size=2, max_size=3
).map(lambda c: {"type": "MultiPolygon", "coordinates": c})
words = some.text(max_size=20)
shapes = some.builds(
    Shape,
    kind=some.sampled_from(["freehand", "polygon"]),
    geometry=areas,
    label=words,
    comment=words,
    layer=some.just("1"),
    uid=some.uuids().map(str),
    author=some.sampled_from(["", "reader-001"]),
    negative=some.booleans(),
) | some.builds(
    Shape,
    kind=some.just("point"),
    geometry=points.map(lambda p: {"type": "Point", "coordinates": list(p)}),
    label=words,
    comment=words,
    layer=some.just("1"),
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=some.lists(shapes, max_size=4), via=some.sampled_from(["imagescope", "geojson"]))
def test_holes_parts_and_any_text_survive(drawn, via):
    given = Document(tuple(drawn), (Layer("1", "all", "#00ff00"),), 0.5)
    assert plain(read(write(given, via).content)) == plain(given)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"nonsense", b"<Annotations>", b"<html/>", b"{", b"[1]", b'{"type":"FeatureCollection"}',
        b'{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[0,NaN]]]}}',
        b'{"type":"Feature","geometry":{"type":"Circle","coordinates":[0,0]}}',
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><Annotations>&b;</Annotations>',
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><Annotations>&a;</Annotations>',
        b'<Annotations><Annotation><Regions><Region><Vertices><Vertex X="1"/></Vertices></Region></Regions>'
        b"</Annotation></Annotations>",
        b"<Annotations><Annotation><Regions><Region><Vertices/></Region></Regions></Annotation></Annotations>",
        b"[" * 100_000,
    ],
)  # fmt: skip
def test_it_refuses_what_it_cannot_read(content):
    with pytest.raises(NotReadable):
        read(content)


def test_the_command_converts_and_says_what_it_could_not_carry(tmp_path):
    source, target = tmp_path / "in.geojson", tmp_path / "out.xml"
    source.write_text('{"type":"Feature","geometry":{"type":"Point","coordinates":[3,4]},"properties":{}}')
    out, err = StringIO(), StringIO()
    call_command(
        "convert_annotations",
        str(source),
        str(target),
        "--to",
        "imagescope",
        "--mpp",
        "0.25",
        stdout=out,
        stderr=err,
    )
    assert "1 annotations" in out.getvalue()
    assert "A point" in err.getvalue()
    assert b'MicronsPerPixel="0.25"' in target.read_bytes()


def test_the_command_refuses_dicom_in_words(tmp_path):
    source = tmp_path / "in.geojson"
    source.write_text("[]")
    with pytest.raises(CommandError, match="not written yet"):
        call_command("convert_annotations", str(source), str(tmp_path / "o.dcm"), "--to", "dicom")
    assert not (tmp_path / "o.dcm").exists()
    with pytest.raises(UnsupportedFormat):
        read(bytes(128) + b"DICM")
