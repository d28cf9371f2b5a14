"""Questions about nights: how far, how long still, what failed and why."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.db.models import Avg, Count, Exists, F, Max, OuterRef, Q, QuerySet, Sum
from django.utils import timezone

from lims import queries as record
from lims.models import Batch, Slide, SlideEvent, Slot
from lims.states import FailureReason, State
from microscope.focus import SAFE_BELOW
from scanning.boards import OPEN
from scanning.models import Alert, Attempt, Night, Quality, Snapshot
from scanning.mornings import Account, account, outcomes

# A standstill waits for somebody to come, many failures may become more, the end of a night is news.
URGENCY: dict[str, int] = {Alert.Kind.MANY_FAILURES: 1, Alert.Kind.NIGHT_ENDED: 2}
OF_FOCUS = (FailureReason.NO_FOCUS_POINTS, FailureReason.BLURRED)


@dataclass(frozen=True)
class Progress(Account):
    """Where a night stands. `left` is an estimate from this night's own slides; None while there is nothing
    to go by.
    """

    snapped: int
    doubtful: int
    safe: int
    ready: int
    queued: int
    running: Attempt | None
    building: int
    verdicts: int
    planes_done: int
    planes_planned: int
    left: timedelta | None


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
        **vars(account(outcomes(batch))),
        snapped=sum(states.values()) - states.get(State.LOADED, 0) - states.get(State.REGISTERED, 0),
        doubtful=states.get(State.REVIEW, 0),
        safe=states.get(State.SNAPPED, 0),
        ready=states.get(State.READY, 0) + states.get(State.SNAPPED, 0),
        queued=open_states.get(Attempt.State.QUEUED, 0),
        running=running,
        building=open_states.get(Attempt.State.ACQUIRED, 0),
        verdicts=states.get(State.QUALITY, 0),
        planes_done=sums["done"] or 0,
        planes_planned=sums["planned"] or 0,
        left=_left(attempts, open_states),
    )


def pulse(batch_id: int) -> str:
    """A word that changes whenever the night's page would: asked four times a second, so it reads no slide.
    Every step of a slide is an event.
    """
    facts = ("phase", "night_run__paused", "night_run__stage_paused", "night_run__scanner__locked_by")
    batch = Batch.objects.filter(pk=batch_id).values_list(*facts).first()
    if batch is None:
        return ""
    last_step = SlideEvent.objects.aggregate(last=Max("id"))["last"]
    attempts = Attempt.objects.filter(night__batch=batch_id, state__in=OPEN).order_by("pk")
    shown = attempts.values_list("pk", "state", "done_planes", "takeovers", "order", "stop_by", "message")
    seen = (batch, last_step, list(shown))
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


def _left(attempts: QuerySet[Attempt], states: dict[str, int]) -> timedelta | None:
    """The mean time of this night's finished scans times the slides still to come."""
    waiting = states.get(Attempt.State.QUEUED, 0) + states.get(Attempt.State.RUNNING, 0)
    mean = _each(attempts)
    return mean * waiting if mean and waiting else None


def _each(attempts: QuerySet[Attempt]) -> timedelta | None:
    """The mean time of a scan."""
    scanned = attempts.filter(acquired_at__isnull=False, started_at__isnull=False)
    mean: timedelta | None = scanned.aggregate(mean=Avg(F("acquired_at") - F("started_at")))["mean"]
    return mean


def attempts_of(slide: Slide) -> QuerySet[Attempt]:
    return slide.attempts.select_related("slot__carousel", "night__batch", "night__scanner").order_by(
        "number"
    )


def next_try(slide: Slide) -> int:
    """The number of the next try at this glass: every failure counts, also one before the night."""
    last = slide.attempts.order_by("-number").values_list("number", flat=True).first() or 0
    return max(last, slide.events.filter(target=State.FAILED).count()) + 1


def expected_end(found: Progress, now: datetime | None = None) -> datetime | None:
    return (now or timezone.now()) + found.left if found.left else None


