"""Two hands at one thing, in two threads with a connection each: exactly one wins, on either database."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Barrier

import pytest
from django.db import connections

from core.errors import Conflict
from core.models import AuditEntry
from lims import services
from lims.models import Slide, SlideEvent, Slot
from lims.services import Placement
from lims.states import State
from tests.lims.making import batch, hands, slide

pytestmark = pytest.mark.django_db(transaction=True)


def race(*runs: Callable[[], object]) -> list[str]:
    """What became of each, sorted: "won" or "lost"; any other end is raised."""
    start = Barrier(len(runs))

    def one(run: Callable[[], object]) -> str:
        try:
            start.wait(timeout=10)
            run()
        except Conflict:
            return "lost"
        finally:
            connections.close_all()
        return "won"

    with ThreadPoolExecutor(len(runs)) as pool:
        return sorted(pool.map(one, runs))


def test_it_gives_a_slot_to_one_of_two():
    made, slides, tess = batch(), [slide(), slide()], hands()
    runs = [
        lambda one=one: services.load(batch=made, placements=[Placement(1, 1, one.barcode)], actor=tess)
        for one in slides
    ]
    assert race(*runs) == ["lost", "won"]
    assert Slot.objects.count() == 1
    assert Slide.objects.filter(state=State.LOADED).count() == 1


def test_it_moves_a_slide_for_one_of_four():
    made = slide(State.READY)
    copies = [Slide.objects.get(pk=made.pk) for _ in range(4)]
    runs = [lambda one=one: services.advance(slide=one, to=State.SCANNING) for one in copies]
    assert race(*runs) == ["lost", "lost", "lost", "won"]
    assert SlideEvent.objects.filter(target=State.SCANNING).count() == 1


def test_it_puts_one_slide_into_one_of_two_slots():
    made, one, tess = batch(), slide(), hands()
    runs = [
        lambda place=place: services.load(batch=made, placements=[place], actor=tess)
        for place in (Placement(1, 1, one.barcode), Placement(2, 1, one.barcode))
    ]
    outcomes = race(*runs)
    assert SlideEvent.objects.filter(slide=one, target=State.LOADED).count() == 1
    assert Slot.objects.filter(slide=one).count() == 1
    assert "won" in outcomes


def test_its_audit_chain_holds_under_four_writers(technician):
    slides = [slide() for _ in range(4)]
    runs = [
        lambda one=one: services.advance(slide=one, to=State.HELD, actor=technician, note="wet")
        for one in slides
    ]
    assert race(*runs) == ["won"] * 4
    rows = list(AuditEntry.objects.order_by("id"))
    assert all(late.previous_hash == early.hash for early, late in pairwise(rows))
