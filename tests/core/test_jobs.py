import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from celery import current_app
from django.db import OperationalError, transaction
from django.utils import timezone

from core import jobs
from core.errors import NotNow
from core.leaving import leave, leaving, stay
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


def test_what_is_done_beside_it_is_a_job_of_its_own():
    assert jobs.beside(state="withdrawn", slide_id=1) is not None
    assert jobs.beside(state="scanned", slide_id=1) is None


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


class NotYet(NotNow):
    delay_s = 30.0


def test_what_is_not_possible_now_comes_again_and_is_not_counted():
    def waits() -> None:
        raise NotYet("the instrument is away")

    job = jobs.enqueue("t.work")
    for _ in range(10):
        job = run(waits, job, attempts=3)
    assert (job.attempts, job.failed_at, job.running_until) == (0, None, None)
    assert 25 < (job.due_at - timezone.now()).total_seconds() <= 30
    assert "away" in job.error


def test_a_job_that_is_handed_over_rings_at_once():
    def hands_over() -> None:
        raise jobs.HandOver("the worker is being stopped")

    bell, job = Bell(), run(hands_over, jobs.enqueue("t.work"))
    assert (jobs.ring_due(bell), job.attempts) == (1, 0)


def test_it_takes_what_a_newer_program_has_written_and_leaves_what_it_does_not_know():
    """F28: an old worker while new code writes the jobs."""
    said: list[int] = []
    job = run(lambda slide_id: said.append(slide_id), jobs.enqueue("t.work", slide_id=7, colour="red"))
    assert (said, job.done_at is None) == ([7], False)


def test_a_message_that_says_more_than_the_jobs_id_is_understood():
    said: list[int] = []

    @jobs.durable("t.talkative")
    def talkative() -> None:
        said.append(1)

    task = current_app.tasks["t.talkative"]
    task(jobs.enqueue("t.talkative").pk, "more", since="a newer release")
    assert said == [1]


def test_every_child_of_a_pool_hears_that_its_worker_is_being_stopped():
    pid = os.fork()
    if pid == 0:
        until = time.monotonic() + 10
        while not leaving() and time.monotonic() < until:
            time.sleep(0.01)
        os._exit(0 if leaving() else 1)
    leave()
    try:
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    finally:
        stay()


def test_a_clock_that_was_set_back_holds_up_no_job():
    """F26: both the row's claim and its next ring lie an hour ahead."""
    ahead, said, bell = timezone.now() + timedelta(hours=1), [], Bell()
    job = jobs.enqueue("t.work")
    Job.objects.update(running_until=ahead, due_at=ahead)
    assert (jobs.ring_due(bell), jobs.ring_due(bell)) == (1, 0)
    run(lambda: said.append(1), job)
    assert said == [1]
