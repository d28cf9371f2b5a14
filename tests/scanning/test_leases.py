from contextlib import ExitStack
from datetime import timedelta
from threading import Barrier

import pytest
from django.utils import timezone

from core import jobs
from scanning.models import Scanner
from scanning.services.leases import LEASE_S, LeaseLost, beat, lease
from tests.lims.test_races import race
from tests.scanning.making import scanner_row

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_two_workers_one_drives():
    scanner = scanner_row()
    with lease(scanner), pytest.raises(LeaseLost), lease(scanner):
        pass


def test_of_four_at_once_one_drives():
    scanner, driven, all_tried = scanner_row(), [], Barrier(4)

    def drive() -> None:
        try:
            with lease(scanner) as owner:
                driven.append(owner)
                all_tried.wait(10)
        except LeaseLost:
            all_tried.wait(10)

    assert race(*[drive] * 4) == ["won"] * 4
    assert len(driven) == 1


def test_it_is_free_again_afterwards_also_when_the_work_failed():
    scanner = scanner_row()
    with pytest.raises(ValueError), lease(scanner):
        raise ValueError
    with lease(scanner):
        assert Scanner.objects.get().lease_owner is not None
    assert Scanner.objects.get().lease_owner is None


def test_a_silent_holder_loses_it():
    scanner = scanner_row()
    with lease(scanner) as first:
        Scanner.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        with lease(scanner) as second:
            with pytest.raises(LeaseLost):
                beat(scanner, first)
            beat(scanner, second)


def test_beating_keeps_it_and_shows_a_sign_of_life():
    scanner = scanner_row()
    with lease(scanner) as owner:
        Scanner.objects.update(lease_until=timezone.now() + timedelta(seconds=1))
        beat(scanner, owner)
    found = Scanner.objects.get()
    assert (found.lease_until - timezone.now()).total_seconds() > LEASE_S - 3
    assert found.last_seen is not None


def test_losing_the_job_is_losing_the_scanner(monkeypatch):
    monkeypatch.setattr(jobs, "beat", lambda: False)
    scanner = scanner_row()
    with lease(scanner) as owner, pytest.raises(LeaseLost):
        beat(scanner, owner)


def test_the_old_holder_does_not_free_the_new_ones_lease():
    scanner = scanner_row()
    with ExitStack() as late:
        with lease(scanner):
            Scanner.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
            owner = late.enter_context(lease(scanner))
        assert Scanner.objects.get().lease_owner == owner


def test_a_lease_from_before_the_clock_was_set_back_holds_nobody_up():
    """F26: its holder is dead, and its end lies an hour ahead."""
    scanner = scanner_row()
    ahead = timezone.now() + timedelta(hours=1)
    Scanner.objects.update(lease_owner="00000000-0000-4000-8000-000000000000", lease_until=ahead)
    with lease(scanner):
        assert (Scanner.objects.get().lease_until - timezone.now()).total_seconds() < LEASE_S + 1
