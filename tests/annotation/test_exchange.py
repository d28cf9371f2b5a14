"""Annotations that travel: every real file in, out and in again; hostile ones refused."""

import json
from dataclasses import replace
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from annotation.exchange import FORMATS, NotReadable, TooLarge, UnsupportedFormat, read, recognised, write
from annotation.exchange import Document as Drawn
from tests.annotation.exchanging import AREA, REAL, documents, facts, real


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("via", FORMATS)
def test_a_real_file_comes_back_equal_through_every_format(name, via):
    given = read(real(name))
    assert len(given.shapes) > 0
    assert facts(read(write(given, via).content), via) == facts(given, via)


@pytest.mark.parametrize(("name", "own"), REAL.items())
def test_a_real_file_in_its_own_format_loses_nothing(name, own):
    form, given = recognised(real(name))
    assert form == own
    assert read(write(given, own).content) == given


@pytest.mark.parametrize("name", ["qupath05.geojson", "simple.tiff.anot", "patch_test_smaller_json.json"])
def test_json_is_written_as_it_was_read(name):
    given = read(real(name))
    assert json.loads(write(given, REAL[name]).content) == json.loads(real(name))


OLD_QUPATH = """[{"type":"Feature","id":"PathDetectionObject",
  "geometry":{"type":"Polygon","coordinates":[[[1,1],[9,1],[9,9],[1,1]]]},
  "nucleusGeometry":{"type":"Polygon","coordinates":[[[2,2],[3,2],[3,3],[2,2]]]},
  "properties":{"object_type":"cell","classification":{"name":"Tumor","colorRGB":-3670016},"isLocked":false,
    "measurements":[{"name":"Nucleus: Area","value":8.5}]}}]"""
NEW_QUPATH = """{"type":"FeatureCollection","features":[{"type":"Feature","id":"a1",
  "geometry":{"type":"MultiPolygon","coordinates":[[[[0,0],[9,0],[9,9],[0,0]],[[2,1],[3,1],[3,2],[2,1]]],
    [[[20,0],[29,0],[29,9],[20,0]]]]},
  "properties":{"objectType":"detection","classification":"Tumor: Positive","isLocked":true,
    "measurements":{"Area":1.5,"n":3}}}]}"""


@pytest.mark.parametrize(("text", "label"), [(OLD_QUPATH, "Tumor"), (NEW_QUPATH, "Tumor: Positive")])
@pytest.mark.parametrize("via", FORMATS)
def test_both_dialects_of_qupath_survive_every_format(text, label, via):
    given = read(text.encode())
    assert given.shapes[0].label == label
    back = read(write(given, via).content)
    assert json.loads(write(back, "geojson").content) == json.loads(text)


def test_two_layers_of_one_id_stay_two():
    one = """<Annotation Id="1" Name="{0}"><Regions><Region Id="1" Type="0"><Vertices>
      <Vertex X="0" Y="0"/><Vertex X="4" Y="0"/><Vertex X="4" Y="2"/></Vertices></Region></Regions>
      </Annotation>"""
    given = read(f"<Annotations>{one.format('a')}{one.format('b')}</Annotations>".encode())
    assert [shape.label for shape in given.shapes] == ["a", "b"]
    assert read(write(given, "imagescope").content) == given


def test_a_change_by_another_program_counts():
    """An ellipse of 64 corners is kept beside the ellipse; whoever moves the ellipse moves it."""
    ring = [[10 + 5 * x, 10 + 5 * y] for x, y in [(1, 0), (0.8, 0.6), (0, 1), (-0.8, 0.6), (-1, 0), (0, -1)]]
    odd = replace(AREA, geometry={"type": "Polygon", "coordinates": [[*ring, ring[0]], ring[:3] + ring[:1]]})
    data = json.loads(write(Drawn((odd,)), "darwin").content)
    assert read(json.dumps(data).encode()).shapes[0].geometry == odd.geometry
    for point in data["annotations"][0]["polygon"]["paths"][0]:
        point["x"] += 100
    moved = read(json.dumps(data).encode()).shapes[0].geometry["coordinates"]
    assert moved[0][0][0][0] == 115 or moved[0][0][0] == 115


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


