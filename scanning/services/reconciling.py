"""Every 15 s: find what stopped and put it right. The database says what should be; nothing else is
believed.
"""

from datetime import timedelta

from django.utils import timezone

from core import jobs
from core.models import Job
from lims import queries
from lims.models import Batch, Slot
from lims.services import advance
from lims.states import FailureReason, State
from scanning.models import Attempt, Night
from scanning.services.nights import end_night_if_done, next_attempt, queue_attempt, ring
from scanning.services.snapshots import end_snapshots_if_done

GRACE = timedelta(seconds=5)


def reconcile() -> None:
    """Idempotent, and cheap when all is well."""
    for night in Night.objects.filter(ended_at=None).select_related("batch", "scanner"):
        if night.batch.phase == Batch.Phase.SNAPSHOTS:
            _snapshots(night)
        elif night.batch.phase == Batch.Phase.NIGHT:
            _night(night)
    _collections()


def _snapshots(night: Night) -> None:
    waiting = queries.slots_of(night.batch).filter(slide__state=State.LOADED)
    for slot in waiting:
        if _gave_up("scanning.snap", slot_id=slot.pk):
            _fail_slot(slot)
        elif not jobs.open_jobs("scanning.snap", slot_id=slot.pk):
            jobs.enqueue("scanning.snap", queue=night.scanner.queue, slot_id=slot.pk)
    end_snapshots_if_done(batch=night.batch)


def _fail_slot(slot: Slot) -> None:
    assert slot.slide is not None  # noqa: S101  filtered above
    error = _last_error("scanning.snap", slot_id=slot.pk)
    advance(slide=slot.slide, to=State.FAILED, reason=FailureReason.ATTEMPTS_EXHAUSTED, note=error)


def _night(night: Night) -> None:
    open_slides = Attempt.objects.filter(night=night, state__in=["queued", "running", "acquired"]).values(
        "slide_id"
    )
    for slot in (
        queries.slots_of(night.batch).filter(slide__state=State.READY).exclude(slide_id__in=open_slides)
    ):
        queue_attempt(slot=slot, night=night)
    if next_attempt(night) is not None and not night.paused:
        ring(night)
    else:
        end_night_if_done(night=night)


def _collections() -> None:
    late = timezone.now() - GRACE
    for attempt in Attempt.objects.filter(state=Attempt.State.ACQUIRED, acquired_at__lt=late):
        if not jobs.open_jobs("scanning.collect", attempt_id=attempt.pk):
            jobs.enqueue("scanning.collect", attempt_id=attempt.pk)


def _gave_up(task: str, **args: int) -> bool:
    return Job.objects.filter(task=task, args=args, failed_at__isnull=False).exists()


def _last_error(task: str, **args: int) -> str:
    error = (
        Job.objects.filter(task=task, args=args, failed_at__isnull=False)
        .order_by("-id")
        .values_list("error", flat=True)
    )
    return error.first() or ""
