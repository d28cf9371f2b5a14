"""The day as the planning sees it: readers' days, and the slides that wait for a reader."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db.models import QuerySet

from annotation import policy
from annotation.models import Agreement, Assignment, Recusal, Study
from annotation.planning import Day, Plan, Waiting, plan
from annotation.queries.loads import Load, learned, loads
from annotation.studies import agrees, is_drawn, of_this_picture, study_of
from lims.models import Slide
from lims.states import State

Purpose = Assignment.Purpose
RETURNED = Assignment.State.RETURNED
CASE = "slide__block__specimen__case"

__all__ = ["Sought", "days_of", "learned", "plan_of", "sought", "waiting_slides"]


@dataclass(frozen=True)
class Sought:
    """A slide for which a reader is sought, and for what."""

    slide: Slide
    purpose: str
    study: Study | None


def waiting_slides(case: int | None = None) -> list[Sought]:
    """Every slide that needs a first, second or third reader; of one case where it is named."""
    studies = list(Study.objects.filter(active=True))
    rows = Slide.objects.select_related("block__specimen__case").order_by("pk")
    if case is not None:
        rows = rows.filter(block__specimen__case=case)
    unread = rows.filter(state=State.DEIDENTIFIED)
    first = [Sought(slide, Purpose.FIRST, study_of(slide, studies)) for slide in unread]
    return [*first, *_seconds(rows), *_thirds(rows)]


def _seconds(rows: QuerySet[Slide]) -> Iterator[Sought]:
    """Slides with a first reader whose study has drawn them for a second."""
    standing = of_this_picture(Assignment.objects.exclude(state=RETURNED))
    have = standing.filter(purpose=Purpose.SECOND).values("slide")
    firsts = standing.filter(purpose=Purpose.FIRST, study__second_reads__gt=0).exclude(slide__in=have)
    chosen = rows.filter(state=State.ASSIGNED, pk__in=firsts.values("slide"))
    studies = {row.slide_id: row.study for row in firsts.filter(slide__in=chosen).select_related("study")}
    for slide in chosen:
        if is_drawn(slide, studies[slide.pk]):
            yield Sought(slide, Purpose.SECOND, studies[slide.pk])


def _thirds(rows: QuerySet[Slide]) -> Iterator[Sought]:
    """Slides whose two readings differ too much, and that nobody settles yet."""
    open_ones = Agreement.objects.filter(
        third=None, first__slide__in=rows.filter(state=State.ASSIGNED)
    ).select_related("first__slide__block__specimen__case", "first__study")
    for found in open_ones:
        if not agrees(found, found.first.study):
            yield Sought(found.first.slide, Purpose.THIRD, found.first.study)


def days_of(found: Iterable[Load]) -> list[Day]:
    """The planning's days; who is off the rota or may not log in has none."""
    recused: dict[int, set[int]] = defaultdict(set)
    for reader_id, case_id in Recusal.objects.values_list("reader_id", "case_id"):
        recused[reader_id].add(case_id)
    return [_day(load, frozenset(recused[load.reader.pk])) for load in found if _on_the_rota(load)]


def _on_the_rota(load: Load) -> bool:
    return load.reader.active and load.reader.user.is_active and load.reader.daily_limit > 0


def _day(load: Load, recused: frozenset[int]) -> Day:
    longest = max(map(float, load.reader.hours), default=0.0)
    return Day(
        reader=load.reader.pk,
        tissues=frozenset(load.reader.tissues),
        slides=load.limit,
        minutes=load.whole_minutes,
        listed=load.counted,
        listed_minutes=load.minutes,
        usual_slides=policy.slides_in(longest, load.reader.daily_limit),
        usual_minutes=60 * longest,
        away=load.on_leave,
        pace=load.paces,
        recused=recused,
    )


def sought(found: list[Sought]) -> list[Waiting]:
    """What waits, with who has the rest of the case and who must not have it."""
    cases = {one.slide.case.pk for one in found}
    holders, barred = _holders(cases), _barred({one.slide.pk for one in found})
    seen = _seen(cases)
    return [
        Waiting(
            slide=one.slide.pk,
            case=one.slide.case.pk,
            tissue=one.slide.case.tissue,
            received=one.slide.case.received,
            strand=one.purpose,
            priority=one.slide.case.priority,
            due=one.slide.case.due,
            holder=holders.get((one.slide.case.pk, one.purpose)),
            not_for=frozenset(barred[one.slide.pk, one.purpose] | seen[one.slide.case.pk, one.purpose]),
        )
        for one in found
    ]


def _holders(cases: set[int]) -> dict[tuple[int, str], int]:
    """(case, purpose) → who was given a slide of it last and has not given it back."""
    rows = Assignment.objects.filter(slide__block__specimen__case__in=cases).exclude(state=RETURNED)
    rows = rows.filter(purpose__in=(Purpose.FIRST, Purpose.SECOND)).order_by("pk")
    told = rows.values_list(CASE, "purpose", "reader_id")
    return {(case_id, purpose): reader_id for case_id, purpose, reader_id in told}


def _barred(slides: set[int]) -> dict[tuple[int, str], set[int]]:
    """(slide, purpose) → who gave this slide back, or knows it already from another reading or an opinion."""
    barred: dict[tuple[int, str], set[int]] = defaultdict(set)
    rows = of_this_picture(Assignment.objects.filter(slide__in=slides))
    for slide_id, purpose, state, reader_id in rows.values_list("slide_id", "purpose", "state", "reader_id"):
        for other in Purpose.values:
            if state == RETURNED or other != purpose:
                barred[slide_id, other].add(reader_id)
    return barred


def _seen(cases: set[int]) -> dict[tuple[int, str], set[int]]:
    """(case, purpose) → who reads the case in another turn: a second reader knows none of its slides."""
    seen: dict[tuple[int, str], set[int]] = defaultdict(set)
    rows = Assignment.objects.filter(slide__block__specimen__case__in=cases).exclude(state=RETURNED)
    told = rows.exclude(purpose=Purpose.OPINION).values_list(CASE, "purpose", "reader_id")
    for case_id, purpose, reader_id in told:
        for other in {Purpose.FIRST, Purpose.SECOND, Purpose.THIRD} - {purpose}:
            seen[case_id, other].add(reader_id)
    return seen


def plan_of(found: list[Sought], among: Iterable[Load] | None = None) -> Plan:
    """Who would read these slides today. (A plan's keys are slides: of a slide only one turn is sought.)"""
    return plan(days_of(loads() if among is None else among), sought(found))


def bound_to(one: Waiting, days: list[Day]) -> int | None:
    """The reader who has the rest of this case and goes on with it: on the rota, not away, not barred."""
    day = next((day for day in days if day.reader == one.holder), None)
    if day is None or one.holder in one.not_for or day.away:
        return None
    return one.holder if one.tissue in day.tissues and one.case not in day.recused else None
