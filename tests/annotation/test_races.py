"""Two at once: one signature, one list, no stroke behind a signature."""

import pytest

from annotation.models import Agreement, Annotation, Assignment, Study
from annotation.services import assign, assign_waiting, compare_readings, save_annotation, submit, take_case
from core.models import Job
from lims.models import Slide, SlideEvent
from lims.states import State
from tests.annotation.making import assigned, clean, reader, stroke
from tests.lims.test_races import race

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_two_submits_one_wins():
    made = assigned()
    copies = [Assignment.objects.select_related("slide", "reader__user").get(pk=made.pk) for _ in range(2)]
    runs = [lambda one=one: submit(assignment=one, actor=one.reader.user) for one in copies]
    assert race(*runs) == ["lost", "won"]
    assert SlideEvent.objects.filter(target=State.READ).count() == 1


def test_of_two_assigns_of_one_slide_one_wins():
    reader("paul")
    reader("petra")
    waiting = clean()
    copies = [Slide.objects.get(pk=waiting.pk) for _ in range(2)]
    assert race(*[lambda one=one: assign(slide=one) for one in copies]) == ["lost", "won"]
    assert Assignment.objects.filter(state="open").count() == 1


def test_two_assigns_never_break_a_limit():
    reader("paul", limit=2)
    slides = [clean() for _ in range(4)]
    assert race(*[lambda one=one: assign(slide=one) for one in slides]) == ["won"] * 4  # two find no room
    assert Assignment.objects.count() == 2
    assert Slide.objects.filter(state=State.ASSIGNED).count() == 2


def test_no_stroke_slips_in_behind_a_signature():
    made = assigned()
    user = made.reader.user
    outcomes = race(
        lambda: submit(assignment=made, actor=user),
        lambda: save_annotation(slide=Slide.objects.get(pk=made.slide_id), stroke=stroke(), actor=user),
    )
    assert outcomes in (["lost", "won"], ["won", "won"])
    assert not Annotation.objects.filter(locked=False).exists()


def test_one_stroke_sent_twice_at_once_is_one_row():
    made, one = assigned(), stroke()
    runs = [lambda: save_annotation(slide=made.slide, stroke=one, actor=made.reader.user)] * 2
    assert race(*runs) == ["won", "won"]
    assert Annotation.objects.count() == 1


def test_two_slides_of_one_case_never_go_to_two_readers():
    reader("paul")
    reader("petra")
    slides = [clean(accession="C-1", mrn="M-1") for _ in range(2)]
    assert race(*[lambda one=one: assign(slide=one) for one in slides]) == ["won", "won"]
    assert Assignment.objects.values("reader").distinct().count() == 1


def test_sharing_out_and_taking_at_once_gives_each_slide_one_reader():
    paul = reader("paul", limit=6)
    reader("petra", limit=6)
    slides = [clean(accession=f"C-{number // 2}", mrn=f"M-{number // 2}") for number in range(10)]
    outcomes = race(assign_waiting, assign_waiting, lambda: take_case(slide=slides[0], actor=paul.user))
    assert outcomes in (["lost", "won", "won"], ["won"] * 3)
    assert Assignment.objects.filter(state="open").count() == 10
    for number in range(5):
        rows = Assignment.objects.filter(slide__block__specimen__case__accession=f"C-{number}")
        assert rows.values("reader").distinct().count() == 1


def test_two_readers_of_one_slide_who_submit_at_once_are_compared_once():
    Study.objects.create(name="twice", second_reads=1.0)
    reader("paul")
    first = assigned("petra")
    second = assign(slide=first.slide, purpose="second")
    assert second is not None
    copies = [
        Assignment.objects.select_related("slide__block__specimen__case", "reader__user").get(pk=one.pk)
        for one in (first, second)
    ]
    assert (
        race(*[lambda one=one: submit(assignment=one, actor=one.reader.user) for one in copies])
        == ["won"] * 2
    )
    assert Slide.objects.get(pk=first.slide_id).state == State.ASSIGNED
    assert Job.objects.filter(task="annotation.compare").exists()
    slide = Slide.objects.get(pk=first.slide_id)
    assert race(*[lambda: compare_readings(slide=Slide.objects.get(pk=slide.pk))] * 2) == ["won"] * 2
    assert Agreement.objects.count() == 1
    assert Slide.objects.get(pk=slide.pk).state == State.READ
