"""CURVE key files: text, one `name = value` a line, mode 0600; the public half in a file of its own with
`.pub` behind the name.

    public = (40 characters of Z85)
    secret = (40 characters of Z85)
    made = 2026-11-22
"""

import datetime
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import zmq

from wire.errors import Insecure

log = logging.getLogger(__name__)

KEY_CHARACTERS = 40
OLD_AFTER_DAYS = 335
"""A key is meant to serve a year; thirty days before that somebody should know."""


@dataclass(frozen=True)
class KeyPair:
    """One side's CURVE keys (Z85); the file that holds them is its owner's only (0600)."""

    public: bytes
    secret: bytes = field(repr=False)

    @classmethod
    def new(cls) -> "KeyPair":
        public, secret = zmq.curve_keypair()
        return cls(public, secret)

    @classmethod
    def load(cls, file: Path) -> "KeyPair":
        """Raises ``Insecure`` when others could read the file or it holds no keys."""
        if file.stat().st_mode & 0o077:
            raise Insecure(f"{file.name} can be read by others: chmod 600 it")
        entries = _entries(file)
        if any(len(entries.get(name, "")) != KEY_CHARACTERS for name in ("public", "secret")):
            raise Insecure(f"{file.name} holds no key pair")
        return cls(entries["public"].encode(), entries["secret"].encode())

    def save(self, file: Path) -> None:
        """``file`` holds both keys; ``file`` with ``.pub`` behind its name the public one, for the others."""
        made = f"made = {_today().isoformat()}\n"
        public = f"public = {self.public.decode()}\n"
        file.touch(mode=0o600, exist_ok=False)
        file.write_text(f"{public}secret = {self.secret.decode()}\n{made}", encoding="ascii")
        file.with_name(f"{file.name}.pub").write_text(public + made, encoding="ascii")


def public_key(file: Path) -> bytes:
    """The public key in a key file. Raises ``Insecure`` when there is none, ``OSError``."""
    key = _entries(file).get("public", "")
    if len(key) != KEY_CHARACTERS:
        raise Insecure(f"{file.name} holds no public key")
    return key.encode()


class AllowList:
    """The client keys that may come in: public key files, or folders of them (`*.pub`).

    Read anew whenever a client knocks, so that a key is added, replaced or taken away without a restart:
    while both lie there, the old and the new one are valid. A file that cannot be read lets nobody in and
    keeps nobody else out. What is connected stays so until it hangs up.
    """

    def __init__(self, places: Iterable[Path]) -> None:
        self._places = tuple(places)

    def __contains__(self, key: object) -> bool:
        return any(_holds(place, key) for place in self._places)


def _holds(place: Path, key: object) -> bool:
    try:
        files = list(key_files([place]))
    except OSError as error:
        log.warning("cannot look into %s: %s", place, error)
        return False
    return any(_is(file, key) for file in files)


def _is(file: Path, key: object) -> bool:
    try:
        return public_key(file) == key
    except (Insecure, OSError) as error:
        log.warning("passed over a key file: %s", error)
        return False


def key_files(places: Iterable[Path]) -> Iterator[Path]:
    """The files themselves, and of folders what ends in `.pub`."""
    for place in places:
        if place.is_dir():
            yield from sorted(place.glob("*.pub"))
        else:
            yield place


@dataclass(frozen=True, slots=True)
class KeyAge:
    """How old a key file is. ``days`` is None when it does not say when it was made."""

    file: Path
    made: datetime.date | None
    days: int | None

    def is_old(self, after_days: int = OLD_AFTER_DAYS) -> bool:
        """A key without a date may be any age: it counts as old."""
        return self.days is None or self.days >= after_days


def ages(places: Iterable[Path]) -> list[KeyAge]:
    """The age of every key file, oldest first. Raises ``Insecure`` for a file without a key, ``OSError``."""
    found = [_age(file) for file in key_files(places)]
    return sorted(found, key=lambda age: (age.days is not None, -(age.days or 0), str(age.file)))


def warn_of_old(places: Iterable[Path]) -> None:
    """Say in the log which keys should be renewed."""
    for age in ages(places):
        if age.is_old():
            since = f"is {age.days} days old" if age.days is not None else "says no date"
            log.warning("the key %s %s: renew it (docs/protocol.md, Keys)", age.file.name, since)


def _age(file: Path) -> KeyAge:
    public_key(file)
    try:
        made = datetime.date.fromisoformat(_entries(file).get("made", ""))
    except ValueError:
        return KeyAge(file, None, None)
    return KeyAge(file, made, (_today() - made).days)


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


def _entries(file: Path) -> dict[str, str]:
    try:
        text = file.read_text(encoding="ascii")
    except UnicodeDecodeError as error:
        raise Insecure(f"{file.name} is no key file") from error
    lines = (line.split("=", 1) for line in text.splitlines() if "=" in line)
    return {key.strip(): value.strip() for key, value in lines}
