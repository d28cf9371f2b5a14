"""Sealing at rest: each chunk by AES-256-GCM, bound to its run and its place in the slide.

    stored = nonce (12 bytes) | ciphertext | tag (16 bytes)

A plane that is sent again must give the same bytes, or it would be taken for a different picture; so the
nonce is not random but the first 12 bytes of HMAC-SHA256(nonce key, name | 0 | chunk). The trade-off: whoever
holds two copies of one run sees whether the chunk at a place is the same in both. Within a run no two chunks
share a nonce unless they share name and content.

Data key and nonce key come from the slide's key by HKDF-SHA256 (RFC 5869) with the run's id as salt, so that
chunks cannot be carried into another slide; the name is associated data, so that they cannot be swapped
within one. GCM is that of NIST SP 800-38D; the idea of a nonce made from the content is RFC 8452's.

cryptography releases the interpreter lock while it works.
"""

import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vslide.errors import Damaged, Truncated

NONCE_BYTES, TAG_BYTES = 12, 16
OVERHEAD = NONCE_BYTES + TAG_BYTES
"""Bytes by which a sealed chunk is longer."""


def _derived(key: bytes, run_id: str, purpose: bytes) -> bytes:
    kdf = HKDF(SHA256(), length=32, salt=bytes.fromhex(run_id), info=b"nocturne-slide " + purpose)
    return kdf.derive(key)


class Seal:
    """Seals and opens the chunks of one run. `name` is a `vslide.coding.ChunkName`. Thread-safe."""

    def __init__(self, key: bytes, run_id: str) -> None:
        self._cipher = AESGCM(_derived(key, run_id, b"data"))
        self._nonce_key = _derived(key, run_id, b"nonce")

    def seal(self, plain: bytes, name: tuple[int, ...]) -> bytes:
        """The bytes to store; the same every time."""
        place = _packed(name)
        mac = hmac.new(self._nonce_key, place + b"\0", hashlib.sha256)
        mac.update(plain)
        nonce = mac.digest()[:NONCE_BYTES]
        return nonce + self._cipher.encrypt(nonce, plain, place)

    def open(self, stored: bytes, name: tuple[int, ...]) -> bytes:
        """The chunk in the clear. Raises Truncated, or Damaged when it was changed, moved or sealed with
        another key.
        """
        if len(stored) < OVERHEAD:
            raise Truncated(f"a sealed chunk of {len(stored)} bytes")
        try:
            return self._cipher.decrypt(stored[:NONCE_BYTES], stored[NONCE_BYTES:], _packed(name))
        except InvalidTag as error:
            raise Damaged(
                "a sealed chunk does not open: changed, moved, or sealed with another key"
            ) from error


def _packed(name: tuple[int, ...]) -> bytes:
    """The numbers in decimal with commas between them: no two names look alike."""
    return ",".join(map(str, name)).encode()
