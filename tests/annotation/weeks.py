"""Random weeks of a department, for the tests of planning: who is there, what comes in, what is read."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from annotation.planning import Day, Plan, Waiting
from annotation.policy import daily_limit
from lims.models import Tissue

MONDAY = date(2026, 11, 23)
STEPS = 500


@dataclass(frozen=True)
class Person:
    reader: int
    tissues: frozenset[str]
    limit: int
    hours: tuple[float, ...]
    leave: frozenset[int]  # days of the week
    pace: dict[str, float]
    recused: frozenset[int]

    def slides(self, weekday: int) -> int:
        return 0 if weekday in self.leave else min(self.limit, daily_limit(self.hours[weekday]))

    def day(self, weekday: int, listed: int, minutes: float) -> Day:
        longest = max(range(7), key=lambda day: self.hours[day])
        return Day(
            reader=self.reader,
            tissues=self.tissues,
            slides=self.slides(weekday),
            minutes=60 * self.hours[weekday] if weekday not in self.leave else 0.0,
            listed=listed,
            listed_minutes=minutes,
            usual_slides=min(self.limit, daily_limit(self.hours[longest])),
            usual_minutes=60 * self.hours[longest],
            away=weekday in self.leave,
            pace=self.pace,
            recused=self.recused,
        )


@dataclass(frozen=True)
class Evening:
    """One day of a week: what was asked and what the plan should answer to."""

    days: dict[int, Day]
    waiting: list[Waiting]


class Week:
    """Seven days: cases come in, some in parts; what was shared out is read, or stays on the list."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.tissue_minutes = {tissue: self.dice.uniform(3.0, 6.0) for tissue in Tissue.values}
        self.people = [self._person(number) for number in range(1, self.dice.randint(3, 8))]
        self.waiting: dict[int, Waiting] = {}
        self.open: dict[int, tuple[int, Waiting]] = {}  # slide → reader, and what it was
        self.holders: dict[int, int] = {}  # case → reader
        self.slides = self.cases = 0

    def _person(self, number: int) -> Person:
        dice, tissues, speed = self.dice, list(Tissue.values), self.dice.uniform(0.7, 1.4)
        return Person(
            reader=number,
            tissues=frozenset(tissues if number == 1 else dice.sample(tissues, dice.randint(2, 7))),
            limit=dice.choice((100, 100, 60, 25)),
            hours=tuple(dice.choice((8.0, 8.0, 6.0, 4.0, 0.0)) for _ in range(7)),
            leave=frozenset(day for day in range(7) if dice.random() < 0.1),
            pace={tissue: m * speed * dice.uniform(0.9, 1.1) for tissue, m in self.tissue_minutes.items()},
            recused=frozenset(dice.sample(range(1, 200), 8)),
        )

    def evenings(self) -> Iterator[Evening]:
        for weekday in range(7):
            self._arrive(MONDAY + timedelta(days=weekday))
            yield Evening(
                {person.reader: self._day(person, weekday) for person in self.people},
                sorted(self.waiting.values(), key=lambda one: one.slide),
            )

    def _arrive(self, today: date) -> None:
        for _ in range(self.dice.randint(5, 40)):
            self.cases += 1
            self._slides_of(self.cases, self.dice.choice(list(Tissue.values)), today)
        for case in self.dice.sample(sorted(self.holders), min(2, len(self.holders))):
            tissue = next((one.tissue for _, one in self.open.values() if one.case == case), None)
            if tissue is not None:
                self._slides_of(case, tissue, today)

    def _slides_of(self, case: int, tissue: str, today: date) -> None:
        dice = self.dice
        priority, due = dice.choice((0, 1, 2, 2, 2, 2)), today + timedelta(days=dice.randint(0, 9))
        for _ in range(dice.choice((1, 1, 1, 2, 2, 3, 4, 6, 12, 70 if dice.random() < 0.02 else 1))):
            self.slides += 1
            self.waiting[self.slides] = Waiting(
                slide=self.slides,
                case=case,
                tissue=tissue,
                received=today,
                priority=priority,
                due=due if dice.random() < 0.5 else None,
                holder=self.holders.get(case),
                not_for=frozenset({dice.randint(1, 8)} if dice.random() < 0.02 else ()),
            )

    def _day(self, person: Person, weekday: int) -> Day:
        mine = [one for reader, one in self.open.values() if reader == person.reader]
        return person.day(weekday, len(mine), sum(person.pace[one.tissue] for one in mine))

    def live(self, plan: Plan) -> None:
        """The plan comes true; by the evening most of it is read."""
        for slide, reader in plan.reads.items():
            one = self.waiting.pop(slide)
            self.open[slide] = (reader, one)
            self.holders[one.case] = reader
        for slide in [slide for slide in self.open if self.dice.random() < 0.8]:
            del self.open[slide]
        for slide, one in self.waiting.items():
            self.waiting[slide] = replace(one, holder=self.holders.get(one.case))


