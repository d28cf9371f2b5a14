"""The outbox: work is a row first, a message second.

`enqueue` writes a row in the caller's transaction. The relay (`ring_due`) rings a Celery worker for every
open row that is due, and again later if nobody finished it. The worker claims the row by compare-and-swap,
so a task delivered ten times runs once. Losing the whole broker costs one ring.
"""

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import Any, Protocol

import structlog
from celery import shared_task
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import OperationalError, connection
from django.db.models import F, Q
from django.utils import timezone
from django.utils.module_loading import import_string

from core.models import Job

log = structlog.get_logger(__name__)

FIRST_RING_S = 20.0
LONGEST_RING_S = 300.0


@dataclass(frozen=True)
class Terms:
    """How a task is run: how long a silent worker keeps it (s), and how often it may be tried.

    A task that `beats` itself proves that it gets on; any other is kept by a thread while its worker lives.
    """

    lease_s: float
    attempts: int
    beats: bool = False


class Bell(Protocol):
    """What the relay asks of the Celery application."""

    def send_task(self, name: str, args: Sequence[int], *, queue: str) -> object: ...


_TERMS: dict[str, Terms] = {}
_current: ContextVar["tuple[int, uuid.UUID, float] | None"] = ContextVar("nocturne_job", default=None)


def enqueue(task: str, *, queue: str = "default", delay_s: float = 0.0, **args: Any) -> Job:
    """Write the job; the relay sends it once the surrounding transaction has committed."""
    due = timezone.now() + timedelta(seconds=delay_s)
    return Job.objects.create(task=task, args=args, queue=queue, due_at=due)


def follow(*, state: str, **args: Any) -> Job | None:
    """Enqueue what `settings.PIPELINE` says follows when a slide enters this state."""
    steps: Mapping[str, str] = import_string(settings.PIPELINE)
    return enqueue(steps[state], **args) if state in steps else None


def durable(
    name: str, *, lease_s: float = 15.0, attempts: int = 5, beats: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A Celery task whose message is only the job's id: arguments, tries and outcome live in the row."""

    def decorate(work: Callable[..., None]) -> Callable[..., None]:
        _TERMS[name] = Terms(lease_s=lease_s, attempts=attempts, beats=beats)

        @shared_task(name=name)
        @wraps(work)
        def run(job_id: int) -> None:
            _run(job_id, work, _TERMS[name])

        return work

    return decorate


def _run(job_id: int, work: Callable[..., None], terms: Terms) -> None:
    job = _claim(job_id, terms)
    if job is None:
        return
    assert job.claim is not None  # noqa: S101  set by the claim above
    token = _current.set((job.pk, job.claim, terms.lease_s))
    try:
        with nullcontext() if terms.beats else _kept(job.pk, job.claim, terms.lease_s):
            work(**job.args)
    except Exception as error:  # noqa: BLE001  the worker's main loop: the row keeps what went wrong
        _missed(job, error, terms)
    else:
        _owned(job).update(done_at=timezone.now(), running_until=None, error="")
    finally:
        _current.reset(token)


def _claim(job_id: int, terms: Terms) -> Job | None:
    now, claim = timezone.now(), uuid.uuid4()
    free = Q(running_until__isnull=True) | Q(running_until__lt=now)
    won = Job.objects.filter(free, pk=job_id, done_at__isnull=True, failed_at__isnull=True).update(
        claim=claim,
        running_until=now + timedelta(seconds=terms.lease_s),
        due_at=now + timedelta(seconds=terms.lease_s + 1),
        attempts=F("attempts") + 1,
    )
    if not won:
        return None
    job = Job.objects.get(pk=job_id)
    if job.attempts > terms.attempts:
        _owned(job).update(failed_at=now, running_until=None, error=job.error or "its worker died every time")
        log.error("job_exhausted", job=job.pk, task=job.task, args=job.args, error=job.error)
        return None
    return job


def _owned(job: Job) -> Any:
    return Job.objects.filter(pk=job.pk, claim=job.claim)


def _missed(job: Job, error: Exception, terms: Terms) -> None:
    # a database that was locked, restarted or met a deadlock is well again in a moment
    retryable = bool(getattr(error, "retryable", isinstance(error, OperationalError)))
    text = f"{getattr(error, 'code', type(error).__name__)}: {error}"
    if retryable and job.attempts < terms.attempts:
        again = timezone.now() + timedelta(seconds=min(2.0**job.attempts, 60.0))
        _owned(job).update(due_at=again, running_until=None, error=text)
        log.warning("job_will_retry", job=job.pk, task=job.task, args=job.args, error=text)
    else:
        _owned(job).update(failed_at=timezone.now(), running_until=None, error=text)
        log.error("job_failed", job=job.pk, task=job.task, args=job.args, error=text, exc_info=error)


def beat() -> bool:
    """Keep the running job; False when another worker has taken it and this one must stop."""
    current = _current.get()
    return True if current is None else _prolong(*current)


def _prolong(job_id: int, claim: uuid.UUID, lease_s: float) -> bool:
    until = timezone.now() + timedelta(seconds=lease_s)
    changed = Job.objects.filter(pk=job_id, claim=claim, done_at__isnull=True).update(
        running_until=until, due_at=until + timedelta(seconds=1)
    )
    return bool(changed)


@contextmanager
def _kept(job_id: int, claim: uuid.UUID, lease_s: float) -> Iterator[None]:
    """Beat from a thread of its own: a long job needs no long lease, and the next worker no long wait."""
    ended = threading.Event()

    def keep() -> None:
        while not ended.wait(lease_s / 3):
            with suppress(DatabaseError):  # locked or away for a moment: the next beat comes in time
                _prolong(job_id, claim, lease_s)
            connection.close()

    keeper = threading.Thread(target=keep, name=f"keeper of job {job_id}", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()


def ring_due(app: Bell, *, limit: int = 200) -> int:
    """Send one message for every open job that is due; how many. kombu's error when the broker is away."""
    now = timezone.now()
    due = Job.objects.filter(done_at__isnull=True, failed_at__isnull=True, due_at__lte=now).order_by(
        "due_at"
    )[:limit]
    for job in due:
        app.send_task(job.task, args=[job.pk], queue=job.queue)
        wait = min(FIRST_RING_S * 2**job.rings, LONGEST_RING_S)
        Job.objects.filter(pk=job.pk, due_at=job.due_at).update(
            due_at=now + timedelta(seconds=wait), rings=F("rings") + 1
        )
    return len(due)


def open_jobs(task: str, **args: Any) -> bool:
    """Is such a job written and not yet ended?"""
    return Job.objects.filter(task=task, args=args, done_at__isnull=True, failed_at__isnull=True).exists()
