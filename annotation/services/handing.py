"""Slides change hands as people decide: taken from what waits, given to a colleague, asked about."""

from django.db import transaction
from django.utils import timezone

from annotation.guards import may_work_on
from annotation.models import Assignment, Reader
from annotation.planning import plan
from annotation.queries.days import bound_to, days_of, sought, waiting_slides
from annotation.queries.lists import askable, colleagues_for
from annotation.queries.loads import LISTED, load_of, loads
from annotation.services.sharing import TRIES, take
from core import audit
from core.errors import BadInput, Conflict, NotAllowed, Unavailable
from core.models import User
from lims.models import Slide
from lims.services import Actor

OPEN, Purpose = Assignment.State.OPEN, Assignment.Purpose
NOT_THEM = "This colleague cannot have it today: choose another."


def take_case(*, slide: Slide, actor: User) -> list[Assignment]:
    """A pathologist takes a waiting case for today, whole and within the limits."""
    reader = Reader.objects.filter(user=actor, active=True).first()
    if reader is None:
        raise NotAllowed("You are not on the rota: a manager puts you there.")
    for _ in range(TRIES):
        mine = load_of(reader)
        rows = waiting_slides(slide.case.pk)
        turn = next((row.purpose for row in rows if row.slide.pk == slide.pk), None)
        if turn is None:
            raise Conflict("Somebody was quicker: this case is on a list.")
        rows = [row for row in rows if row.purpose == turn]
        waiting = sought(rows)
        if bound_to(waiting[0], days_of(loads())) not in {None, reader.pk}:
            raise Conflict("The rest of this case is on another list: a case stays together.")
        reads = plan(days_of([mine]), waiting).reads
        if not reads:
            raise Conflict("Your day has no room for this case, or it is not for you.", limit=mine.limit)
        made = take([row for row in rows if row.slide.pk in reads], mine.reader, actor)
        if made is not None:
            return made
    raise Unavailable("Too many assignments at once: try again.")


def case_of(assignment: Assignment) -> list[Assignment]:
    """What stays together with a slide: everything still to read of its case, of the same turn and reader."""
    rows = Assignment.objects.filter(
        LISTED,
        reader=assignment.reader,
        purpose=assignment.purpose,
        state=OPEN,
        slide__block__specimen__case=assignment.slide.case,
    )
    return list(rows.select_related("slide__block__specimen__case", "study").order_by("pk"))


@transaction.atomic
def delegate(*, assignment: Assignment, to: Reader, actor: Actor, note: str = "") -> list[Assignment]:
    """Give a slide to a named colleague, and with it the rest of its case. The slides stay assigned; what was
    drawn stays.
    """
    may_work_on(actor, assignment, managers=True)
    if assignment.purpose == Purpose.OPINION:
        raise BadInput("An opinion was asked of you by name: give it back instead.", field="to")
    rows = case_of(assignment)
    if all(row.pk != assignment.pk for row in rows):
        raise Conflict("This slide is not on the list any more.")
    allowed = {
        load.reader.pk: load.reader for load in colleagues_for(assignment, [row.slide for row in rows])
    }
    if to.pk not in allowed:
        raise BadInput(NOT_THEM, field="to")
    if not Reader.objects.filter(pk=to.pk, turn=allowed[to.pk].turn).update(turn=allowed[to.pk].turn + 1):
        raise Conflict("This colleague's list has just changed: try again.")
    made = [_hand_over(row, to, actor, note) for row in rows]
    audit.record(
        actor=actor,
        action="assignment.delegate",
        target=f"case:{assignment.slide.case.accession}",
        reader=to.user.username,
        slides=len(made),
    )
    return made


def _hand_over(row: Assignment, to: Reader, actor: Actor, note: str) -> Assignment:
    words = (note.strip() or f"given to {to.name}")[:500]
    ended = Assignment.objects.filter(pk=row.pk, state=OPEN).update(
        state=Assignment.State.RETURNED, ended_at=timezone.now(), note=words
    )
    if not ended:
        raise Conflict("A slide of this case has just left the list: try again.")
    made = Assignment.objects.create(
        slide=row.slide,
        reader=to,
        purpose=row.purpose,
        study=row.study,
        due=row.due,
        asked_by=actor if isinstance(actor, User) else None,
    )
    if row.purpose == Purpose.THIRD:
        row.settles.third = made
        row.settles.save(update_fields=["third"])
    return made


@transaction.atomic
def ask_opinion(*, assignment: Assignment, of: Reader, question: str, actor: User) -> Assignment:
    """Ask a named colleague about a slide, which stays with its reader; the answer comes with their
    signature.
    """
    may_work_on(actor, assignment)
    if assignment.state != OPEN:
        raise Conflict("This slide is not on your list any more.")
    if not question.strip():
        raise BadInput("Say what you want to know.", field="question")
    allowed = {load.reader.pk: load.reader for load in askable(assignment)}
    if of.pk not in allowed:
        raise BadInput(NOT_THEM, field="of")
    if not Reader.objects.filter(pk=of.pk, turn=allowed[of.pk].turn).update(turn=allowed[of.pk].turn + 1):
        raise Conflict("This colleague's list has just changed: try again.")
    made = Assignment.objects.create(
        slide=assignment.slide,
        reader=of,
        purpose=Purpose.OPINION,
        study=assignment.study,
        asked_by=actor,
        question=question.strip()[:500],
    )
    audit.record(
        actor=actor,
        action="opinion.ask",
        target=f"slide:{assignment.slide.uid}",
        reader=of.user.username,
    )
    return made
