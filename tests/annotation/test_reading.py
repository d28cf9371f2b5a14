"""Opening, signing off, giving back."""

from datetime import timedelta

import pytest

from annotation.models import Annotation, Assignment
from annotation.services import complain, open_assignment, save_annotation, submit, take_back
from core.errors import BadInput, Conflict, NotAllowed
from core.models import Job
from lims.models import Slide
from lims.states import State
from tests.annotation.making import assigned, pathologist, stroke

pytestmark = pytest.mark.django_db


def state_of(assignment: Assignment) -> str:
    return Slide.objects.get(pk=assignment.slide_id).state


def test_it_signs_off_and_locks():
    made = assigned()
    user = made.reader.user
    drawn = save_annotation(slide=made.slide, stroke=stroke(), actor=user)
    submit(assignment=made, actor=user)
    drawn.refresh_from_db()
    assert (state_of(made), made.state, drawn.locked) == (State.READ, "submitted", True)
    with pytest.raises(Conflict, match="signed off"):
        save_annotation(
            slide=made.slide, stroke=stroke(client_id=drawn.client_id, version=1, label="x"), actor=user
        )


def test_it_signs_off_once():
    made = assigned()
    stale = Assignment.objects.get(pk=made.pk)
    submit(assignment=made, actor=made.reader.user)
    with pytest.raises(Conflict, match="submitted already"):
        submit(assignment=stale, actor=made.reader.user)


def test_it_lets_only_its_reader_sign_off():
    made = assigned()
    with pytest.raises(NotAllowed):
        submit(assignment=made, actor=pathologist("petra"))
    assert state_of(made) == State.ASSIGNED


def test_it_believes_no_more_minutes_than_have_passed():
    made = assigned()
    open_assignment(assignment=made, actor=made.reader.user)
    assert made.opened_at is not None
    made.opened_at -= timedelta(minutes=3)
    submit(assignment=made, actor=made.reader.user, active_s=36_000)
    assert made.minutes == pytest.approx(3, abs=0.1)


def test_it_gives_back_with_a_reason_and_the_slide_looks_for_another_reader():
    made = assigned()
    with pytest.raises(BadInput):
        take_back(assignment=made, actor=made.reader.user, note=" ")
    take_back(assignment=made, actor=made.reader.user, note="on leave")
    assert (made.state, state_of(made)) == ("returned", State.DEIDENTIFIED)
    assert Job.objects.filter(task="annotation.assign_slide", args={"slide_id": made.slide_id}).exists()


def test_a_manager_may_take_a_slide_back_and_not_sign_it_off(manager):
    made = assigned()
    with pytest.raises(NotAllowed):
        submit(assignment=made, actor=manager)
    take_back(assignment=made, actor=manager, note="shared anew")
    assert made.state == "returned"


def test_a_complaint_puts_the_slide_on_the_rescan_list():
    made = assigned()
    with pytest.raises(BadInput, match="wrong"):
        complain(assignment=made, actor=made.reader.user, reason="jam")
    complain(assignment=made, actor=made.reader.user, reason="blurred", note="left half")
    slide = Slide.objects.get(pk=made.slide_id)
    assert (slide.state, slide.failure, made.state) == (State.FAILED, "blurred", "returned")


def test_what_was_drawn_stays_when_a_slide_goes_back():
    made = assigned()
    save_annotation(slide=made.slide, stroke=stroke(), actor=made.reader.user)
    take_back(assignment=made, actor=made.reader.user, note="on leave")
    assert Annotation.objects.filter(slide=made.slide, locked=False).count() == 1
