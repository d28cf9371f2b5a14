"""The managers' figures: what the laboratory's own events say about it. Rows of plain values, for pages,
CSV and mail.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.db.models import Count, Max, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from annotation.queries import Load, loads
from lims.models import Slide, SlideEvent
from lims.states import FailureReason, State
from scanning.boards import PUBLISHED
from scanning.models import Attempt, Night
from viewer.models import VirtualSlide


@dataclass(frozen=True)
class Yield:
    """Of the slides whose first scan came to an end: how many were good at once."""

    first_pass: int
    later: int
    failed: int

    @property
    def ended(self) -> int:
        return self.first_pass + self.later + self.failed

    @property
    def share(self) -> float | None:
        return self.first_pass / self.ended if self.ended else None


def since(days: int | None) -> datetime | None:
    return timezone.now() - timedelta(days=days) if days else None


def _events(after: datetime | None) -> QuerySet[SlideEvent]:
    events = SlideEvent.objects.order_by("slide_id", "id")
    return events.filter(at__gte=after) if after else events


def first_pass_yield(after: datetime | None = None) -> Yield:
    """By slide: the first end of a scan was a publication, a later one was, or none yet. Imports are no
    scans.
    """
    ends = (
        _events(after)
        .filter(Q(target=State.FAILED) | Q(target=State.SCANNED, verb="publish"))
        .values_list("slide_id", "target")
    )
    told: dict[int, list[str]] = defaultdict(list)
    for slide_id, target in ends.iterator():
        told[slide_id].append(target)
    first = sum(targets[0] == State.SCANNED for targets in told.values())
    later = sum(targets[0] != State.SCANNED and State.SCANNED in targets for targets in told.values())
    return Yield(first, later, len(told) - first - later)


@dataclass(frozen=True)
class Cause:
    reason: str
    label: str
    count: int
    share: float
    cumulative: float


def failures_by_cause(after: datetime | None = None) -> list[Cause]:
    """Pareto: the commonest cause first, with what it and all before it add up to."""
    rows = _events(after).filter(target=State.FAILED).order_by().values("reason").annotate(n=Count("id"))
    counts = Counter({row["reason"] or FailureReason.OTHER: row["n"] for row in rows})
    whole, running, causes = sum(counts.values()), 0, []
    for reason, count in counts.most_common():
        running += count
        label = FailureReason(reason).label if reason in FailureReason.values else reason
        causes.append(Cause(str(reason), label, count, count / whole, running / whole))
    return causes


@dataclass(frozen=True)
class NightRow:
    """One night: what came of it and how fast."""

    night: Night
    slides: int
    published: int
    failed: int
    hours: float | None

    @property
    def per_hour(self) -> float | None:
        return self.published / self.hours if self.hours else None


def throughput(after: datetime | None = None, limit: int = 60) -> list[NightRow]:
    """The last nights, oldest first. A night's hours run from its start to its last finished attempt."""
    published = Q(attempts__state=Attempt.State.DONE, attempts__slide__state__in=PUBLISHED)
    nights = Night.objects.select_related("batch", "scanner").annotate(
        n_slides=Count("attempts__slide", distinct=True),
        n_done=Count("attempts__slide", filter=published, distinct=True),
        n_failed=Count("attempts", filter=Q(attempts__state=Attempt.State.FAILED)),
        last=Max("attempts__ended_at"),
    )
    nights = nights.filter(started_at__isnull=False)
    if after:
        nights = nights.filter(started_at__gte=after)
    chosen = list(nights.order_by("-started_at")[:limit])
    return [_night(night) for night in reversed(chosen)]


def _night(night: Night) -> NightRow:
    counted = vars(night)
    end = counted["last"] or night.ended_at
    hours = (end - night.started_at).total_seconds() / 3600 if end and night.started_at else None
    return NightRow(night, counted["n_slides"], counted["n_done"], counted["n_failed"], hours)


@dataclass(frozen=True)
class StateRow:
    """How long slides stay in a state (s), and how many stand in it now."""

    state: str
    label: str
    now: int
    stays: int
    median_s: float | None
    longest_s: float | None


def time_in_states(after: datetime | None = None) -> list[StateRow]:
    """Stays that have ended, by state, in the order of a slide's life."""
    stays: dict[str, list[float]] = defaultdict(list)
    for state, seconds in _stays(after):
        stays[state].append(seconds)
    now = dict(Slide.objects.order_by().values_list("state").annotate(n=Count("id")))
    return [
        StateRow(
            state=state.value,
            label=state.label,
            now=now.get(state.value, 0),
            stays=len(stays[state.value]),
            median_s=median(stays[state.value]) if stays[state.value] else None,
            longest_s=max(stays[state.value], default=None),
        )
        for state in State
        if stays[state.value] or now.get(state.value)
    ]


def _stays(after: datetime | None) -> Iterator[tuple[str, float]]:
    last: tuple[int, str, datetime] | None = None
    for slide_id, target, at in _events(after).values_list("slide_id", "target", "at").iterator():
        if last is not None and last[0] == slide_id:
            yield last[1], (at - last[2]).total_seconds()
        last = (slide_id, target, at)


def reading_load() -> list[Load]:
    return loads()


def lost_fields(slides: QuerySet[Slide]) -> int:
    """Planes that were planned for a published slide and are not in its file. The promise is 0."""
    attempt = Attempt.objects.filter(
        slide=OuterRef("slide"), number=OuterRef("attempt"), state=Attempt.State.DONE
    )
    files = VirtualSlide.objects.filter(slide__in=slides, current=True, kind=VirtualSlide.Kind.MOSAIC)
    rows = files.annotate(planned=Subquery(attempt.values("planned_planes")[:1]))
    stored = rows.values_list("planned", "fields", "channels")
    return sum(max(0, (planned or 0) - fields * channels) for planned, fields, channels in stored)
