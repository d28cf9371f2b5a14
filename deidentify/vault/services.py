"""Keys that are drawn, never derived: the same reference always gets the same key, and every look is written
down."""

import secrets
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import IntegrityError, transaction

from deidentify.vault.errors import Exhausted, NoReason
from deidentify.vault.models import CaseNumber, KeyLook, PatientKey
from deidentify.vault.router import ALIAS

Actor = AbstractBaseUser | AnonymousUser | str
Row = TypeVar("Row", PatientKey, CaseNumber)
TRIES: Final = 50
MOST_SHIFT_DAYS: Final = 365


def key_for(*, patient_ref: str, reason: str, actor: Actor) -> PatientKey:
    """The patient's key, drawn at the first call. Raises NoReason or Exhausted."""
    _note(patient_ref, reason, actor)
    return _get_or_draw(PatientKey, {"patient_ref": patient_ref}, _draw_key)


def sample_number_for(*, case_ref: str, year: int, reason: str, actor: Actor) -> CaseNumber:
    """The case's sample number, drawn at the first call for that year. Raises NoReason or Exhausted."""
    _note(case_ref, reason, actor)
    return _get_or_draw(
        CaseNumber, {"case_ref": case_ref}, lambda: {"year": year, "number": 1 + secrets.randbelow(99_999)}
    )


def _draw_key() -> dict[str, Any]:
    shift = 1 + secrets.randbelow(MOST_SHIFT_DAYS)
    return {
        "key": f"{10_000_000 + secrets.randbelow(90_000_000)}",
        "date_shift_days": shift if secrets.randbelow(2) else -shift,
    }


def _get_or_draw(model: type[Row], reference: dict[str, str], draw: Callable[[], dict[str, Any]]) -> Row:
    """Insert a fresh draw; the unique columns decide who was first and whether a draw is taken."""
    for _ in range(TRIES):
        row = model.objects.filter(**reference).first()
        if row is not None:
            return cast(Row, row)
        try:
            with transaction.atomic(using=ALIAS):
                row = model.objects.create(**reference, **draw())
        except IntegrityError:
            continue
    raise Exhausted("no free key was found")


def _note(reference: str, reason: str, actor: Actor) -> None:
    if not reason.strip():
        raise NoReason("say why a key is looked at")
    name = actor if isinstance(actor, str) else (actor.get_username() or "anonymous")
    KeyLook.objects.create(actor=name[:150], reference=reference, reason=reason[:200])
