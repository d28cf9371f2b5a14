"""How alone a patient stands in the corpus: people are counted by what a reader of it can know of them. Pure.

A cell is the people who share tissue category, sex, ten years of age and year. A cell of few is small, and so
is what a new release adds to a large one: who has both releases sees the difference. (Sweeney, "k-anonymity",
2002, doi:10.1142/S0218488502001648.) Coarser steps say how far one would have to generalise.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

STEPS: Final = (
    ("tissue", "sex", "age", "year"),
    ("tissue", "sex", "age"),
    ("tissue", "sex"),
    ("tissue",),
)
TOP_AGE: Final = 90  # HIPAA: from here on ages are one group
MOST_LISTED: Final = 200


@dataclass(frozen=True, slots=True)
class Person:
    """One patient in one cell; `known` tells the same person again and is never written down."""

    known: object
    tissue: str
    sex: str
    age: str
    year: str


def age_band(age: int | None) -> str:
    """Ten years, from 90 on all in one; "?" where it is not known."""
    if age is None or age < 0:
        return "?"
    return f"{TOP_AGE}+" if age >= TOP_AGE else f"{age // 10 * 10}-{age // 10 * 10 + 9}"


def judge(new: Iterable[Person], former: Iterable[Person], k: int) -> dict[str, Any]:
    """{"k": k, "steps": [{"by": […], "cells": n, "small": [{"cell": […], "people": n, "new": n}]}]}, the
    finest first. Cells of former releases to which nothing is added are left out: they left long ago.
    """
    newcomers, before = list(new), list(former)
    return {"k": k, "steps": [_step(by, newcomers, before, k) for by in STEPS]}


def _step(by: tuple[str, ...], new: Iterable[Person], former: Iterable[Person], k: int) -> dict[str, Any]:
    old, added = _cells(by, former), _cells(by, new)
    rows = []
    for cell, people in sorted(added.items()):
        newly = people - old.get(cell, set())
        whole = len(people | old.get(cell, set()))
        if whole < k or 0 < len(newly) < k:
            rows.append({"cell": list(cell), "people": whole, "new": len(newly)})
    return {"by": list(by), "cells": len(added), "small": len(rows), "listed": rows[:MOST_LISTED]}


def _cells(by: Collection[str], people: Iterable[Person]) -> dict[tuple[str, ...], set[object]]:
    found: dict[tuple[str, ...], set[object]] = defaultdict(set)
    for person in people:
        found[tuple(getattr(person, name) for name in by)].add(person.known)
    return found


def small(judged: dict[str, Any]) -> int:
    """Small cells at the finest step: what a release is held for."""
    return int(judged["steps"][0]["small"]) if judged.get("steps") else 0
