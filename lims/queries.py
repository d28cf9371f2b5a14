"""Questions about the record."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Count, QuerySet

from lims.models import CAROUSELS, SLOTS, Batch, Slide, SlideEvent, Slot
from lims.states import State


@dataclass(frozen=True)
class Problem:
    """What the pre-flight check found in one slot (or in the whole batch, where slot is None)."""

    kind: str  # unknown | duplicate | empty | already_scanned | elsewhere | no_slides
    slot: Slot | None
    message: str
    blocking: bool


def slots_of(batch: Batch) -> QuerySet[Slot]:
    return (
        Slot.objects.filter(carousel__batch=batch)
        .select_related("carousel", "slide__block__specimen__case")
        .order_by("carousel__number", "position")
    )


def slides_of(batch: Batch) -> QuerySet[Slide]:
    return Slide.objects.filter(slots__carousel__batch=batch).distinct()


def states_of(batch: Batch) -> dict[str, int]:
    rows = slides_of(batch).order_by().values("state").annotate(n=Count("id", distinct=True))
    return {row["state"]: row["n"] for row in rows}


def preflight(batch: Batch) -> list[Problem]:
    """Every reason why this load is not what somebody meant. Blocking ones must be put right before the snapshots."""
    slots = list(slots_of(batch))
    if not slots:
        return [Problem("no_slides", None, "Nothing is loaded yet.", blocking=True)]
    seen = Counter(slot.barcode for slot in slots if slot.barcode)
    states = dict(Slide.objects.filter(barcode__in=seen).values_list("barcode", "state"))
    return [problem for slot in slots if (problem := _problem(slot, seen, states))]


def _problem(slot: Slot, seen: Counter[str], states: dict[str, str]) -> Problem | None:
    where = f"Slot {slot}"
    if not slot.barcode:
        return Problem("empty", slot, f"{where} is recorded as empty.", blocking=False)
    if seen[slot.barcode] > 1:
        return Problem("duplicate", slot, f"{where}: {slot.barcode} is loaded {seen[slot.barcode]} times.", True)
    if slot.barcode not in states:
        return Problem("unknown", slot, f"{where}: no slide has the barcode {slot.barcode}.", True)
    if slot.slide_id is None:
        label = State(states[slot.barcode]).label.lower()
        kind = "elsewhere" if states[slot.barcode] in {State.LOADED, State.READY} else "already_scanned"
        return Problem(kind, slot, f"{where}: {slot.barcode} is {label}; it is not scanned again.", True)
    return None


def board(batch: Batch) -> list[tuple[int, list[Slot | None]]]:
    """The night as it stands in the loader: (carousel number, its ten slots) for each carousel up to the last used."""
    slots = {(slot.carousel.number, slot.position): slot for slot in slots_of(batch)}
    last = max((number for number, _ in slots), default=0)
    shown = min(CAROUSELS, max(4, last))
    return [
        (number, [slots.get((number, position)) for position in range(1, SLOTS + 1)])
        for number in range(1, shown + 1)
    ]


def history(slide: Slide) -> QuerySet[SlideEvent]:
    return SlideEvent.objects.filter(slide=slide).order_by("id")
