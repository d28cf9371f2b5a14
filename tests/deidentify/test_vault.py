"""Keys are drawn, sealed, never given twice, and every look is written down."""

import hashlib
import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import DatabaseError, OperationalError, connections, transaction

from deidentify.models import DeidentifiedReport, DeidentifiedSlide, State
from deidentify.services import deidentify_report as make_report_clean
from deidentify.vault import keeping, ledger, looks, services
from deidentify.vault.errors import (
    AppendOnly,
    Away,
    Damaged,
    Exhausted,
    KeyMissing,
    NoReason,
    NotEmpty,
    VaultError,
    WrongKey,
)
from deidentify.vault.keyring import sealer
from deidentify.vault.models import Issued, KeyLook, KeyRing
from deidentify.vault.sealing import Sealer, make_file_key
from deidentify.vault.services import PatientKey, key_for, sample_number_for
from lims.models import Report

pytestmark = pytest.mark.django_db(databases=["default", "vault"])


@pytest.fixture(autouse=True)
def apart(settings, tmp_path: Path) -> Path:
    """A key file and a ledger of this test's own."""
    settings.VAULT_KEY_FILE = str(tmp_path / "key" / "vault.key")
    settings.VAULT_LEDGER_FILE = str(tmp_path / "ledger" / "vault.ledger")
    return tmp_path


def a_key(number: int = 1) -> PatientKey:
    return key_for(patient_ref=f"patient:{number}", reason="release 1", actor="steward")


def emptied() -> None:
    """The database is lost; its files are not."""
    with connections["vault"].cursor() as cursor:
        for table in ("vault_issued", "vault_keyring"):
            if connections["vault"].vendor == "sqlite":
                cursor.execute(f"DROP TRIGGER {table}_no_delete")
            else:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608


def test_it_gives_the_same_key_again() -> None:
    first = a_key()
    assert first == key_for(patient_ref="patient:1", reason="release 2", actor="steward")
    assert first.date_shift_days != 0
    assert len(first.key) == 8


def test_it_writes_down_every_look() -> None:
    a_key()
    sample_number_for(case_ref="case:1", year=2019, reason="release 1", actor="steward")
    assert [(look.actor, look.reference, look.reason) for look in KeyLook.objects.all()] == [
        ("steward", "patient:1", "release 1"),
        ("steward", "case:1", "release 1"),
    ]
    assert keeping.faults() == []


def test_it_sees_a_look_that_was_taken_out_or_changed() -> None:
    for number in range(4):
        a_key(number)
    rows = list(KeyLook.objects.all())
    assert list(looks.broken(sealer(), rows)) == []
    assert next(looks.broken(sealer(), [rows[0], *rows[2:]])) == rows[2]
    rows[2].reason = "nothing special"
    assert next(looks.broken(sealer(), rows)) == rows[2]


def test_it_wants_a_reason() -> None:
    with pytest.raises(NoReason):
        key_for(patient_ref="patient:1", reason=" ", actor="steward")
    assert not KeyLook.objects.exists()


def test_it_changes_and_removes_nothing() -> None:
    a_key()
    row = Issued.objects.get()
    attempts = (row.save, row.delete, Issued.objects.all().delete, lambda: Issued.objects.update(value="x"))
    for attempt in attempts:
        with pytest.raises(AppendOnly):
            attempt()


