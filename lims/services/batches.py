"""Verbs of the night's load: make a batch, put slides into slots, take them out, move the batch on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from core import audit
from core.errors import BadInput, Conflict
from lims.models import CAROUSELS, SLOTS, Batch, Carousel, Slide, Slot
from lims.services.accession import checked
from lims.services.life import Actor, advance
from lims.states import SYSTEM, State

LOADABLE = frozenset({State.REGISTERED, State.FAILED})
UNLOADABLE = frozenset({State.LOADED, State.SNAPPED, State.REVIEW, State.READY})


@dataclass(frozen=True)
class Placement:
    """One barcode in one slot, as a person, a reader or a file said."""

    carousel: int
    position: int
    barcode: str


@transaction.atomic
def create_batch(*, name: str, actor: Actor, rescan_of: Batch | None = None) -> Batch:
    if not name.strip():
        raise BadInput("A batch needs a name.", field="name")
    if Batch.objects.filter(name=name.strip()).exists():
        raise Conflict(f"There is a batch “{name.strip()}” already.", field="name")
    batch = Batch(name=name.strip(), rescan_of=rescan_of)
    if not isinstance(actor, str):
        batch.created_by_id = actor.pk
    checked(batch)
    audit.record(actor=actor, action="batch.create", target=f"batch:{batch.name}")
    return batch


@transaction.atomic
def load(*, batch: Batch, placements: Iterable[Placement], actor: Actor) -> list[Slot]:
    """Put slides into slots. A barcode nobody registered is recorded too: the pre-flight check shows it."""
    _must_be_loading(batch)
    slots = [_place(batch, placement, actor) for placement in placements]
    audit.record(actor=actor, action="batch.load", target=f"batch:{batch.name}", slots=len(slots))
    return slots


def _must_be_loading(batch: Batch) -> None:
    phase = Batch.objects.values_list("phase", flat=True).get(pk=batch.pk)
    if phase != Batch.Phase.LOADING:
        raise Conflict(
            f"Batch {batch.name} is no longer being loaded ({Batch.Phase(phase).label}).", phase=phase
        )


def _place(batch: Batch, placement: Placement, actor: Actor) -> Slot:
    if not (1 <= placement.carousel <= CAROUSELS and 1 <= placement.position <= SLOTS):
        raise BadInput(
            f"There is no slot {placement.carousel}-{placement.position}: carousels 1–{CAROUSELS}, "
            f"slots 1–{SLOTS}.",
            carousel=placement.carousel,
            position=placement.position,
        )
    barcode = placement.barcode.strip()
    if len(barcode) > 64:
        raise BadInput("A barcode has at most 64 characters.", field="barcode")
    carousel, _ = Carousel.objects.get_or_create(batch=batch, number=placement.carousel)
    slide = Slide.objects.filter(barcode=barcode).first() if barcode else None
    if slide is not None and slide.state not in LOADABLE:
        slide = None  # scanned before or standing elsewhere: the pre-flight check names it, nothing moves
    try:
        with transaction.atomic():
            slot = Slot.objects.create(
                carousel=carousel, position=placement.position, barcode=barcode, slide=slide
            )
    except IntegrityError as error:
        raise Conflict(
            f"Slot {placement.carousel}-{placement.position} is taken.",
            carousel=placement.carousel,
            position=placement.position,
        ) from error
    if slide is not None:
        advance(slide=slide, to=State.LOADED, actor=actor, note=f"{batch.name} {slot}")
    return slot


@transaction.atomic
def unload(*, slot: Slot, actor: Actor) -> None:
    """Take what stands in a slot out again; a slide of ours goes back to registered."""
    _must_be_loading(slot.carousel.batch)
    if slot.slide is not None and slot.slide.state in UNLOADABLE:
        advance(slide=slot.slide, to=State.REGISTERED, actor=actor, note=f"out of {slot}")
    audit.record(actor=actor, action="batch.unload", target=f"slot:{slot.carousel.batch.name}/{slot}")
    slot.delete()


def move_phase(*, batch: Batch, source: Sequence[str], target: str, actor: Actor = SYSTEM) -> bool:
    """Move a batch on by compare-and-swap; False when it was not in one of the `source` phases any more."""
    with transaction.atomic():
        changed = Batch.objects.filter(pk=batch.pk, phase__in=source).update(phase=target)
        if changed:
            audit.record(actor=actor, action=f"batch.{target}", target=f"batch:{batch.name}")
            batch.phase = target
    return bool(changed)


def free_slots(*, batch: Batch) -> Iterable[tuple[int, int]]:
    """The (carousel, position) pairs with nothing in them, in order."""
    taken = set(Slot.objects.filter(carousel__batch=batch).values_list("carousel__number", "position"))
    return ((c, p) for c in range(1, CAROUSELS + 1) for p in range(1, SLOTS + 1) if (c, p) not in taken)


@transaction.atomic
def build_rescan(*, batch: Batch, actor: Actor) -> Batch:
    """The morning's click: a new batch with every failed slide of this one, packed from carousel 1 in the
    order in which hands come by them.
    """
    slots = Slot.objects.filter(carousel__batch=batch, slide__state=State.FAILED).select_related("slide")
    walk = slots.order_by("carousel__number", "position")
    failed = list(dict.fromkeys(slot.slide for slot in walk if slot.slide is not None))
    if not failed:
        raise Conflict("No slide of this batch waits for a rescan.")
    number = Batch.objects.filter(rescan_of=batch).count() + 1
    rescan = create_batch(name=f"{batch.name} rescan {number}", actor=actor, rescan_of=batch)
    places = zip(failed, free_slots(batch=rescan), strict=False)
    load(
        batch=rescan,
        placements=[Placement(carousel, position, slide.barcode) for slide, (carousel, position) in places],
        actor=actor,
    )
    return rescan
