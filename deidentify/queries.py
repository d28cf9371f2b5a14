"""Questions about what went out and what was kept back."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Exists, OuterRef, QuerySet

from core.errors import Unavailable
from deidentify.errors import DeidentifyError
from deidentify.files import text_of
from deidentify.models import DeidentifiedReport, DeidentifiedSlide, ReportReview, State
from lims.models import Report


def slides(*, state: str = "") -> QuerySet[DeidentifiedSlide]:
    rows = DeidentifiedSlide.objects.select_related("slide")
    return rows.filter(state=state) if state else rows


def reports(*, state: str = "") -> QuerySet[DeidentifiedReport]:
    rows = DeidentifiedReport.objects.select_related("case")
    return rows.filter(state=state) if state else rows


def passed_slide(slide_id: int) -> DeidentifiedSlide | None:
    """The clean file of a slide's newest scan: what a release may take. None while it is being made anew, for
    what came before shows what somebody has covered since.
    """
    newest = DeidentifiedSlide.objects.filter(slide_id=slide_id).first()
    return newest if newest and newest.state == State.PASSED else None


def passed_report(case_id: int) -> DeidentifiedReport | None:
    """The newest clean report of a case."""
    return DeidentifiedReport.objects.filter(case_id=case_id, state=State.PASSED).first()


def releasable_report(case_id: int) -> DeidentifiedReport | None:
    """The newest clean report of a case where it may leave: two people have signed it and it is made as they
    decided, unless REPORT_REVIEW is machine. Raises ImproperlyConfigured for other words.
    """
    if settings.REPORT_REVIEW not in ("signed", "machine"):
        raise ImproperlyConfigured(f"REPORT_REVIEW is signed or machine, not {settings.REPORT_REVIEW!r}")
    report = passed_report(case_id)
    if report is None or settings.REPORT_REVIEW == "machine":
        return report
    signed = ReportReview.objects.filter(report=report, state=ReportReview.State.SIGNED, made=True)
    return report if signed.exists() else None


def to_review(*, state: str = "") -> QuerySet[DeidentifiedReport]:
    """Clean reports that wait for people, the oldest first: the newest of each case, not withdrawn. `state`:
    new, open or reviewed; signed ones only where they are asked for.
    """
    newer = DeidentifiedReport.objects.filter(
        case=OuterRef("case"), pk__gt=OuterRef("pk"), state=State.PASSED
    )
    rows = (
        DeidentifiedReport.objects.filter(~Exists(newer), state=State.PASSED)
        .select_related("case", "review__reviewed_by", "review__signed_by")
        .order_by("created_at", "pk")
    )
    if state == "new":
        return rows.filter(review=None)
    return rows.filter(review__state=state) if state else rows.exclude(review__state="signed")


def told_in_report(case_id: int, *, named: bool) -> str | None:
    """What the report of a case says: as it was written (`named`), or as the gate let it pass. None where
    there is none, or none has passed yet.
    """
    if named:
        report = Report.objects.filter(case_id=case_id).first()
        source = Path(report.file.path) if report else None
    else:
        clean = passed_report(case_id)
        source = clean.file if clean else None
    try:
        return text_of(source) if source else None
    except DeidentifyError as error:
        raise Unavailable("The report is recorded, but its text cannot be read.") from error


def counts() -> dict[str, Any]:
    """Items by kind and state, and the reports that wait for people."""
    return {
        "slides": {state.value: slides(state=state).count() for state in State},
        "reports": {state.value: reports(state=state).count() for state in State},
        "to_review": to_review().count(),
    }