@pytest.mark.parametrize("table", ["vault_issued", "vault_keyring", "vault_keylook"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET id = id + 1", "DELETE FROM {}"])
def test_its_database_refuses_a_change_too(table: str, verb: str) -> None:
    a_key()
    with (
        pytest.raises(DatabaseError),
        transaction.atomic(using="vault"),
        connections["vault"].cursor() as cursor,
    ):
        cursor.execute(verb.format(table))


def test_nothing_of_it_can_be_read_without_the_key(apart: Path) -> None:
    key, number = a_key(), sample_number_for(case_ref="case:9", year=2019, reason="x", actor="a")
    rows = repr([(row.owner, row.value, bytes(row.sealed)) for row in Issued.objects.all()])
    lines = Path(apart / "ledger" / "vault.ledger").read_text()
    for secret in (key.key, "patient:1", "case:9", f"2019-{number.number}", str(number.number)):
        assert secret not in rows
        assert f'"{secret}' not in lines
    assert (apart / "key" / "vault.key").stat().st_mode & 0o777 == 0o600


def test_it_makes_nothing_up_without_its_key(apart: Path, settings) -> None:
    first = a_key()
    settings.VAULT_KEY_FILE = str(apart / "nowhere.key")
    with pytest.raises(KeyMissing):
        a_key()
    make_file_key(apart / "other.key")
    settings.VAULT_KEY_FILE = str(apart / "other.key")
    with pytest.raises(WrongKey):
        a_key()
    settings.VAULT_KEY_FILE = str(apart / "key" / "vault.key")
    assert a_key() == first


def test_rows_cannot_be_exchanged() -> None:
    made = sealer()
    one, other = made.close({"key": "1"}, "a"), made.close({"key": "2"}, "b")
    assert made.open(one, "a") == {"key": "1"}
    for sealed, owner in ((one, "b"), (other, "a"), (one[:-1], "a"), (b"", "a")):
        with pytest.raises(Damaged):
            made.open(sealed, owner)


def test_its_file_key_can_be_changed(apart: Path, settings) -> None:
    first = a_key()
    make_file_key(apart / "new.key")
    keeping.rotate(new_key=apart / "new.key")
    with pytest.raises(WrongKey):
        a_key()
    settings.VAULT_KEY_FILE = str(apart / "new.key")
    assert a_key() == first
    assert KeyRing.objects.count() == 2


def test_it_is_restored_from_an_older_export_and_its_ledger(apart: Path) -> None:
    keys = [a_key(number) for number in range(3)]
    assert keeping.export(to=apart / "vault.export") == 3
    keys += [a_key(number) for number in range(3, 6)]
    emptied()
    restored = keeping.restore(exports=[apart / "vault.export"], ledgers=[apart / "ledger" / "vault.ledger"])
    assert restored == keeping.Restored(issued=6, reserved=0)
    assert [a_key(number) for number in range(6)] == keys
    assert keeping.faults() == []


def test_a_number_that_somebody_may_have_seen_is_never_given_out_again(
    apart: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = {"key": "11111111", "date_shift_days": 1}
    monkeypatch.setattr(services, "_draw_key", lambda: dict(taken))
    sid = transaction.savepoint(using="vault")
    a_key(1)  # in the ledger, and then the process dies before the database has it
    transaction.savepoint_rollback(sid, using="vault")
    emptied()
    monkeypatch.setattr(services, "_draw_key", lambda: {"key": "22222222", "date_shift_days": 1})
    ring = ledger.read(apart / "ledger" / "vault.ledger", is_export=False)
    assert len(ring[1]) == 1
    keeping.restore(exports=[], ledgers=[apart / "ledger" / "vault.ledger"])
    monkeypatch.setattr(services, "_draw_key", lambda: dict(taken))
    with pytest.raises(Exhausted):
        a_key(2)


def test_a_restore_refuses_what_could_give_a_number_twice(apart: Path) -> None:
    a_key()
    keeping.export(to=apart / "vault.export")
    with pytest.raises(NotEmpty):
        keeping.restore(exports=[apart / "vault.export"], ledgers=[apart / "ledger" / "vault.ledger"])
    emptied()
    with pytest.raises(VaultError, match="ledger"):
        keeping.restore(exports=[apart / "vault.export"], ledgers=[])
    assert not Issued.objects.exists()


@pytest.mark.parametrize("harm", ["cut", "flip", "drop", "swap"])
def test_a_damaged_export_is_refused(apart: Path, harm: str) -> None:
    for number in range(3):
        a_key(number)
    file = apart / "vault.export"
    keeping.export(to=file)
    lines = file.read_bytes().splitlines(keepends=True)
    row, other = json.loads(lines[1]), json.loads(lines[2])
    harmed = {
        "cut": lines[:-1],
        "drop": [lines[0], *lines[2:]],
        "flip": [lines[0], lines[1].replace(row["value"][:8].encode(), b"00000000"), *lines[2:]],
        "swap": [lines[0], json.dumps(row | {"sealed": other["sealed"]}).encode() + b"\n", *lines[2:]],
    }[harm]
    file.write_bytes(b"".join(harmed))
    emptied()
    (apart / "empty.ledger").write_bytes(lines[0])
    with pytest.raises(Damaged), transaction.atomic(using="vault"):
        keeping.restore(exports=[file], ledgers=[apart / "empty.ledger"])


def test_the_last_line_of_a_ledger_may_be_half_written(apart: Path) -> None:
    a_key()
    file = apart / "ledger" / "vault.ledger"
    file.write_bytes(file.read_bytes() + b'{"owner": "ab')
    assert len(ledger.read(file, is_export=False)[1]) == 1
    with pytest.raises(Damaged):
        ledger.read(file, is_export=True)


def test_nothing_is_issued_that_the_ledger_does_not_hold(apart: Path, settings) -> None:
    (apart / "file").write_text("")
    settings.VAULT_LEDGER_FILE = str(apart / "file" / "vault.ledger")
    with pytest.raises(KeyMissing, match="ledger"):
        a_key()
    assert not Issued.objects.exists()


def test_it_draws_again_when_a_key_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = iter(
        [{"key": "11111111", "date_shift_days": 1}] * 2 + [{"key": "22222222", "date_shift_days": 1}]
    )
    monkeypatch.setattr(services, "_draw_key", lambda: next(draws))
    assert [a_key(number).key for number in (1, 2)] == ["11111111", "22222222"]


def test_it_gives_up_when_no_key_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "_draw_key", lambda: {"key": "11111111", "date_shift_days": 1})
    a_key(1)
    with pytest.raises(Exhausted):
        a_key(2)


def test_its_keys_are_spread_evenly() -> None:
    """Chi-square over each of the last seven digits and over the first, of 100,000 draws."""
    keys = [services._draw_key()["key"] for _ in range(100_000)]
    for place in range(8):
        digits = Counter(key[place] for key in keys)
        expected = len(keys) / (9 if place == 0 else 10)
        uneven = sum((count - expected) ** 2 / expected for count in digits.values())
        assert uneven < 50  # 9 degrees of freedom: by chance once in ten million runs
    shifts = Counter(services._draw_key()["date_shift_days"] > 0 for _ in range(10_000))
    assert 4_700 < shifts[True] < 5_300


def test_its_keys_do_not_follow_who_asks_or_when() -> None:
    keys = [int(services._draw_key()["key"]) for _ in range(20_000)]
    mean = sum(keys) / len(keys)
    spread = sum((key - mean) ** 2 for key in keys)
    middle = (len(keys) - 1) / 2
    along = sum((key - mean) * (place - middle) for place, key in enumerate(keys))
    in_order = along / (spread * sum((place - middle) ** 2 for place in range(len(keys)))) ** 0.5
    after = sum((a - mean) * (b - mean) for a, b in itertools.pairwise(keys)) / spread
    assert abs(in_order) < 0.04  # five and a half standard deviations
    assert abs(after) < 0.04


def test_no_digest_of_a_record_number_is_a_key() -> None:
    keys = {services._draw_key()["key"] for _ in range(20_000)}
    words = [form.format(n) for n in range(400) for form in ("patient:{}", "{:08d}", "{}")]
    derived = {
        str(int(digest[:16], 16))[:8]
        for word in words
        for name in ("md5", "sha1", "sha256")
        for digest in (hashlib.new(name, word.encode()).hexdigest(),)
    }
    assert len(derived & keys) < 8  # 0.8 are expected by chance


def test_another_vault_gives_other_tags() -> None:
    assert Sealer.new().tag("owner", "patient:1") != Sealer.new().tag("owner", "patient:1")


def test_its_numbers_are_unique_within_their_year() -> None:
    rows = [sample_number_for(case_ref=f"case:{n}", year=2019, reason="x", actor="a") for n in range(30)]
    assert len({row.number for row in rows}) == 30
    assert [row.number for row in rows] != sorted(row.number for row in rows)


def test_its_tables_live_in_its_own_database() -> None:
    assert "vault_issued" not in connections["default"].introspection.table_names()
    assert "lims_patient" not in connections["vault"].introspection.table_names()


def _refuse(*args: Any) -> None:
    raise OperationalError("the server closed the connection unexpectedly")


def test_it_says_so_when_its_database_is_away() -> None:
    first = a_key()
    with connections["vault"].execute_wrapper(_refuse), pytest.raises(Away) as stop:
        a_key()
    assert stop.value.retryable
    assert a_key() == first


def test_a_report_waits_for_a_vault_that_is_away(item: DeidentifiedSlide, settings: Any) -> None:
    settings.REPORT_DATES = "shift"
    report = Report(case=item.slide.case)
    report.file.save("report.txt", ContentFile(b"Seen on 2019-05-12. Benign."))
    with connections["vault"].execute_wrapper(_refuse), pytest.raises(Away):
        make_report_clean(case_id=item.slide.case.pk)
    row = DeidentifiedReport.objects.get()
    assert (row.state, row.file.exists()) == (State.PENDING, False)
    make_report_clean(case_id=item.slide.case.pk)
    row.refresh_from_db()
    assert (row.state, row.file.exists()) == (State.PASSED, True)
