"""Driving one slide against fakes: done, failed, lost and taken up again, replaced in mid-scan."""

from collections import deque
from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.jobs import HandOver
from core.leaving import leave, stay
from core.models import Job
from lims.models import Batch, Slide
from lims.states import FailureReason, State
from microscope.messages import JobStatus, ScannerInfo
from scanning import services
from scanning.models import Attempt, Night, Scanner, Snapshot
from scanning.orchestration import LAST_TAKEOVERS, MAX_TAKEOVERS
from scanning.services import driving, logbook
from scanning.services.attempts import MOST_LOST_DRIVERS, fail_attempt
from scanning.services.leases import LeaseLost
from tests.scanning.fakes import refusal
from tests.scanning.making import attempt_of, end_runs, running_night
from wire import Timeout

pytestmark = pytest.mark.django_db


@pytest.fixture
def stopped_worker() -> Iterator[None]:
    yield
    stay()


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
    end_runs()
    assert service.aborted == [(attempt_of(night).run.hex, 1, "as told")]
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


def test_a_scanner_that_is_away_costs_no_slide_and_no_fence(scanner, service):
    night = running_night()
    scanner.away = 50
    services.drive(night=night)
    attempt = attempt_of(night)
    assert state_of(night)[0] == "acquired"
    assert (attempt.fence, attempt.takeovers, attempt.message) == (1, 0, "")


def test_one_that_is_lost_in_mid_scan_is_waited_for_as_well(scanner, service):
    night = running_night()

    def gone() -> JobStatus:
        scanner.away = 50
        raise Timeout("silent")

    scanner.script = deque([RUNNING, gone, RUNNING, DONE])
    services.drive(night=night)
    assert state_of(night)[0] == "acquired"
    assert (attempt_of(night).fence, attempt_of(night).takeovers) == (2, 1)


@pytest.mark.parametrize("word", [Timeout("silent"), refusal("disk_full", retryable=True)], ids=str)
def test_a_slide_service_that_is_away_or_full_is_waited_for(scanner, service, word):
    night = running_night()
    service.refuses.extend([word] * 50)
    services.drive(night=night)
    assert (state_of(night)[0], attempt_of(night).takeovers) == ("acquired", 0)


def test_while_it_waits_the_attempt_says_for_what(scanner, service):
    night, said = running_night(), []
    scanner.away = 3
    look: Callable[[], ScannerInfo] = scanner.describe

    def describe() -> ScannerInfo:
        said.append(attempt_of(night).message)
        return look()

    scanner.describe = describe
    services.drive(night=night)
    assert said == ["", *["waits for the scanner, which does not answer"] * 3]


def test_trouble_that_meets_one_slide_again_and_again_lets_the_others_go_first(scanner, service):
    """A scanner that falls silent whenever this slide is in motion."""
    night = running_night(2)
    first = attempt_of(night)
    scanner.script = deque([*[UNKNOWN] * (MAX_TAKEOVERS + 1), DONE])
    services.drive(night=night)
    first.refresh_from_db()
    assert (first.state, first.reason, first.slide.state) == ("aborted", "scanner_lost", State.READY)
    again = Attempt.objects.get(slide=first.slide_id, state="queued")
    assert again.order > Attempt.objects.exclude(slide=first.slide_id).get().order
    end_runs()
    assert (service.aborted[0][0], again.run == first.run) == (first.run.hex, False)


def test_the_second_time_it_fails(scanner, service):
    night = running_night()
    scanner.script = deque([UNKNOWN])
    services.drive(night=night)
    services.drive(night=night)
    last = Attempt.objects.latest("number")
    assert (last.state, last.reason, last.slide.state) == ("failed", "scanner_lost", State.FAILED)
    assert last.takeovers == LAST_TAKEOVERS


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


def test_a_worker_that_stood_still_finishes_nothing_under_the_next_one(scanner, service):
    night = running_night()

    def stood_still() -> JobStatus:
        Attempt.objects.update(fence=7)  # the next driver has opened the run
        Job.objects.all().delete()
        return DONE

    scanner.script = deque([stood_still])
    with pytest.raises(LeaseLost):
        services.drive(night=night)
    assert state_of(night) == ("running", State.SCANNING, "")
    assert not Job.objects.filter(task="scanning.collect").exists()


def test_a_run_that_was_finished_meanwhile_is_not_opened_again(scanner, service):
    night = running_night()
    attempt = Attempt.objects.select_related("slide", "slot__carousel", "night__scanner").get()
    logbook.begun(attempt)
    Attempt.objects.update(state="acquired")
    with pytest.raises(LeaseLost):
        logbook.next_fence(attempt)
    assert (attempt.fence, attempt_of(night).fence) == (0, 0)


