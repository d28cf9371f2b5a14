"""The night: ready slides become attempts, and a doorbell per scanner works them off one by one."""

from django.db import transaction
from django.utils import timezone

from core import audit, jobs
from core.errors import Conflict
from lims import queries
from lims.models import Batch, Slot
from lims.services import Actor, move_phase
from lims.states import State
from scanning.boards import OPEN
from scanning.models import Alert, Attempt, Night, Scanner
from scanning.queries import next_try, progress
from scanning.services.alerts import Finding, clear, raise_alert


@transaction.atomic
def start_night(*, batch: Batch, actor: Actor) -> Night:
    """Queue every ready slide and ring the scanner's worker. Slides accepted later join the queue."""
    night = Night.objects.select_related("scanner").filter(batch=batch).first()
    if night is None:
        raise Conflict("Take the snapshots first.")
    if queries.slides_of(batch).filter(state=State.LOADED).exists():
        raise Conflict("Some snapshots are still being taken.")
    phases = [Batch.Phase.SNAPSHOTS, Batch.Phase.REVIEW]
    if not move_phase(batch=batch, source=phases, target=Batch.Phase.NIGHT, actor=actor):
        raise Conflict(f"The night of {batch} has begun already.")
    Night.objects.filter(pk=night.pk).update(started_at=timezone.now())
    for slot in queries.slots_of(batch).filter(slide__state=State.READY):
        _queue(slot, night)
    ring(night)
    return night


def queue_attempt(*, slot: Slot, night: Night) -> Attempt:
    attempt = _queue(slot, night)
    ring(night)
    return attempt


def _queue(slot: Slot, night: Night) -> Attempt:
    assert slot.slide is not None  # noqa: S101  only known slides become ready
    return Attempt.objects.create(
        slide=slot.slide,
        slot=slot,
        night=night,
        number=next_try(slot.slide),
        order=slot.carousel.number * 100 + slot.position,
    )


@transaction.atomic
def join(*, slot: Slot, actor: Actor) -> None:
    """A slide that was accepted late goes to the end of its night; one that has run dry goes on for it.

    Raises Conflict when the scanner has begun another night meanwhile.
    """
    night = Night.objects.select_related("scanner", "batch").get(batch=slot.carousel.batch)
    if night.batch.phase == Batch.Phase.MORNING:
        if Night.objects.filter(scanner=night.scanner, ended_at=None).exists():
            raise Conflict(
                f"The night of {night.batch} is over and {night.scanner} has begun another one: "
                "fail the slide, and it comes into the rescan."
            )
        if move_phase(batch=night.batch, source=[Batch.Phase.MORNING], target=Batch.Phase.NIGHT, actor=actor):
            Night.objects.filter(pk=night.pk).update(ended_at=None)
            clear(kind=Alert.Kind.NIGHT_ENDED, subject=night.batch.name)
    if night.batch.phase == Batch.Phase.NIGHT:
        queue_attempt(slot=slot, night=night)


def ring(night: Night) -> None:
    """Tell the scanner's worker that there is work, unless a bell is ringing already."""
    if not jobs.open_jobs("scanning.drive", night_id=night.pk):
        jobs.enqueue("scanning.drive", queue=night.scanner.queue, night_id=night.pk)


def next_attempt(night: Night) -> Attempt | None:
    """The attempt to work on: one that was interrupted first, then the queue in its order."""
    of_this_night = Attempt.objects.filter(night=night)
    running = of_this_night.filter(state=Attempt.State.RUNNING).order_by("started_at")
    waiting = of_this_night.filter(state=Attempt.State.QUEUED).order_by("order", "id")
    pk = running.values_list("pk", flat=True).first() or waiting.values_list("pk", flat=True).first()
    if pk is None:
        return None
    return Attempt.objects.select_related("slide", "slot__carousel", "night__scanner").get(pk=pk)


def may_work(attempt: Attempt) -> bool:
    """A slide under way is brought to its end also in a night that a person has stopped."""
    night = attempt.night
    return attempt.state == Attempt.State.RUNNING or not (night.paused or night.scanner.locked_by)


@transaction.atomic
def lock(*, scanner: Scanner, reason: str, actor: Actor) -> None:
    """A person takes the instrument. The slide under the lens stops after its field and goes back to its
    place in the queue; no slide is begun until the scanner is given back.
    """
    changed = Scanner.objects.filter(pk=scanner.pk, locked_by="").update(
        locked_by=audit.name_of(actor), lock_reason=reason[:200]
    )
    if not changed:
        raise Conflict(f"{scanner} is locked already.")
    audit.record(actor=actor, action="scanner.lock", target=f"scanner:{scanner.name}", reason=reason)


@transaction.atomic
def unlock(*, scanner: Scanner, actor: Actor) -> None:
    Scanner.objects.filter(pk=scanner.pk).update(locked_by="", lock_reason="")
    audit.record(actor=actor, action="scanner.unlock", target=f"scanner:{scanner.name}")
    for night in Night.objects.filter(scanner=scanner, ended_at=None, batch__phase=Batch.Phase.NIGHT):
        ring(night)


def _account(night: Night) -> Finding:
    found = progress(Batch.objects.get(pk=night.batch_id))  # it has just entered its morning
    return Finding(Alert.Kind.NIGHT_ENDED, night.batch.name, f"{night}: {found.words}.")


def end_night_if_done(*, night: Night) -> bool:
    """Morning comes when every attempt has ended and nothing ready was left behind."""
    if Attempt.objects.filter(night=night, state__in=OPEN).exists():
        return False
    if queries.slides_of(night.batch).filter(state__in=[State.READY, State.SCANNING]).exists():
        return False
    with transaction.atomic():
        moved = move_phase(batch=night.batch, source=[Batch.Phase.NIGHT], target=Batch.Phase.MORNING)
        if moved:
            Night.objects.filter(pk=night.pk).update(ended_at=timezone.now())
            raise_alert(_account(night))
    return moved
