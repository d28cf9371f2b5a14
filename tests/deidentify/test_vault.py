import hashlib
from collections import Counter

import pytest
from django.db import DatabaseError, connections, transaction

from deidentify.vault import services
from deidentify.vault.errors import AppendOnly, Exhausted, NoReason
from deidentify.vault.models import CaseNumber, KeyLook, PatientKey
from deidentify.vault.services import key_for, sample_number_for

pytestmark = pytest.mark.django_db(databases=["default", "vault"])


def test_it_gives_the_same_key_again() -> None:
    first = key_for(patient_ref="patient:1", reason="release 1", actor="steward")
    again = key_for(patient_ref="patient:1", reason="release 2", actor="steward")
    assert first.key == again.key
    assert first.date_shift_days == again.date_shift_days != 0
    assert len(first.key) == 8


def test_it_writes_down_every_look() -> None:
    key_for(patient_ref="patient:1", reason="release 1", actor="steward")
    sample_number_for(case_ref="case:1", year=2019, reason="release 1", actor="steward")
    assert [(look.actor, look.reference, look.reason) for look in KeyLook.objects.all()] == [
        ("steward", "patient:1", "release 1"),
        ("steward", "case:1", "release 1"),
    ]


def test_it_wants_a_reason() -> None:
    with pytest.raises(NoReason):
        key_for(patient_ref="patient:1", reason=" ", actor="steward")
    assert not KeyLook.objects.exists()


def test_it_changes_and_removes_nothing() -> None:
    row = key_for(patient_ref="patient:1", reason="x", actor="steward")
    row.key = "12345678"
    for attempt in (
        row.save,
        row.delete,
        PatientKey.objects.all().delete,
        lambda: PatientKey.objects.update(key="12345678"),
    ):
        with pytest.raises(AppendOnly):
            attempt()


def test_its_database_refuses_a_change_too() -> None:
    key_for(patient_ref="patient:1", reason="x", actor="steward")
    with (
        pytest.raises(DatabaseError),
        transaction.atomic(using="vault"),
        connections["vault"].cursor() as cursor,
    ):
        cursor.execute("UPDATE vault_patientkey SET key = '12345678'")


def test_it_draws_again_when_a_key_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = iter(
        [{"key": "11111111", "date_shift_days": 1}] * 2 + [{"key": "22222222", "date_shift_days": 1}]
    )
    monkeypatch.setattr(services, "_draw_key", lambda: next(draws))
    assert [key_for(patient_ref=f"patient:{n}", reason="x", actor="a").key for n in (1, 2)] == [
        "11111111",
        "22222222",
    ]


def test_it_gives_up_when_no_key_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "_draw_key", lambda: {"key": "11111111", "date_shift_days": 1})
    key_for(patient_ref="patient:1", reason="x", actor="a")
    with pytest.raises(Exhausted):
        key_for(patient_ref="patient:2", reason="x", actor="a")


def test_its_keys_are_spread_evenly_and_not_derived() -> None:
    keys = [services._draw_key()["key"] for _ in range(20_000)]
    leading = Counter(key[0] for key in keys)
    expected = len(keys) / 9
    uneven = sum((leading[str(digit)] - expected) ** 2 / expected for digit in range(1, 10))
    assert uneven < 45  # 8 degrees of freedom: by chance once in two million runs
    derived = {
        hashlib.new(name, f"patient:{n}".encode()).hexdigest()[:8]
        for n in range(500)
        for name in ("md5", "sha1", "sha256")
    }
    assert len(derived & set(keys)) < 3  # one in ten million runs shares three


def test_its_numbers_are_unique_within_their_year() -> None:
    rows = [sample_number_for(case_ref=f"case:{n}", year=2019, reason="x", actor="a") for n in range(30)]
    assert len({row.number for row in rows}) == 30
    assert [row.number for row in rows] != sorted(row.number for row in rows)
    assert CaseNumber.objects.count() == 30


def test_its_tables_live_in_its_own_database() -> None:
    assert "vault_patientkey" not in connections["default"].introspection.table_names()
    assert "lims_patient" not in connections["vault"].introspection.table_names()
