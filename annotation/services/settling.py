"""After each reading: is the slide read, or is a second reader, a comparison, a third reader due?"""

from dataclasses import asdict
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from annotation.agreement import Mark, compare
from annotation.models import Agreement, Annotation, Assignment
from annotation.studies import Step, comparison, current, next_step, readings_of
from core.jobs import enqueue, open_jobs
from core.models import Job
from lims.models import Slide
from lims.services import Actor, advance
from lims.states import SYSTEM, State

NEXT, COMPARE = "annotation.next_reading", "annotation.compare"
TRY_AGAIN_AFTER = timedelta(minutes=10)


@transaction.atomic
def settle(*, slide: Slide, actor: Actor = SYSTEM) -> Step:
    """Do what is due next: the slide is read when nothing is, else a job sees to it."""
    # Writing the row, if only as it was, holds the slide: of two that end at once one sees the other.
    if not Slide.objects.filter(pk=slide.pk, state=State.ASSIGNED).update(state=State.ASSIGNED):
        return Step.WAIT
    step = next_step(readings_of(slide))
    if step == Step.DONE:
        advance(slide=slide, to=State.READ, actor=actor)
    elif step == Step.COMPARE:
        enqueue(COMPARE, slide_id=slide.pk)
    elif step in {Step.SECOND, Step.THIRD}:
        seek(slide=slide)
    return step


def seek(*, slide: Slide) -> None:
    """Have the next reader looked for, once."""
    if not open_jobs(NEXT, slide_id=slide.pk):
        enqueue(NEXT, slide_id=slide.pk)


def reconcile() -> None:
    """A slide that nobody reads and that is not read, and whose next step gave up or was never written."""
    recently = timezone.now() - TRY_AGAIN_AFTER
    reading = Assignment.objects.filter(slide=OuterRef("pk"), state=Assignment.State.OPEN)
    reading = reading.exclude(purpose=Assignment.Purpose.OPINION)
    for slide in Slide.objects.filter(~Exists(reading), state=State.ASSIGNED, state_since__lt=recently):
        jobs = Job.objects.filter(task__in=(NEXT, COMPARE), args={"slide_id": slide.pk})
        if not jobs.filter(Q(done_at=None, failed_at=None) | Q(failed_at__gt=recently)).exists():
            enqueue(NEXT, slide_id=slide.pk)


@transaction.atomic
def compare_readings(*, slide: Slide) -> Agreement | None:
    """Compare the two blind readings of a slide, once, and go on with what follows from it."""
    found = current(slide)
    first, second = found.get(Assignment.Purpose.FIRST), found.get(Assignment.Purpose.SECOND)
    if first is None or second is None or next_step(readings_of(slide)) != Step.COMPARE:
        return comparison(found)
    words = list(first.study.terms.values_list("label", flat=True)) if first.study else []
    result = compare(_marks(first), _marks(second), words)
    try:
        with transaction.atomic():
            made = Agreement.objects.create(
                first=first,
                second=second,
                kappa=result.kappa,
                iou=result.iou,
                dice=result.dice,
                labels=[asdict(row) for row in result.labels],
            )
    except IntegrityError:
        return comparison(found)  # another worker compared them at the same moment, and goes on
    settle(slide=slide)
    return made


def _marks(assignment: Assignment) -> list[Mark]:
    rows = Annotation.objects.filter(assignment=assignment, deleted=False)
    return [Mark(*row) for row in rows.values_list("label", "geometry", "negative")]
