import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from django.db import OperationalError, transaction
from django.utils import timezone

from core import jobs
from core.models import Job

pytestmark = pytest.mark.django_db


class Away(Exception):
    code = "away"
    retryable = True


@dataclass
class Bell:
    """Stands for the Celery application: keeps what was rung."""

    rung: list[tuple[str, int, str]] = field(default_factory=list)

    def send_task(self, name: str, args: Sequence[int], *, queue: str) -> None:
        self.rung.append((name, args[0], queue))


def run(work: Callable[..., None], job: Job, *, attempts: int = 3) -> Job:
    jobs._run(job.pk, work, jobs.Terms(lease_s=60, attempts=attempts))
    return Job.objects.get(pk=job.pk)


def test_it_is_written_with_the_transaction_or_not_at_all():
    with transaction.atomic():
        jobs.enqueue("t.work", slide_id=1)
        transaction.set_rollback(True)
    assert not Job.objects.exists()


def test_it_runs_once_however_often_it_is_delivered():
    job, ran = jobs.enqueue("t.work", slide_id=7), []
    for _ in range(10):
        run(lambda slide_id: ran.append(slide_id), job)
    assert ran == [7]


def test_it_is_left_alone_while_another_worker_has_it():
    job, ran = jobs.enqueue("t.work"), []
    jobs._claim(job.pk, jobs.Terms(60, 3))
    run(lambda: ran.append(1), job)
    assert ran == []


def test_it_is_taken_over_when_its_worker_fell_silent():
    job, ran = jobs.enqueue("t.work"), []
    jobs._claim(job.pk, jobs.Terms(60, 3))
    Job.objects.update(running_until=timezone.now() - timedelta(seconds=1))
    assert run(lambda: ran.append(1), job).done_at is not None
    assert ran == [1]


def test_it_tries_again_after_what_may_pass():
    job = jobs.enqueue("t.work")

    def work() -> None:
        raise Away("the scanner does not answer")

    tried = run(work, job)
    assert tried.failed_at is None
    assert tried.due_at > timezone.now()
    assert tried.error.startswith("away:")


def test_it_gives_up_after_so_many_tries():
    job = jobs.enqueue("t.work")

    def work() -> None:
        raise Away("still not")

    for _ in range(3):
        tried = run(work, job)
    assert tried.failed_at is not None
    assert tried.attempts == 3


def test_it_does_not_repeat_what_cannot_succeed():
    def work() -> None:
        raise ValueError("never")

    tried = run(work, jobs.enqueue("t.work"))
    assert (tried.failed_at is not None, tried.attempts) == (True, 1)


def test_it_is_exhausted_when_every_worker_died():
    job = jobs.enqueue("t.work")
    Job.objects.update(attempts=3, running_until=timezone.now() - timedelta(seconds=1))
    tried = run(lambda: None, job)
    assert tried.failed_at is not None
    assert "died" in tried.error


def test_its_beat_keeps_it_and_says_when_it_is_lost():
    job, heard = jobs.enqueue("t.work"), []

    def work() -> None:
        heard.append(jobs.beat())
        Job.objects.filter(pk=job.pk).update(claim="00000000-0000-0000-0000-000000000000")
        heard.append(jobs.beat())

    tried = run(work, job)
    assert heard == [True, False]
    assert tried.done_at is None


def test_its_beat_is_silent_outside_a_job():
    assert jobs.beat() is True


def test_it_rings_what_is_due_and_waits_longer_each_time():
    bell = Bell()
    job = jobs.enqueue("t.work", queue="scanner.one")
    jobs.enqueue("t.later", delay_s=60)
    assert jobs.ring_due(bell) == 1
    assert bell.rung == [("t.work", job.pk, "scanner.one")]
    assert jobs.ring_due(bell) == 0
    waits = []
    for _ in range(3):
        Job.objects.filter(pk=job.pk).update(due_at=timezone.now())
        jobs.ring_due(bell)
        waits.append((Job.objects.get(pk=job.pk).due_at - timezone.now()).total_seconds())
    assert waits == sorted(waits)
    assert waits[-1] <= jobs.LONGEST_RING_S


def test_it_survives_a_broker_that_burned():
    job = jobs.enqueue("t.work")
    jobs.ring_due(Bell())
    Job.objects.update(due_at=timezone.now())
    bell = Bell()
    jobs.ring_due(bell)
    assert bell.rung[0][1] == job.pk


def test_it_follows_the_pipeline_and_nothing_else():
    assert jobs.follow(state="scanned", slide_id=1) is not None
    assert jobs.follow(state="registered", slide_id=1) is None


def test_it_knows_its_open_jobs():
    job = jobs.enqueue("t.work", slide_id=1)
    assert jobs.open_jobs("t.work", slide_id=1)
    run(lambda slide_id: None, job)
    assert not jobs.open_jobs("t.work", slide_id=1)


@pytest.mark.django_db(transaction=True)
def test_it_keeps_a_long_job_while_its_worker_lives():
    job, seen = jobs.enqueue("t.work"), []

    def lease() -> datetime:
        until = Job.objects.get(pk=job.pk).running_until
        assert until is not None
        return until

    def work() -> None:
        began, patience = lease(), time.monotonic() + 10
        while lease() == began and time.monotonic() < patience:
            time.sleep(0.02)
        seen.append(lease() > began)

    jobs._run(job.pk, work, jobs.Terms(lease_s=0.3, attempts=3))
    assert seen == [True]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("keeper")]


def test_it_tries_again_after_a_database_that_was_away():
    def work() -> None:
        raise OperationalError("deadlock detected")

    tried = run(work, jobs.enqueue("t.work"))
    assert (tried.failed_at, tried.attempts) == (None, 1)