@pytest.mark.timeout(180)
@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
@given(given=documents, via=some.sampled_from(FORMATS))
def test_anything_drawn_survives_every_format(given, via):
    assert facts(read(write(given, via).content), via) == facts(given, via)


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


@pytest.mark.parametrize(
    "text",
    [
        '{"elements":[5]}', '{"elements":[{"type":"point","center":[1]}]}',
        '{"elements":[{"type":"polyline","points":[[0,0,0],[1,1,0]],"closed":true}]}',
        '{"elements":[{"type":"rectangle","center":[0,0,0],"width":"wide","height":1}]}',
        '{"elements":[{"type":"point","center":[1,2,0],"user":{"nocturne":{"kind":"star"}}}]}',
        '{"elements":[{"type":"point","center":[1,2,0],"user":{"nocturne":{"part":1}}}]}',
        '[{"elements":[]},{"layers":[]}]',
        '{"item":{},"annotations":[7]}', '{"item":{},"annotations":[{"polygon":{"paths":[]}}]}',
        '{"item":{},"annotations":[{"keypoint":{"x":1}}]}',
        '{"item":{},"annotations":[],"nocturne":{"layers":[{"uid":1}]}}',
        '{"type":"Feature","geometry":{"type":["Point"],"coordinates":[1,2]}}',
        '{"type":"Feature","geometry":{"type":"Polygon","coordinates":[1,2]}}',
        '{"type":"Feature","geometry":{"type":"Point","coordinates":[1,2]},'
        '"properties":{"nocturne":{"extra":[]}}}',
    ],
)  # fmt: skip
def test_it_refuses_json_that_says_nonsense(text):
    with pytest.raises(NotReadable):
        read(text.encode())


def test_what_is_no_annotation_is_named():
    text = '{"elements":[{"type":"heatmap","points":[]},{"type":"point","center":[1,2,0]}],"name":"all"}'
    given = read(text.encode())
    assert len(given.shapes) == 1
    assert given.notes == ("Layer all, element 1: a heatmap is not an annotation.",)


def test_a_file_may_not_lie_about_another_format_inside():
    text = """{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]},
      "properties":{"nocturne":{"extra":{"imagescope":{"attributes":{"Zoom":7},"rows":[]}}}}}"""
    with pytest.raises(NotReadable):
        write(read(text.encode()), "imagescope")


def test_a_file_too_large_is_not_read(monkeypatch):
    monkeypatch.setattr("annotation.exchange.formats.MOST_SHAPES", 0)
    with pytest.raises(TooLarge):
        read(b'{"elements":[{"type":"point","center":[1,2,0]}]}')


def converted(tmp_path, text, *options):
    source, target = tmp_path / "in.geojson", tmp_path / "out"
    source.write_text(text)
    out, err = StringIO(), StringIO()
    call_command("convert_annotations", str(source), str(target), *options, stdout=out, stderr=err)
    return target.read_bytes(), out.getvalue(), err.getvalue()


POINT = '{"type":"Feature","id":"a","geometry":{"type":"Point","coordinates":[3,4]},"properties":{}}'


def test_the_command_converts_and_says_what_others_will_not_find(tmp_path):
    content, out, err = converted(tmp_path, POINT, "--to", "imagescope", "--mpp", "0.25")
    assert "1 annotations" in out
    assert "imagescope has no word for ids: kept beside it" in err
    assert b'MicronsPerPixel="0.25"' in content


def test_the_command_refuses_in_words(tmp_path):
    with pytest.raises(CommandError, match="nothing drawn"):
        converted(tmp_path, "[]", "--to", "dicom")
    with pytest.raises(CommandError, match="--size"):
        converted(tmp_path, POINT, "--to", "mask-png")
    assert not (tmp_path / "out").exists()
    with pytest.raises(UnsupportedFormat):
        write(read(POINT.encode()), "powerpoint")
