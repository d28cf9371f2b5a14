"""What a person decided of a report: which stretches name nobody, and which the rules have missed."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from deidentify.errors import BrokenInput, ReviewStale
from deidentify.reports.spans import Span, merged
from deidentify.reports.writing import Policy, date_written

KINDS: Final = ("NAME", "ID", "DATE", "AGE", "PLACE", "CONTACT", "OTHER")
BY_A_PERSON: Final = "a person"
_STRETCH: Final = re.compile(r"[^\n\t\v|]+")
Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Decisions:
    """``removed``: places that were found and name nobody. ``added``: (start, end, kind) of what was missed.
    Places count characters of the text whose ``basis`` this is.
    """

    basis: str
    removed: frozenset[Place] = frozenset()
    added: tuple[tuple[int, int, str], ...] = ()


def basis_of(text: str, spans: Iterable[Span]) -> str:
    """By this (64 hex digits) a review knows the text and the findings that it was made of."""
    places = ";".join(f"{span.start}-{span.end}{span.kind}" for span in spans)
    return hashlib.sha256(f"{places}\0{text}".encode()).hexdigest()


def decide(
    text: str, found: list[Span], certain: frozenset[Place], decisions: Decisions, policy: Policy
) -> list[Span]:
    """The spans that are replaced; what is ``certain`` whatever was decided.

    Raises ReviewStale where text or findings are others than those that were reviewed.
    """
    if basis_of(text, found) != decisions.basis:
        raise ReviewStale("the report or the rules have changed since it was reviewed: review it anew")
    left_in = decisions.removed - certain
    kept = [span for span in found if (span.start, span.end) not in left_in]
    return merged([*kept, *(_added(text, place, policy) for place in decisions.added)])


def _added(text: str, place: tuple[int, int, str], policy: Policy) -> Span:
    start, end, kind = place
    written = date_written(text[start:end], policy) if kind == "DATE" else ""
    return Span(start, end, kind, BY_A_PERSON, written)


def stretches(text: str, start: int, end: int) -> Iterator[Place]:
    """What a person marked, line by line and cell by cell, without the blanks around. Raises BrokenInput for
    a place outside of the text, or with nothing in it.
    """
    if not 0 <= start < end <= len(text) or not text[start:end].strip():
        raise BrokenInput("nothing is marked there")
    for match in _STRETCH.finditer(text, start, end):
        words = match.group()
        if words.strip():
            left = match.start() + len(words) - len(words.lstrip())
            yield left, left + len(words.strip())


def everywhere(text: str, words: str) -> list[Place]:
    """Where these words stand as whole words, in this spelling. Raises BrokenInput for none."""
    sought = words.strip()
    pattern = rf"(?<!\w){re.escape(sought)}(?!\w)"
    found = [match.span() for match in re.finditer(pattern, text)] if sought else []
    if not found:
        raise BrokenInput("these words do not stand in the report")
    return found
