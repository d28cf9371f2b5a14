"""Puts a slide back on its way whose follow-up was never written, or gave up long ago."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django.utils.module_loading import import_string

from core import jobs
from core.models import Job
from lims.models import Slide

GRACE = timedelta(seconds=30)
TRY_AGAIN_AFTER = timedelta(minutes=10)


def reconcile() -> None:
    steps: Mapping[str, str] = import_string(settings.PIPELINE)
    now = timezone.now()
    for state, task in steps.items():
        under_way = {args["slide_id"] for args in jobs.args_of(task)}
        waiting = Slide.objects.filter(state=state, state_since__lt=now - GRACE)
        for pk in waiting.values_list("pk", flat=True):
            if pk not in under_way and not _ended_just_now(task, pk, since=now - TRY_AGAIN_AFTER):
                jobs.follow(state=state, slide_id=pk)


def _ended_just_now(task: str, pk: int, since: datetime) -> bool:
    """It failed, or was done and left the slide where it is, for a person to look at: so it would again."""
    ended = Q(failed_at__gt=since) | Q(done_at__gt=since)
    return Job.objects.filter(ended, task=task, args={"slide_id": pk}).exists()
