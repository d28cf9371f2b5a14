"""What follows a state is written again when it was lost, and not when it has just ended."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.models import Job
from lims.models import Slide
from lims.services.pipeline import reconcile
from lims.states import State
from tests.lims.making import slide as a_slide

pytestmark = pytest.mark.django_db
TASK = "deidentify.deidentify_slide"


@pytest.fixture
def slide() -> Slide:
    made = a_slide(State.SCANNED)
    Slide.objects.filter(pk=made.pk).update(state_since=timezone.now() - timedelta(minutes=5))
    return made


def jobs_of(slide: Slide) -> int:
    return Job.objects.filter(task=TASK, args={"slide_id": slide.pk}).count()


def test_what_was_never_written_is_written_once(slide: Slide):
    reconcile()
    reconcile()
    assert jobs_of(slide) == 1


@pytest.mark.parametrize("how", ["done_at", "failed_at"])
def test_what_has_just_ended_and_left_the_slide_there_waits(slide: Slide, how: str):
    """A slide in quarantine is made again by a person, not four times a minute by the clock."""
    job = Job.objects.create(task=TASK, args={"slide_id": slide.pk}, **{how: timezone.now()})
    reconcile()
    assert jobs_of(slide) == 1
    Job.objects.filter(pk=job.pk).update(**{how: timezone.now() - timedelta(minutes=11)})
    reconcile()
    assert jobs_of(slide) == 2
