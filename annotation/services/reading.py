"""A reader opens a slide, and in the end submits it or gives it back."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from annotation.guards import may_work_on
from annotation.models import Agreement, Annotation, Assignment
from annotation.services import sittings
from annotation.services.settling import settle
from core.errors import BadInput, Conflict
from core.jobs import enqueue
from core.models import User
from lims.models import Slide
from lims.services import Actor, advance
from lims.states import FailureReason, State

COMPLAINTS = (
    FailureReason.BLURRED,
    FailureReason.MISSING_FIELDS,
    FailureReason.BARCODE_MISMATCH,
    FailureReason.OTHER,
)
OPEN, Purpose = Assignment.State.OPEN, Assignment.Purpose


@transaction.atomic
def open_assignment(*, assignment: Assignment, actor: User) -> Assignment:
    """Note when the reader first looked; from then on the slide counts as viewed today."""
    may_work_on(actor, assignment)
    now = timezone.now()
    if Assignment.objects.filter(pk=assignment.pk, state=OPEN, opened_at=None).update(opened_at=now):
        assignment.opened_at = now
    return assignment


@transaction.atomic
def submit(
    *,
    assignment: Assignment,
    actor: User,
    active_s: float | None = None,
    sitting: UUID | None = None,
    answer: str = "",
) -> Assignment:
    """Sign the slide off: its annotations are locked for good, and it is read when every due reading is in.
    An opinion is answered in words. Conflict when it was ended before.
    """
    may_work_on(actor, assignment)
    opinion = assignment.purpose == Purpose.OPINION
    if opinion and not answer.strip():
        raise BadInput("Answer the question in a few words.", field="answer")
    if sitting is not None and active_s is not None and assignment.state == OPEN:
        sittings.hear(assignment=assignment, client_id=sitting, active_s=active_s, actor=actor)
    now = timezone.now()
    minutes = sittings.minutes_of(assignment, None if sitting else active_s, now)
    _end(assignment, Assignment.State.SUBMITTED, now, minutes=minutes, note=answer.strip()[:500])
    Annotation.objects.filter(assignment=assignment, deleted=False).update(locked=True)
    if not opinion:
        settle(slide=assignment.slide, actor=actor)
    return assignment


@transaction.atomic
def take_back(*, assignment: Assignment, actor: Actor, note: str) -> Assignment:
    """The reader gives a slide back, or a manager takes it: what was drawn stays, and the slide finds
    another reader.
    """
    may_work_on(actor, assignment, managers=True)
    if not note.strip():
        raise BadInput("Say why the slide goes back.", field="note")
    return give_back(assignment=assignment, actor=actor, note=note)


@transaction.atomic
def give_back(*, assignment: Assignment, actor: Actor, note: str) -> Assignment:
    """Off the list; the turn that it was taken for looks for somebody else. An opinion was only asked for."""
    _end(assignment, Assignment.State.RETURNED, timezone.now(), note=note.strip()[:500])
    slide = assignment.slide
    if assignment.purpose == Purpose.FIRST:
        advance(slide=slide, to=State.DEIDENTIFIED, actor=actor, note=note.strip())
    elif assignment.purpose != Purpose.OPINION:
        Agreement.objects.filter(third=assignment).update(third=None)
        enqueue("annotation.next_reading", slide_id=slide.pk)
    return assignment


@transaction.atomic
def complain(*, assignment: Assignment, actor: User, reason: str, note: str = "") -> Assignment:
    """The picture cannot be read: the slide goes on the rescan list with the reason, and off every list."""
    may_work_on(actor, assignment)
    if reason not in COMPLAINTS:
        raise BadInput(
            "Say what is wrong with the picture.", field="reason", choices=[str(c) for c in COMPLAINTS]
        )
    words = (note or FailureReason(reason).label)[:500]
    now = timezone.now()
    _end(assignment, Assignment.State.RETURNED, now, note=words)
    Assignment.objects.filter(slide=assignment.slide, state=OPEN).update(
        state=Assignment.State.RETURNED, ended_at=now, note="The slide is scanned again."
    )
    slide = Slide.objects.get(pk=assignment.slide_id)
    advance(slide=slide, to=State.FAILED, actor=actor, reason=reason, note=note)
    assignment.slide.state = slide.state
    return assignment


def _end(assignment: Assignment, state: str, now: datetime, **fields: object) -> None:
    won = Assignment.objects.filter(pk=assignment.pk, state=OPEN).update(state=state, ended_at=now, **fields)
    if not won:
        current = Assignment.objects.values_list("state", flat=True).get(pk=assignment.pk)
        raise Conflict(
            f"This assignment is {Assignment.State(current).label.lower()} already.", state=current
        )
    assignment.refresh_from_db(fields=["state", "ended_at", *fields])
