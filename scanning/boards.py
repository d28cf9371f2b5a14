"""The loader as it stands: what is in each of its slots, and what happens to it. Flat rows, for a board has
four hundred of them and is looked at all night.
"""

from dataclasses import dataclass

from lims.models import CAROUSELS, SLOTS, Batch, Slot
from lims.states import FailureReason, State
from scanning.models import Attempt

OPEN = (Attempt.State.QUEUED, Attempt.State.RUNNING, Attempt.State.ACQUIRED)
PUBLISHED = (State.SCANNED, State.DEIDENTIFIED, State.ASSIGNED, State.READ, State.RELEASED)
SKIPPED = (State.REGISTERED, State.QUALITY, State.REJECTED, State.HELD, State.WITHDRAWN)
LEFT_BEHIND = (State.LOADED, State.SNAPPED, State.REVIEW)  # by a night that is over; before, they may join it
OVER = (Batch.Phase.MORNING, Batch.Phase.CLOSED)
NOT_OPEN = ("", 0, 0)
LEAST_SHOWN = 4
OF_A_SLOT = ("carousel__number", "position", "barcode", "slide")
OF_ITS_SLIDE = ("slide__barcode", "slide__state", "slide__failure")


@dataclass(frozen=True)
class Place:
    """One slot with something in it. `slide` is the barcode of a slide of ours, or nothing; `stage` is the
    state of its open attempt of this night.
    """

    carousel: int
    position: int
    barcode: str
    slide: str = ""
    state: str = ""
    failure: str = ""
    stage: str = ""
    done: int = 0
    planned: int = 0
    over: bool = False  # its night is
    again: str = ""  # where it has been loaded since

    @property
    def key(self) -> str:
        return f"slot-{self.carousel}-{self.position}"

    @property
    def published(self) -> bool:
        return self.state in PUBLISHED

    @property
    def failed(self) -> bool:
        return self.state == State.FAILED

    @property
    def skipped(self) -> bool:
        """Not scanned, or not published, because of a person: rejected, held, or still to be looked at."""
        return self.state in SKIPPED or (self.over and self.state in LEFT_BEHIND)

    @property
    def why(self) -> str:
        """Why it is not published, in words; nothing where it is."""
        if self.published or not self.slide:
            return ""
        if self.failed:
            return FailureReason(self.failure or FailureReason.OTHER).label
        return State(self.state).label


Row = tuple[int, list[Place | None]]


def places(batch: Batch) -> list[Place]:
    """Every slot of the batch that was recorded, in the order of the loader."""
    open_ = Attempt.objects.filter(night__batch=batch, state__in=OPEN)
    facts = open_.values_list("slide", "state", "done_planes", "planned_planes")
    stages = {slide: (stage, done, planned) for slide, stage, done, planned in facts}
    slots = Slot.objects.filter(carousel__batch=batch).order_by("carousel__number", "position")
    known = slots.values_list(*OF_A_SLOT, *OF_ITS_SLIDE)
    over = batch.phase in OVER
    return [
        Place(
            carousel, position, barcode, name or "", state or "", failure or "",
            *stages.get(slide, NOT_OPEN), over,
        )
        for carousel, position, barcode, slide, name, state, failure in known
    ]  # fmt: skip


def rows(found: list[Place]) -> list[Row]:
    """(carousel, its ten slots): every carousel in use, and four at least."""
    by_slot = {(place.carousel, place.position): place for place in found}
    last = max((place.carousel for place in found), default=0)
    shown = min(CAROUSELS, max(LEAST_SHOWN, last))
    return [
        (number, [by_slot.get((number, position)) for position in range(1, SLOTS + 1)])
        for number in range(1, shown + 1)
    ]
