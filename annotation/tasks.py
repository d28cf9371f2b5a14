"""The laboratory's own hand in sharing slides out."""

from annotation import policy
from annotation.models import Assignment
from annotation.services import assign, compare_readings, settle
from annotation.studies import Step, next_step, readings_of
from core.errors import Conflict
from core.jobs import durable, enqueue
from lims.models import Slide
from lims.states import State

TURNS = {Step.SECOND: Assignment.Purpose.SECOND, Step.THIRD: Assignment.Purpose.THIRD}


@durable("annotation.assign_slide")
def assign_slide(slide_id: int) -> None:
    """Put a slide on a list; where nobody has room it stays de-identified and is tried again later."""
    slide = _slide(slide_id)
    if slide.state == State.DEIDENTIFIED and assign(slide=slide) is None:
        enqueue("annotation.assign_slide", delay_s=policy.ASSIGN_AGAIN_S, slide_id=slide_id)


@durable("annotation.next_reading")
def next_reading(slide_id: int) -> None:
    """Find the second or third reader of a slide, or do what else its readings need."""
    slide = _slide(slide_id)
    if slide.state != State.ASSIGNED:
        return  # when it is assigned again, its readings are looked at again
    turn = TURNS.get(next_step(readings_of(slide)))
    if turn is None:
        settle(slide=slide)
        return
    try:
        found = assign(slide=slide, purpose=turn)
    except Conflict:
        return  # a person was quicker
    if found is None:
        enqueue("annotation.next_reading", delay_s=policy.ASSIGN_AGAIN_S, slide_id=slide_id)


@durable("annotation.compare")
def compare(slide_id: int) -> None:
    """Two blind readings are in: how far do they agree?"""
    compare_readings(slide=_slide(slide_id))


def _slide(slide_id: int) -> Slide:
    return Slide.objects.select_related("block__specimen__case").get(pk=slide_id)
