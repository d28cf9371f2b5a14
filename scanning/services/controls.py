"""What people do to a night that runs: pause, go on, stop the slide under the lens, change the order."""

from dataclasses import dataclass
from typing import Literal

from django.db import transaction

from core import audit
from core.errors import BadInput, Conflict
from lims.services import Actor
from lims.states import State
from scanning.models import Attempt, Night
from scanning.orchestration import Fate
from scanning.services.nights import ring

Place = Literal["first", "up", "down", "last"]
FATES: dict[str, Fate] = {Attempt.Fate.FAIL: "fail", Attempt.Fate.REQUEUE: "last"}


@dataclass(frozen=True)
class Wish:
    """What people want of the slide that is being scanned: how it ends, if it is to; whether it rests."""

    fate: Fate | None
    message: str
    paused: bool


def wish_of(attempt: Attempt) -> Wish:
    """One look at the database. An operator's lock goes before everything else."""
    row = Attempt.objects.select_related("slide", "night__scanner").get(pk=attempt.pk)
    scanner = row.night.scanner
    if row.slide.state not in {State.READY, State.SCANNING}:
        return Wish("aside", f"the slide was {row.slide.get_state_display().lower()} in mid-scan", False)
    if row.stop_by:
        return Wish(FATES[row.stop_as], f"stopped by {row.stop_by}: {row.stop_reason}", False)
    if scanner.locked_by:
        return Wish("first", f"{scanner.locked_by} took the scanner: {scanner.lock_reason}", False)
    return Wish(None, "", row.night.stage_paused)


@transaction.atomic
def pause(*, night: Night, actor: Actor, at_once: bool = False, reason: str = "") -> None:
    """Begin no further slide. The one under the lens is finished, or with `at_once` it rests as well."""
    Night.objects.filter(pk=night.pk).update(
        paused=True,
        stage_paused=at_once,
        paused_by=audit.name_of(actor),
        pause_reason=reason.strip()[:200],
    )
    target = f"batch:{night.batch.name}"
    audit.record(actor=actor, action="night.pause", target=target, at_once=at_once, reason=reason.strip())


@transaction.atomic
def resume(*, night: Night, actor: Actor) -> None:
    Night.objects.filter(pk=night.pk).update(paused=False, stage_paused=False, paused_by="", pause_reason="")
    audit.record(actor=actor, action="night.resume", target=f"batch:{night.batch.name}")
    ring(night)


@transaction.atomic
def abort(*, attempt: Attempt, fate: str, reason: str, actor: Actor) -> None:
    """Stop the slide under the lens after its field: it fails, or comes again at the end of the queue.

    The driver sees it within a second. Raises Conflict when this slide is not being scanned (any more).
    """
    if fate not in FATES:
        raise BadInput("Say what becomes of the slide: fail or requeue.", field="fate", choices=list(FATES))
    if not reason.strip():
        raise BadInput("Say why you stop this slide.", field="reason")
    changed = Attempt.objects.filter(pk=attempt.pk, state=Attempt.State.RUNNING, stop_by="").update(
        stop_by=audit.name_of(actor), stop_reason=reason.strip()[:200], stop_as=fate
    )
    if not changed:
        raise Conflict(f"{attempt} is not under the lens, or it is being stopped already.")
    target = f"slide:{attempt.slide.barcode}"
    audit.record(actor=actor, action="scan.stop", target=target, fate=fate, reason=reason.strip())
    ring(attempt.night)


@transaction.atomic
def move(*, attempt: Attempt, to: str, actor: Actor) -> None:
    """Change a waiting slide's place in its night. Raises Conflict when it is no longer in the queue."""
    queue = list(
        Attempt.objects.filter(night=attempt.night_id, state=Attempt.State.QUEUED).order_by("order", "id")
    )
    if attempt not in queue:
        raise Conflict(f"{attempt} does not wait in the queue any more.")
    now = queue.index(attempt)
    places = {"first": 0, "up": max(0, now - 1), "down": now + 1, "last": len(queue)}
    if to not in places:
        raise BadInput("Say where to: first, up, down or last.", field="to", choices=list(places))
    orders = _strictly_rising([one.order for one in queue])
    queue.remove(attempt)
    queue.insert(places[to], attempt)
    for one, order in zip(queue, orders, strict=True):
        one.order = order
    Attempt.objects.bulk_update(queue, ["order"])
    target = f"slide:{attempt.slide.barcode}"
    audit.record(actor=actor, action="queue.move", target=target, to=to, place=1 + queue.index(attempt))


def _strictly_rising(orders: list[int]) -> list[int]:
    """The same places, none of them twice."""
    risen: list[int] = []
    for order in orders:
        risen.append(max(order, risen[-1] + 1) if risen else order)
    return risen
