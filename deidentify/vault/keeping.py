"""Keeping the vault: export, restore, another file key, and whether all of it opens."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from deidentify.vault import ledger, looks
from deidentify.vault.errors import Damaged, NotEmpty, VaultError
from deidentify.vault.keyring import add_ring, key_file, sealer
from deidentify.vault.ledger import Line
from deidentify.vault.models import Issued, KeyLook, KeyRing
from deidentify.vault.router import ALIAS
from deidentify.vault.sealing import Sealer, read_file_key
from deidentify.vault.services import value_tag


@dataclass(frozen=True, slots=True)
class Restored:
    issued: int
    reserved: int  # numbers that somebody may have seen, kept free of new owners


def export(*, to: Path) -> int:
    """Every row, sealed as it is, in one file; how many. Raises ``OSError``, ``FileExistsError``, and as
    `sealer` does: an export that would not open again is not written.
    """
    sealer()
    with transaction.atomic(using=ALIAS):
        return ledger.write(to, KeyRing.objects.latest("generation"), Issued.objects.all().iterator())


def restore(*, exports: Sequence[Path], ledgers: Sequence[Path]) -> Restored:
    """Fill an empty vault. Without a ledger nobody knows what was issued after the export, and a number could
    be given out twice: at least one is asked for. Raises NotEmpty, Damaged, KeyMissing, WrongKey.
    """
    if Issued.objects.exists():
        raise NotEmpty("this vault holds keys already: restore into an empty one")
    if not ledgers:
        raise VaultError(
            "name the ledger too: without it a number that was issued since could be issued again"
        )
    read = [ledger.read(file, is_export=True) for file in exports]
    read += [ledger.read(file, is_export=False) for file in ledgers]
    file_key = read_file_key(key_file())
    made = Sealer.unwrapped(file_key, read[0][0])
    if any(Sealer.unwrapped(file_key, wrapped) != made for wrapped, _ in read):
        raise Damaged("these files are of different vaults")
    with transaction.atomic(using=ALIAS):
        add_ring(made, file_key)
        return _united(made, [line for _, lines in read for line in lines])


def _united(made: Sealer, lines: Sequence[Line]) -> Restored:
    """The last line of each owner counts; every other number is reserved for nobody."""
    owners = {line.owner: line for line in lines}
    for line in owners.values():
        content = made.open(line.sealed, line.owner)
        if value_tag(made, content) != line.value:
            raise Damaged("a line says another number than it seals")
        Issued.objects.create(owner=line.owner, value=line.value, sealed=line.sealed)
    spare = {line.value for line in lines} - {line.value for line in owners.values()}
    for value in sorted(spare):
        nobody = made.tag("owner", f"nobody:{secrets.token_hex(16)}")
        Issued.objects.create(owner=nobody, value=value, sealed=made.close({"kind": "reserved"}, nobody))
    return Restored(len(owners), len(spare))


def rotate(*, new_key: Path) -> KeyRing:
    """Wrap the data key by another file key. From then on VAULT_KEY_FILE must be that file. Raises as
    `sealer` does.
    """
    made, file_key = sealer(), read_file_key(new_key)
    with transaction.atomic(using=ALIAS):
        ring = add_ring(made, file_key)
        ledger.append_ring(ring)
    return ring


def faults() -> list[str]:
    """What does not open or was tampered with, in words that name nobody."""
    made = sealer()
    log = KeyLook.objects.all().iterator()
    found = [f"look {look.pk}: the log was changed here" for look in looks.broken(made, log)]
    for row in Issued.objects.all().iterator():
        try:
            content = made.open(bytes(row.sealed), row.owner)
        except Damaged as error:
            found.append(f"row {row.pk}: {error}")
            continue
        if content["kind"] != "reserved" and value_tag(made, content) != row.value:
            found.append(f"row {row.pk}: its number is not the one that it seals")
    return found
