"""A file comes onto a slide and goes back out: once, versioned, guarded, and as it was."""

import json
import zipfile
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from annotation import exports, queries
from annotation.exchange import Document, Layer, Property, read, write
from annotation.models import Annotation, AnnotationVersion, Assignment
from annotation.services import delete_annotation, save_annotation, submit
from annotation.services.importing import bring_in, look_at_file
from core.errors import BadInput, Conflict, NotAllowed
from core.models import AuditEntry
from lims.states import State
from tests.annotation.exchanging import AREA, EXAMPLES, REAL, facts, real
from tests.annotation.making import assigned, clean, pathologist, stroke
from tests.conftest import person
from viewer.models import VirtualSlide

pytestmark = pytest.mark.django_db
SIZE = (100_000, 100_000)
FILE = write(
    Document(tuple(EXAMPLES.values()), (Layer("tumour", "tumour", "#ff8000"),), 0.25), "imagescope"
).content


def given(made, content, actor=None):
    return {"slide": made.slide, "content": content, "actor": actor or made.reader.user, "size": SIZE}


def taken_out(made, form, actor=None):
    rows = queries.drawn_on(made.slide, actor or made.reader.user).select_related("assignment__reader")
    return exports.exported(made.slide, form, rows, whole=True)


@pytest.mark.parametrize(("name", "form"), REAL.items())
def test_a_real_file_goes_back_as_it_came(name, form):
    made = assigned()
    bring_in(**given(made, real(name)))
    back = read(taken_out(made, form).content)
    assert facts(back, "") == facts(read(real(name)), "")
    assert set(Annotation.objects.values_list("origin", "author", "assignment")) == {
        (form, made.reader.user.pk, made.pk)
    }


def test_everything_that_can_be_drawn_goes_back_as_it_came():
    made = assigned()
    seen = bring_in(**given(made, FILE))
    assert (seen.refused, seen.new) == ([], len(EXAMPLES) + 1)  # two points in one shape are two rows
    assert facts(read(taken_out(made, "imagescope").content), "") == facts(read(FILE), "")
    assert AnnotationVersion.objects.filter(version=1).count() == seen.new
    assert AuditEntry.objects.filter(action="annotations.bring_in").count() == 1


def test_the_same_file_twice_makes_no_twins():
    made = assigned()
    first = bring_in(**given(made, FILE))
    again = bring_in(**given(made, FILE))
    assert (again.new, again.here) == (0, first.new)
    theirs = taken_out(made, "geojson").content
    assert look_at_file(**given(made, theirs)).new == 0
    assert Annotation.objects.count() == first.new


def test_our_own_export_is_not_brought_in_twice():
    made = assigned()
    save_annotation(slide=made.slide, stroke=stroke(label="tumour"), actor=made.reader.user)
    for form in ("imagescope", "geojson", "dicom", "dsa"):
        assert look_at_file(**given(made, taken_out(made, form).content)).new == 0


def test_what_was_deleted_comes_back_as_a_new_version():
    made = assigned()
    content = write(Document((AREA,), (Layer("tumour", "tumour"),)), "geojson").content
    bring_in(**given(made, content))
    delete_annotation(annotation=Annotation.objects.get(), version=1, actor=made.reader.user)
    assert bring_in(**given(made, content)).new == 1
    row = Annotation.objects.get()
    assert (row.deleted, row.version, row.versions.count()) == (False, 3, 3)


def test_a_change_here_goes_out_and_says_so():
    made = assigned()
    bring_in(**given(made, write(Document((AREA,), (Layer("tumour", "tumour"),)), "geojson").content))
    row = Annotation.objects.get()
    change = stroke(client_id=row.client_id, geometry=row.geometry, kind="polygon", label="stroma", version=1)
    save_annotation(slide=made.slide, stroke=change, actor=made.reader.user)
    written = taken_out(made, "geojson")
    assert read(written.content).shapes[0].label == "stroma"
    assert any("changed here" in note for note in written.notes)


def test_the_preview_counts_and_writes_nothing():
    made = assigned()
    text = """{"type":"FeatureCollection","features":[
      {"type":"Feature","geometry":{"type":"Point","coordinates":[-5,3]},"properties":{"classification":"cell"}},
      {"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[0,0],[1,1],[0,0]]]},"properties":{}},
      {"type":"Feature","geometry":{"type":"Point","coordinates":[1,2]},"properties":{"classification":"%s"}}]}"""
    seen = look_at_file(**given(made, (text % ("x" * 101)).encode()))
    assert (seen.new, seen.outside, seen.labels) == (1, 1, {"cell": 1})
    assert [line.partition(":")[0] for line in seen.refused] == ["Shape 2", "Shape 3"]
    assert not Annotation.objects.exists()
    with pytest.raises(BadInput, match="neither"):
        look_at_file(**given(made, b"PK"))


