"""Two readers who do not know of each other: who is sought, who sees what, when the slide is read."""

from itertools import product
from typing import Any

import pytest
from django.urls import reverse

from annotation import queries, tasks
from annotation.guards import SIGHT, Eye, Sight, eye_of, sight_of
from annotation.models import Agreement, Annotation, Assignment, Reader, Study
from annotation.policy import drawn
from annotation.services import (
    ask_opinion,
    assign,
    compare_readings,
    complain,
    open_assignment,
    save_annotation,
    submit,
    take_back,
)
from annotation.studies import Readings, Step, fits, next_step
from core.models import Job
from lims.models import Slide, SlideEvent
from lims.states import State
from tests.annotation.making import SQUARE, clean, reader, stroke
from tests.conftest import person
from viewer.models import VirtualSlide

pytestmark = pytest.mark.django_db
FAR = {"type": "Polygon", "coordinates": [[[90, 90], [99, 90], [99, 99], [90, 99], [90, 90]]]}


def study(**facts: Any) -> Study:
    return Study.objects.create(**{"name": "Everything twice", "second_reads": 1.0, **facts})


def turns(slide: Slide) -> dict[str, str]:
    return dict(Assignment.objects.filter(slide=slide).values_list("purpose", "state"))


def read_by_two() -> tuple[Assignment, Assignment]:
    """A slide on the lists of two readers, each of whom has drawn on it."""
    study()
    reader("paul")
    reader("petra")
    slide = clean(tissue="breast")
    first = assign(slide=slide)
    tasks.next_reading(slide_id=slide.pk)
    assert first is not None
    second = Assignment.objects.get(slide=slide, purpose="second")
    for one, shape in ((first, SQUARE), (second, FAR)):
        open_assignment(assignment=one, actor=one.reader.user)
        save_annotation(slide=slide, stroke=stroke(label="Tumour", geometry=shape), actor=one.reader.user)
    return first, second


def test_it_draws_the_same_slides_each_time_and_about_as_many_as_asked():
    slides = [Slide() for _ in range(2000)]
    chosen = [slide.uid for slide in slides if drawn(slide.uid, 1, 0.2)]
    assert chosen == [slide.uid for slide in slides if drawn(slide.uid, 1, 0.2)]
    assert 320 < len(chosen) < 480
    assert not any(drawn(slide.uid, 1, 0.0) for slide in slides)
    assert all(drawn(slide.uid, 1, 1.0) for slide in slides)


def test_a_study_fits_by_tissue_and_by_words_of_the_stain():
    one = Study(tissues=["breast"], stains="Ki-67, HER2")
    assert fits(one, "breast", "IHC her2")
    assert not fits(one, "breast", "H&E")
    assert not fits(one, "prostate", "IHC HER2")
    assert fits(Study(), "prostate", "H&E")


@pytest.mark.parametrize(
    ("found", "step"),
    [
        (Readings(), Step.WAIT),
        (Readings("open"), Step.WAIT),
        (Readings("submitted"), Step.DONE),
        (Readings("open", second_due=True), Step.SECOND),
        (Readings("submitted", second_due=True), Step.SECOND),
        (Readings("submitted", "open", second_due=True), Step.WAIT),
        (Readings("open", "submitted", second_due=True), Step.WAIT),
        (Readings("submitted", "open"), Step.WAIT),
        (Readings("submitted", "submitted"), Step.COMPARE),
        (Readings("submitted", "submitted", agree=True), Step.DONE),
        (Readings("submitted", "submitted", agree=False), Step.THIRD),
        (Readings("submitted", "submitted", "open", agree=False), Step.WAIT),
        (Readings("submitted", "submitted", "submitted", agree=False), Step.DONE),
    ],
)
def test_it_knows_what_a_slide_needs_next(found, step):
    assert next_step(found) == step


def test_a_slide_that_is_drawn_gets_another_second_reader():
    first, second = read_by_two()
    assert first.reader != second.reader
    assert second.slide.state == State.ASSIGNED
    assert {first.study, second.study} == {Study.objects.get()}


