"""Questions about nights: how far, how long still, what failed and why."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Avg, Count, F, Max, QuerySet, Sum
from django.utils import timezone

from lims import queries as record
from lims.models import Batch, Slide
from lims.states import FailureReason, State
from scanning.models import Attempt, Night, Snapshot

OPEN = (Attempt.State.QUEUED, Attempt.State.RUNNING, Attempt.State.ACQUIRED)
PUBLISHED = (State.SCANNED, State.DEIDENTIFIED, State.ASSIGNED, State.READ, State.RELEASED)


@dataclass(frozen=True)
class Progress:
    """Where a night stands. `left` is an estimate from this night's own slides; None while there is nothing
    to go by.
    """

    slides: int
    snapped: int
    doubtful: int
    safe: int
    ready: int
    queued: int
    running: Attempt | None
    building: int
    published: int
    failed: int
    planes_done: int
    planes_planned: int
    left: timedelta | None

    @property
    def ended(self) -> int:
        return self.published + self.failed

    @property
    def under_way(self) -> int:
        return self.slides - self.ended


def progress(batch: Batch) -> Progress:
    states = record.states_of(batch)
    attempts = Attempt.objects.filter(night__batch=batch)
    open_states = dict(attempts.order_by().values_list("state").annotate(n=Count("id")))
    sums = attempts.aggregate(done=Sum("done_planes"), planned=Sum("planned_planes"))
    running = (
        attempts.filter(state=Attempt.State.RUNNING)
        .select_related("slide", "slot__carousel")
        .order_by("started_at")
        .first()
    )
    return Progress(
        slides=sum(states.values()),
        snapped=sum(states.values()) - states.get(State.LOADED, 0) - states.get(State.REGISTERED, 0),
        doubtful=states.get(State.REVIEW, 0),
        safe=states.get(State.SNAPPED, 0),
        ready=states.get(State.READY, 0) + states.get(State.SNAPPED, 0),
        queued=open_states.get(Attempt.State.QUEUED, 0),
        running=running,
        building=open_states.get(Attempt.State.ACQUIRED, 0),
        published=sum(states.get(state, 0) for state in PUBLISHED),
        failed=states.get(State.FAILED, 0) + states.get(State.REJECTED, 0),
        planes_done=sums["done"] or 0,
        planes_planned=sums["planned"] or 0,
        left=_left(attempts, open_states),
    )


def stages(batch: Batch) -> dict[int, Attempt]:
    """The open attempt of each slide of the batch that has one, by the slide's id."""
    return {
        attempt.slide_id: attempt for attempt in Attempt.objects.filter(night__batch=batch, state__in=OPEN)
    }


def pulse(batch_id: int) -> str:
    """A word that changes whenever the night's page would: what the stream of events is made from."""
    batch = Batch.objects.filter(pk=batch_id).values_list("phase", "night_run__paused").first()
    if batch is None:
        return ""
    slides = Slide.objects.filter(slots__carousel__batch=batch_id).order_by("pk").values_list("pk", "state")
    attempts = Attempt.objects.filter(night__batch=batch_id).order_by("pk")
    seen = (batch, list(slides), list(attempts.values_list("pk", "state", "done_planes", "takeovers")))
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


def _left(attempts: QuerySet[Attempt], states: dict[str, int]) -> timedelta | None:
    """The mean time of this night's finished scans times the slides still to come."""
    waiting = states.get(Attempt.State.QUEUED, 0) + states.get(Attempt.State.RUNNING, 0)
    scanned = attempts.filter(acquired_at__isnull=False, started_at__isnull=False)
    mean = scanned.aggregate(mean=Avg(F("acquired_at") - F("started_at")))["mean"]
    return mean * waiting if mean and waiting else None


@dataclass(frozen=True)
class Cause:
    """One cause of failure and the slides it struck, with the attempt that tells of it."""

    reason: str
    label: str
    slides: Sequence["FailedSlide"]


@dataclass(frozen=True)
class FailedSlide:
    slide: Slide
    attempt: Attempt | None
    snapshot: Snapshot | None
    message: str
    attempts: int


def failures(batch: Batch) -> list[Cause]:
    """The failed slides of a night by cause, the commonest first."""
    slides = record.slides_of(batch).filter(state=State.FAILED).order_by("barcode")
    causes: dict[str, list[FailedSlide]] = {}
    for slide in slides:
        attempt = slide.attempts.filter(night__batch=batch).order_by("-number").first()
        event = slide.events.filter(target=State.FAILED).order_by("-id").first()
        entry = FailedSlide(
            slide=slide,
            attempt=attempt,
            snapshot=slide.snapshots.filter(slot__carousel__batch=batch).first(),
            message=event.note if event else "",
            attempts=slide.attempts.count(),
        )
        causes.setdefault(slide.failure or FailureReason.OTHER, []).append(entry)
    ordered = sorted(causes.items(), key=lambda item: (-len(item[1]), item[0]))
    return [Cause(reason, FailureReason(reason).label, found) for reason, found in ordered]


def attempts_of(slide: Slide) -> QuerySet[Attempt]:
    return slide.attempts.select_related("slot__carousel", "night__batch", "night__scanner").order_by(
        "number"
    )


def next_try(slide: Slide) -> int:
    """The number of the next try at this glass: every failure counts, also one before the night."""
    last: int = slide.attempts.aggregate(n=Max("number"))["n"] or 0
    return max(last, slide.events.filter(target=State.FAILED).count()) + 1


def expected_end(found: Progress, now: datetime | None = None) -> datetime | None:
    return (now or timezone.now()) + found.left if found.left else None


def current_nights() -> QuerySet[Night]:
    return Night.objects.filter(ended_at=None).select_related("batch", "scanner").order_by("-id")
