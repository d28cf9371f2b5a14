"""What stopped on its way into the ground is found and put right."""

from datetime import timedelta
from typing import Final

from django.utils import timezone

from core import jobs
from core.models import Job
from corpus.models import Release, ReleaseItem
from lims.states import State

BURY: Final = "corpus.bury"
TRY_AGAIN_AFTER: Final = timedelta(minutes=10)


def reconcile() -> None:
    """Asked every few seconds (config/pipeline.py). A slide is withdrawn, and something that was released of
    it is not: the job gave up, or was never written.
    """
    left = ReleaseItem.objects.filter(
        slide__state=State.WITHDRAWN, release__state=Release.State.PUBLISHED, withdrawn_at=None
    )
    for pk in left.values_list("slide", flat=True).order_by("slide").distinct():
        if not jobs.open_jobs(BURY, slide_id=pk) and not _gave_up_just_now(pk):
            jobs.enqueue(BURY, slide_id=pk)


def _gave_up_just_now(pk: int) -> bool:
    since = timezone.now() - TRY_AGAIN_AFTER
    return Job.objects.filter(task=BURY, args={"slide_id": pk}, failed_at__gt=since).exists()
