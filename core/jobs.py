"""The outbox: work is a row first, a message second.

`enqueue` writes a row in the caller's transaction. The relay (`ring_due`) rings a Celery worker for every
open row that is due, and again later if nobody finished it. The worker claims the row by compare-and-swap,
so a task delivered ten times runs once. Losing the whole broker costs one ring.
"""

import inspect
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

from core import canaries
from core.errors import NotNow
from core.models import Job

log = structlog.get_logger(__name__)

FIRST_RING_S = 20.0
LONGEST_RING_S = 300.0
FARTHEST_S = 900.0  # nothing is asked for later than this: beyond it, the clock was set back
DIED = "its worker died every time"


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


class HandOver(NotNow):
    """This worker is to stop: the job goes on at once with the next one that hears the bell."""

    code = "handed_over"
    delay_s = 0.0


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


def beside(*, state: str, **args: Any) -> Job | None:
    """Enqueue what `settings.BESIDE` says is done beside it."""
    steps: Mapping[str, str] = import_string(settings.BESIDE)
    return enqueue(steps[state], **args) if state in steps else None


def durable(
    name: str, *, lease_s: float = 15.0, attempts: int = 5, beats: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A Celery task whose message is only the job's id: arguments, tries and outcome live in the row."""

    def decorate(work: Callable[..., None]) -> Callable[..., None]:
        _TERMS[name] = Terms(lease_s=lease_s, attempts=attempts, beats=beats)

        @shared_task(name=name)
        @wraps(work)
        def run(job_id: int, *more: object, **others: object) -> None:
            """What an older or newer program says beyond the job's id is not for us."""
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
            work(**_understood(work, job))
    except Exception as error:  # noqa: BLE001  the worker's main loop: the row keeps what went wrong
        _missed(job, error, terms)
    else:
        _owned(job).update(done_at=timezone.now(), running_until=None, error="")
    finally:
        _current.reset(token)


def _understood(work: Callable[..., None], job: Job) -> dict[str, Any]:
    """The arguments that this program knows: during a deploy a newer one may have written more."""
    known = inspect.signature(work).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in known):
        return dict(job.args)
    names = {parameter.name for parameter in known}
    unknown = sorted(set(job.args) - names)
    if unknown:
        log.warning("job_says_more", job=job.pk, task=job.task, unknown=unknown)
    return {name: value for name, value in job.args.items() if name in names}


def _claim(job_id: int, terms: Terms) -> Job | None:
    now, claim = timezone.now(), uuid.uuid4()
    # a claim that reaches further than any may was made before the clock was set back
    over = Q(running_until__lt=now) | Q(running_until__gt=now + timedelta(seconds=2 * terms.lease_s))
    free = Q(running_until__isnull=True) | over
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
        said = f"{DIED}; before that: {job.error}" if job.error else DIED
        _owned(job).update(failed_at=now, running_until=None, error=said)
        log.error("job_exhausted", job=job.pk, task=job.task, args=job.args, error=job.error)
        return None
    return job


def _owned(job: Job) -> Any:
    return Job.objects.filter(pk=job.pk, claim=job.claim)


def _missed(job: Job, error: Exception, terms: Terms) -> None:
    # a database that was locked, restarted or met a deadlock is well again in a moment
    retryable = bool(getattr(error, "retryable", isinstance(error, OperationalError)))
    text = f"{getattr(error, 'code', type(error).__name__)}: {error}"
    if isinstance(error, NotNow):
        again = timezone.now() + timedelta(seconds=error.delay_s)
        _owned(job).update(due_at=again, running_until=None, error=text, attempts=F("attempts") - 1, rings=0)
        log.info("job_not_now", job=job.pk, task=job.task, args=job.args, error=text)
    elif retryable and job.attempts < terms.attempts:
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
    canaries.touch()
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
    is_due = Q(due_at__lte=now) | Q(due_at__gt=now + timedelta(seconds=FARTHEST_S))
    due = Job.objects.filter(is_due, done_at__isnull=True, failed_at__isnull=True).order_by("due_at")
    found = list(due.values_list("pk", "task", "queue", "due_at", "rings")[:limit])
    for pk, task, queue, due_at, rings in found:
        app.send_task(task, args=[pk], queue=queue)
        wait = min(FIRST_RING_S * 2**rings, LONGEST_RING_S)
        Job.objects.filter(pk=pk, due_at=due_at).update(
            due_at=now + timedelta(seconds=wait), rings=F("rings") + 1
        )
    return len(found)


def open_jobs(task: str, **args: Any) -> bool:
    """Is such a job written and not yet ended?"""
    return Job.objects.filter(task=task, args=args, done_at__isnull=True, failed_at__isnull=True).exists()


def args_of(task: str, *, failed: bool = False) -> list[dict[str, Any]]:
    """The arguments of every job of this task that is open, or that was given up: one question for all."""
    jobs = Job.objects.filter(task=task, done_at__isnull=True, failed_at__isnull=not failed)
    return list(jobs.values_list("args", flat=True))


def died_every_time(task: str, **args: Any) -> bool:
    """Has such a job been given up because nobody lived to say what became of its last try?"""
    ended = Job.objects.filter(task=task, args=args, failed_at__isnull=False)
    return ended.filter(error__startswith=DIED).exists()
