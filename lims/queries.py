"""Questions about the record."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from lims.models import CAROUSELS, SLOTS, Batch, Case, Report, Slide, SlideEvent, Slot
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
    """Every reason why this load is not what was meant. Blocking ones come before the snapshots."""
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
        return Problem(
            "duplicate", slot, f"{where}: {slot.barcode} is loaded {seen[slot.barcode]} times.", True
        )
    if slot.barcode not in states:
        return Problem("unknown", slot, f"{where}: no slide has the barcode {slot.barcode}.", True)
    if slot.slide_id is None:
        label = State(states[slot.barcode]).label
        kind = "elsewhere" if states[slot.barcode] in {State.LOADED, State.READY} else "already_scanned"
        return Problem(
            kind, slot, f"{where}: {slot.barcode} stands at “{label}”; it is not scanned again.", True
        )
    return None


def board(batch: Batch, *, carousels: int = 4) -> list[tuple[int, list[Slot | None]]]:
    """The loader: (carousel number, its ten slots), at least `carousels` of them and every one in use."""
    slots = {(slot.carousel.number, slot.position): slot for slot in slots_of(batch)}
    last = max((number for number, _ in slots), default=0)
    shown = min(CAROUSELS, max(carousels, last))
    return [
        (number, [slots.get((number, position)) for position in range(1, SLOTS + 1)])
        for number in range(1, shown + 1)
    ]


def history(slide: Slide) -> QuerySet[SlideEvent]:
    return SlideEvent.objects.filter(slide=slide).order_by("id")


def find_slides(
    *, text: str = "", state: str = "", tissue: str = "", stain: str = "", by_accession: bool = True
) -> QuerySet[Slide]:
    """Slides whose barcode (or accession) contains the text, newest case first."""
    slides = Slide.objects.select_related("block__specimen__case")
    if text:
        wanted = Q(barcode__icontains=text)
        if by_accession:
            wanted |= Q(block__specimen__case__accession__icontains=text)
        slides = slides.filter(wanted)
    if state:
        slides = slides.filter(state=state)
    if tissue:
        slides = slides.filter(block__specimen__case__tissue=tissue)
    if stain:
        slides = slides.filter(stain=stain)
    return slides.order_by("barcode")


def stains() -> list[str]:
    return list(Slide.objects.order_by("stain").values_list("stain", flat=True).distinct()[:200])


def find_cases(*, text: str = "", tissue: str = "") -> QuerySet[Case]:
    """Cases by part of the accession, the whole MRN, or the beginning of the patient's family name."""
    cases = Case.objects.all()
    if text:
        named = Q(patient__mrn__iexact=text) | Q(patient__family_name__istartswith=text)
        cases = cases.filter(Q(accession__icontains=text) | named)
    if tissue:
        cases = cases.filter(tissue=tissue)
    return cases.annotate(
        slides=Count("specimens__blocks__slides", distinct=True),
        has_report=Exists(Report.objects.filter(case=OuterRef("pk"))),
    ).order_by("-received", "accession")


def slides_of_case(case: Case) -> QuerySet[Slide]:
    slides = Slide.objects.filter(block__specimen__case=case).select_related("block__specimen")
    return slides.order_by("block__specimen__site_code", "block__label", "barcode")


def batches() -> QuerySet[Batch]:
    return (
        Batch.objects.order_by("-night", "-id")
        .select_related("rescan_of")
        .annotate(
            loaded=Count("carousels__slots", distinct=True),
            failed=Count(
                "carousels__slots", distinct=True, filter=Q(carousels__slots__slide__state=State.FAILED)
            ),
        )
    )


@dataclass(frozen=True)
class Pull:
    """One line of the pick list. Nothing on it names a patient."""

    barcode: str
    accession: str
    stood: str  # where the glass was: batch and slot
    goes: str  # where it goes: the slot of this batch, or nothing yet
    reason: str  # code of the failure vocabulary


def pull_list(batch: Batch) -> list[Pull]:
    """What hands have to fetch: for a rescan batch its own slides, else the failed slides of the night."""
    if batch.rescan_of is not None:
        before = {slot.barcode: f"{batch.rescan_of} {slot}" for slot in slots_of(batch.rescan_of)}
        slots = [slot for slot in slots_of(batch) if slot.slide is not None]
        places = [(slot, before.get(slot.barcode, "shelf"), str(slot)) for slot in slots]
    else:
        slots = [
            slot for slot in slots_of(batch) if slot.slide is not None and slot.slide.state == State.FAILED
        ]
        places = [(slot, f"{batch} {slot}", "") for slot in slots]
    reasons = last_failures([slot.slide_id for slot in slots if slot.slide_id is not None])
    return [
        Pull(slot.barcode, slot.slide.case.accession, stood, goes, reasons.get(slot.slide.pk, ""))
        for slot, stood, goes in places
        if slot.slide is not None
    ]


def last_failures(slide_ids: Iterable[int]) -> dict[int, str]:
    """The reason of each slide's latest failure."""
    events = SlideEvent.objects.filter(slide__in=list(slide_ids), target=State.FAILED).order_by("id")
    return dict(events.values_list("slide_id", "reason"))
