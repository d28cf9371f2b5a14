"""Questions about what went out and what was kept back."""

from pathlib import Path

from django.db.models import QuerySet

from core.errors import Unavailable
from deidentify.errors import DeidentifyError
from deidentify.files import text_of
from deidentify.models import DeidentifiedReport, DeidentifiedSlide, State
from lims.models import Report


def slides(*, state: str = "") -> QuerySet[DeidentifiedSlide]:
    rows = DeidentifiedSlide.objects.select_related("slide")
    return rows.filter(state=state) if state else rows


def reports(*, state: str = "") -> QuerySet[DeidentifiedReport]:
    rows = DeidentifiedReport.objects.select_related("case")
    return rows.filter(state=state) if state else rows


def passed_slide(slide_id: int) -> DeidentifiedSlide | None:
    """The newest clean file of a slide: what a release may take."""
    return DeidentifiedSlide.objects.filter(slide_id=slide_id, state=State.PASSED).first()


def passed_report(case_id: int) -> DeidentifiedReport | None:
    """The newest clean report of a case."""
    return DeidentifiedReport.objects.filter(case_id=case_id, state=State.PASSED).first()


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


def counts() -> dict[str, dict[str, int]]:
    """Items by kind and state."""
    return {
        "slides": {state.value: slides(state=state).count() for state in State},
        "reports": {state.value: reports(state=state).count() for state in State},
    }