def lowest_peak(evening: Evening, plan: Plan, *, whole_cases: bool) -> float:
    """A bound that no sharing can beat: the lowest peak of the days when the cases that were placed may go to
    any reader who may have them. A linear programme, in which cases may be cut as small as one likes; with
    `whole_cases` the integer programme, or what its solver can prove of it in so many steps: the same on a
    busy machine as on a quiet one.
    """
    days = [day for day in evening.days.values() if day.slides > 0]
    cases = _placed(evening, plan)
    width = len(cases) * len(days) + 1
    whole, limits = np.zeros((len(cases), width)), np.zeros((2 * len(days), width))
    most, bounds = np.zeros(2 * len(days)), [(0.0, 0.0)] * (width - 1) + [(0.0, np.inf)]
    for d, day in enumerate(days):
        for c, (one, count) in enumerate(cases):
            place = c * len(days) + d
            whole[c, place] = 1
            limits[2 * d, place], limits[2 * d + 1, place] = day.minutes_for(one.tissue, count), count
            if may_read(day, one) and (not _bound(evening, plan, one) or plan.reads[one.slide] == day.reader):
                bounds[place] = (0.0, 1.0)
        limits[2 * d, -1], limits[2 * d + 1, -1] = -day.minutes, -day.slides
        most[2 * d], most[2 * d + 1] = -day.listed_minutes, -day.listed
    cost = np.zeros(width)
    cost[-1] = 1
    found = milp(
        cost,
        integrality=np.append(np.full(width - 1, int(whole_cases)), 0),
        bounds=Bounds(*np.array(bounds).T),
        constraints=[LinearConstraint(limits, ub=most), LinearConstraint(whole, 1, 1)],
        options={"node_limit": STEPS, "mip_rel_gap": 0.01},
    )
    assert found.status in {0, 1}, found.message
    return float(found.mip_dual_bound if whole_cases else found.fun)


def _bound(evening: Evening, plan: Plan, one: Waiting) -> bool:
    """Whether the case has its reader: it has begun, or it is larger than a day and was begun now."""
    return one.holder is not None or any(
        other.case == one.case and other.slide in plan.waits for other in evening.waiting
    )


def _placed(evening: Evening, plan: Plan) -> list[tuple[Waiting, int]]:
    """A slide of each case that was placed, and how many of the case were."""
    cases: dict[int, list[Waiting]] = {}
    for one in evening.waiting:
        if one.slide in plan.reads:
            cases.setdefault(one.case, []).append(one)
    return [(replace(parts[0], not_for=barred(parts)), len(parts)) for parts in cases.values()]


def barred(parts: list[Waiting]) -> frozenset[int]:
    """Who may not have a case, for one of its slides."""
    return frozenset().union(*(one.not_for for one in parts))


def may_read(day: Day, one: Waiting) -> bool:
    """The rules of who gets what, said a second time."""
    here = not day.away and day.slides > 0
    return (
        here and one.tissue in day.tissues and one.case not in day.recused and day.reader not in one.not_for
    )
