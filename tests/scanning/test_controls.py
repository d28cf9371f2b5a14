"""People at a running night: pause, go on, stop a slide, take the scanner, change the order."""

from collections import deque

import pytest
from django.utils import timezone

from core.errors import BadInput, Conflict
from core.models import AuditEntry, Job
from lims.models import Slide
from lims.services import advance
from lims.states import FailureReason, State
from microscope.messages import JobStatus
from scanning import services
from scanning.models import Attempt, Night, Scanner
from scanning.services import driving
from scanning.services.controls import Wish, wish_of
from scanning.services.nights import next_attempt
from tests.scanning.making import attempt_of, end_runs, running_night

pytestmark = pytest.mark.django_db
RUNNING = JobStatus(job_id="", state="running", done=2)
DONE = JobStatus(job_id="", state="done")


def bells() -> int:
    return Job.objects.filter(task="scanning.drive", done_at=None, failed_at=None).count()


def then(do, word: JobStatus = RUNNING):
    """A word of the scanner's, said while a person does something."""
    return lambda: (do(), word)[1]


def test_pausing_and_going_on_are_written_down(technician):
    night = running_night()
    Job.objects.all().delete()
    services.pause(night=night, reason="fire drill", actor=technician)
    found = Night.objects.get()
    assert (found.paused, found.stage_paused, found.paused_by) == (True, False, "technician")
    assert (found.pause_reason, bells()) == ("fire drill", 0)
    services.resume(night=night, actor=technician)
    assert (Night.objects.get().paused, Night.objects.get().paused_by, bells()) == (False, "", 1)
    assert set(AuditEntry.objects.values_list("action", flat=True)) >= {"night.pause", "night.resume"}


def test_a_pause_finishes_the_slide_and_begins_no_other(scanner, service, technician):
    night = running_night(2)
    scanner.script = deque([then(lambda: services.pause(night=night, actor=technician)), RUNNING, DONE])
    services.drive(night=night)
    services.drive(night=night)
    assert sorted(Attempt.objects.values_list("state", flat=True)) == ["acquired", "queued"]
    assert (scanner.orders, len(scanner.scans)) == ([], 1)


def test_a_pause_at_once_rests_the_stage_until_somebody_says_go_on(scanner, service, technician):
    night = running_night()
    rest = then(lambda: services.pause(night=night, at_once=True, actor=technician))
    go_on = then(lambda: services.resume(night=night, actor=technician))
    scanner.script = deque([RUNNING, rest, RUNNING, RUNNING, go_on, RUNNING, DONE])
    services.drive(night=night)
    assert [order for order, _ in scanner.orders] == ["pause", "resume"]
    assert (attempt_of(night).state, attempt_of(night).takeovers) == ("acquired", 0)


def test_nothing_is_put_on_a_stage_that_rests(scanner, service, technician, monkeypatch):
    """Its worker died, and the next one comes while the stage is to rest."""
    night = running_night()
    Attempt.objects.update(state="running", started_at=timezone.now())
    Slide.objects.update(state=State.SCANNING)
    services.pause(night=night, at_once=True, actor=technician)
    looks: list[int] = []

    def look(attempt: Attempt) -> Wish:
        looks.append(len(scanner.scans))
        if len(looks) == 3:
            services.resume(night=night, actor=technician)
        return wish_of(attempt)

    monkeypatch.setattr(driving, "wish_of", look)
    services.drive(night=night)
    assert looks[:3] == [0, 0, 0]
    assert attempt_of(night).state == "acquired"


@pytest.mark.parametrize(("fate", "state"), [("fail", State.FAILED), ("requeue", State.READY)])
def test_a_slide_is_stopped_with_a_reason(scanner, service, technician, fate, state):
    night = running_night(2)
    first = attempt_of(night)
    stop = then(lambda: services.abort(attempt=first, fate=fate, reason="loose slip", actor=technician))
    scanner.script = deque([RUNNING, stop, RUNNING])
    services.drive(night=night)
    first.refresh_from_db()
    assert (first.state, first.slide.state, scanner.orders) == ("aborted", state, [("abort", first.run.hex)])
    assert first.message == "stopped by technician: loose slip"
    end_runs()
    assert service.aborted == [(first.run.hex, 1, first.message)]
    queue = list(Attempt.objects.filter(state="queued").order_by("order").values_list("slide", flat=True))
    assert (queue[-1] == first.slide_id) == (fate == "requeue")


def test_a_stopped_slide_says_so_in_its_story_and_in_the_audit(scanner, service, technician):
    night = running_night()
    first = attempt_of(night)
    stop = then(lambda: services.abort(attempt=first, fate="fail", reason="bubbles", actor=technician))
    scanner.script = deque([stop, RUNNING])
    services.drive(night=night)
    assert Slide.objects.get().failure == FailureReason.OTHER
    assert "bubbles" in first.slide.events.latest("pk").note
    row = AuditEntry.objects.get(action="scan.stop")
    assert (row.actor, row.detail["fate"], row.detail["reason"]) == ("technician", "fail", "bubbles")


