"""Which study a slide belongs to, and which readings are due to it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from annotation.models import Agreement, Assignment, Study
from annotation.policy import drawn
from lims.models import Slide, SlideEvent
from lims.states import State

Purpose = Assignment.Purpose
SUBMITTED = Assignment.State.SUBMITTED
SETTLED = frozenset({State.READ, State.RELEASED, State.WITHDRAWN, State.REJECTED})


def fits(study: Study, tissue: str, stain: str) -> bool:
    """Whether a study asks about such a slide; its stain pattern is a list of words, one of which is in the
    stain's name.
    """
    words = [word.strip().lower() for word in study.stains.split(",") if word.strip()]
    right_stain = not words or any(word in stain.lower() for word in words)
    return right_stain and (not study.tissues or tissue in study.tissues)


def study_of(slide: Slide, among: Iterable[Study] | None = None) -> Study | None:
    """The first active study, by priority, that fits; give `among` when asking for many slides."""
    studies = Study.objects.filter(active=True) if among is None else among
    return next((study for study in studies if fits(study, slide.case.tissue, slide.stain)), None)


def is_drawn(slide: Slide, study: Study | None) -> bool:
    """Whether the study wants a second, blind reading of this slide."""
    return study is not None and drawn(slide.uid, study.pk, study.second_reads)


class Step(StrEnum):
    """What a slide in reading needs next."""

    WAIT = "somebody is still reading"
    SECOND = "a second reader is to be found"
    COMPARE = "two readings are to be compared"
    THIRD = "a third reader is to be found"
    DONE = "every due reading is in"


@dataclass(frozen=True)
class Readings:
    """How far the readings of a slide are: the state of each that was not given back."""

    first: str | None = None
    second: str | None = None
    third: str | None = None
    second_due: bool = False
    agree: bool | None = None  # None until they have been compared

    @property
    def both_in(self) -> bool:
        return self.first == SUBMITTED and self.second == SUBMITTED


def next_step(found: Readings) -> Step:
    if found.second is None and found.second_due:
        return Step.SECOND
    if found.first != SUBMITTED or found.second not in {None, SUBMITTED}:
        return Step.WAIT
    if found.second is None:
        return Step.DONE
    if found.agree is None:
        return Step.COMPARE
    if found.agree or found.third == SUBMITTED:
        return Step.DONE
    return Step.THIRD if found.third is None else Step.WAIT


def of_this_picture(rows: QuerySet[Assignment]) -> QuerySet[Assignment]:
    """Those given out since the slide was scanned last: what was read or given back before was another
    picture.
    """
    scans = SlideEvent.objects.filter(slide=OuterRef("slide"), target=State.SCANNED).order_by("-id")
    known = rows.annotate(scanned_at=Subquery(scans.values("at")[:1]))
    return known.filter(Q(scanned_at=None) | Q(created_at__gte=F("scanned_at")))


def current(slide: Slide) -> dict[str, Assignment]:
    """The reading of each purpose that stands, the latest where there are several; opinions are none."""
    rows = of_this_picture(Assignment.objects.filter(slide=slide)).exclude(state=Assignment.State.RETURNED)
    rows = rows.exclude(purpose=Purpose.OPINION).select_related("reader__user", "study")
    return {row.purpose: row for row in rows.order_by("pk")}


def comparison(readings: dict[str, Assignment]) -> Agreement | None:
    pair = readings.get(Purpose.FIRST), readings.get(Purpose.SECOND)
    return Agreement.objects.filter(first=pair[0], second=pair[1]).first() if all(pair) else None


def readings_of(slide: Slide) -> Readings:
    found = current(slide)
    first = found.get(Purpose.FIRST)
    study = first.study if first else study_of(slide)
    compared = comparison(found)
    return Readings(
        **{purpose: row.state for purpose, row in found.items()},
        second_due=is_drawn(slide, study),
        agree=None if compared is None else agrees(compared, study),
    )


def agrees(compared: Agreement, study: Study | None) -> bool:
    """Whether two readings are near enough: the lower of their measures reaches what the study asks."""
    score = score_of(compared)
    return score is None or study is None or score >= study.agreement


def score_of(compared: Agreement) -> float | None:
    known = [value for value in (compared.kappa, compared.dice) if value is not None]
    return min(known, default=None)


def sealed(slide: Slide) -> bool:
    """Whether two people read this slide blindly and one of them is not done."""
    if slide.state in SETTLED:
        return False
    found = readings_of(slide)
    return (found.second_due or found.second is not None) and not found.both_in
