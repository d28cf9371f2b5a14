"""How attempts end, where nobody drives them any more."""

from uuid import uuid4

import pytest

from core.errors import NotNow
from core.models import Job
from scanning.models import Attempt
from scanning.services.attempts import end_stray, fail_attempt
from tests.scanning.making import attempt_of, end_runs, running_night
from wire import Timeout

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("state", ["failed", "aborted", "done"])
def test_a_scan_that_has_ended_is_taken_off_the_stage(scanner, django_assert_max_num_queries, state):
    attempt = attempt_of(running_night())
    Attempt.objects.update(state=state, fence=2)
    scanner.on_stage = attempt.run.hex
    with django_assert_max_num_queries(1):
        end_stray(scanner)
    assert scanner.orders == [("abort", attempt.run.hex)]


def test_what_is_not_ours_or_not_over_stays_on_the_stage(scanner):
    attempt = attempt_of(running_night())
    Attempt.objects.update(state="running", fence=2)
    for scanner.on_stage in ("", "calibration 7", uuid4().hex, attempt.run.hex):
        end_stray(scanner)
    assert scanner.orders == []


def test_a_run_is_ended_at_the_slide_service_even_if_that_is_away_when_its_scan_fails(service, monkeypatch):
    attempt = attempt_of(running_night())
    Attempt.objects.update(state="running", fence=3)
    attempt.refresh_from_db()
    with monkeypatch.context() as away:
        away.setattr(service, "abort", silent)
        fail_attempt(attempt=attempt, reason="jam", message="stuck")
        with pytest.raises(NotNow):
            end_runs()
    end_runs()
    assert service.aborted == [(attempt.run.hex, 3, "stuck")]


def silent(*order: object) -> None:
    raise Timeout("silent")


def test_a_scan_that_never_began_leaves_nothing_to_be_ended():
    fail_attempt(attempt=attempt_of(running_night()), reason="jam", message="stuck")
    assert not Job.objects.filter(task="scanning.end_run").exists()