@dataclass(frozen=True)
class Waiting:
    """A slide in the queue, and when its turn comes; None while there is nothing to go by."""

    attempt: Attempt
    place: int
    at: datetime | None


def queue(night: Night) -> list[Waiting]:
    attempts = Attempt.objects.filter(night=night)
    waiting = attempts.filter(state=Attempt.State.QUEUED).select_related("slide", "slot__carousel")
    each = _each(attempts)
    begun = int(attempts.filter(state=Attempt.State.RUNNING).exists())
    now = timezone.now()
    return [
        Waiting(attempt, place, now + each * (place - 1 + begun) if each else None)
        for place, attempt in enumerate(waiting.order_by("order", "id"), start=1)
    ]


def under_the_lens(night: Night) -> Attempt | None:
    running = Attempt.objects.filter(night=night, state=Attempt.State.RUNNING)
    return running.select_related("slide", "slot__carousel").order_by("started_at").first()


def open_alerts() -> QuerySet[Alert]:
    return Alert.objects.filter(cleared_at=None)


def unseen_alerts() -> list[Alert]:
    """What is open and nobody has seen yet, the most urgent first, then the latest."""
    found = open_alerts().filter(seen_by="").order_by("-raised_at", "-id")
    return sorted(found, key=lambda alert: URGENCY.get(alert.kind, 0))


def current_nights() -> QuerySet[Night]:
    return Night.objects.filter(ended_at=None).select_related("batch", "scanner").order_by("-id")


def mornings() -> QuerySet[Night]:
    """Nights that are over and have slides which wait for a rescan, the newest first. A slide that was loaded
    again is the later night's.
    """
    later = Slot.objects.filter(slide=OuterRef("slide"), carousel__batch__gt=OuterRef("carousel__batch"))
    failed = Slot.objects.filter(carousel__batch=OuterRef("batch"), slide__state=State.FAILED)
    nights = Night.objects.filter(Exists(failed.exclude(Exists(later))), batch__phase=Batch.Phase.MORNING)
    return nights.select_related("batch", "scanner").order_by("-id")


def waiting_for_verdict() -> list[Quality]:
    """The scans that a person has to accept or refuse, the worst first."""
    found = Quality.objects.filter(verdict=Quality.Verdict.DOUBTFUL, attempt__slide__state=State.QUALITY)
    rows = found.select_related("attempt__slide", "attempt__slot__carousel", "attempt__night__batch")
    return sorted(rows, key=lambda one: (-max((f["share"] for f in one.findings), default=0.0), one.pk))


@dataclass(frozen=True)
class ReviewEffort:
    """What the focus review of a batch cost, and what it was good for. Idle time does not count."""

    slides: int
    needed_person: int
    reviewed: int
    median_s: float | None
    total_s: float
    focus_failures: int
    foreseen: int

    @property
    def person_share(self) -> float:
        """The share of the slides that a person had to look at."""
        return self.needed_person / self.slides if self.slides else 0.0


def review_effort(batch: Batch) -> ReviewEffort:
    """Technician seconds for each reviewed slide; how many slides needed a person; and how many of those that
    failed for their focus the snapshot had doubted.
    """
    snapshots = Snapshot.objects.filter(slot__carousel__batch=batch)
    seconds = sorted(snapshots.filter(review_seconds__gt=0).values_list("review_seconds", flat=True))
    of_focus = Attempt.objects.filter(night__batch=batch, reason__in=OF_FOCUS).values("slide")
    failed = snapshots.filter(
        Q(slide__failure__in=OF_FOCUS, slide__state=State.FAILED) | Q(slide__in=of_focus)
    )
    return ReviewEffort(
        slides=snapshots.count(),
        needed_person=snapshots.filter(risk__gte=SAFE_BELOW).count(),
        reviewed=len(seconds),
        median_s=median(seconds) if seconds else None,
        total_s=sum(seconds),
        focus_failures=failed.count(),
        foreseen=failed.filter(risk__gte=SAFE_BELOW).count(),
    )
