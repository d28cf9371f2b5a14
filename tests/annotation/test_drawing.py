"""Saving strokes: once, versioned, never over somebody else's."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from annotation.geometry import checked, positions
from annotation.models import AnnotationVersion
from annotation.services import delete_annotation, save_annotation
from core.errors import BadInput, Conflict, NotAllowed
from lims.states import State
from tests.annotation.making import SQUARE, assigned, pathologist, stroke
from tests.lims.making import slide

db = pytest.mark.django_db


@db
def test_it_stores_a_create_that_is_sent_twice_once():
    made, one = assigned(), stroke(label="tumour")
    first = save_annotation(slide=made.slide, stroke=one, actor=made.reader.user)
    second = save_annotation(slide=made.slide, stroke=one, actor=made.reader.user)
    assert (first.pk, second.version) == (second.pk, 1)
    assert AnnotationVersion.objects.count() == 1


@db
def test_a_create_that_comes_late_and_says_something_else_conflicts_and_changes_nothing():
    made, one = assigned(), stroke()
    save_annotation(slide=made.slide, stroke=one, actor=made.reader.user)
    late = stroke(client_id=one.client_id, comment="older")
    with pytest.raises(Conflict) as caught:
        save_annotation(slide=made.slide, stroke=late, actor=made.reader.user)
    assert caught.value.detail["current"]["comment"] == ""
    assert AnnotationVersion.objects.count() == 1


@db
def test_a_change_that_is_sent_twice_is_stored_once_and_one_that_comes_late_is_not():
    made, one = assigned(), stroke()
    user = made.reader.user
    save_annotation(slide=made.slide, stroke=one, actor=user)
    first, second = (
        stroke(client_id=one.client_id, label=f"l{version}", version=version) for version in (1, 2)
    )
    for _ in range(2):
        saved = save_annotation(slide=made.slide, stroke=first, actor=user)
        assert (saved.version, saved.label) == (2, "l1")
    save_annotation(slide=made.slide, stroke=second, actor=user)
    with pytest.raises(Conflict):
        save_annotation(slide=made.slide, stroke=first, actor=user)
    assert AnnotationVersion.objects.count() == 3


@db
def test_a_deletion_is_undone_by_a_change_that_knows_of_it():
    made, one = assigned(), stroke()
    user = made.reader.user
    drawn = save_annotation(slide=made.slide, stroke=one, actor=user)
    delete_annotation(annotation=drawn, version=1, actor=user)
    with pytest.raises(Conflict, match="deleted in another window"):
        save_annotation(
            slide=made.slide, stroke=stroke(client_id=one.client_id, label="x", version=1), actor=user
        )
    back = save_annotation(slide=made.slide, stroke=stroke(client_id=one.client_id, version=2), actor=user)
    assert (back.version, back.deleted) == (3, False)
    assert list(AnnotationVersion.objects.values_list("deleted", flat=True)) == [False, True, False]


@db
def test_every_save_is_a_version():
    made, one = assigned(), stroke()
    user = made.reader.user
    save_annotation(slide=made.slide, stroke=one, actor=user)
    for version in (1, 2):
        change = stroke(client_id=one.client_id, label=f"l{version}", version=version)
        save_annotation(slide=made.slide, stroke=change, actor=user)
    rows = AnnotationVersion.objects.order_by("version").values_list("version", "label")
    assert list(rows) == [(1, ""), (2, "l1"), (3, "l2")]


@db
def test_a_stale_change_conflicts_and_shows_what_is_there():
    made, one = assigned(), stroke()
    user = made.reader.user
    save_annotation(slide=made.slide, stroke=one, actor=user)
    save_annotation(
        slide=made.slide, stroke=stroke(client_id=one.client_id, label="theirs", version=1), actor=user
    )
    with pytest.raises(Conflict) as caught:
        save_annotation(
            slide=made.slide, stroke=stroke(client_id=one.client_id, label="mine", version=1), actor=user
        )
    assert caught.value.detail["current"]["label"] == "theirs"
    assert caught.value.detail["current"]["version"] == 2


@db
def test_it_deletes_softly_and_only_at_the_current_version():
    made = assigned()
    drawn = save_annotation(slide=made.slide, stroke=stroke(), actor=made.reader.user)
    with pytest.raises(Conflict):
        delete_annotation(annotation=drawn, version=7, actor=made.reader.user)
    delete_annotation(annotation=drawn, version=1, actor=made.reader.user)
    delete_annotation(annotation=drawn, version=1, actor=made.reader.user)  # a resend
    assert list(AnnotationVersion.objects.values_list("version", "deleted")) == [(1, False), (2, True)]


@db
def test_it_guards_who_draws_where(technician):
    made = assigned()
    with pytest.raises(NotAllowed, match="pathologist"):
        save_annotation(slide=made.slide, stroke=stroke(), actor=technician)
    with pytest.raises(NotAllowed, match="another reader"):
        save_annotation(slide=made.slide, stroke=stroke(), actor=pathologist("petra"))
    with pytest.raises(Conflict, match="takes no annotations"):
        save_annotation(slide=slide(State.READ), stroke=stroke(), actor=made.reader.user)


@db
def test_nobody_changes_a_colleagues_annotation():
    made = assigned()
    drawn = save_annotation(slide=made.slide, stroke=stroke(), actor=made.reader.user)
    with pytest.raises(NotAllowed):
        delete_annotation(annotation=drawn, version=1, actor=pathologist("petra"))


@pytest.mark.parametrize(
    ("kind", "geometry"),
    [
        ("star", SQUARE),
        ("point", SQUARE),
        ("freehand", None),
        ("freehand", {"type": "Polygon", "coordinates": []}),
        ("freehand", {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0]]]}),
        ("freehand", {"type": "Polygon", "coordinates": [[[0, 0], [1, math.nan], [1, 1]]]}),
        ("freehand", {"type": "Polygon", "coordinates": [[[0, 0], [1, 1e9], [1, 1]]]}),
        ("freehand", {"type": "Polygon", "coordinates": [[[0, 0], [True, 1], [1, 1]]]}),
        ("line", {"type": "LineString", "coordinates": [[0, 0]]}),
        ("line", {"type": "LineString", "coordinates": "00"}),
        ("point", {"type": "Point", "coordinates": [1]}),
    ],
)
def test_it_refuses_what_cannot_be_drawn(kind, geometry):
    with pytest.raises(BadInput):
        checked(kind, geometry)


briefly = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
numbers = some.floats(-1e6, 1e6) | some.integers(-1_000_000, 1_000_000)
rings = some.lists(some.tuples(numbers, numbers), min_size=3, max_size=30, unique=True)


@briefly
@given(ring=rings)
def test_it_closes_every_ring_and_keeps_every_position(ring):
    made = checked("freehand", {"type": "Polygon", "coordinates": [[list(p) for p in ring]]})
    found = list(positions(made["coordinates"]))
    assert found[0] == found[-1]
    assert found[: len(ring)] == ring


@briefly
@given(
    value=some.recursive(
        some.none() | some.text() | numbers,
        lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner),
    )
)
def test_anything_else_is_refused_and_never_breaks(value):
    for kind in ("freehand", "point", "line"):
        with pytest.raises(BadInput):
            checked(kind, {"type": "Polygon", "coordinates": value} if isinstance(value, str) else value)
