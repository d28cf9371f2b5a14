import pytest

from core.errors import Conflict
from core.models import Job
from lims.models import Batch, Slide
from lims.states import State
from scanning import services
from scanning.models import Alert, Attempt, Night, Scanner, Snapshot
from scanning.services.nights import next_attempt, queue_attempt, ring
from tests.scanning.making import attempt_of, night_with, running_night, slots_of

pytestmark = pytest.mark.django_db


def bells() -> int:
    return Job.objects.filter(task="scanning.drive", done_at=None, failed_at=None).count()


def test_every_ready_slide_is_queued_in_the_order_of_the_carousel(technician):
    night = night_with(State.READY, State.REVIEW, State.READY, State.FAILED, State.READY)
    services.start_night(batch=night.batch, actor=technician)
    attempts = list(Attempt.objects.order_by("order"))
    assert [attempt.slot.position for attempt in attempts] == [1, 3, 5]
    assert bells() == 1
    assert Batch.objects.get().phase == Batch.Phase.NIGHT


def test_a_night_begins_once(technician):
    night = night_with(State.READY)
    services.start_night(batch=night.batch, actor=technician)
    night.batch.refresh_from_db()
    with pytest.raises(Conflict):
        services.start_night(batch=night.batch, actor=technician)
    assert Attempt.objects.count() == 1


def test_it_does_not_begin_while_snapshots_are_taken(technician):
    night = night_with(State.READY, State.LOADED, phase=Batch.Phase.SNAPSHOTS)
    with pytest.raises(Conflict):
        services.start_night(batch=night.batch, actor=technician)
    assert Attempt.objects.count() == 0


def test_it_does_not_begin_without_snapshots(technician):
    night = night_with(State.READY)
    night.delete()
    with pytest.raises(Conflict):
        services.start_night(batch=night.batch, actor=technician)


def test_the_interrupted_one_comes_first_then_the_order():
    night = running_night(3)
    attempts = list(Attempt.objects.order_by("order"))
    assert next_attempt(night) == attempts[0]
    Attempt.objects.filter(pk=attempts[2].pk).update(state="running")
    assert next_attempt(night) == attempts[2]
    Attempt.objects.update(state="acquired")
    assert next_attempt(night) is None


def test_a_second_attempt_has_the_next_number():
    night = running_night()
    first = attempt_of(night)
    Attempt.objects.update(state="failed")
    assert queue_attempt(slot=first.slot, night=night).number == 2
    assert Attempt.objects.count() == 2


def test_one_bell_is_enough():
    night = running_night(3)
    ring(night)
    ring(night)
    assert bells() == 1


def test_a_person_takes_the_scanner_and_gives_it_back(technician, administrator):
    night = running_night()
    Job.objects.all().delete()
    services.lock(scanner=night.scanner, reason="new lamp", actor=technician)
    assert (Scanner.objects.get().locked_by, Scanner.objects.get().lock_reason) == ("technician", "new lamp")
    with pytest.raises(Conflict):
        services.lock(scanner=night.scanner, reason="mine", actor=administrator)
    services.unlock(scanner=night.scanner, actor=technician)
    assert (Scanner.objects.get().locked_by, bells()) == ("", 1)


def test_morning_comes_when_every_attempt_has_ended():
    night = running_night(2)
    assert not services.end_night_if_done(night=night)
    Attempt.objects.update(state="done")
    Slide.objects.update(state=State.SCANNED)
    assert services.end_night_if_done(night=night)
    account = Alert.objects.get(kind=Alert.Kind.NIGHT_ENDED)
    assert "2 slides = 2 published + 0 failed + 0 skipped." in account.message
    assert (Batch.objects.get().phase, Night.objects.get().ended_at is None) == (Batch.Phase.MORNING, False)
    assert not services.end_night_if_done(night=night)


@pytest.mark.parametrize("state", [State.READY, State.SCANNING])
def test_morning_waits_for_a_slide_that_was_left_behind(state):
    night = night_with(state, phase=Batch.Phase.NIGHT)
    assert not services.end_night_if_done(night=night)


def test_one_accepted_after_the_queue_ran_dry_reopens_its_night(technician):
    night = night_with(State.SCANNED, State.REVIEW, phase=Batch.Phase.NIGHT)
    assert services.end_night_if_done(night=night)
    late = Snapshot.objects.get(slide__state=State.REVIEW)
    services.accept(snapshot=late, actor=technician)
    assert (Batch.objects.get().phase, Night.objects.get().ended_at) == (Batch.Phase.NIGHT, None)
    assert (Attempt.objects.get().slide, bells()) == (late.slide, 1)
    assert Alert.objects.get().cleared_at is not None


def test_it_is_not_reopened_under_another_batch_on_the_scanner(technician):
    night = night_with(State.SCANNED, State.REVIEW, phase=Batch.Phase.NIGHT)
    assert services.end_night_if_done(night=night)
    night_with(State.READY, name="Next")
    late = Snapshot.objects.get(slide__state=State.REVIEW)
    with pytest.raises(Conflict):
        services.accept(snapshot=late, actor=technician)
    late.slide.refresh_from_db()
    assert late.slide.state == State.REVIEW  # nothing of it happened
    assert slots_of(night)
