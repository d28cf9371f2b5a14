"""Driving one slide against fakes: done, failed, lost and taken up again, replaced in mid-scan."""

from collections import deque
from datetime import timedelta

import pytest
from django.utils import timezone

from core.models import Job
from lims.models import Batch, Slide
from lims.states import FailureReason, State
from microscope.messages import JobStatus
from scanning import services
from scanning.models import Attempt, Night, Scanner, Snapshot
from scanning.orchestration import MAX_TAKEOVERS
from scanning.services.driving import MOST_FENCES
from scanning.services.leases import LeaseLost
from tests.scanning.fakes import refusal
from tests.scanning.making import attempt_of, running_night
from wire import Timeout

pytestmark = pytest.mark.django_db

RUNNING = JobStatus(job_id="", state="running", done=2)
DONE = JobStatus(job_id="", state="done")
UNKNOWN = JobStatus(job_id="", state="unknown")


def failed(code: str, *, retryable: bool = False) -> JobStatus:
    return JobStatus(job_id="", state="failed", code=code, message="as told", retryable=retryable)


def state_of(night: Night) -> tuple[str, str, str]:
    attempt = attempt_of(night)
    return attempt.state, attempt.slide.state, attempt.reason


def test_a_scan_is_opened_watched_and_finished(scanner, service):
    night = running_night()
    scanner.script = deque([RUNNING, RUNNING, DONE])
    services.drive(night=night)
    attempt = attempt_of(night)
    assert state_of(night) == ("acquired", State.SCANNING, "")
    assert (attempt.fence, attempt.takeovers, attempt.done_planes) == (1, 0, attempt.planned_planes)
    assert [order["planned"] for order in service.opened] == [attempt.planned_planes]
    assert service.opened[0]["slide_id"] == attempt.slide.uid.hex
    assert service.finished == [attempt.run.hex]
    assert scanner.scans[0]["barcode"] == attempt.slide.barcode
    assert Job.objects.filter(task="scanning.collect", args={"attempt_id": attempt.pk}).exists()
    assert Scanner.objects.get().lease_owner is None


def test_the_bell_rings_for_the_next_slide(scanner, service):
    night = running_night(2)
    Job.objects.all().delete()
    services.drive(night=night)
    assert Job.objects.filter(task="scanning.drive", queue="scanner.one").count() == 1
    services.drive(night=night)
    assert list(Attempt.objects.values_list("state", flat=True)) == ["acquired", "acquired"]


@pytest.mark.parametrize(
    "code", ["jam", "lamp", "stage_fault", "blurred", "no_focus_points", "barcode_mismatch"]
)
def test_a_fault_fails_the_slide_for_its_reason_and_the_night_goes_on(scanner, service, code):
    night = running_night(2)
    scanner.script = deque([failed(code, retryable=True)])
    services.drive(night=night)
    assert state_of(night) == ("failed", State.FAILED, code)
    assert service.aborted[0][2] == code
    assert Slide.objects.filter(state=State.READY).count() == 1


def test_a_word_nobody_knows_is_other(scanner, service):
    night = running_night()
    scanner.script = deque([failed("gremlins")])
    services.drive(night=night)
    assert state_of(night) == ("failed", State.FAILED, "other")
    assert attempt_of(night).message == "as told"


@pytest.mark.parametrize(
    "trouble",
    [
        UNKNOWN,
        Timeout("silent"),
        failed("client_lost", retryable=True),
        failed("slide_service", retryable=True),
    ],
    ids=["restarted", "silent", "parked", "no service"],
)
def test_a_scan_that_was_lost_goes_on_under_a_higher_fence(scanner, service, trouble):
    night = running_night()
    scanner.script = deque([RUNNING, trouble, RUNNING, DONE])
    services.drive(night=night)
    assert state_of(night)[0] == "acquired"
    assert [order["fence"] for order in scanner.scans] == [1, 2]
    assert [order["fence"] for order in service.opened] == [1, 2]
    assert attempt_of(night).takeovers == 1


def test_a_scanner_that_stays_away_fails_the_slide(scanner, service):
    night = running_night()
    scanner.script = deque([Timeout("silent")])
    services.drive(night=night)
    assert state_of(night) == ("failed", State.FAILED, "scanner_lost")
    assert attempt_of(night).fence == MAX_TAKEOVERS + 1


def test_a_full_disk_fails_the_slide_at_once(scanner, service):
    night = running_night()
    service.refuses.append(refusal("disk_full", retryable=True))
    services.drive(night=night)
    assert state_of(night) == ("failed", State.FAILED, "disk_full")
    assert scanner.scans == []


