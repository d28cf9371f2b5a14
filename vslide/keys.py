"""The keys of sealed slides: a directory with one file of 32 random bytes for each key, never inside a slide.

A key's id says which key it is without telling the key: the first 16 hex digits of
SHA-256(`nocturne-slide key` and a zero byte, then the key). Who loses the directory loses the pixels: keep a
copy where the slides are not.
"""

import hashlib
import os
import re
import secrets
import stat
from pathlib import Path

from vslide.disk import DISK
from vslide.errors import KeyMissing, KeyRefused

ENVIRONMENT = "NOCTURNE_SLIDE_KEYS"
"""The environment variable that names the directory."""
KEY_BYTES = 32
_KEY_ID = re.compile(r"[0-9a-f]{16}")
_SUFFIX = ".key"


def key_id_of(key: bytes) -> str:
    """The id of a key, 16 hex digits."""
    return hashlib.sha256(b"nocturne-slide key\0" + key).hexdigest()[:16]


class KeyRing:
    """The keys in `directory`, which need not exist before the first one is made."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @classmethod
    def from_environment(cls) -> "KeyRing | None":
        """The ring that NOCTURNE_SLIDE_KEYS names; None where it names none."""
        named = os.environ.get(ENVIRONMENT, "")
        return cls(Path(named)) if named else None

    def create(self) -> str:
        """Make a key, durable on disk when this returns; returns its id."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = secrets.token_bytes(KEY_BYTES)
        key_id = key_id_of(key)
        handle = os.open(self._path(key_id), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(handle, key)
            os.fsync(handle)
        finally:
            os.close(handle)
        DISK.sync_directory(self.directory)
        return key_id

    def ids(self) -> list[str]:
        """The ids of the keys in the directory, whether they may be used or not."""
        names = (path.stem for path in self.directory.glob(f"*{_SUFFIX}"))
        return sorted(name for name in names if _KEY_ID.fullmatch(name))

    def get(self, key_id: str) -> bytes:
        """The key. Raises KeyMissing, or KeyRefused for a file that others may read or of something else."""
        if not _KEY_ID.fullmatch(key_id):
            raise KeyRefused("a key id is 16 hex digits")
        try:
            with self._path(key_id).open("rb") as stream:
                about, key = os.fstat(stream.fileno()), stream.read(KEY_BYTES + 1)
        except FileNotFoundError as error:
            raise KeyMissing(f"key {key_id} is not in the directory of keys", key_id) from error
        except OSError as error:
            raise KeyRefused(f"key {key_id} cannot be read: {error.strerror}") from error
        if not stat.S_ISREG(about.st_mode) or about.st_mode & 0o077:
            raise KeyRefused(f"key {key_id}: others may read its file; chmod 600")
        if len(key) != KEY_BYTES or key_id_of(key) != key_id:
            raise KeyRefused(f"key {key_id}: its file holds something else")
        return key

    def _path(self, key_id: str) -> Path:
        return self.directory / f"{key_id}{_SUFFIX}"


def find_key(key_id: str, keys: KeyRing | None = None) -> bytes:
    """The key from `keys`, or else from the ring of the environment. Raises KeyMissing or KeyRefused."""
    ring = keys or KeyRing.from_environment()
    if ring is None:
        raise KeyMissing(f"key {key_id} is needed, and {ENVIRONMENT} names no directory of keys", key_id)
    return ring.get(key_id)
