"""Questions about what went out and what was kept back."""

from django.db.models import QuerySet

from deidentify.models import DeidentifiedReport, DeidentifiedSlide, State


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


def counts() -> dict[str, dict[str, int]]:
    """Items by kind and state."""
    return {
        "slides": {state.value: slides(state=state).count() for state in State},
        "reports": {state.value: reports(state=state).count() for state in State},
    }
