"""A review as it is seen: the text with the names on the left, the text as it would leave on the right."""

from collections.abc import Iterator
from dataclasses import dataclass

from deidentify.models import ReportReview
from deidentify.reports.deciding import BY_A_PERSON, Place, decide
from deidentify.reports.making import Found
from deidentify.reports.spans import Span
from deidentify.reports.text import replacements
from deidentify.reports.writing import Policy
from deidentify.reviewing import decisions_of


@dataclass(frozen=True, slots=True)
class Mark:
    """One finding or addition, and what was decided of it: certain, waiting, accepted, removed or added."""

    number: int
    start: int
    end: int
    words: str
    kind: str
    rule: str
    fate: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of either text: plain words, or a mark's."""

    words: str
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    marks: list[Mark]
    source: list[Piece]
    clean: list[Piece]

    @property
    def waiting(self) -> int:
        return sum(mark.fate == "waiting" for mark in self.marks)

    @property
    def decided(self) -> int:
        return len(self.marks) - self.waiting


def sheet(review: ReportReview, found: Found, policy: Policy) -> Sheet:
    """Raises ReviewStale where a signed review is of another text."""
    decisions = decisions_of(review)
    written = decide(found.text, list(found.spans), found.certain, decisions, policy)
    accepted = {(start, end) for start, end in review.accepted}
    all_marks = [
        *(
            _mark(found.text, span, _fate(span, found.certain, accepted, decisions.removed))
            for span in found.spans
        ),
        *(
            _mark(found.text, Span(start, end, kind, BY_A_PERSON), "added")
            for start, end, kind in decisions.added
        ),
    ]
    marks = [Mark(number, *fields) for number, fields in enumerate(sorted(all_marks), start=1)]
    return Sheet(marks, list(_source(found.text, marks)), list(_clean(found, written, marks, policy)))


def _fate(span: Span, certain: frozenset[Place], accepted: set[Place], removed: frozenset[Place]) -> str:
    place = (span.start, span.end)
    if place in certain:
        return "certain"
    return "removed" if place in removed else "accepted" if place in accepted else "waiting"


def _mark(text: str, span: Span, fate: str) -> tuple[int, int, str, str, str, str]:
    return span.start, span.end, text[span.start : span.end], span.kind, span.rule, fate


def _source(text: str, marks: list[Mark]) -> Iterator[Piece]:
    at = 0
    for mark in marks:
        start = max(at, mark.start)  # what was added may lie over what was removed
        yield Piece(text[at:start])
        yield Piece(text[start : mark.end], mark)
        at = max(at, mark.end)
    yield Piece(text[at:])


def _clean(found: Found, spans: list[Span], marks: list[Mark], policy: Policy) -> Iterator[Piece]:
    numbered = {mark.start: mark for mark in marks if mark.fate != "removed"}
    at = 0
    for span, words in zip(spans, replacements(found.text, spans, found.known, policy), strict=True):
        yield Piece(found.text[at : span.start])
        yield Piece(words, numbered.get(span.start))
        at = span.end
    yield Piece(found.text[at:])
