"""What was withdrawn and is not buried, what may be found and is not indexed: found and put right."""

from collections.abc import Iterable
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
AT_ONCE: Final = 100  # jobs of each look
TRY_AGAIN_AFTER: Final = timedelta(minutes=10)


def reconcile() -> None:
    """Asked every few seconds (config/pipeline.py): jobs that gave up, or were never written."""
    # A slide is withdrawn, and something that was released of it is not.
    left = ReleaseItem.objects.filter(
        slide__state=State.WITHDRAWN, release__state=Release.State.PUBLISHED, withdrawn_at=None
    )
    _ask_again(BURY, left.values_list("slide", flat=True).order_by("slide").distinct())
    _ask_again(INDEX, unindexed(since=timezone.now() - LATELY))


def _ask_again(task: str, slides: Iterable[int | None]) -> None:
    """But for those that are under way, or have just been given up."""
    wanted = list(slides)
    if not wanted:
        return
    since = timezone.now() - TRY_AGAIN_AFTER
    failed = Job.objects.filter(task=task, failed_at__gt=since).values_list("args", flat=True)
    busy = {args["slide_id"] for args in (*jobs.args_of(task), *failed)}
    for pk in islice((pk for pk in wanted if pk not in busy), AT_ONCE):
        jobs.enqueue(task, slide_id=pk)
