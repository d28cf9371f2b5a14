"""Slides are shared out: to someone who reads that tissue and has room today, as fairly as the limits
allow; a case stays with one reader.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from annotation.models import Agreement, Assignment, Reader, Recusal
from annotation.planning import plan
from annotation.queries.days import Sought, bound_to, days_of, sought, waiting_slides
from annotation.queries.loads import load_of, loads
from annotation.services.settling import seek
from annotation.studies import Step, comparison, current, next_step, readings_of
from core import audit
from core.errors import BadInput, Conflict, Unavailable
from lims.models import Case, Slide, Tissue
from lims.services import Actor, advance
from lims.states import SYSTEM, State

TRIES = 5
OPEN, Purpose = Assignment.State.OPEN, Assignment.Purpose


def assign(
    *, slide: Slide, actor: Actor = SYSTEM, reader: Reader | None = None, purpose: str = Purpose.FIRST
) -> Assignment | None:
    """Put a slide on somebody's list; None where nobody who may have it has room today.

    `reader` is a person's own choice and must have room too. Raises Conflict when somebody else assigned it
    first.
    """
    for _ in range(TRIES):
        chosen = _choose(slide, purpose) if reader is None else _checked(slide, reader, purpose)
        if chosen is None:
            return None
        made = take([_sought(slide, purpose)], chosen, actor)
        if made is not None:
            return made[0]
    raise Unavailable(f"Too many assignments at once; slide {slide.barcode} is tried again.")


def _sought(slide: Slide, purpose: str) -> Sought:
    known = {(row.slide.pk, row.purpose): row for row in waiting_slides(slide.case.pk)}
    return known.get((slide.pk, purpose), Sought(slide, purpose, None))


def _choose(slide: Slide, purpose: str) -> Reader | None:
    """Who the plan gives this slide to, with the rest of its case that waits."""
    found = loads()
    rows = [row for row in waiting_slides(slide.case.pk) if row.purpose == purpose]
    if all(row.slide.pk != slide.pk for row in rows):
        rows.append(Sought(slide, purpose, None))
    reads = plan(days_of(found), sought(rows)).reads
    return next((load.reader for load in found if load.reader.pk == reads.get(slide.pk)), None)


def _checked(slide: Slide, reader: Reader, purpose: str) -> Reader:
    """The reader whom somebody chose, if the rules allow it."""
    load = load_of(reader)
    fresh, tissue, one = load.reader, slide.case.tissue, sought([_sought(slide, purpose)])[0]
    if not (fresh.active and fresh.reads(tissue)):
        raise BadInput(f"{fresh.name} does not read {Tissue(tissue).label.lower()} slides.", field="reader")
    if Recusal.objects.filter(reader=fresh, case=slide.case).exists() or fresh.pk in one.not_for:
        raise BadInput(f"{fresh.name} cannot have this case.", field="reader")
    if bound_to(one, days_of(loads())) not in {None, fresh.pk}:
        raise Conflict("The rest of this case is on another list: a case stays together.")
    if load.room < 1:
        raise Conflict(f"{fresh.name} has no room left today.", limit=load.limit)
    return fresh


@transaction.atomic
def take(rows: Sequence[Sought], reader: Reader, actor: Actor) -> list[Assignment] | None:
    """Write the assignments of one case if this reader's list is still as it was counted, and the case with
    whom it was; None when either has changed since.
    """
    case = rows[0].slide.case
    # Writing the row, if only as it was, holds the case until the end: two slides of it cannot go to two.
    Case.objects.filter(pk=case.pk).update(tissue=F("tissue"))
    if bound_to(sought([rows[0]])[0], days_of(loads())) not in {None, reader.pk}:
        return None
    if not Reader.objects.filter(pk=reader.pk, turn=reader.turn).update(turn=F("turn") + 1):
        return None
    made = [_write(row, reader, actor) for row in rows]
    reader.turn += 1
    return made


def _write(row: Sought, reader: Reader, actor: Actor) -> Assignment:
    slide = row.slide
    if row.purpose == Purpose.FIRST:
        _close_stale(slide)
    try:
        with transaction.atomic():
            assignment = Assignment.objects.create(
                slide=slide, reader=reader, purpose=row.purpose, study=row.study, due=_due(slide)
            )
    except IntegrityError as error:
        raise Conflict(f"Slide {slide.barcode} is on somebody's list already.") from error
    if row.purpose == Purpose.FIRST:
        # The note names no reader: the history of a slide is open to who reads it blindly.
        advance(slide=slide, to=State.ASSIGNED, actor=actor)
        if next_step(readings_of(slide)) == Step.SECOND:
            seek(slide=slide)
    elif not Slide.objects.filter(pk=slide.pk, state=State.ASSIGNED).update(state=State.ASSIGNED):
        raise Conflict(f"Slide {slide.barcode} is not being read any more.")
    if row.purpose == Purpose.THIRD:
        _settles(assignment)
    if not isinstance(actor, str):
        audit.record(
            actor=actor,
            action="slide.assign_to",
            target=f"slide:{slide.barcode}",
            reader=reader.user.username,
            purpose=str(row.purpose),
        )
    return assignment


def _due(slide: Slide) -> date:
    return slide.case.due or timezone.localdate()


def _settles(assignment: Assignment) -> None:
    found = comparison(current(assignment.slide))
    if found is None or not Agreement.objects.filter(pk=found.pk, third=None).update(third=assignment):
        raise Conflict(f"Slide {assignment.slide.barcode} has somebody who settles it.")


def _close_stale(slide: Slide) -> None:
    """A slide that left its list by another door (a complaint, say) leaves an open row; `advance` decides
    who was right.
    """
    Assignment.objects.filter(slide=slide, state=OPEN, purpose=Purpose.FIRST).update(
        state=Assignment.State.RETURNED, ended_at=timezone.now(), note="The slide left the list by itself."
    )


def assign_waiting(*, actor: Actor = SYSTEM) -> tuple[int, int]:
    """Share out everything that waits, in one plan; (how many found a reader, how many still wait)."""
    waiting = waiting_slides()
    whole = len(waiting)
    for _ in range(TRIES):
        waiting = _share(waiting, actor)
        if not waiting:
            break
        waiting = [row for row in waiting_slides() if row.slide.pk in {one.slide.pk for one in waiting}]
    left = len(waiting_slides())
    return max(0, whole - left), left


def _share(waiting: Sequence[Sought], actor: Actor) -> list[Sought]:
    """Carry out one plan, case by case; what could not be carried out, for a list had changed meanwhile."""
    today = loads()
    readers = {load.reader.pk: load.reader for load in today}
    reads = plan(days_of(today), sought(list(waiting))).reads
    cases: dict[tuple[int, str, int], list[Sought]] = defaultdict(list)
    for row in waiting:
        if row.slide.pk in reads:
            cases[row.slide.case.pk, row.purpose, reads[row.slide.pk]].append(row)
    lost: list[Sought] = []
    for (_, _, reader), rows in cases.items():
        try:
            made = take(rows, readers[reader], actor)
        except Conflict:  # somebody else assigned one of them between the question and the deed
            made = None
        if made is None:
            lost += rows
    return lost
