"""The audit chain: every person's action and every look at identified data is a row in the same
transaction.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import connection, transaction

from core.models import AuditEntry

GENESIS = "0" * 64
_CHAIN_LOCK = 0x6E6F6374  # one advisory lock for the chain's end


def name_of(actor: AbstractBaseUser | AnonymousUser | str) -> str:
    return actor if isinstance(actor, str) else (actor.get_username() or "anonymous")


@transaction.atomic
def record(
    *,
    actor: AbstractBaseUser | AnonymousUser | str,
    action: str,
    target: str,
    address: str | None = None,
    **detail: Any,
) -> AuditEntry:
    """Write one row at the end of the chain. If this fails, so does the action it stands for."""
    if connection.vendor == "postgresql":  # SQLite's IMMEDIATE transactions are serial already
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_CHAIN_LOCK])
    last = AuditEntry.objects.order_by("-id").values_list("hash", flat=True).first() or GENESIS
    entry = AuditEntry(
        actor=name_of(actor), action=action, target=target, address=address, detail=detail, previous_hash=last
    )
    entry.hash = _seal(entry)
    entry.save(force_insert=True)
    return entry


def _seal(entry: AuditEntry) -> str:
    content = [
        entry.previous_hash,
        str(entry.uid),
        entry.at.isoformat(),
        entry.actor,
        entry.action,
        entry.target,
        json.dumps(entry.detail, sort_keys=True, default=str),
        entry.address or "",
    ]
    return hashlib.sha256("\x1f".join(content).encode()).hexdigest()


def broken_links() -> Iterator[AuditEntry]:
    """The rows that do not follow from the one before them: edited, deleted between, or reordered."""
    previous = GENESIS
    for entry in AuditEntry.objects.order_by("id").iterator():
        if entry.previous_hash != previous or entry.hash != _seal(entry):
            yield entry
        previous = entry.hash
