"""Time on a slide: each page view tells its running total; two at once do not count double."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from annotation.guards import may_work_on
from annotation.models import Assignment, Sitting
from core.errors import BadInput, Conflict
from core.models import User

LONGEST_S = 86_400.0


@transaction.atomic
def hear(*, assignment: Assignment, client_id: UUID, active_s: float, actor: User) -> Sitting:
    """The running total of one page view. Late and repeated messages do no harm: the largest counts, and
    never more than the time since the view began.
    """
    may_work_on(actor, assignment)
    if assignment.state != Assignment.State.OPEN:
        raise Conflict("The slide is not on the list any more: its time is counted.", state=assignment.state)
    if not 0 <= active_s <= LONGEST_S:
        raise BadInput("A sitting is measured in seconds, and within a day.", field="active_s")
    now = timezone.now()
    sitting = _sitting(assignment, client_id, active_s, now)
    if sitting.assignment_id != assignment.pk:
        raise Conflict("This sitting belongs to another slide.")
    whole = (now - sitting.began_at).total_seconds()
    sitting.active_s, sitting.heard_at = max(sitting.active_s, min(active_s, whole)), now
    sitting.save(update_fields=["active_s", "heard_at"])
    return sitting


def _sitting(assignment: Assignment, client_id: UUID, active_s: float, now: datetime) -> Sitting:
    """The row of a page view; it began when its first total says, and not before the slide was opened."""
    began = max(assignment.opened_at or now, now - timedelta(seconds=active_s))
    try:
        with transaction.atomic():
            return Sitting.objects.get_or_create(
                client_id=client_id, defaults={"assignment": assignment, "began_at": began, "heard_at": now}
            )[0]
    except IntegrityError:
        return Sitting.objects.get(client_id=client_id)  # the same message, twice at the same moment


def minutes_of(assignment: Assignment, active_s: float | None, now: datetime) -> float | None:
    """The sum of the sittings, and no more than the time in which any of them ran. `active_s` is what a page
    without sittings measured; never more than the time since the slide was opened.
    """
    rows = list(assignment.sittings.all())
    seconds = min(sum(row.active_s for row in rows), _covered((row.began_at, row.heard_at) for row in rows))
    if active_s is not None and assignment.opened_at is not None:
        whole = (now - assignment.opened_at).total_seconds()
        seconds = max(seconds, max(0.0, min(active_s, whole)))
    elif not rows:
        return None
    return round(seconds / 60, 2)


def _covered(spans: Iterable[tuple[datetime, datetime]]) -> float:
    """The seconds that at least one of the spans covers."""
    total, reached = 0.0, None
    for began, ended in sorted(spans):
        start = began if reached is None else max(began, reached)
        total += max(0.0, (ended - start).total_seconds())
        reached = ended if reached is None else max(reached, ended)
    return total
