"""`./nocturne bench assignment`: ten thousand waiting slides, twenty readers, who reads what?"""

import random
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

from annotation.planning import Day, Waiting, plan
from annotation.policy import MINUTES_PER_SLIDE
from tests.bench.measure import Figure, Subject
from tests.bench.slides import Scale

TISSUES = ("breast", "prostate", "gastrointestinal", "head_neck", "pulmonary", "endocrine", "miscellaneous")
SIZES = (1, 1, 2, 3, 4, 6, 10)  # slides of a case
FIGURES = {
    "day": Figure("s, 10,000 waiting for 20 readers, limits of one day", False, {"ours": 2}),
    "all": Figure("s, 10,000 shared out to 20 readers", False, {"ours": 2}),
    "uneven": Figure("% from the lightest to the fullest day, all shared out", False, {"ours": 5}),
}
TODAY = date(2026, 11, 23)


def assignment(scale: Scale, kept: Path) -> Subject:
    """A plan of one day, in which most of them wait, and of days so long that all find a reader."""
    readers, slides = (20, 10_000) if scale.judge else (5, 500)
    days, waiting = department(readers), backlog(slides)
    roomy = [_for_all(day, slides // readers * 2) for day in days]

    def ours(folder: Path) -> Mapping[str, float]:
        began = time.perf_counter()
        plan(days, waiting)
        between = time.perf_counter()
        made = plan(roomy, waiting)
        ended = time.perf_counter()
        return {"day": between - began, "all": ended - between, "uneven": uneven(made.shares)}

    return Subject(FIGURES, ours)


def department(readers: int) -> list[Day]:
    """People with two to seven tissues and a pace of their own; the first reads everything."""
    dice = random.Random(7)
    paces = {tissue: dice.uniform(3.0, 6.0) for tissue in TISSUES}
    found = []
    for number in range(1, readers + 1):
        tissues = TISSUES if number == 1 else dice.sample(TISSUES, dice.randint(2, 7))
        speed, limit = dice.uniform(0.8, 1.25), dice.choice((100, 100, 60))
        pace = {tissue: minutes * speed * dice.uniform(0.9, 1.1) for tissue, minutes in paces.items()}
        found.append(
            Day(
                reader=number, tissues=frozenset(tissues), slides=limit, minutes=480.0, usual_slides=limit,
                usual_minutes=480.0, pace=pace,
            )
        )  # fmt: skip
    return found


def _for_all(day: Day, slides: int) -> Day:
    minutes = slides * MINUTES_PER_SLIDE * 2
    return replace(day, slides=slides, minutes=minutes, usual_slides=slides, usual_minutes=minutes)


def backlog(slides: int) -> list[Waiting]:
    dice = random.Random(11)
    found: list[Waiting] = []
    case = 0
    while len(found) < slides:
        case, tissue, priority = case + 1, dice.choice(TISSUES), dice.choice((0, 1, 2, 2, 2))
        for _ in range(min(dice.choice(SIZES), slides - len(found))):
            found.append(Waiting(len(found) + 1, case, tissue, TODAY, priority=priority))
    return found


def uneven(shares: Mapping[int, float]) -> float:
    return 100 * (max(shares.values()) - min(shares.values())) / max(shares.values())
