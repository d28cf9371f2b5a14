"""CURVE: who may connect, and nobody else listens ("ironhouse": the server keeps an allow-list of client
keys).

Key files are text, one ``public = …`` and ``secret = …`` line each, mode 0600. Outside loopback and ipc a
socket without keys is refused: a hospital network is scanned, and a stage that anyone can move is
dangerous.
"""

import itertools
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlparse

import zmq
from zmq.auth.thread import ThreadAuthenticator

from wire.errors import Insecure

KEY_CHARACTERS = 40
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]", "::1"})
PRIVATE_SCHEMES = frozenset({"ipc", "inproc"})


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
        if not {"public", "secret"} <= entries.keys():
            raise Insecure(f"{file.name} holds no key pair")
        return cls(entries["public"], entries["secret"])

    def save(self, file: Path) -> None:
        """``file`` holds both keys; ``file`` with ``.pub`` behind its name the public one, for the others."""
        public = f"public = {self.public.decode()}\n"
        file.touch(mode=0o600, exist_ok=False)
        file.write_text(f"{public}secret = {self.secret.decode()}\n", encoding="ascii")
        file.with_name(f"{file.name}.pub").write_text(public, encoding="ascii")


def public_key(file: Path) -> bytes:
    """The public key in a key file. Raises ``Insecure`` when there is none."""
    key = _entries(file).get("public", b"")
    if len(key) != KEY_CHARACTERS:
        raise Insecure(f"{file.name} holds no public key")
    return key


def _entries(file: Path) -> dict[str, bytes]:
    lines = (line.split("=", 1) for line in file.read_text(encoding="ascii").splitlines() if "=" in line)
    return {key.strip(): value.strip().encode() for key, value in lines}


@dataclass(frozen=True)
class Security:
    """A server gives ``keys`` and ``allowed`` client keys (several, so that a key can be rotated); a client
    gives its own ``keys`` and the ``server`` key.
    """

    keys: KeyPair
    server: bytes = b""
    allowed: frozenset[bytes] = frozenset()

    @classmethod
    def of_server(cls, keys: Path, allow: Iterable[Path]) -> "Security":
        """From a server's own key file and the public key files of its clients. Raises ``Insecure``,
        ``OSError``.
        """
        return cls(KeyPair.load(keys), allowed=frozenset(public_key(file) for file in allow))

    @classmethod
    def of_client(cls, keys: Path, server: Path) -> "Security":
        """From a client's own key file and the public key file of its server. Raises ``Insecure``,
        ``OSError``.
        """
        return cls(KeyPair.load(keys), server=public_key(server))


def secure_server(socket: zmq.Socket[bytes], security: Security | None) -> "Door | None":
    """Apply keys before bind, and see that somebody asks the allow-list."""
    if security is None:
        return None
    door = Door(socket.context, security.allowed)
    socket.zap_domain = door.domain.encode()
    socket.curve_secretkey = security.keys.secret
    socket.curve_publickey = security.keys.public
    socket.curve_server = True
    return door


def secure_client(socket: zmq.Socket[bytes], security: Security | None) -> None:
    if security is None:
        return
    socket.curve_secretkey = security.keys.secret
    socket.curve_publickey = security.keys.public
    socket.curve_serverkey = security.server


def refuse_open(endpoint: str, security: Security | None) -> None:
    """Raises ``Insecure`` for a socket that the network could reach without keys."""
    parts = urlparse(endpoint)
    here = parts.scheme == "tcp" and parts.netloc.rsplit(":", 1)[0] in LOOPBACK
    if security is None and not here and parts.scheme not in PRIVATE_SCHEMES:
        raise Insecure(
            f"{endpoint} can be reached from the network: give it CURVE keys, or bind to 127.0.0.1"
        )


class Door:
    """One socket's allow-list. A zmq context takes one authenticator only: all doors of a context share it,
    each under a domain of its own; the last one to stop ends its thread.
    """

    _lock: ClassVar[threading.Lock] = threading.Lock()
    _numbers: ClassVar["itertools.count[int]"] = itertools.count(1)
    _shared: ClassVar[dict["zmq.Context[Any]", tuple[ThreadAuthenticator, set[str]]]] = {}

    def __init__(self, context: "zmq.Context[Any]", allowed: frozenset[bytes]) -> None:
        self._context = context
        with self._lock:
            self.domain = f"door-{next(self._numbers)}"
            if context not in self._shared:
                authenticator = ThreadAuthenticator(context)
                authenticator.start()
                self._shared[context] = (authenticator, set())
            authenticator, domains = self._shared[context]
            authenticator.configure_curve_callback(self.domain, credentials_provider=_AllowList(allowed))
            domains.add(self.domain)

    def stop(self) -> None:
        with self._lock:
            authenticator, domains = self._shared.get(self._context, (None, set()))
            domains.discard(self.domain)
            if authenticator is not None and not domains:
                del self._shared[self._context]
                authenticator.stop()


class _AllowList:
    def __init__(self, allowed: frozenset[bytes]) -> None:
        self._allowed = allowed

    def callback(self, domain: str, key: bytes) -> bool:
        """``key`` as z85 text, as key files have it."""
        return key in self._allowed