def test_it_waits_for_a_second_reader_when_there_is_only_one():
    study()
    paul = reader("paul")
    slide = clean()
    first = assign(slide=slide)
    assert first is not None
    tasks.next_reading(slide_id=slide.pk)
    submit(assignment=first, actor=paul.user)
    assert Slide.objects.get(pk=slide.pk).state == State.ASSIGNED
    [waiting] = queries.waiting()
    assert (waiting.purpose, "has read it" in waiting.why) == ("second", True)
    assert Job.objects.filter(task="annotation.next_reading", done_at=None).exists()


def test_it_is_read_at_once_when_the_study_asks_for_one_reader_again():
    study()
    paul = reader("paul")
    slide = clean()
    first = assign(slide=slide)
    assert first is not None
    submit(assignment=first, actor=paul.user)
    Study.objects.update(second_reads=0.0)
    tasks.next_reading(slide_id=slide.pk)
    assert Slide.objects.get(pk=slide.pk).state == State.READ


def test_two_readings_that_agree_make_it_read():
    first, second = read_by_two()
    Annotation.objects.filter(assignment=second).update(geometry=SQUARE)
    for one in (first, second):
        assert Slide.objects.get(pk=first.slide_id).state == State.ASSIGNED
        submit(assignment=one, actor=one.reader.user)
    tasks.compare(slide_id=first.slide_id)
    tasks.compare(slide_id=first.slide_id)
    found = Agreement.objects.get()
    assert (found.kappa, found.iou, found.dice) == (1.0, 1.0, 1.0)
    assert Slide.objects.get(pk=first.slide_id).state == State.READ


def test_two_readings_that_differ_are_settled_by_a_third_who_sees_both():
    first, second = read_by_two()
    reader("paula")
    for one in (first, second):
        submit(assignment=one, actor=one.reader.user)
    slide = Slide.objects.get(pk=first.slide_id)
    tasks.compare(slide_id=slide.pk)
    assert Slide.objects.get(pk=slide.pk).state == State.ASSIGNED
    tasks.next_reading(slide_id=slide.pk)
    third = Assignment.objects.get(slide=slide, purpose="third")
    assert third.reader.user.username == "paula"
    assert queries.drawn_on(slide, third.reader.user).count() == 2
    submit(assignment=third, actor=third.reader.user)
    assert Agreement.objects.get().third == third
    assert Slide.objects.get(pk=slide.pk).state == State.READ


def test_a_second_reading_that_is_given_back_finds_another_reader():
    first, second = read_by_two()
    paula = reader("paula")
    take_back(assignment=second, actor=second.reader.user, note="too tired")
    assert Slide.objects.get(pk=first.slide_id).state == State.ASSIGNED
    tasks.next_reading(slide_id=first.slide_id)
    assert Assignment.objects.get(slide=first.slide_id, purpose="second", state="open").reader == paula


def test_the_third_reader_who_gives_it_back_is_followed_by_another():
    first, second = read_by_two()
    for one in (first, second):
        submit(assignment=one, actor=one.reader.user)
    reader("paula")
    compare_readings(slide=Slide.objects.get(pk=first.slide_id))
    tasks.next_reading(slide_id=first.slide_id)
    third = Assignment.objects.get(purpose="third")
    take_back(assignment=third, actor=third.reader.user, note="ill")
    pia = reader("pia")
    tasks.next_reading(slide_id=first.slide_id)
    again = Assignment.objects.get(purpose="third", state="open")
    assert again.reader == pia
    assert Agreement.objects.get().third == again


WHO = {
    Eye.READER: "paul",
    Eye.ASKED: "olga",
    Eye.COLLEAGUE: "pia",
    Eye.OFFICE: "manager",
    Eye.THIRD: "paula",
}


