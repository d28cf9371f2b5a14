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
from lims.states import SYSTEM, FailureReason, State
from scanning.boards import OPEN
from scanning.models import Attempt, Night
from scanning.services.attempts import fail_attempt
from scanning.services.nights import end_night_if_done, join, may_work, next_attempt, queue_attempt, ring
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
    _left_behind()
    _collections()


def _put_right(night: Night) -> None:
    if night.batch.phase == Batch.Phase.SNAPSHOTS:
        _snapshots(night)
    elif night.batch.phase == Batch.Phase.NIGHT:
        _night(night)


def _snapshots(night: Night) -> None:
    given_up = {args["slot_id"] for args in jobs.args_of("scanning.snap", failed=True)}
    under_way = {args["slot_id"] for args in jobs.args_of("scanning.snap")}
    loaded = queries.slots_of(night.batch).filter(slide__state=State.LOADED)
    for pk in loaded.values_list("pk", flat=True):
        if pk in given_up:
            _fail_slot(loaded.get(pk=pk))
        elif pk not in under_way:
            jobs.enqueue("scanning.snap", queue=night.scanner.queue, slot_id=pk)
    end_snapshots_if_done(batch=night.batch)


def _fail_slot(slot: Slot) -> None:
    assert slot.slide is not None  # noqa: S101  filtered above
    error = _last_error("scanning.snap", slot_id=slot.pk)
    advance(slide=slot.slide, to=State.FAILED, reason=FailureReason.ATTEMPTS_EXHAUSTED, note=error)


def _night(night: Night) -> None:
    open_slides = Attempt.objects.filter(night=night, state__in=OPEN).values_list("slide_id")
    ready = queries.slots_of(night.batch).filter(slide__state=State.READY)
    for slot in ready.exclude(slide_id__in=open_slides):
        queue_attempt(slot=slot, night=night)
    attempt = next_attempt(night)
    if attempt is None:
        end_night_if_done(night=night)
    elif may_work(attempt):
        ring(night)


def _left_behind() -> None:
    """A slide that a person gave back when its night was over: the night goes on for it, as for one that is
    accepted late.
    """
    left = Slot.objects.filter(slide__state=State.READY, carousel__batch__phase=Batch.Phase.MORNING)
    for slot in left.select_related("slide", "carousel__batch"):
        try:
            if not Slot.objects.filter(slide=slot.slide_id, pk__gt=slot.pk).exists():
                join(slot=slot, actor=SYSTEM)
        except (NocturneError, IntegrityError) as error:  # its scanner has begun another night: later
            log.warning("slide_left_behind", slot=slot.pk, error=str(error))


def _collections() -> None:
    late = timezone.now() - GRACE
    under_way = {args["attempt_id"] for args in jobs.args_of("scanning.collect")}
    acquired = Attempt.objects.filter(state=Attempt.State.ACQUIRED, acquired_at__lt=late)
    for attempt in acquired.exclude(pk__in=under_way):
        if jobs.died_every_time("scanning.collect", attempt_id=attempt.pk):
            message = "whoever collected it died of it; its journal is kept"
            fail_attempt(attempt=attempt, reason=FailureReason.ATTEMPTS_EXHAUSTED, message=message)
        else:
            jobs.enqueue("scanning.collect", attempt_id=attempt.pk)


def _last_error(task: str, **args: int) -> str:
    error = (
        Job.objects.filter(task=task, args=args, failed_at__isnull=False)
        .order_by("-id")
        .values_list("error", flat=True)
    )
    return error.first() or ""
