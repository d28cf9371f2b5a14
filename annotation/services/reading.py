"""A reader opens a slide, and in the end submits it or gives it back."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from annotation.guards import may_work_on
from annotation.models import Annotation, Assignment
from core.errors import BadInput, Conflict
from core.models import User
from lims.services import Actor, advance
from lims.states import FailureReason, State

COMPLAINTS = (
    FailureReason.BLURRED,
    FailureReason.MISSING_FIELDS,
    FailureReason.BARCODE_MISMATCH,
    FailureReason.OTHER,
)


@transaction.atomic
def open_assignment(*, assignment: Assignment, actor: User) -> Assignment:
    """Note when the reader first looked; from then on the slide counts as viewed today."""
    may_work_on(actor, assignment)
    now = timezone.now()
    if Assignment.objects.filter(pk=assignment.pk, state=Assignment.State.OPEN, opened_at=None).update(
        opened_at=now
    ):
        assignment.opened_at = now
    return assignment


@transaction.atomic
def submit(*, assignment: Assignment, actor: User, active_s: float | None = None) -> Assignment:
    """Sign the slide off: its annotations are locked for good and it is read. Conflict when it was ended
    before.
    """
    may_work_on(actor, assignment)
    now = timezone.now()
    _end(assignment, Assignment.State.SUBMITTED, now, minutes=_minutes(assignment, active_s, now))
    Annotation.objects.filter(assignment=assignment, deleted=False).update(locked=True)
    advance(slide=assignment.slide, to=State.READ, actor=actor)
    return assignment


@transaction.atomic
def take_back(*, assignment: Assignment, actor: Actor, note: str) -> Assignment:
    """The reader gives a slide back, or a manager takes it: what was drawn stays, and the slide finds
    another reader.
    """
    may_work_on(actor, assignment, managers=True)
    if not note.strip():
        raise BadInput("Say why the slide goes back.", field="note")
    _end(assignment, Assignment.State.RETURNED, timezone.now(), note=note.strip()[:500])
    advance(slide=assignment.slide, to=State.DEIDENTIFIED, actor=actor, note=note.strip())
    return assignment


@transaction.atomic
def complain(*, assignment: Assignment, actor: User, reason: str, note: str = "") -> Assignment:
    """The picture cannot be read: the slide goes on the rescan list with the reason, and off this list."""
    may_work_on(actor, assignment)
    if reason not in COMPLAINTS:
        raise BadInput(
            "Say what is wrong with the picture.", field="reason", choices=[str(c) for c in COMPLAINTS]
        )
    _end(
        assignment,
        Assignment.State.RETURNED,
        timezone.now(),
        note=(note or FailureReason(reason).label)[:500],
    )
    advance(slide=assignment.slide, to=State.FAILED, actor=actor, reason=reason, note=note)
    return assignment


def _end(assignment: Assignment, state: str, now: datetime, **fields: object) -> None:
    won = Assignment.objects.filter(pk=assignment.pk, state=Assignment.State.OPEN).update(
        state=state, ended_at=now, **fields
    )
    if not won:
        current = Assignment.objects.values_list("state", flat=True).get(pk=assignment.pk)
        raise Conflict(
            f"This assignment is {Assignment.State(current).label.lower()} already.", state=current
        )
    assignment.refresh_from_db()


def _minutes(assignment: Assignment, active_s: float | None, now: datetime) -> float | None:
    """What the page measured, and never more than the time since the slide was opened."""
    if active_s is None or assignment.opened_at is None:
        return None
    whole = (now - assignment.opened_at).total_seconds()
    return round(max(0.0, min(active_s, whole)) / 60, 2)