def test_a_run_that_was_opened_too_late_is_closed(scanner, service, monkeypatch):
    night, opens = running_night(), service.open_run

    def late(**order):
        Attempt.objects.update(state="aborted")
        return opens(**order)

    monkeypatch.setattr(service, "open_run", late)
    with pytest.raises(LeaseLost):
        services.drive(night=night)
    assert service.aborted == [(attempt_of(night).run.hex, 1, "its scan has ended")]
    assert scanner.scans == []


def test_a_run_that_was_opened_after_its_attempt_was_read_is_ended(scanner, service):
    night = running_night()
    known = attempt_of(night)
    Attempt.objects.update(state="running", fence=3)
    assert fail_attempt(attempt=known, reason="jam", message="as it was read before")
    end_runs()
    assert service.aborted == [(known.run.hex, 3, "as it was read before")]


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
    Attempt.objects.filter(pk=first.pk).update(state="running", fence=9, lost_drivers=MOST_LOST_DRIVERS)
    Slide.objects.filter(pk=first.slide_id).update(state=State.SCANNING)
    services.drive(night=night)
    assert state_of(night) == ("failed", State.FAILED, FailureReason.ATTEMPTS_EXHAUSTED)
    end_runs()
    assert service.aborted == [(first.run.hex, 9, f"its driver was lost {MOST_LOST_DRIVERS} times")]
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


def test_drivers_that_bring_new_planes_are_not_counted_as_lost(scanner, service):
    night = running_night()
    Attempt.objects.update(lost_drivers=5)
    scanner.script = deque([RUNNING, DONE])
    services.drive(night=night)
    assert attempt_of(night).lost_drivers == 0


def test_a_worker_that_is_stopped_hands_its_scan_over_as_it_is(scanner, service, stopped_worker):
    night = running_night()

    def stopped() -> JobStatus:
        leave()
        return RUNNING

    scanner.script = deque([RUNNING, stopped, RUNNING])
    with pytest.raises(HandOver):
        services.drive(night=night)
    left = attempt_of(night)
    assert (left.state, left.handed_over, left.lost_drivers) == ("running", True, 0)
    assert (Scanner.objects.get().lease_owner, service.aborted, scanner.orders) == (None, [], [])
    stay()
    scanner.script = deque([RUNNING, DONE])
    services.drive(night=night)
    assert (state_of(night)[0], attempt_of(night).takeovers) == ("acquired", 0)
    assert [order["fence"] for order in scanner.scans] == [1]  # the same job, never interrupted


def test_one_that_leaves_before_the_scan_has_begun_hands_nothing_over(scanner, service, stopped_worker):
    night = running_night()
    leave()
    with pytest.raises(HandOver):
        services.drive(night=night)
    assert (attempt_of(night).handed_over, attempt_of(night).lost_drivers) == (False, 0)


def test_a_handed_over_scan_whose_scanner_was_restarted_is_taken_over(scanner, service):
    night = running_night()
    Attempt.objects.update(state="running", fence=1, handed_over=True, started_at=timezone.now())
    Slide.objects.update(state=State.SCANNING)
    scanner.script = deque([UNKNOWN, RUNNING, DONE])
    services.drive(night=night)
    assert [order["fence"] for order in scanner.scans] == [2]
    assert state_of(night)[0] == "acquired"


def test_a_long_scan_changes_its_driver_before_the_time_limit(scanner, service, monkeypatch):
    night = running_night()
    monkeypatch.setattr(driving, "SHIFT_S", -1.0)
    with pytest.raises(HandOver):
        services.drive(night=night)
    assert attempt_of(night).state == "running"


TROUBLES = st.lists(
    st.sampled_from(["away", "refused", "stale", "unknown", "silent", "parked", "new"]), max_size=12
)


@given(TROUBLES)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_fences_only_rise_and_the_slide_ends_once(scanner, service, course):
    Attempt.objects.all().delete()
    Night.objects.all().delete()
    night = running_night(name=f"Night {uuid4()}")
    words = {
        "unknown": UNKNOWN, "silent": Timeout("silent"), "parked": failed("client_lost", retryable=True),
        "new": RUNNING,
    }  # fmt: skip
    scanner.away, scanner.scans = course.count("away"), []
    scanner.script = deque([*(words[word] for word in course if word in words), DONE])
    service.refuses = deque(Timeout("away") for word in course if word == "refused")
    scanner.refuses = deque(refusal("stale_fence") for word in course if word == "stale")
    for _ in range(2):  # a slide that was put to the end comes once more
        services.drive(night=night)
    for run in {order["job_id"] for order in scanner.scans}:
        fences = [order["fence"] for order in scanner.scans if order["job_id"] == run]
        assert fences == sorted(set(fences))
    ends = [attempt.state for attempt in Attempt.objects.filter(night=night).order_by("number")]
    assert ends[-1] == "acquired"
    assert set(ends[:-1]) <= {"aborted"}
