"""Keys that are drawn, never derived: the same reference always gets the same key, and every look is written
down.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import IntegrityError, InterfaceError, OperationalError, transaction

from deidentify.vault import ledger, looks
from deidentify.vault.errors import Away, Exhausted, NoReason
from deidentify.vault.keyring import sealer
from deidentify.vault.models import Issued
from deidentify.vault.router import ALIAS
from deidentify.vault.sealing import Sealer

Actor = AbstractBaseUser | AnonymousUser | str
TRIES: Final = 50
MOST_SHIFT_DAYS: Final = 365


@dataclass(frozen=True, slots=True)
class PatientKey:
    """A patient's key in the corpus: eight random digits, and the days by which that patient's dates are
    shifted.
    """

    key: str
    date_shift_days: int


@dataclass(frozen=True, slots=True)
class SampleNumber:
    """A case's number in the corpus: random within its year, 1 to 99,999."""

    year: int
    number: int


def key_for(*, patient_ref: str, reason: str, actor: Actor) -> PatientKey:
    """The patient's key, drawn at the first call. Raises NoReason, Exhausted, Away, KeyMissing, WrongKey,
    Damaged.
    """
    found = _looked_up("patient", patient_ref, reason, actor, _draw_key)
    return PatientKey(found["key"], found["date_shift_days"])


def sample_number_for(*, case_ref: str, year: int, reason: str, actor: Actor) -> SampleNumber:
    """The case's sample number, drawn at the first call for that year. Raises as `key_for` does."""

    def draw() -> dict[str, Any]:
        return {"year": year, "number": 1 + secrets.randbelow(99_999)}

    found = _looked_up("case", case_ref, reason, actor, draw)
    return SampleNumber(found["year"], found["number"])


def _draw_key() -> dict[str, Any]:
    shift = 1 + secrets.randbelow(MOST_SHIFT_DAYS)
    return {
        "key": f"{10_000_000 + secrets.randbelow(90_000_000)}",
        "date_shift_days": shift if secrets.randbelow(2) else -shift,
    }


def _looked_up(
    kind: str, reference: str, reason: str, actor: Actor, draw: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    if not reason.strip():
        raise NoReason("say why a key is looked at")
    name = actor if isinstance(actor, str) else (actor.get_username() or "anonymous")
    try:
        made = sealer()
        looks.note(made, actor=name, reference=reference, reason=reason)
        return _get_or_draw(made, kind, reference, draw)
    except (OperationalError, InterfaceError) as error:
        raise Away("the vault's database does not answer") from error


def _get_or_draw(
    made: Sealer, kind: str, reference: str, draw: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """Insert a fresh draw; the unique columns decide who was first and whether a draw is taken. It is in the
    ledger before it is in the database for anyone else.
    """
    owner = made.tag("owner", f"{kind}:{reference}")
    for _ in range(TRIES):
        row = Issued.objects.filter(owner=owner).first()
        if row is not None:
            return made.open(bytes(row.sealed), row.owner)
        content = {"kind": kind, "reference": reference, **draw()}
        try:
            with transaction.atomic(using=ALIAS):
                row = Issued.objects.create(
                    owner=owner, value=value_tag(made, content), sealed=made.close(content, owner)
                )
                ledger.append(row)
        except IntegrityError:
            continue
        return content
    raise Exhausted("no free key was found")


def value_tag(made: Sealer, content: dict[str, Any]) -> str:
    """What must not be given out twice."""
    number = content["key"] if content["kind"] == "patient" else f"{content['year']}-{content['number']}"
    return made.tag("value", f"{content['kind']}:{number}")
