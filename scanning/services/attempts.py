"""How an attempt ends without a slide: failed, stopped by a person, or set aside. What follows for the slide
happens in the same transaction.
"""

from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from core import jobs
from core.errors import NotNow
from lims.services import advance
from lims.states import FailureReason, State
from microscope.client import ScannerClient
from scanning.boards import OPEN
from scanning.clients import slide_service
from scanning.models import Attempt
from scanning.orchestration import HOUSE, Fate
from scanning.services.nights import queue_attempt
from vslide import SlideError
from wire import RemoteError, WireError

log = structlog.get_logger(__name__)
MOST_LOST_DRIVERS = 8  # a slide that kills whoever drives it is given up, and the night goes on


@transaction.atomic
def fail_attempt(*, attempt: Attempt, reason: str, message: str) -> bool:
    """The attempt and its slide fail for one reason; the night goes on. False when it had ended already."""
    known = reason if reason in FailureReason.values else FailureReason.OTHER
    if not _end(attempt, Attempt.State.FAILED, known, message):
        return False
    if attempt.slide.state in {State.SCANNING, State.READY}:
        advance(slide=attempt.slide, to=State.FAILED, reason=known, note=message)
    return True


@transaction.atomic
def stop_attempt(*, attempt: Attempt, fate: Fate, message: str, reason: str = "") -> bool:
    """End a scan that is not to go on. Its slide fails, comes into the queue again as a new attempt (where it
    was, or last), or stays as a person has put it. False when it had ended already.
    """
    known = FailureReason.OTHER if fate == "fail" else reason
    if not _end(attempt, Attempt.State.ABORTED, known, message):
        return False
    if attempt.slide.state != State.SCANNING:
        return True
    if fate == "fail":
        advance(slide=attempt.slide, to=State.FAILED, reason=FailureReason.OTHER, note=message)
    elif fate in {"first", "last"}:
        advance(slide=attempt.slide, to=State.READY, note=message)
        queued = queue_attempt(slot=attempt.slot, night=attempt.night)
        order = attempt.order if fate == "first" else last_place(attempt) + 1
        Attempt.objects.filter(pk=queued.pk).update(order=order, adjustments=attempt.adjustments)
    return True


def last_place(attempt: Attempt) -> int:
    found = Attempt.objects.filter(night=attempt.night_id).aggregate(last=Max("order"))
    return int(found["last"] or 0)


def may_defer(attempt: Attempt) -> bool:
    """Whether this slide has not yet been put to the end of its night for the trouble of the house."""
    deferred = Attempt.objects.filter(
        slot=attempt.slot_id, state=Attempt.State.ABORTED, reason__in=[str(reason) for reason in HOUSE]
    )
    return not deferred.exists()


def set_aside(attempt: Attempt) -> bool:
    """A slide that a person held, failed or rejected meanwhile is not scanned; whether it was set aside."""
    wanted = State.READY if attempt.state == Attempt.State.QUEUED else State.SCANNING
    if attempt.slide.state in {wanted, State.SCANNING}:
        return False
    message = f"the slide was {attempt.slide.get_state_display().lower()} before its scan"
    stop_attempt(attempt=attempt, fate="aside", message=message)
    return True


def give_up(attempt: Attempt) -> None:
    """The slide that has cost too many drivers."""
    message = f"its driver was lost {attempt.lost_drivers} times"
    fail_attempt(attempt=attempt, reason=FailureReason.ATTEMPTS_EXHAUSTED, message=message)


def end_run(*, attempt: Attempt) -> None:
    """Tell the slide service that nothing more will come; it keeps the journal. Raises NotNow while it does
    not answer.
    """
    try:
        with slide_service() as service:
            service.abort(attempt.run.hex, attempt.fence, attempt.message or attempt.reason)
    except (RemoteError, SlideError) as error:
        log.warning("run_not_ended", attempt=attempt.pk, error=str(error))
    except WireError as error:
        raise NotNow(f"the slide service does not answer: {error}") from error


def end_stray(scanner: ScannerClient) -> None:
    """Take a scan off the stage that has ended in the record: who ended it was dead, or not heard there."""
    try:
        job_id = scanner.status().job_id
        if _has_ended(job_id):
            scanner.abort(job_id, "its scan has ended")
    except WireError as error:
        log.warning("stray_not_ended", error=str(error))


def _has_ended(job_id: str) -> bool:
    """Whether this is one of our scans, and over. Somebody else's job may have any name."""
    try:
        run = UUID(hex=job_id)
    except ValueError:
        return False
    ended = Attempt.objects.exclude(state=Attempt.State.RUNNING)
    return ended.filter(run=run, fence__gt=0).exists()


def _end(attempt: Attempt, state: Attempt.State, reason: str, message: str) -> bool:
    changed = Attempt.objects.filter(pk=attempt.pk, state__in=OPEN).update(
        state=state, reason=reason, message=message[:500], ended_at=timezone.now()
    )
    if changed:
        attempt.slide.refresh_from_db()
        attempt.refresh_from_db(fields=["fence", "acquired_at"])  # a driver may have come since it was read
        if attempt.fence and attempt.acquired_at is None:
            jobs.enqueue("scanning.end_run", attempt_id=attempt.pk)
    return bool(changed)
