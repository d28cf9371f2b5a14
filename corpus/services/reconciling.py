"""What was withdrawn and is not buried, what may be found and is not indexed: found and put right."""

from datetime import timedelta
from itertools import islice
from typing import Final

from django.utils import timezone

from core import jobs
from core.models import Job
from corpus.models import Release, ReleaseItem
from corpus.search.indexing import unindexed
from lims.states import State

BURY: Final = "corpus.bury"
INDEX: Final = "corpus.index_slide"
LATELY: Final = timedelta(days=2)  # what is older: ./nocturne manage reindex_search
AT_ONCE: Final = 100  # slides that are indexed anew, of each look
TRY_AGAIN_AFTER: Final = timedelta(minutes=10)


def reconcile() -> None:
    """Asked every few seconds (config/pipeline.py): jobs that gave up, or were never written."""
    _bury_what_was_left()
    for slide in islice(unindexed(since=timezone.now() - LATELY), AT_ONCE):
        _ask_again(INDEX, slide.pk)


def _bury_what_was_left() -> None:
    """A slide is withdrawn, and something that was released of it is not."""
    left = ReleaseItem.objects.filter(
        slide__state=State.WITHDRAWN, release__state=Release.State.PUBLISHED, withdrawn_at=None
    )
    for pk in left.values_list("slide", flat=True).order_by("slide").distinct():
        _ask_again(BURY, pk)


def _ask_again(task: str, slide_id: int) -> None:
    since = timezone.now() - TRY_AGAIN_AFTER
    gave_up = Job.objects.filter(task=task, args={"slide_id": slide_id}, failed_at__gt=since)
    if not jobs.open_jobs(task, slide_id=slide_id) and not gave_up.exists():
        jobs.enqueue(task, slide_id=slide_id)