def test_only_the_slide_under_the_lens_can_be_stopped_and_only_once(technician):
    night = running_night()
    waiting = attempt_of(night)
    with pytest.raises(Conflict):
        services.abort(attempt=waiting, fate="fail", reason="x", actor=technician)
    Attempt.objects.update(state="running")
    for wrong in ({"fate": "burn", "reason": "x"}, {"fate": "fail", "reason": " "}):
        with pytest.raises(BadInput):
            services.abort(attempt=waiting, actor=technician, **wrong)
    services.abort(attempt=waiting, fate="fail", reason="x", actor=technician)
    with pytest.raises(Conflict):
        services.abort(attempt=waiting, fate="requeue", reason="y", actor=technician)


def test_a_stop_is_heard_while_the_scanner_is_away(scanner, service, technician):
    night = running_night()
    first, scanner.away = attempt_of(night), 10**6
    look = scanner.describe

    def describe():
        if scanner.away == 10**6 - 3:
            services.abort(attempt=first, fate="requeue", reason="enough", actor=technician)
        return look()

    scanner.describe = describe
    services.drive(night=night)
    assert list(Attempt.objects.order_by("number").values_list("state", flat=True)) == ["aborted", "queued"]


def test_an_operator_who_takes_the_scanner_wins_over_the_running_slide(scanner, service, technician):
    """F24: the stage stops after its field, and the slide comes first when the scanner is given back."""
    night = running_night(2)
    first = attempt_of(night)
    lock = then(lambda: services.lock(scanner=night.scanner, reason="new lamp", actor=technician))
    scanner.script = deque([RUNNING, lock, RUNNING])
    services.drive(night=night)
    services.drive(night=night)
    assert (scanner.orders, len(scanner.scans)) == ([("abort", first.run.hex)], 1)
    assert Attempt.objects.get(pk=first.pk).state == "aborted"
    scanner.script = deque([DONE])
    services.unlock(scanner=Scanner.objects.get(), actor=technician)
    services.drive(night=night)
    assert Attempt.objects.get(state="acquired").slide == first.slide


def test_what_a_dead_worker_left_is_brought_to_its_end_in_a_paused_night(scanner, service, technician):
    night = running_night(2)
    Attempt.objects.filter(pk=attempt_of(night).pk).update(state="running")
    Slide.objects.filter(attempts__state="running").update(state=State.SCANNING)
    services.pause(night=night, actor=technician)
    services.drive(night=night)
    assert sorted(Attempt.objects.values_list("state", flat=True)) == ["acquired", "queued"]


def test_a_slide_that_a_person_fails_in_mid_scan_is_stopped(scanner, service, technician):
    night = running_night()
    first = attempt_of(night)

    def fail() -> None:
        slide = Slide.objects.get()
        advance(slide=slide, to=State.FAILED, actor=technician, reason=FailureReason.DEBRIS)

    scanner.script = deque([RUNNING, then(fail), RUNNING])
    services.drive(night=night)
    first.refresh_from_db()
    assert (first.state, first.slide.failure) == ("aborted", FailureReason.DEBRIS)
    assert scanner.orders == [("abort", first.run.hex)]


@pytest.mark.parametrize(
    ("to", "order"), [("first", "CABD"), ("up", "ACBD"), ("down", "ABDC"), ("last", "ABDC")]
)
def test_the_queue_is_put_in_another_order(technician, to, order):
    night = running_night(4)
    named = dict(zip("ABCD", Attempt.objects.order_by("order"), strict=True))
    services.move(attempt=named["C"], to=to, actor=technician)
    now = list(Attempt.objects.order_by("order", "id"))
    assert now == [named[letter] for letter in order]
    assert AuditEntry.objects.get(action="queue.move").detail["to"] == to
    assert next_attempt(night) == named[order[0]]


@pytest.mark.parametrize(("place", "to"), [(0, "up"), (0, "first"), (2, "down"), (2, "last")])
def test_the_ends_of_the_queue_stay_where_they_are(technician, place, to):
    running_night(3)
    Attempt.objects.update(order=7)  # also where several share a place
    before = list(Attempt.objects.order_by("order", "id"))
    services.move(attempt=before[place], to=to, actor=technician)
    assert list(Attempt.objects.order_by("order", "id")) == before


def test_what_is_not_in_the_queue_cannot_be_moved(technician):
    running_night(2)
    first = Attempt.objects.order_by("order")[0]
    with pytest.raises(BadInput):
        services.move(attempt=first, to="sideways", actor=technician)
    Attempt.objects.filter(pk=first.pk).update(state="running")
    with pytest.raises(Conflict):
        services.move(attempt=first, to="last", actor=technician)
