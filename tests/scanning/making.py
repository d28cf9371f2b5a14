"""Nights that a test needs, at any point of their course."""

from collections.abc import Sequence
from typing import Any

from core.models import Job
from lims.models import Batch, Slide, Slot
from lims.states import State
from scanning.models import Attempt, FocusPoint, Night, Scanner, Snapshot
from scanning.services.attempts import end_run
from scanning.services.nights import queue_attempt
from tests.lims.making import loaded, slide

AREA = {"area_x_um": 30_000.0, "area_y_um": 8_000.0, "area_width_um": 400.0, "area_height_um": 300.0}
PLACES = ((30_050.0, 8_050.0), (30_350.0, 8_050.0), (30_200.0, 8_250.0), (30_100.0, 8_150.0))


def scanner_row(name: str = "one") -> Scanner:
    return Scanner.objects.get_or_create(name=name)[0]


def photographed(
    slot: Slot, *, risk: float = 0.1, points: Sequence[tuple[float, float]] = PLACES, **facts: Any
) -> Snapshot:
    assert slot.slide is not None
    assert slot.slide is not None
    snapshot = Snapshot.objects.create(
        slot=slot, slide=slot.slide, macro="m.jpg", label="l.png", barcode_read=slot.barcode,
        width=608, height=208, um_per_px=125.0, risk=risk, **{**AREA, **facts},
    )  # fmt: skip
    FocusPoint.objects.bulk_create(FocusPoint(snapshot=snapshot, x_um=x, y_um=y) for x, y in points)
    return snapshot


def night_with(
    *states: str, phase: str = Batch.Phase.REVIEW, name: str = "Night", scanner: str = "one"
) -> Night:
    """A batch on a scanner: one photographed slide in each of these states."""
    made = loaded(*(slide() for _ in states), name=name)
    Batch.objects.filter(pk=made.pk).update(phase=phase)
    made.refresh_from_db()
    night = Night.objects.create(batch=made, scanner=scanner_row(scanner))
    for slot, state in zip(slots_of(night), states, strict=True):
        Slide.objects.filter(slots=slot).update(state=state)
        if state != State.LOADED:
            photographed(Slot.objects.get(pk=slot.pk), risk=0.9 if state == State.REVIEW else 0.1)
    return night


def slots_of(night: Night) -> list[Slot]:
    return list(
        Slot.objects.filter(carousel__batch=night.batch)
        .select_related("slide", "carousel__batch")
        .order_by("carousel__number", "position")
    )


def running_night(count: int = 1, **facts) -> Night:
    """A night under way with so many queued slides."""
    night = night_with(*[State.READY] * count, phase=Batch.Phase.NIGHT, **facts)
    for slot in slots_of(night):
        queue_attempt(slot=slot, night=night)
    return night


def attempt_of(night: Night) -> Attempt:
    return (
        Attempt.objects.select_related("slide", "night__batch", "night__scanner")
        .filter(night=night)
        .order_by("id")[0]
    )


def end_runs() -> None:
    """What a worker does with the jobs that tell the slide service."""
    for job in Job.objects.filter(task="scanning.end_run").order_by("id"):
        end_run(attempt=Attempt.objects.get(pk=job.args["attempt_id"]))
        job.delete()
