"""What the watch notices, and what it leaves alone."""

from collections import namedtuple
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from core import canaries
from core.models import Job
from lims.models import Batch, Slide
from lims.states import State
from scanning.management.commands import watch as command
from scanning.models import Alert, Attempt, Night, Scanner
from scanning.services import watching
from scanning.services.alerts import Finding, raise_alert
from scanning.services.watching import Watch, is_well
from tests.scanning.making import night_with, running_night
from wire import Timeout

pytestmark = pytest.mark.django_db
Usage = namedtuple("Usage", "total used free")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def kinds(found) -> list[str]:
    return [str(finding.kind) for finding in found]


def test_a_night_that_goes_well_is_no_news(scanner, service):
    running_night()
    assert Watch().look() == []


def test_a_scanner_that_does_not_answer_twice_is_lost_and_found_again(scanner, service):
    running_night()
    watch, scanner.away = Watch(), 2
    assert [kinds(watch.look()) for _ in range(3)] == [[], ["scanner_lost"], []]


def test_one_without_a_night_may_be_switched_off(scanner, service):
    night_with(State.READY, phase=Batch.Phase.REVIEW)
    watch, scanner.away = Watch(), 10
    assert [watch.look() for _ in range(3)] == [[], [], []]
    assert scanner.away == 10


def test_a_slide_service_that_is_away_is_noticed(scanner, service):
    service.refuses.extend([Timeout("silent")] * 2)
    watch = Watch()
    assert [kinds(watch.look()) for _ in range(3)] == [[], ["service_lost"], []]


def test_disks_below_the_reserve_are_one_alert(scanner, service, monkeypatch):
    monkeypatch.setattr("scanning.services.watching.shutil.disk_usage", lambda path: Usage(100, 99, 2**30))
    service.free_bytes = 2**31
    found = Watch().look()
    assert (kinds(found), found[0].subject) == (["disk_low"], "disk")
    assert "1.0 GiB for record, 1.0 GiB for slides" in found[0].message
    assert "2.0 GiB for journals" in found[0].message


def test_a_night_that_stands_still_is_noticed_and_one_new_plane_is_enough(scanner, service):
    night = running_night()
    Attempt.objects.update(state="running", done_planes=1)
    clock = Clock()
    watch = Watch(clock=clock)
    assert watch.look() == []
    clock.now = 601.0
    found = watch.look()
    assert (kinds(found), found[0].subject) == (["no_progress"], night.batch.name)
    Attempt.objects.update(done_planes=2)
    assert watch.look() == []


@pytest.mark.parametrize("rest", ["paused", "locked", "drained"])
def test_a_night_that_a_person_stopped_does_not_stand_still(scanner, service, rest):
    running_night()
    if rest == "paused":
        Night.objects.update(paused=True)
    elif rest == "locked":
        Scanner.objects.update(locked_by="tess")
    else:
        Attempt.objects.update(state="done")
    clock = Clock()
    watch = Watch(clock=clock)
    watch.look()
    clock.now = 6000.0
    assert watch.look() == []


@pytest.mark.parametrize(("failed", "alarm"), [(1, []), (2, ["many_failures"])])
def test_failures_count_from_ten_ended_slides_on(scanner, service, failed, alarm):
    night = running_night(10)
    Attempt.objects.update(state="done")
    Slide.objects.update(state=State.SCANNED)
    chosen = Slide.objects.filter(attempts__night=night).values("pk")[:failed]
    Slide.objects.filter(pk__in=[row["pk"] for row in chosen]).update(state=State.FAILED)
    assert kinds(Watch().look()) == alarm


def test_a_queue_in_which_no_canary_sings_is_silent(scanner, service):
    """F43: a worker that lives and takes no work."""
    old = timezone.now() - timedelta(minutes=10)
    watch = Watch(began=old)
    assert {finding.subject for finding in watch.look()} == {"default", "scanner.one"}
    canaries.sing("default")
    Job.objects.create(task="t", queue="scanner.one", running_until=timezone.now() + timedelta(seconds=9))
    assert watch.look() == []  # one sings, the other is in the midst of a job


def test_jobs_that_nobody_rings_for_are_noticed(scanner, service):
    for queue in watching.queues():
        canaries.sing(queue)
    Job.objects.create(task="t", due_at=timezone.now() - timedelta(minutes=5))
    found = Watch(began=timezone.now() - timedelta(minutes=10)).look()
    assert [finding.subject for finding in found] == ["outbox"]


def test_all_is_well_only_while_work_is_taken_and_alerts_are_heard():
    """F45: else the dead-man signal stops, and the monitor outside calls somebody."""
    silent = Finding(Alert.Kind.QUEUE_SILENT, "default", "nobody")
    lost = Finding(Alert.Kind.SCANNER_LOST, "one", "away")
    assert is_well([lost])
    assert not is_well([silent])
    raise_alert(lost)
    Alert.objects.update(sent={"mail": {"error": "refused", "tries": 3}})
    assert is_well([lost])
    Alert.objects.update(raised_at=timezone.now() - timedelta(minutes=6))
    assert not is_well([lost])


def test_the_outside_is_told_while_all_is_well(scanner, service, settings, monkeypatch):
    asked: list[str] = []
    settings.DEAD_MAN_URL = "http://monitor.example/ping"
    monkeypatch.setattr(command, "ask", asked.append)
    one = command.Command()
    one._live()
    settings.DEAD_MAN_URL = ""
    one._live()
    assert asked == ["http://monitor.example/ping"]


def test_a_single_look_says_what_is_wrong_and_changes_nothing(scanner, service):
    running_night()
    out = StringIO()
    call_command("watch", "--once", stdout=out)
    assert "All is well." in out.getvalue()
    scanner.away = 1
    with pytest.raises(CommandError, match="1 things are wrong"):
        call_command("watch", "--once", stdout=out)
    assert "Scanner does not answer" in out.getvalue()
    assert not Alert.objects.exists()
