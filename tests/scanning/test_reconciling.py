"""Every way in which a night can stop, and that one look puts it right."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core import jobs, tasks
from core.errors import Conflict, Unavailable
from core.models import Job
from lims.models import Batch, Carousel, Slide, Slot
from lims.states import State
from scanning import services
from scanning.models import Attempt, Night, Scanner
from scanning.services import reconciling
from tests.scanning.making import attempt_of, night_with, running_night, slots_of

pytestmark = pytest.mark.django_db


def open_tasks() -> list[str]:
    return sorted(Job.objects.filter(done_at=None, failed_at=None).values_list("task", flat=True))


def test_all_well_changes_nothing():
    running_night(2)
    before = open_tasks()
    services.reconcile()
    services.reconcile()
    assert open_tasks() == before == ["scanning.drive"]


def test_a_snapshot_job_that_was_never_written_is_written():
    night_with(State.LOADED, State.LOADED, State.SNAPPED, phase=Batch.Phase.SNAPSHOTS)
    services.reconcile()
    services.reconcile()
    assert open_tasks() == ["scanning.snap", "scanning.snap"]


def test_a_snapshot_that_was_given_up_fails_the_slide_and_the_phase_ends():
    night = night_with(State.LOADED, phase=Batch.Phase.SNAPSHOTS)
    slot = slots_of(night)[0]
    Job.objects.create(
        task="scanning.snap", args={"slot_id": slot.pk}, failed_at=timezone.now(), error="Timeout: silent"
    )
    services.reconcile()
    slide = Slide.objects.get()
    assert (slide.state, slide.failure) == (State.FAILED, "attempts_exhausted")
    assert slide.events.latest("pk").note == "Timeout: silent"
    assert Batch.objects.get().phase == Batch.Phase.REVIEW


def test_a_phase_whose_last_worker_died_after_its_work_ends():
    night_with(State.SNAPPED, State.REVIEW, phase=Batch.Phase.SNAPSHOTS)
    services.reconcile()
    assert Batch.objects.get().phase == Batch.Phase.REVIEW


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_bell_that_was_lost_rings_again(state):
    running_night()
    Attempt.objects.update(state=state)
    Job.objects.all().delete()
    services.reconcile()
    assert open_tasks() == ["scanning.drive"]


def test_a_bell_whose_job_failed_for_good_rings_again():
    running_night()
    Job.objects.update(failed_at=timezone.now())
    services.reconcile()
    assert open_tasks() == ["scanning.drive"]


@pytest.mark.parametrize("stop", ["paused", "locked"])
def test_a_night_that_a_person_stopped_stays_silent(stop):
    running_night()
    Job.objects.all().delete()
    if stop == "paused":
        Night.objects.update(paused=True)
    else:
        Scanner.objects.update(locked_by="tess")
    services.reconcile()
    assert open_tasks() == []
    assert Batch.objects.get().phase == Batch.Phase.NIGHT


def test_a_ready_slide_without_an_attempt_is_queued():
    night = night_with(State.READY, State.READY, phase=Batch.Phase.NIGHT)
    services.reconcile()
    services.reconcile()
    assert Attempt.objects.filter(night=night, state="queued").count() == 2


def test_a_night_whose_end_nobody_noticed_ends():
    running_night()
    Attempt.objects.update(state="done")
    Slide.objects.update(state=State.SCANNED)
    services.reconcile()
    assert Batch.objects.get().phase == Batch.Phase.MORNING


def test_a_complete_scan_that_nobody_collects_is_collected():
    night = running_night()
    Job.objects.all().delete()
    late = timezone.now() - timedelta(minutes=1)
    Attempt.objects.update(state="acquired", acquired_at=late)
    Slide.objects.update(state=State.SCANNING)
    services.reconcile()
    services.reconcile()
    assert open_tasks() == ["scanning.collect"]
    assert Job.objects.get().args == {"attempt_id": attempt_of(night).pk}


def test_a_scan_that_kills_whoever_collects_it_is_given_up():
    night = running_night()
    attempt = attempt_of(night)
    Slide.objects.update(state=State.SCANNING)
    Attempt.objects.update(state="acquired", acquired_at=timezone.now() - timedelta(minutes=1))
    job = jobs.enqueue("scanning.collect", attempt_id=attempt.pk)
    Job.objects.filter(pk=job.pk).update(attempts=20)
    assert jobs._claim(job.pk, jobs.Terms(60, 20)) is None  # its twenty-first worker finds that it is enough
    services.reconcile()
    attempt.refresh_from_db()
    assert (attempt.state, attempt.reason) == ("failed", "attempts_exhausted")
    assert "scanning.collect" not in open_tasks()


def test_one_night_that_cannot_be_helped_keeps_no_other_from_it(monkeypatch):
    first = night_with(State.LOADED, phase=Batch.Phase.SNAPSHOTS, name="First")
    running_night(name="Second", scanner="two")
    Job.objects.all().delete()
    slot = slots_of(first)[0]
    Job.objects.create(task="scanning.snap", args={"slot_id": slot.pk}, failed_at=timezone.now())

    def lost(**step) -> None:
        raise Conflict("moved by someone else")

    monkeypatch.setattr(reconciling, "advance", lost)
    services.reconcile()
    assert Slide.objects.get(slots=slot).state == State.LOADED
    assert open_tasks() == ["scanning.drive"]


def test_a_slide_that_is_given_back_after_its_night_opens_it_again():
    night = night_with(State.READY, State.SCANNED, phase=Batch.Phase.MORNING)
    Night.objects.update(ended_at=timezone.now())
    services.reconcile()
    services.reconcile()
    night.refresh_from_db()
    assert (night.batch.phase, night.ended_at) == (Batch.Phase.NIGHT, None)
    assert Attempt.objects.get().slide.state == State.READY


def test_one_that_was_loaded_again_meanwhile_belongs_to_its_new_night():
    old = night_with(State.FAILED, phase=Batch.Phase.MORNING)
    Night.objects.update(ended_at=timezone.now())
    rescan = Batch.objects.create(name="Rescan", rescan_of=old.batch)
    Slot.objects.create(
        carousel=Carousel.objects.create(batch=rescan, number=1), position=1, slide=Slide.objects.get()
    )
    Slide.objects.update(state=State.READY)
    services.reconcile()
    assert (Batch.objects.get(pk=old.batch_id).phase, Attempt.objects.count()) == (Batch.Phase.MORNING, 0)


def test_while_its_scanner_is_at_another_night_it_waits():
    night = night_with(State.READY, phase=Batch.Phase.MORNING)
    Night.objects.update(ended_at=timezone.now())
    other = night_with(State.LOADED, phase=Batch.Phase.SNAPSHOTS, name="Other")
    services.reconcile()
    assert Attempt.objects.count() == 0
    Night.objects.filter(pk=other.pk).update(ended_at=timezone.now())
    services.reconcile()
    assert Attempt.objects.get().night == night


def test_the_pulse_asks_every_reconciler_even_when_one_fails(settings, monkeypatch):
    asked = []
    monkeypatch.setattr(services, "reconcile", lambda: asked.append("scanning"))
    monkeypatch.setattr("lims.services.pipeline.reconcile", lambda: asked.append("lims"))
    settings.RECONCILERS = "tests.scanning.test_reconciling.RECONCILERS"
    tasks.run_reconcilers()
    assert asked == ["scanning", "lims"]


def trouble() -> None:
    raise Unavailable("away")


RECONCILERS = (
    "tests.scanning.test_reconciling.trouble",
    "scanning.services.reconcile",
    "lims.services.pipeline.reconcile",
)
