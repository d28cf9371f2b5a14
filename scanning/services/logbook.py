"""What a driver writes down of its scan. Others look at the same row, so each update names what has changed
and nothing else.
"""

from typing import Any

import structlog
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from core import jobs
from lims.services import advance
from lims.states import State
from scanning.models import Attempt
from scanning.orchestration import ScanState
from scanning.services.leases import LeaseLost

log = structlog.get_logger(__name__)

# what the board says of an attempt while nobody can go on with it
WAITS_FOR = {
    "scanner_lost": "waits for the scanner, which does not answer",
    "slide_service": "waits for the slide service, which does not answer",
    "disk_full": "waits for room on the disk",
    "busy": "waits for the scanner, which is busy with something else",
}


@transaction.atomic
def begun(attempt: Attempt) -> bool:
    """Whether the driver before us handed the scan over as it is. Every driver counts as lost until it has
    brought a new plane or has left in good order.
    """
    ours = Attempt.objects.filter(pk=attempt.pk)
    ours.filter(state=Attempt.State.QUEUED).update(state=Attempt.State.RUNNING, started_at=timezone.now())
    adopted = ours.filter(handed_over=True).update(handed_over=False)
    ours.update(lost_drivers=F("lost_drivers") + 1)
    if attempt.slide.state == State.READY:
        advance(slide=attempt.slide, to=State.SCANNING, note=f"attempt {attempt.number}, slot {attempt.slot}")
    return bool(adopted)


def next_fence(attempt: Attempt) -> None:
    """Whoever drove before us is refused from now on. Raises LeaseLost when another has taken the scan or has
    ended it: a run that is collected and forgotten must not be opened again.
    """
    if not _held(attempt).update(fence=attempt.fence + 1):
        raise LeaseLost(f"{attempt} has been taken over or has ended.")
    attempt.fence += 1


def holds(attempt: Attempt) -> bool:
    """Whether the scan goes on, and under our fence."""
    return _held(attempt).exists()


def _held(attempt: Attempt) -> QuerySet[Attempt]:
    return Attempt.objects.filter(pk=attempt.pk, state=Attempt.State.RUNNING, fence=attempt.fence)


def left(attempt: Attempt, *, under_way: bool, in_good_order: bool) -> None:
    """The next driver goes on, with the scan as it is where the scanner is at work."""
    facts: dict[str, Any] = {"handed_over": under_way}
    if in_good_order:
        facts["lost_drivers"] = F("lost_drivers") - 1
    Attempt.objects.filter(pk=attempt.pk).update(**facts)


def advanced(attempt: Attempt, planes: int) -> None:
    Attempt.objects.filter(pk=attempt.pk).update(done_planes=planes)


def fruitful(attempt: Attempt) -> None:
    """This driver has brought a new plane: it is not what kills them."""
    Attempt.objects.filter(pk=attempt.pk).update(lost_drivers=0)


@transaction.atomic
def acquired(attempt: Attempt) -> None:
    """Every plane is with the slide service; what it builds of them is collected. Raises LeaseLost when
    another driver has the scan by now: it will find the same planes there.
    """
    if not _held(attempt).update(
        state=Attempt.State.ACQUIRED, acquired_at=timezone.now(), done_planes=F("planned_planes")
    ):
        raise LeaseLost(f"{attempt} was finished under another driver.")
    jobs.enqueue("scanning.collect", attempt_id=attempt.pk)


def stepped(attempt: Attempt, before: ScanState, after: ScanState) -> None:
    """Takeovers and waits, as the board tells them."""
    ours = Attempt.objects.filter(pk=attempt.pk)
    if after.takeovers != before.takeovers:
        ours.update(takeovers=F("takeovers") + 1)
        log.warning("scan_taken_over", attempt=attempt.pk, reason=after.reason, message=after.message)
    if after.waits > before.waits == 0:
        ours.update(message=WAITS_FOR.get(after.reason, "waits"))
        log.warning("scan_waits", attempt=attempt.pk, reason=after.reason, said=after.message)
    if before.waits > after.waits:
        ours.update(message="")
