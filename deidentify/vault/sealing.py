"""The vault's cryptography: AES-256-GCM for what is kept, HMAC-SHA256 for what is looked up.

Two keys. The *file key* lies outside every database, in a file of mode 0600. It wraps the *data key*, which
lies in the vault's key ring and seals the rows; so the file key can be changed without touching a row, which
nobody may. A tag is the HMAC of a value under a key derived from the data key (HKDF): equal values have equal
tags, and who lacks the key can neither open nor guess one, though there are only 90 million patient keys.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path
from typing import Any, Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from deidentify.vault.errors import Damaged, KeyMissing, WrongKey

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12  # NIST SP 800-38D, 8.2.2: random nonces of 96 bits
WRAPPED: Final = b"nocturne vault data key"


def make_file_key(file: Path) -> None:
    """A new file key under this name, unless somebody has made one meanwhile. Raises ``OSError``."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = file.with_name(f".{file.name}-{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as made:
            made.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            made.flush()
            os.fsync(made.fileno())
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def read_file_key(file: Path) -> bytes:
    """Raises ``KeyMissing`` and ``WrongKey``, which never repeat what the file says."""
    try:
        text = file.read_bytes()
    except OSError as error:
        raise KeyMissing(f"the vault's key cannot be read from {file}: {error.strerror}") from error
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise WrongKey(f"{file} does not hold a vault key: {KEY_BYTES} bytes in base64")
    return key


def key_id(file_key: bytes) -> str:
    """Which file key wrapped something: 16 hex digits that tell nothing of it."""
    return hashlib.sha256(b"nocturne vault key id" + file_key).hexdigest()[:16]


class Sealer:
    """Closes and opens under one data key (32 bytes)."""

    def __init__(self, data_key: bytes) -> None:
        self._data_key = data_key
        self._cipher = AESGCM(data_key)
        self._tag_key = HKDF(hashes.SHA256(), KEY_BYTES, None, b"nocturne vault tags").derive(data_key)

    @classmethod
    def new(cls) -> Self:
        return cls(secrets.token_bytes(KEY_BYTES))

    @classmethod
    def unwrapped(cls, file_key: bytes, wrapped: bytes) -> Self:
        """Raises ``WrongKey``."""
        try:
            data_key = AESGCM(file_key).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], WRAPPED)
        except (InvalidTag, ValueError) as error:
            raise WrongKey("the key file is not the one that this vault was sealed with") from error
        return cls(data_key)

    def wrapped(self, file_key: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(file_key).encrypt(nonce, self._data_key, WRAPPED)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sealer) and hmac.compare_digest(self._tag_key, other._tag_key)

    def __hash__(self) -> int:
        return hash(self._tag_key)

    def tag(self, kind: str, value: str) -> str:
        """64 hex digits for a value of a kind; the same for the same."""
        return hmac.new(self._tag_key, f"{kind}\0{value}".encode(), hashlib.sha256).hexdigest()

    def close(self, content: dict[str, Any], bound_to: str) -> bytes:
        """Sealed; it opens only where ``bound_to`` is the same, so that rows cannot be exchanged."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        text = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
        return nonce + self._cipher.encrypt(nonce, text, bound_to.encode())

    def open(self, sealed: bytes, bound_to: str) -> dict[str, Any]:
        """Raises ``Damaged``."""
        try:
            text = self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to.encode())
        except (InvalidTag, ValueError) as error:
            raise Damaged("a row of the vault does not open: it was changed, or sealed by another") from error
        content: dict[str, Any] = json.loads(text)
        return content
