"""Every 15 s: find what stopped and put it right. The database says what should be; nothing else is
believed.
"""

from datetime import timedelta

import structlog
from django.db import IntegrityError
from django.utils import timezone

from core import jobs
from core.errors import NocturneError
from core.models import Job
from lims import queries
from lims.models import Batch, Slot
from lims.services import advance
from lims.states import FailureReason, State
from scanning.models import Attempt, Night
from scanning.services.attempts import fail_attempt
from scanning.services.nights import end_night_if_done, may_work, next_attempt, queue_attempt, ring
from scanning.services.snapshots import end_snapshots_if_done

log = structlog.get_logger(__name__)
GRACE = timedelta(seconds=5)


def reconcile() -> None:
    """Idempotent, and cheap when all is well."""
    for night in Night.objects.filter(ended_at=None).select_related("batch", "scanner"):
        try:
            _put_right(night)
        except (NocturneError, IntegrityError) as error:  # somebody moved first: the next look sees it
            log.warning("night_not_put_right", night=night.pk, error=str(error))
    _collections()


def _put_right(night: Night) -> None:
    if night.batch.phase == Batch.Phase.SNAPSHOTS:
        _snapshots(night)
    elif night.batch.phase == Batch.Phase.NIGHT:
        _night(night)


def _snapshots(night: Night) -> None:
    given_up = {args["slot_id"] for args in jobs.args_of("scanning.snap", failed=True)}
    under_way = {args["slot_id"] for args in jobs.args_of("scanning.snap")}
    for slot in queries.slots_of(night.batch).filter(slide__state=State.LOADED):
        if slot.pk in given_up:
            _fail_slot(slot)
        elif slot.pk not in under_way:
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
    attempt = next_attempt(night)
    if attempt is None:
        end_night_if_done(night=night)
    elif may_work(night, attempt):
        ring(night)


def _collections() -> None:
    late = timezone.now() - GRACE
    for attempt in Attempt.objects.filter(state=Attempt.State.ACQUIRED, acquired_at__lt=late):
        if jobs.died_every_time("scanning.collect", attempt_id=attempt.pk):
            message = "whoever collected it died of it; its journal is kept"
            fail_attempt(attempt=attempt, reason=FailureReason.ATTEMPTS_EXHAUSTED, message=message)
        elif not jobs.open_jobs("scanning.collect", attempt_id=attempt.pk):
            jobs.enqueue("scanning.collect", attempt_id=attempt.pk)


def _last_error(task: str, **args: int) -> str:
    error = (
        Job.objects.filter(task=task, args=args, failed_at__isnull=False)
        .order_by("-id")
        .values_list("error", flat=True)
    )
    return error.first() or ""
