"""Who reads what today. Pure: days, waiting slides in; a plan out. No database and no clock.

The order is priority, due date, age. A case goes to one reader or waits. What is placed in this plan is then
moved between readers until their days are equally full, as far as limits and tissues allow.
"""

from annotation.planning.balancing import even_out
from annotation.planning.desks import Desk
from annotation.planning.model import Day, Plan, Waiting, Why
from annotation.planning.placing import place_all

__all__ = ["Day", "Desk", "Plan", "Waiting", "Why", "plan"]


def plan(days: list[Day], waiting: list[Waiting]) -> Plan:
    """Share out as much of what waits as the days hold. The same question has always the same answer."""
    desks = {day.reader: Desk(day) for day in sorted(days, key=lambda day: day.reader)}
    waits = place_all(desks, waiting)
    even_out(list(desks.values()))
    while again := _once_more(desks, waiting, waits):  # evening out may have made room
        waits |= again
        even_out(list(desks.values()))
    reads = {slide: reader for reader, desk in desks.items() for slide in desk.slides()}
    return Plan(
        reads,
        {slide: why for slide, why in waits.items() if slide not in reads},
        {reader: desk.share for reader, desk in desks.items()},
    )


def _once_more(desks: dict[int, Desk], waiting: list[Waiting], waits: dict[int, Why]) -> dict[int, Why]:
    """Try again what found every day full; empty when still nothing fits."""
    full = [one for one in waiting if waits.get(one.slide) == Why.FULL]
    still = place_all(desks, full)
    return {one.slide: still.get(one.slide, Why.HOLDER) for one in full} if len(still) < len(full) else {}