@pytest.mark.parametrize(("eye", "blind"), list(product(SIGHT, (True, False))))
def test_everybody_sees_what_the_table_says(eye, blind):
    first, second = read_by_two()
    reader("olga")
    reader("pia")
    ask_opinion(
        assignment=first, of=Reader.objects.get(user__username="olga"), question="?", actor=first.reader.user
    )
    if eye == Eye.THIRD:
        Assignment.objects.create(slide=first.slide, reader=reader("paula"), purpose="third")
    if not blind:
        for one in (first, second):
            submit(assignment=one, actor=one.reader.user)
    who = person("manager") if eye == Eye.OFFICE else Reader.objects.get(user__username=WHO[eye]).user
    slide = Slide.objects.get(pk=first.slide_id)
    seen = set(queries.drawn_on(slide, who).values_list("author__username", flat=True))
    sight = SIGHT[eye][0 if blind else 1]
    expected = {
        Sight.OWN: {who.username} & {"paul", "petra"},
        Sight.ASKER: {"paul"},
        Sight.ALL: {"paul", "petra"},
    }
    assert (eye_of(who, slide), sight_of(who, slide)) == (eye, sight)
    assert seen == expected[sight]


def test_no_door_tells_a_blind_reader_of_the_other(client_of, api_of):
    """Every page and every part of the API that a pathologist may ask, for the slide that two read."""
    person("pathologist")
    study()
    mine = reader("pathologist", tissues=["breast"])
    other = reader("xaver", tissues=["breast"])
    slide = clean(tissue="breast")
    VirtualSlide.objects.create(
        slide=slide, kind="vendor", path="x", sha256="0" * 64, bytes=1, width=9, height=9
    )
    for who in (other, mine):
        made = assign(
            slide=Slide.objects.get(pk=slide.pk), purpose="first" if who == other else "second", reader=who
        )
        assert made is not None
        open_assignment(assignment=made, actor=who.user)
        save_annotation(slide=slide, stroke=stroke(label=f"drawn by {who.user.username}"), actor=who.user)
    client, uid = client_of("pathologist"), slide.uid
    made = Assignment.objects.get(slide=slide, purpose="second")
    pages = [
        reverse("annotation:worklist"),
        reverse("annotation:read", args=[made.pk]),
        reverse("annotation:reader", args=[mine.pk]),
        reverse("annotation:export", args=[uid, "xml"]),
        reverse("annotation:export", args=[uid, "geojson"]),
        reverse("lims:slides"),
        reverse("lims:slide", args=[slide.barcode]),
        reverse("home"),
        f"/api/annotations/?slide={uid}",
        "/api/assignments/",
        f"/api/assignments/{made.pk}/",
        "/api/slides/",
        f"/api/slides/{slide.barcode}/",
    ]
    for page in pages:
        answer = client.get(page)
        assert answer.status_code == 200, page
        text = b"".join(answer).decode() if answer.streaming else answer.content.decode()
        for word in ("xaver", other.number, "second reading", '"second"', "two readers"):
            assert word not in text.lower(), (page, word)
    theirs = Annotation.objects.get(author=other.user)
    answer = api_of("pathologist").patch(
        f"/api/annotations/{theirs.client_id}/", {"label": "x", "version": 1}
    )
    assert answer.status_code == 404


def test_the_first_reader_sees_the_second_only_when_both_are_in():
    first, second = read_by_two()
    slide, paul = first.slide, first.reader.user
    assert queries.drawn_on(slide, paul).count() == 1
    submit(assignment=first, actor=paul)
    assert queries.drawn_on(Slide.objects.get(pk=slide.pk), paul).count() == 1
    submit(assignment=second, actor=second.reader.user)
    assert queries.drawn_on(Slide.objects.get(pk=slide.pk), paul).count() == 2


def test_a_slide_that_is_scanned_again_is_read_afresh_and_by_the_same_people():
    first, second = read_by_two()
    submit(assignment=second, actor=second.reader.user)
    complain(assignment=first, actor=first.reader.user, reason="blurred")
    slide = Slide.objects.get(pk=first.slide_id)
    facts = {"source": State.SCANNING, "target": State.SCANNED, "verb": "publish", "actor": "test"}
    SlideEvent.objects.create(slide=slide, **facts)
    Slide.objects.filter(pk=slide.pk).update(state=State.DEIDENTIFIED)
    assert assign(slide=Slide.objects.get(pk=slide.pk)) is not None
    tasks.next_reading(slide_id=slide.pk)
    again = Assignment.objects.filter(slide=slide, state="open")
    assert set(again.values_list("purpose", flat=True)) == {"first", "second"}
    assert set(again.values_list("reader", flat=True)) == {first.reader_id, second.reader_id}
