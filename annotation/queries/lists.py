"""Who has what to read, what waits, and who could be asked."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from annotation.models import Assignment, Reader
from annotation.planning import Why, plan
from annotation.queries.days import Sought, bound_to, days_of, plan_of, sought, waiting_slides
from annotation.queries.loads import LISTED, OPEN, Load, loads, start_of_today
from core.models import User
from lims.models import Case, Slide, Tissue

Purpose = Assignment.Purpose
_ORDER = (
    "slide__block__specimen__case__priority",
    "due",
    "slide__block__specimen__case__received",
    "slide__block__specimen__case_id",
    "slide__barcode",
)


def worklist(user: User) -> QuerySet[Assignment]:
    """What this person has to read: the most urgent case first, the slides of one case together."""
    return (
        Assignment.objects.filter(LISTED, reader__user=user, state=OPEN)
        .select_related("slide__block__specimen__case", "reader__user", "asked_by", "study")
        .annotate(drawn=Count("annotations", filter=Q(annotations__deleted=False)))
        .order_by(*_ORDER)
    )


def next_for(user: User, after: Assignment) -> Assignment | None:
    return worklist(user).exclude(pk=after.pk).first()


def ended_today(user: User) -> QuerySet[Assignment]:
    return (
        Assignment.objects.filter(reader__user=user, ended_at__gte=start_of_today())
        .select_related("slide__block__specimen__case")
        .order_by("-ended_at")
    )


def open_assignments() -> QuerySet[Assignment]:
    return (
        Assignment.objects.filter(LISTED, state=OPEN)
        .select_related("slide__block__specimen__case", "reader__user")
        .order_by("reader", *_ORDER)
    )


def opinions_on(slide: Slide, user: User) -> QuerySet[Assignment]:
    """What this person asked colleagues about a slide, with the answers."""
    rows = Assignment.objects.filter(slide=slide, purpose=Purpose.OPINION, asked_by=user)
    return rows.select_related("reader__user").order_by("pk")


def answers_for(user: User) -> QuerySet[Assignment]:
    """Opinions that were asked by this person and answered today."""
    rows = Assignment.objects.filter(purpose=Purpose.OPINION, asked_by=user, state=Assignment.State.SUBMITTED)
    return rows.filter(ended_at__gte=start_of_today()).select_related("reader__user", "slide")


@dataclass(frozen=True)
class WaitingCase:
    """The slides of one case that wait for the same turn, and why they do."""

    case: Case
    purpose: str
    slides: list[Slide]
    why: str

    @property
    def first(self) -> Slide:
        return self.slides[0]

    @property
    def turn(self) -> str:
        return Purpose(self.purpose).label

    @property
    def late(self) -> bool:
        return self.case.due is not None and self.case.due < timezone.localdate()


def waiting(found: list[Load] | None = None) -> list[WaitingCase]:
    """What is on nobody's list, the most urgent case first, with the reason in words."""
    rows = waiting_slides()
    whys = plan_of(rows, loads() if found is None else found).waits if rows else {}
    return _cases(rows, {slide: _words(why, rows, slide) for slide, why in whys.items()})


def _words(why: Why, rows: list[Sought], slide: int) -> str:
    tissue = next(row.slide.case.tissue for row in rows if row.slide.pk == slide)
    return why.value.format(tissue=Tissue(tissue).label.lower())


def _cases(rows: list[Sought], words: dict[int, str]) -> list[WaitingCase]:
    groups: dict[tuple[int, str], list[Slide]] = defaultdict(list)
    for row in rows:
        groups[row.slide.case.pk, row.purpose].append(row.slide)
    made = [
        WaitingCase(slides[0].case, purpose, slides, words.get(slides[0].pk, "about to be shared out"))
        for (_, purpose), slides in groups.items()
    ]
    return sorted(made, key=_urgency)


def _urgency(one: WaitingCase) -> tuple[int, date, date, int]:
    return one.case.priority, one.case.due or date.max, one.case.received, one.case.pk


def takeable(reader: Reader) -> list[WaitingCase]:
    """What waits and this person could take now: of their tissues, within the limits of their day. Of a blind
    second reading it is not said that it is one.
    """
    everybody = loads()
    mine, days = [load for load in everybody if load.reader.pk == reader.pk], days_of(everybody)
    rows = [row for row in waiting_slides() if row.slide.case.tissue in reader.tissues]
    found = []
    for one in _cases(rows, {}):
        slides = {slide.pk for slide in one.slides}
        chosen = sought([row for row in rows if row.slide.pk in slides and row.purpose == one.purpose])
        mine_or_free = bound_to(chosen[0], days) in {None, reader.pk}
        if mine_or_free and plan(days_of(mine), chosen).reads:
            found.append(one)
    return found


def colleagues_for(assignment: Assignment, slides: list[Slide]) -> list[Load]:
    """Who could have these slides of one case instead: able, here today, with room, strangers to them."""
    rows = sought([Sought(slide, assignment.purpose, assignment.study) for slide in slides])
    barred = frozenset().union(*(row.not_for for row in rows))
    found = _able(assignment.slide.case, len(slides))
    return [load for load in found if load.reader.pk not in barred | {assignment.reader_id}]


def askable(assignment: Assignment) -> list[Load]:
    """Who may be asked about a slide: those who could read it and know it from no turn of their own."""
    barred = set(Assignment.objects.filter(slide=assignment.slide).values_list("reader_id", flat=True))
    waiting = sought([Sought(assignment.slide, assignment.purpose, assignment.study)])[0]
    found = _able(assignment.slide.case, 1)
    return [load for load in found if load.reader.pk not in barred | waiting.not_for | {assignment.reader_id}]


def _able(case: Case, slides: int) -> list[Load]:
    found = loads()
    days = {
        day.reader: day
        for day in days_of(found)
        if case.tissue in day.tissues and case.pk not in day.recused and not day.away
    }
    return [load for load in found if load.reader.pk in days and load.room >= slides]
