"""Puts a slide back on its way whose follow-up was never written, or gave up long ago."""

from collections.abc import Mapping
from datetime import timedelta

from django.conf import settings
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
        for slide in Slide.objects.filter(state=state, state_since__lt=now - GRACE):
            if not _under_way(task, slide, since=now - TRY_AGAIN_AFTER):
                jobs.follow(state=state, slide_id=slide.pk)


def _under_way(task: str, slide: Slide, since: object) -> bool:
    """Open, or ended in failure so recently that trying again now would only fail again."""
    if jobs.open_jobs(task, slide_id=slide.pk):
        return True
    return Job.objects.filter(task=task, args={"slide_id": slide.pk}, failed_at__gt=since).exists()
