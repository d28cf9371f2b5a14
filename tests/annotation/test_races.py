"""Two at once: one signature, one list, no stroke behind a signature."""

import pytest

from annotation.models import Annotation, Assignment
from annotation.services import assign, save_annotation, submit
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