def test_a_slide_that_is_signed_off_refuses():
    made = assigned()
    bring_in(**given(made, FILE))
    submit(assignment=made, actor=made.reader.user)
    more = write(Document((EXAMPLES[Property.RULER],)), "geojson").content
    with pytest.raises(Conflict):
        bring_in(**given(made, more))
    assert Annotation.objects.filter(locked=False).count() == 0


def test_it_guards_who_brings_where():
    made = assigned()
    with pytest.raises(NotAllowed):
        bring_in(**given(made, FILE, pathologist("petra")))
    with pytest.raises(NotAllowed):
        bring_in(**given(made, FILE, person("manager")))
    assert bring_in(**given(made, FILE, person("steward"))).new > 0
    made.slide.__class__.objects.filter(pk=made.slide.pk).update(state=State.READ)
    with pytest.raises(Conflict):
        bring_in(**given(made, FILE, person("steward")))


def test_a_release_holds_nothing_of_a_file_but_our_own_fields():
    made = assigned()
    named = write(Document((AREA,), (Layer("tumour", "tumour"),)), "geojson").content
    said = json.loads(named)
    said["features"][0]["properties"]["made by"] = "Smith, John"
    bring_in(**given(made, json.dumps(said).encode()))
    submit(assignment=Assignment.objects.get(), actor=made.reader.user)
    for form in exports.SUFFIXES.values():
        assert b"Smith" not in exports.exported(made.slide, form).content
    assert b"Smith" in taken_out(made, "geojson").content


@pytest.mark.timeout(180)
def test_ten_thousand_shapes_come_in_together():
    made = assigned()
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Polygon", "coordinates": [[[x, y], [x + 9, y], [x, y + 9], [x, y]]]},
            "properties": {"classification": "cell"},
        }
        for x in range(0, 1000, 10)
        for y in range(0, 1000, 10)
    ]
    content = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    assert bring_in(**given(made, content)).new == 10_000
    assert AnnotationVersion.objects.count() == 10_000


# --- the page ---------------------------------------------------------------------------------------------


def pictured(slide):
    VirtualSlide.objects.create(
        slide=slide, path=f"{slide.pk}.h5", sha256="0" * 64, bytes=1, width=640, height=480, pixel_size_um=0.5
    )
    return slide


def upload(content=FILE):
    return SimpleUploadedFile("drawing.xml", content)


def test_the_page_shows_a_preview_and_then_brings_it_in(client_of):
    slide = pictured(clean())
    where = reverse("annotation:transfers", args=[slide.uid])
    client = client_of("pathologist")
    assert "Nothing is drawn yet" in client.get(where).content.decode()
    seen = client.post(where, {"file": upload()})
    assert "would be brought in" in seen.content.decode()
    assert not Annotation.objects.exists()
    sha256 = seen.context["seen"].sha256
    assert client.post(where, {"file": upload(), "sha256": "another"}).status_code == 200
    assert not Annotation.objects.exists()
    assert client.post(where, {"file": upload(), "sha256": sha256}).url == where
    assert Annotation.objects.count() == len(EXAMPLES) + 1


def test_the_page_says_what_is_wrong_with_a_file(client_of):
    slide = pictured(clean())
    where = reverse("annotation:transfers", args=[slide.uid])
    for headers, status in (({}, 400), ({"HX-Request": "true"}, 200)):
        answer = client_of("steward").post(where, {"file": upload(b"<html/>")}, headers=headers)
        assert answer.status_code == status
        assert "begins with html" in answer.content.decode()
    assert client_of("manager").post(where, {"file": upload()}).status_code == 403


def test_every_format_and_a_mask_are_downloaded(client_of):
    slide = pictured(clean())
    client = client_of("pathologist")
    save_annotation(slide=slide, stroke=stroke(label="tumour"), actor=person("pathologist"))
    page = client.get(reverse("annotation:transfers", args=[slide.uid])).content.decode()
    for form in ("xml", "geojson", "ann.dcm", "sr.dcm", "dsa.json", "darwin.json"):
        where = reverse("annotation:export", args=[slide.uid, form])
        assert where in page
        assert len(read(client.get(where).content).shapes) == 1
    answer = client.get(reverse("annotation:mask", args=[slide.uid]), {"downsample": 2})
    with zipfile.ZipFile(BytesIO(b"".join(answer.streaming_content))) as archive:
        assert archive.namelist() == [f"{slide.uid}.png", f"{slide.uid}.json"]
        assert json.loads(archive.read(f"{slide.uid}.json"))["values"][0]["label"] == "tumour"
    assert client.get(reverse("annotation:mask", args=[slide.uid]), {"downsample": 0}).status_code == 400
