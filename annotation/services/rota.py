"""Who reads, which tissues, on which hours; who is away; who must not read what."""

from collections.abc import Sequence
from datetime import date

from django.db import transaction

from annotation.models import Assignment, Leave, Reader, Recusal
from annotation.policy import SHIFT_HOURS, daily_limit
from annotation.services.reading import give_back
from core import audit
from core.errors import BadInput
from core.models import User
from core.roles import Role, has_role
from lims.models import Tissue
from lims.services import Actor
from lims.states import SYSTEM

CONFLICT_OF_INTEREST = "Conflict of interest"


@transaction.atomic
def enrol_reader(
    *,
    user: User,
    actor: Actor,
    tissues: Sequence[str] | None = None,
    limit: int | None = None,
    hours: Sequence[float] | None = None,
    active: bool = True,
) -> Reader:
    """Put a pathologist on the rota, or change how they stand on it. Every tissue where none is named; Monday
    to Friday where no hours are.
    """
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
    if hours is not None:
        reader.hours = _hours(hours)
    reader.save(update_fields=["tissues", "active", "daily_limit", "hours"])
    audit.record(
        actor=actor,
        action="reader.enrol",
        target=f"reader:{user.username}",
        tissues=chosen,
        limit=reader.daily_limit,
        hours=reader.hours,
        active=active,
    )
    return reader


def _limit(limit: int) -> int:
    highest = daily_limit()
    if not 0 <= limit <= highest:
        raise BadInput(f"A daily limit is 0 to {highest} slides.", field="limit")
    return limit


def _hours(hours: Sequence[float]) -> list[float]:
    if len(hours) != 7 or not all(0 <= hour <= SHIFT_HOURS for hour in hours):
        raise BadInput(f"A week has seven days of 0 to {SHIFT_HOURS:g} hours.", field="hours")
    return [float(hour) for hour in hours]


@transaction.atomic
def add_leave(*, reader: Reader, first: date, last: date, actor: Actor, note: str = "") -> Leave:
    """Days without slides. What is on the list when they begin goes to others (`hand_over_leave`)."""
    if last < first:
        raise BadInput("Leave ends on the day it begins, or later.", field="last")
    leave, _ = Leave.objects.get_or_create(
        reader=reader, first=first, last=last, defaults={"note": note[:200]}
    )
    audit.record(
        actor=actor,
        action="reader.leave",
        target=f"reader:{reader.user.username}",
        first=first.isoformat(),
        last=last.isoformat(),
    )
    return leave


@transaction.atomic
def cancel_leave(*, leave: Leave, actor: Actor) -> None:
    audit.record(
        actor=actor,
        action="reader.leave_cancelled",
        target=f"reader:{leave.reader.user.username}",
        first=leave.first.isoformat(),
        last=leave.last.isoformat(),
    )
    leave.delete()


def hand_over_leave(*, today: date) -> int:
    """Slides on the lists of those who are on leave look for another reader; how many did. What was drawn on
    them stays.
    """
    away = Leave.objects.filter(first__lte=today, last__gte=today).values("reader")
    rows = Assignment.objects.filter(reader__in=away, state=Assignment.State.OPEN)
    count = 0
    for assignment in rows.select_related("slide__block__specimen__case", "reader__user"):
        give_back(assignment=assignment, actor=SYSTEM, note="on leave")
        count += 1
    return count


@transaction.atomic
def recuse(*, assignment: Assignment, actor: Actor, reason: str = "") -> Recusal:
    """This reader must not read this case: it leaves their list whole, for good."""
    reason = reason.strip() or CONFLICT_OF_INTEREST
    case = assignment.slide.case
    recusal, _ = Recusal.objects.get_or_create(
        reader=assignment.reader, case=case, defaults={"reason": reason[:200]}
    )
    held = Assignment.objects.filter(
        reader=assignment.reader, state=Assignment.State.OPEN, slide__block__specimen__case=case
    )
    for one in held.select_related("slide__block__specimen__case", "reader__user"):
        give_back(assignment=one, actor=actor, note=reason)
    return recusal
