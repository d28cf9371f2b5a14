"""CURVE: who may connect, and nobody else listens ("ironhouse": the server keeps an allow-list of client
keys).

Key files are text, one ``public = …`` and ``secret = …`` line each, mode 0600. Outside loopback and ipc a
socket without keys is refused: a hospital network is scanned, and a stage that anyone can move is
dangerous.
"""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlparse

import zmq
from zmq.auth.thread import ThreadAuthenticator

from wire.errors import Insecure

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]", "::1"})


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
        lines = (line.split("=", 1) for line in file.read_text(encoding="ascii").splitlines() if "=" in line)
        entries = {key.strip(): value.strip().encode() for key, value in lines}
        if not {"public", "secret"} <= entries.keys():
            raise Insecure(f"{file.name} holds no key pair")
        return cls(entries["public"], entries["secret"])

    def save(self, file: Path) -> None:
        file.touch(mode=0o600, exist_ok=False)
        file.write_text(
            f"public = {self.public.decode()}\nsecret = {self.secret.decode()}\n", encoding="ascii"
        )


@dataclass(frozen=True)
class Security:
    """A server gives ``keys`` and ``allowed`` client keys (several, so that a key can be rotated); a client
    gives its own ``keys`` and the ``server`` key.
    """

    keys: KeyPair
    server: bytes = b""
    allowed: frozenset[bytes] = frozenset()


def secure_server(socket: zmq.Socket[bytes], security: Security | None) -> ThreadAuthenticator | None:
    """Apply keys before bind, and start the thread that asks the allow-list."""
    if security is None:
        return None
    authenticator = ThreadAuthenticator(socket.context)
    authenticator.start()
    authenticator.configure_curve_callback("*", credentials_provider=_AllowList(security.allowed))
    socket.curve_secretkey = security.keys.secret
    socket.curve_publickey = security.keys.public
    socket.curve_server = True
    return authenticator


def secure_client(socket: zmq.Socket[bytes], security: Security | None) -> None:
    if security is None:
        return
    socket.curve_secretkey = security.keys.secret
    socket.curve_publickey = security.keys.public
    socket.curve_serverkey = security.server


def refuse_open(endpoint: str, security: Security | None) -> None:
    """Raises ``Insecure`` for a socket that the network could reach without keys."""
    parts = urlparse(endpoint)
    if security is None and parts.scheme == "tcp" and parts.netloc.rsplit(":", 1)[0] not in LOOPBACK:
        raise Insecure(
            f"{endpoint} can be reached from the network: give it CURVE keys, or bind to 127.0.0.1"
        )


class _AllowList:
    def __init__(self, allowed: frozenset[bytes]) -> None:
        self._allowed = allowed

    def callback(self, domain: str, key: bytes) -> bool:
        """``key`` as z85 text, as key files have it."""
        return key in self._allowed
