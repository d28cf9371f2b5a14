import pytest
from django.db import transaction

from core import audit
from core.models import AuditEntry

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain() -> list[AuditEntry]:
    return [audit.record(actor="tess", action="slide.look", target=f"slide:{n}", note=n) for n in range(5)]


def test_it_holds_when_nobody_touched_it(chain):
    assert list(audit.broken_links()) == []


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "eve"},
        {"action": "slide.release"},
        {"target": "slide:9"},
        {"detail": {"note": 9}},
        {"address": "::1"},
    ],
)
def test_it_shows_an_edited_row(chain, change):
    AuditEntry.objects.filter(pk=chain[2].pk).update(**change)
    assert [row.pk for row in audit.broken_links()] == [chain[2].pk]


def test_it_shows_a_deleted_row_by_the_one_after_it(chain):
    AuditEntry.objects.filter(pk=chain[2].pk).delete()
    assert [row.pk for row in audit.broken_links()] == [chain[3].pk]


def test_it_shows_a_row_resealed_by_a_forger(chain):
    forged = AuditEntry.objects.get(pk=chain[2].pk)
    forged.actor = "eve"
    forged.hash = audit._seal(forged)
    forged.save()
    assert [row.pk for row in audit.broken_links()] == [chain[3].pk]


def test_it_goes_with_the_action_it_stands_for():
    with transaction.atomic():
        audit.record(actor="tess", action="slide.move", target="slide:1")
        transaction.set_rollback(True)
    assert not AuditEntry.objects.exists()


def test_it_names_a_person_or_the_laboratory(technician):
    assert audit.record(actor=technician, action="a", target="t").actor == "technician"
    assert audit.record(actor="system", action="a", target="t").actor == "system"
