"""The key that this vault is sealed with: found, made for a new vault, or wrapped anew."""

from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction

from deidentify.vault.errors import Damaged, KeyMissing
from deidentify.vault.models import Issued, KeyRing
from deidentify.vault.router import ALIAS
from deidentify.vault.sealing import Sealer, key_id, make_file_key, read_file_key


def sealer() -> Sealer:
    """Raises ``KeyMissing``, ``WrongKey``, ``Damaged``. A vault that holds nothing yet is given a key."""
    ring = KeyRing.objects.last()
    if ring is None:
        if Issued.objects.exists():
            raise Damaged("the vault has rows and no key ring: restore it from an export")
        ring = _begun()
    return Sealer.unwrapped(read_file_key(key_file()), bytes(ring.wrapped))


def key_file() -> Path:
    return Path(settings.VAULT_KEY_FILE)


def _begun() -> KeyRing:
    if not key_file().exists():
        try:
            make_file_key(key_file())
        except OSError as error:
            raise KeyMissing(f"no key could be made in {key_file()}: {error.strerror}") from error
    return add_ring(Sealer.new(), read_file_key(key_file()))


def add_ring(made: Sealer, file_key: bytes) -> KeyRing:
    """The data key wrapped by this file key from now on; of a new vault's first two makers one wins."""
    last = KeyRing.objects.last()
    generation = last.generation + 1 if last else 1
    try:
        with transaction.atomic(using=ALIAS):
            ring = KeyRing.objects.create(
                generation=generation, key_id=key_id(file_key), wrapped=made.wrapped(file_key)
            )
    except IntegrityError:
        ring = KeyRing.objects.get(generation=generation)
    return ring