def test_a_fence_that_was_refused_is_followed_by_a_higher_one(scanner, service):
    night = running_night()
    service.fences[attempt_of(night).run.hex] = 1  # somebody has been here before
    services.drive(night=night)
    assert state_of(night)[0] == "acquired"
    assert attempt_of(night).fence == 2


def test_the_scanner_may_refuse_a_fence_too(scanner, service):
    night = running_night()
    scanner.refuses.append(refusal("stale_fence"))
    services.drive(night=night)
    assert [order["fence"] for order in scanner.scans] == [2]
    assert state_of(night)[0] == "acquired"


def test_a_worker_that_was_replaced_stops_and_touches_nothing(scanner, service):
    night = running_night()

    def replaced() -> JobStatus:
        Scanner.objects.update(lease_owner="00000000-0000-4000-8000-000000000000")
        return RUNNING

    scanner.script = deque([RUNNING, replaced])
    with pytest.raises(LeaseLost):
        services.drive(night=night)
    assert state_of(night) == ("running", State.SCANNING, "")
    assert (service.finished, service.aborted) == ([], [])
    assert Scanner.objects.get().lease_owner is not None


@pytest.mark.parametrize("word", [failed("jam"), failed("stale_fence"), DONE], ids=["jam", "refused", "done"])
def test_a_replaced_worker_decides_nothing(scanner, service, word: JobStatus):
    night = running_night()

    def replaced() -> JobStatus:
        Scanner.objects.update(lease_owner="00000000-0000-4000-8000-000000000000")
        service.fences[attempt_of(night).run.hex] = 99
        return word

    scanner.script = deque([replaced])
    with pytest.raises(LeaseLost):
        services.drive(night=night)
    assert state_of(night) == ("running", State.SCANNING, "")
    assert service.aborted == []


def test_what_a_killed_worker_left_is_taken_up_first(scanner, service):
    night = running_night(2)
    second = Attempt.objects.order_by("id")[1]
    Attempt.objects.filter(pk=second.pk).update(state="running", fence=3, started_at=timezone.now())
    Slide.objects.filter(pk=second.slide_id).update(state=State.SCANNING)
    services.drive(night=night)
    second.refresh_from_db()
    assert (second.state, second.fence) == ("acquired", 4)
    assert attempt_of(night).state == "queued"


def test_a_slide_that_kills_its_drivers_is_given_up(scanner, service):
    night = running_night(2)
    first = attempt_of(night)
    Attempt.objects.filter(pk=first.pk).update(state="running", fence=MOST_FENCES)
    Slide.objects.filter(pk=first.slide_id).update(state=State.SCANNING)
    services.drive(night=night)
    assert state_of(night) == ("failed", State.FAILED, FailureReason.ATTEMPTS_EXHAUSTED)
    assert service.aborted == [(first.run.hex, MOST_FENCES, FailureReason.ATTEMPTS_EXHAUSTED)]
    assert scanner.scans == []


@pytest.mark.parametrize("state", [State.HELD, State.FAILED, State.REJECTED])
def test_a_slide_that_a_person_took_out_is_not_scanned(scanner, service, state):
    night = running_night()
    Slide.objects.update(state=state)
    services.drive(night=night)
    assert state_of(night)[:2] == ("aborted", state)
    assert scanner.scans == []
    assert Batch.objects.get().phase == Batch.Phase.MORNING


def test_a_plan_that_cannot_be_scanned_fails_with_its_words(scanner, service):
    night = running_night()
    Snapshot.objects.update(area_width_um=0.0)
    services.drive(night=night)
    assert state_of(night) == ("failed", State.FAILED, "other")
    assert "area" in attempt_of(night).message


def test_a_stain_that_looks_like_a_record_number_fails_with_its_words(scanner, service):
    night = running_night()
    Slide.objects.update(stain="H&E 12345678")
    services.drive(night=night)
    assert state_of(night)[0] == "failed"
    assert "12345678" not in attempt_of(night).message


@pytest.mark.parametrize("stop", ["paused", "locked", "morning"])
def test_it_leaves_a_night_alone_that_waits(scanner, service, stop):
    night = running_night()
    if stop == "paused":
        Night.objects.update(paused=True)
    elif stop == "locked":
        Scanner.objects.update(locked_by="tess")
    else:
        Batch.objects.update(phase=Batch.Phase.MORNING)
    services.drive(night=night)
    assert state_of(night)[0] == "queued"
    assert scanner.scans == []


def test_two_workers_never_drive_one_scanner(scanner, service):
    night = running_night()
    Scanner.objects.update(
        lease_owner="00000000-0000-4000-8000-000000000000", lease_until=timezone.now() + timedelta(seconds=9)
    )
    with pytest.raises(LeaseLost):
        services.drive(night=night)
    assert attempt_of(night).fence == 0
