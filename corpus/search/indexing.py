"""What a slide can be found by: the clean report of its case, and what its readers signed."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from annotation.queries import signed_off
from corpus.models import SearchDocument
from deidentify.files import text_of
from deidentify.models import DeidentifiedReport
from deidentify.models import State as Passage
from deidentify.queries import passed_report
from deidentify.reports.text import clean_text
from deidentify.services import known_values
from lims.models import Slide
from lims.states import State

FINDABLE: Final = (State.DEIDENTIFIED, State.ASSIGNED, State.READ, State.RELEASED)
READ: Final = (State.READ, State.RELEASED)  # before, a second reader could look up what the first one drew
MOST_TEXT: Final = 200_000  # characters; PostgreSQL takes no more than 1 MB of words


@transaction.atomic
def index(*, slide: Slide) -> SearchDocument | None:
    """Write down what the slide can be found by now. None for one that nobody may find: it is forgotten.

    Raises DeidentifyError for a clean report that cannot be read.
    """
    if slide.state not in FINDABLE:
        forget(slide=slide)
        return None
    report = passed_report(slide.case.pk)
    words = {
        "report": text_of(report.file)[:MOST_TEXT] if report else "",
        "drawn": "\n".join(_drawn(slide))[:MOST_TEXT] if slide.state in READ else "",
        "of_report": report.sha256 if report else "",
        "indexed_at": timezone.now(),
    }
    document, _ = SearchDocument.objects.update_or_create(slide=slide, defaults=words)
    return document


def forget(*, slide: Slide) -> None:
    SearchDocument.objects.filter(slide=slide).delete()


def unindexed(*, since: datetime) -> Iterator[int]:
    """Keys of slides that may be found since then and are not, and of those whose case has another clean
    report.
    """
    known = SearchDocument.objects.filter(slide=OuterRef("pk"))
    fresh = Slide.objects.filter(~Exists(known), state__in=FINDABLE, state_since__gte=since)
    yield from fresh.values_list("pk", flat=True).order_by("pk")
    newer = DeidentifiedReport.objects.filter(
        case=OuterRef("case"), state=Passage.PASSED, pk__gt=OuterRef("pk")
    )
    reports = DeidentifiedReport.objects.filter(~Exists(newer), state=Passage.PASSED, changed_at__gte=since)
    stale = SearchDocument.objects.filter(
        Exists(
            reports.filter(case=OuterRef("slide__block__specimen__case")).exclude(
                sha256=OuterRef("of_report")
            )
        )
    )
    yield from stale.values_list("slide", flat=True).order_by("slide")


def _drawn(slide: Slide) -> Iterator[str]:
    """Labels come from a vocabulary; a comment is a person's own words, and is made clean as a report is."""
    known = known_values(slide.case)
    rows = signed_off(slide).values_list("label", "comment").order_by("label", "comment").distinct()
    for label, comment in rows:
        yield from filter(None, (label, clean_text(comment, known).text if comment else ""))
