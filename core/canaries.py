"""A canary sings in every queue once a minute: the worker takes work, it does not merely live."""

from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from core.models import Job

EVERY_S = 60.0
MISSES = 3
PATIENCE = timedelta(seconds=(MISSES + 0.5) * EVERY_S)


def sing(queue: str) -> None:
    """Called by the worker that has taken the canary's task."""
    cache.set(_key(queue), timezone.now().isoformat(), None)
    touch()


def touch() -> None:
    """A sign for the supervisor of this host, where there is one: this process is at work."""
    if settings.CANARY_FILE:
        Path(settings.CANARY_FILE).touch()


def last(queue: str) -> datetime | None:
    heard = cache.get(_key(queue))
    return datetime.fromisoformat(heard) if heard else None


def is_silent(queue: str, since: datetime) -> bool:
    """Whether nobody has taken work of this queue for three canaries, looked at from `since` on. A worker in
    the midst of a long job hears no canary, but keeps its job.
    """
    now = timezone.now()
    heard = max(since, last(queue) or since)
    busy = Job.objects.filter(queue=queue, running_until__gt=now)
    return now - heard > PATIENCE and not busy.exists()


def _key(queue: str) -> str:
    return f"nocturne.canary.{queue}"
