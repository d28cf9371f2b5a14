"""Two hands at once in the scanner room, on either database."""

import threading

import pytest

from core.models import Job
from lims.models import Slide
from lims.states import State
from microscope.messages import JobStatus
from scanning import services
from scanning.models import Attempt, Night, Snapshot
from tests.lims.making import hands, loaded, slide
from tests.lims.test_races import race
from tests.scanning.making import night_with, running_night, scanner_row
from tests.scanning.test_review import REVIEW

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_two_batches_on_one_scanner_one_begins():
    batches, scanner, tess = [loaded(slide(), name=name) for name in ("A", "B")], scanner_row(), hands()
    assert race(
        *[lambda one=one: services.start_snapshots(batch=one, scanner=scanner, actor=tess) for one in batches]
    ) == ["lost", "won"]
    assert Night.objects.count() == 1
    assert Job.objects.filter(task="scanning.snap").count() == 1


def test_of_two_starts_of_a_night_one_wins():
    night, tess = night_with(State.READY), hands()
    runs = [lambda: services.start_night(batch=Night.objects.get(pk=night.pk).batch, actor=tess)] * 2
    assert race(*runs) == ["lost", "won"]
    assert Attempt.objects.count() == 1


def test_of_two_edits_of_a_review_one_is_kept():
    night_with(State.REVIEW)
    tess, snapshot = hands(), Snapshot.objects.select_related("slide").get()
    runs = [lambda: services.save_review(snapshot=snapshot, review=REVIEW, actor=tess)] * 3
    assert race(*runs) == ["lost", "lost", "won"]
    assert Snapshot.objects.get().version == 2


def test_of_two_acceptances_one_counts():
    night_with(State.REVIEW, phase="night")
    tess = hands()
    copies = [Snapshot.objects.select_related("slide", "slot__carousel__batch").get() for _ in range(2)]
    assert race(*[lambda one=one: services.accept(snapshot=one, actor=tess) for one in copies]) == [
        "lost",
        "won",
    ]
    assert (Slide.objects.get().state, Attempt.objects.count()) == (State.READY, 1)


def test_a_scanner_is_locked_by_one_of_two():
    scanner, tess = scanner_row(), hands()
    runs = [lambda: services.lock(scanner=scanner, reason="lamp", actor=tess)] * 2
    assert race(*runs) == ["lost", "won"]


def test_two_reconcilers_at_once_queue_a_slide_once():
    night_with(State.READY, State.READY, phase="night")
    assert race(services.reconcile, services.reconcile) == ["won", "won"]
    services.reconcile()
    assert Attempt.objects.count() == 2


def test_two_scanners_drive_their_nights_at_the_same_time(scanner, service):
    """Each has a lease, a queue and a night of its own; one that waits keeps the other from nothing."""
    nights = [running_night(2, name=name, scanner=name) for name in ("one", "two")]
    both = threading.Barrier(2)
    driven: list[str] = []
    done = JobStatus(job_id="", state="done")

    def job(job_id: str) -> JobStatus:
        if len(driven) < 2:
            driven.append(job_id)
            both.wait(20)  # neither goes on before both are under way
        return done

    scanner.job = job
    assert race(*[lambda night=night: services.drive(night=night) for night in nights]) == ["won", "won"]
    assert len(set(driven)) == 2
    for night in nights:
        assert sorted(night.attempts.values_list("state", flat=True)) == ["acquired", "queued"]
