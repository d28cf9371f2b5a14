"""Slides are shared out: to someone who reads that tissue and has room today, as fairly as the limits
allow.
"""

from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from annotation.models import Assignment, Reader
from annotation.policy import daily_limit
from annotation.queries import load_of, reading_the_case, returned_by
from core import audit
from core.errors import BadInput, Conflict, Unavailable
from core.models import User
from core.roles import Role, has_role
from lims.models import Slide, Tissue
from lims.services import Actor, advance
from lims.states import SYSTEM, State

TRIES = 5


@transaction.atomic
def enrol_reader(
    *,
    user: User,
    actor: Actor,
    tissues: Sequence[str] | None = None,
    limit: int | None = None,
    active: bool = True,
) -> Reader:
    """Put a pathologist on the rota, or change how they stand on it. Every tissue where none is named."""
    if not has_role(user, Role.PATHOLOGIST):
        raise BadInput(f"{user.display_name} is not a pathologist.", field="user")
    chosen = list(Tissue.values) if tissues is None else [str(tissue) for tissue in tissues]
    unknown = sorted(set(chosen) - set(Tissue.values))
    if unknown:
        raise BadInput(f"No such tissue: {', '.join(unknown)}.", field="tissues", choices=Tissue.values)
    reader, _ = Reader.objects.get_or_create(user=user, defaults={"tissues": chosen})
    reader.tissues, reader.active = chosen, active
    if limit is not None:
        reader.daily_limit = _limit(limit)
    reader.save(update_fields=["tissues", "active", "daily_limit"])
    audit.record(
        actor=actor,
        action="reader.enrol",
        target=f"reader:{user.username}",
        tissues=chosen,
        limit=reader.daily_limit,
        active=active,
    )
    return reader


def _limit(limit: int) -> int:
    highest = daily_limit()
    if not 0 <= limit <= highest:
        raise BadInput(f"A daily limit is 0 to {highest} slides.", field="limit")
    return limit


def assign(*, slide: Slide, actor: Actor = SYSTEM, reader: Reader | None = None) -> Assignment | None:
    """Put a de-identified slide on somebody's list; None where nobody who reads its tissue has room today.

    `reader` is a manager's own choice and must have room too. Raises Conflict when somebody else assigned
    it first.
    """
    for _ in range(TRIES):
        chosen = _choose(slide, reader)
        if chosen is None:
            return None
        assignment = _take(slide, chosen, actor)
        if assignment is not None:
            return assignment
    raise Unavailable(f"Too many assignments at once; slide {slide.barcode} is tried again.")


def _choose(slide: Slide, wanted: Reader | None) -> Reader | None:
    """The reader with room whose day is least full; a case stays with the reader who has the rest of it."""
    tissue = slide.case.tissue
    if wanted is not None:
        fresh = Reader.objects.select_related("user").get(pk=wanted.pk)
        if not (fresh.active and fresh.reads(tissue)):
            raise BadInput(
                f"{fresh.name} does not read {Tissue(tissue).label.lower()} slides.", field="reader"
            )
        if load_of(fresh) >= fresh.daily_limit:
            raise Conflict(f"{fresh.name} has no room left today.", limit=fresh.daily_limit)
        return fresh
    gave_back = returned_by(slide)
    same = reading_the_case(slide)
    free = [
        (reader.pk not in same, load / reader.daily_limit, reader.turn, reader.pk, reader)
        for reader in Reader.objects.filter(active=True, user__is_active=True, daily_limit__gt=0)
        if reader.reads(tissue)
        and reader.pk not in gave_back
        and (load := load_of(reader)) < reader.daily_limit
    ]
    return min(free, key=lambda entry: entry[:4])[4] if free else None


@transaction.atomic
def _take(slide: Slide, reader: Reader, actor: Actor) -> Assignment | None:
    """Write the assignment if this reader's list is still as it was counted; None when it has changed
    since.
    """
    if not Reader.objects.filter(pk=reader.pk, turn=reader.turn).update(turn=F("turn") + 1):
        return None
    _close_stale(slide)
    try:
        with transaction.atomic():
            assignment = Assignment.objects.create(slide=slide, reader=reader)
    except IntegrityError as error:
        raise Conflict(f"Slide {slide.barcode} is on somebody's list already.") from error
    advance(slide=slide, to=State.ASSIGNED, actor=actor, note=f"to {reader.number}")
    if not isinstance(actor, str):
        audit.record(
            actor=actor,
            action="slide.assign_to",
            target=f"slide:{slide.barcode}",
            reader=reader.user.username,
        )
    return assignment


def _close_stale(slide: Slide) -> None:
    """A slide that left its list by another door (a complaint, say) leaves an open row; `advance` decides
    who was right.
    """
    Assignment.objects.filter(slide=slide, state=Assignment.State.OPEN).update(
        state=Assignment.State.RETURNED, ended_at=timezone.now(), note="The slide left the list by itself."
    )


def assign_waiting(*, actor: Actor = SYSTEM) -> tuple[int, int]:
    """Try every slide that waits for a reader; (how many found one, how many still wait)."""
    found = 0
    waiting = list(Slide.objects.filter(state=State.DEIDENTIFIED).order_by("state_since", "pk"))
    for slide in waiting:
        try:
            found += assign(slide=slide, actor=actor) is not None
        except Conflict:
            found += 1  # somebody else assigned it between the question and the deed
    return found, len(waiting) - found
