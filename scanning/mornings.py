"""What became of a night: every slide published, failed with its cause, or skipped; and of each failure the
attempt that tells of it, beside the one before.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import Prefetch

from lims.models import Batch, Slide, SlideEvent, Slot
from lims.states import FailureReason, State
from scanning.boards import Place, places
from scanning.models import Attempt, FocusPoint, Quality, Snapshot
from viewer.models import VirtualSlide

OF_THE_LABEL = (FailureReason.BARCODE_UNREADABLE, FailureReason.BARCODE_MISMATCH)
OF_THE_SCAN = (FailureReason.BLURRED, FailureReason.SATURATED, FailureReason.LOW_RESOLUTION)


def outcomes(batch: Batch) -> list[Place]:
    """Every slot as this night left it: a failed slide stays its failure when it has been loaded again."""
    found = places(batch)
    later = _later(batch)
    return [
        replace(place, state=State.FAILED, failure=later[place.slide][0], again=later[place.slide][1])
        if place.slide in later
        else place
        for place in found
    ]


def _later(batch: Batch) -> dict[str, tuple[str, str]]:
    """Of the slides that are in a batch made after this one, why they failed before that, and where they
    are: only a failed slide is loaded once more.
    """
    slots = Slot.objects.filter(slide__slots__carousel__batch=batch, carousel__batch__gt=batch.pk)
    reasons: dict[str, tuple[str, str]] = {}
    failed = Prefetch("slide__events", SlideEvent.objects.filter(target=State.FAILED).order_by("id"))
    slots = slots.select_related("slide", "carousel__batch").prefetch_related(failed)
    for slot in slots.order_by("-id"):
        assert slot.slide is not None  # noqa: S101  it was asked for by its slide
        made = slot.carousel.batch.created_at
        told = [event.reason for event in slot.slide.events.all() if event.at <= made and event.reason]
        reason = told[-1] if told else FailureReason.OTHER
        reasons[slot.slide.barcode] = (reason, f"{slot.carousel.batch} {slot}")
    return reasons


@dataclass(frozen=True)
class Account:
    """The sum of a night, as every page, mail and program tells it: slides = published + failed + skipped +
    under way. The last is nothing once the night is over.
    """

    slides: int
    published: int
    failed: int
    skipped: int

    @property
    def ended(self) -> int:
        return self.published + self.failed + self.skipped

    @property
    def under_way(self) -> int:
        return self.slides - self.ended

    @property
    def words(self) -> str:
        said = f"{self.slides} slide{'' if self.slides == 1 else 's'} = {self.published} published"
        said += f" + {self.failed} failed + {self.skipped} skipped"
        return said + (f" + {self.under_way} under way" if self.under_way else "")


def account(found: Iterable[Place]) -> Account:
    slides = [place for place in found if place.slide]
    return Account(
        slides=len(slides),
        published=sum(place.published for place in slides),
        failed=sum(place.failed for place in slides),
        skipped=sum(place.skipped for place in slides),
    )


def causes_of(found: Iterable[Place]) -> list[tuple[Place, int]]:
    """What stands on the map of the night and how often, one place for each look: failures first."""
    firsts: dict[tuple[str, str], Place] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for place in found:
        look = ("published", "") if place.published else (place.state, place.failure)
        firsts.setdefault(look, place)
        counts[look] += 1
    order = sorted(counts, key=lambda look: (not firsts[look].failed, -counts[look], look))
    return [(firsts[look], counts[look]) for look in order]


@dataclass(frozen=True)
class Try:
    """One attempt as it is laid beside another: its photograph, and the field that shows a fault best."""

    attempt: Attempt
    snapshot: Snapshot | None
    quality: Quality | None
    worst: int | None  # the index of its least sharp field, where its file is still there

    @property
    def adjustments(self) -> dict[str, Any]:
        return dict(self.attempt.adjustments)


@dataclass(frozen=True)
class Failure:
    """A failed slide: its last try on this night (None where it failed earlier) and the one before."""

    slide: Slide
    reason: str
    again: str
    message: str
    snapshot: Snapshot | None
    now: Try | None
    before: Try | None
    differences: Sequence[tuple[str, Any, Any]] = field(default=())

    @property
    def picture(self) -> str:
        """What shows the cause: the worst field, the label, or the glass with its points."""
        if self.now and self.now.worst is not None and self.reason in OF_THE_SCAN:
            return "field"
        if self.snapshot and self.reason in OF_THE_LABEL:
            return "label"
        return "glass" if self.snapshot else ""


@dataclass(frozen=True)
class Cause:
    reason: str
    label: str
    slides: Sequence[Failure]


def failures(batch: Batch) -> list[Cause]:
    """The failed slides of a night by cause, the commonest first."""
    failed = {place.slide: place for place in outcomes(batch) if place.failed}
    slides = list(Slide.objects.filter(barcode__in=failed).order_by("barcode"))
    tries, notes, snapshots = _tries(slides), _notes(slides), _snapshots(batch, slides)
    causes: dict[str, list[Failure]] = defaultdict(list)
    for slide in slides:
        now, before = _last_two(tries[slide.pk], batch)
        place = failed[slide.barcode]
        reason = place.failure or FailureReason.OTHER
        causes[reason].append(
            Failure(
                slide=slide,
                reason=reason,
                again=place.again,
                message=notes.get(slide.pk, ""),
                snapshot=snapshots.get(slide.pk),
                now=now,
                before=before,
                differences=differences(before.attempt, now.attempt) if before and now else (),
            )
        )
    ordered = sorted(causes.items(), key=lambda item: (-len(item[1]), item[0]))
    return [Cause(reason, FailureReason(reason).label, found) for reason, found in ordered]


def _last_two(tries: list[Try], batch: Batch) -> tuple[Try | None, Try | None]:
    """The last try of this night and the one before it, of whatever night."""
    ours = [index for index, one in enumerate(tries) if one.attempt.night.batch_id == batch.pk]
    if not ours:
        return None, tries[-1] if tries else None
    last = ours[-1]
    return tries[last], tries[last - 1] if last else None


def differences(before: Attempt, now: Attempt) -> list[tuple[str, Any, Any]]:
    """The parameters in which two attempts differ: (name, then, now)."""
    names = [*now.parameters, *(name for name in before.parameters if name not in now.parameters)]
    pairs = [(name, before.parameters.get(name), now.parameters.get(name)) for name in names]
    return [(name.replace("_", " "), then, since) for name, then, since in pairs if then != since]


def _tries(slides: Sequence[Slide]) -> dict[int, list[Try]]:
    points = Prefetch("slot__snapshot__points", FocusPoint.objects.order_by("id"))
    attempts = (
        Attempt.objects.filter(slide__in=slides)
        .select_related("slide", "slot__carousel", "slot__snapshot__slide", "night__batch", "quality")
        .prefetch_related(points)
        .order_by("number")
    )
    files = set(VirtualSlide.objects.filter(slide__in=slides).values_list("slide", "attempt"))
    found: dict[int, list[Try]] = defaultdict(list)
    for attempt in attempts:
        found[attempt.slide_id].append(_try(attempt, (attempt.slide_id, attempt.number) in files))
    return found


def _try(attempt: Attempt, kept: bool) -> Try:
    quality: Quality | None = getattr(attempt, "quality", None)
    measured = quality.scores if quality and kept else []
    scores = [(score, index) for _, _, score, index in measured if score >= 0]
    return Try(
        attempt=attempt,
        snapshot=getattr(attempt.slot, "snapshot", None),
        quality=quality,
        worst=min(scores)[1] if scores else None,
    )


def _notes(slides: Sequence[Slide]) -> dict[int, str]:
    """What was said at each slide's last failure."""
    events = SlideEvent.objects.filter(slide__in=slides, target=State.FAILED).order_by("id")
    return dict(events.values_list("slide_id", "note"))


def _snapshots(batch: Batch, slides: Sequence[Slide]) -> dict[int, Snapshot]:
    found = Snapshot.objects.filter(slot__carousel__batch=batch, slide__in=slides)
    return {one.slide_id: one for one in found.select_related("slide").prefetch_related("points")}
