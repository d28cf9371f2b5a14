"""The log of looks: each row is sealed together with the one before it, under the vault's own key."""

from collections.abc import Iterable, Iterator

from django.db import connections, transaction

from deidentify.vault.models import KeyLook
from deidentify.vault.router import ALIAS
from deidentify.vault.sealing import Sealer

_CHAIN_LOCK = 0x6E6F7661  # one advisory lock for the log's end


def note(sealer: Sealer, *, actor: str, reference: str, reason: str) -> KeyLook:
    """Write one look at the end of the log."""
    with transaction.atomic(using=ALIAS):
        if connections[ALIAS].vendor == "postgresql":  # SQLite's IMMEDIATE transactions are serial already
            with connections[ALIAS].cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_CHAIN_LOCK])
        last = KeyLook.objects.last()
        look = KeyLook(actor=actor[:150], reference=reference, reason=reason[:200])
        look.seal = _seal(sealer, look, last.seal if last else "")
        look.save()
    return look


def broken(sealer: Sealer, log: Iterable[KeyLook]) -> Iterator[KeyLook]:
    """Looks of the log that were changed, or before which one is missing. Rows from before it was chained
    have no seal, and none follows a sealed one.
    """
    previous = ""
    for look in log:
        if look.seal or previous:
            if look.seal != _seal(sealer, look, previous):
                yield look
            previous = look.seal


def _seal(sealer: Sealer, look: KeyLook, previous: str) -> str:
    said = [previous, look.at.isoformat(), look.actor, look.reference, look.reason]
    return sealer.tag("look", "\x1f".join(said))
