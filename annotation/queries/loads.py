"""How full the readers' days are, in slides and in minutes."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from django.core.cache import cache
from django.db.models import Count, Prefetch, Q, QuerySet, Sum
from django.utils import timezone

from annotation import policy
from annotation.models import Assignment, Leave, Reader
from lims.states import State

OPEN = Assignment.State.OPEN
Purpose = Assignment.Purpose
KEEP_PACES_S = 300
_READING = (State.ASSIGNED, State.DEIDENTIFIED)  # a first reader may be sought while a second one reads
LISTED = (
    Q(purpose=Purpose.FIRST, slide__state=State.ASSIGNED)
    | Q(purpose__in=(Purpose.SECOND, Purpose.THIRD), slide__state__in=_READING)
    | Q(purpose=Purpose.OPINION, slide__state__in=(*_READING, State.READ, State.RELEASED))
)

Paces = tuple[float, dict[tuple[int, str], float]]


def start_of_today() -> datetime:
    return timezone.make_aware(datetime.combine(timezone.localdate(), time.min))


def counted() -> QuerySet[Assignment]:
    """What fills a reader's day: everything still to read, and everything looked at and ended today."""
    seen_today = Q(ended_at__gte=start_of_today(), opened_at__isnull=False)
    return Assignment.objects.filter((Q(state=OPEN) & LISTED) | seen_today)


@dataclass
class Load:
    """How full one reader's day is. `paces` are the minutes that a slide of each tissue takes this person."""

    reader: Reader
    hours: float
    on_leave: bool
    paces: dict[str, float] = field(default_factory=dict)
    pace: float = policy.MINUTES_PER_SLIDE
    open: int = 0
    done: int = 0
    counted: int = 0
    minutes: float = 0.0
    minutes_left: float = 0.0  # of what is still to read

    @property
    def limit(self) -> int:
        """The slides of this day: fewer than the person's limit on a short day, none on leave."""
        return policy.slides_in(self.hours, self.reader.daily_limit)

    @property
    def whole_minutes(self) -> float:
        return 60 * self.hours

    @property
    def room(self) -> int:
        free = (self.whole_minutes - self.minutes + 1e-6) / self.pace
        return max(0, min(self.limit - self.counted, int(free)))

    @property
    def minutes_shown(self) -> int:
        return round(self.minutes)

    def minutes_for(self, tissue: str) -> float:
        return self.paces.get(tissue, self.pace)


def hours_on(reader: Reader, day: date) -> float:
    """The hours that this person reads on a day, by the weekly pattern; leave is not asked."""
    hours = reader.hours
    return float(hours[day.weekday()]) if len(hours) == 7 else 0.0


def loads(readers: Iterable[int] | None = None, day: date | None = None) -> list[Load]:
    """Everybody's load, or that of these readers."""
    day = day or timezone.localdate()
    rows = Reader.objects.select_related("user").prefetch_related(
        Prefetch("leave", Leave.objects.filter(first__lte=day, last__gte=day), to_attr="leave_now")
    )
    if readers is not None:
        rows = rows.filter(pk__in=list(readers))
    overall, paces = learned()
    found: dict[int, Load] = {}
    for reader in rows:
        on_leave = bool(vars(reader)["leave_now"])
        hours = 0.0 if on_leave else hours_on(reader, day)
        own = {one: paces.get((reader.pk, one), paces.get((0, one), overall)) for one in reader.tissues}
        found[reader.pk] = Load(reader, hours, on_leave, own, overall)
    _count(found)
    return list(found.values())


def load_of(reader: Reader) -> Load:
    return loads([reader.pk])[0]


def _count(found: dict[int, Load]) -> None:
    rows = (
        counted()
        .filter(reader__in=list(found))
        .values_list("reader_id", "state", "minutes", "slide__block__specimen__case__tissue")
    )
    for reader_id, state, minutes, tissue in rows:
        load = found[reader_id]
        expected = load.minutes_for(tissue)
        load.counted += 1
        load.minutes += expected if minutes is None else minutes
        if state == OPEN:
            load.open += 1
            load.minutes_left += expected
        elif state == Assignment.State.SUBMITTED:
            load.done += 1
    unseen = Assignment.objects.filter(reader__in=list(found), ended_at__gte=start_of_today(), opened_at=None)
    unseen = unseen.filter(state=Assignment.State.SUBMITTED)
    for reader_id in unseen.values_list("reader_id", flat=True):
        found[reader_id].done += 1


def learned() -> Paces:
    """Minutes a slide of everybody, and by (reader, tissue), as `policy.paces` says. Kept for a while."""
    known: Paces | None = cache.get("annotation.paces")
    if known is None:
        known = policy.paces(_measured())
        cache.set("annotation.paces", known, KEEP_PACES_S)
    return known


def _measured() -> dict[tuple[int, str], tuple[float, int]]:
    since = timezone.now() - timedelta(days=policy.LEARN_DAYS)
    rows = (
        Assignment.objects.filter(state=Assignment.State.SUBMITTED, ended_at__gte=since)
        .exclude(purpose=Purpose.OPINION)
        .exclude(minutes=None)
        .order_by()
        .values_list("reader_id", "slide__block__specimen__case__tissue")
        .annotate(total=Sum("minutes"), n=Count("id"))
    )
    sums: dict[tuple[int, str], tuple[float, int]] = defaultdict(lambda: (0.0, 0))
    for reader_id, tissue, total, count in rows:
        sums[reader_id, tissue] = (float(total), count)
    return dict(sums)
