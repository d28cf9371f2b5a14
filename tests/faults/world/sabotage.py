"""One safeguard taken away: what this world is there to see. Each must be seen within a few nights."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from django.db.models import F
from django.utils import timezone

import config.pipeline
from core import jobs
from core.models import Job
from lims.models import Slide
from lims.services import life
from lims.states import State, Transition
from scanning.models import Attempt, Scanner
from scanning.services import collecting, driving
from scanning.services.quality import judge

Sabotage = Callable[[], AbstractContextManager[Any]]


def _claims() -> AbstractContextManager[Any]:
    """A job belongs to everybody who hears its bell."""

    def claim(job_id: int, terms: jobs.Terms) -> Job | None:
        until = timezone.now() + timedelta(seconds=terms.lease_s)
        still_open = Job.objects.filter(pk=job_id, done_at__isnull=True, failed_at__isnull=True)
        taken = still_open.update(
            claim=uuid.uuid4(), running_until=until, due_at=until, attempts=F("attempts") + 1
        )
        return Job.objects.get(pk=job_id) if taken else None

    return patch.object(jobs, "_claim", claim)


@contextmanager
def _leases() -> Iterator[None]:
    """Whoever comes drives the scanner."""

    @contextmanager
    def lease(scanner: Scanner) -> Iterator[uuid.UUID]:
        yield uuid.uuid4()

    def beat(scanner: Scanner, owner: uuid.UUID) -> None:
        jobs.beat()

    with patch.object(driving, "lease", lease), patch.object(driving, "beat", beat):
        yield


def _steps() -> AbstractContextManager[Any]:
    """A slide is moved from wherever it is."""

    def swap(slide: Slide, source: str, step: Transition, reason: str) -> None:
        failure = reason if step.target == State.FAILED else ""
        Slide.objects.filter(pk=slide.pk).update(state=step.target, failure=failure)

    return patch.object(life, "_swap", swap)


def _reconcilers() -> AbstractContextManager[Any]:
    """Nobody looks for what has stopped."""
    return patch.object(config.pipeline, "RECONCILERS", ())


def _journals() -> AbstractContextManager[Any]:
    """The journal goes before its slide is in the record."""

    def hastily(*, attempt: Attempt, path: Path) -> Any:
        collecting._forget(attempt)
        return judge(attempt=attempt, path=path)

    return patch.object(collecting, "judge", hastily)


# "acknowledged": the slide service acknowledges before it writes
SABOTAGES: dict[str, Sabotage] = {
    "": nullcontext,
    "acknowledged": nullcontext,
    "claims": _claims,
    "leases": _leases,
    "steps": _steps,
    "reconcilers": _reconcilers,
    "journals": _journals,
}
