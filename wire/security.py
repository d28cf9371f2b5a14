"""CURVE: who may connect, and nobody else listens ("ironhouse": the server keeps an allow-list of client
keys).

Outside loopback and ipc a socket without keys is refused: a hospital network is scanned, and a stage that
anyone can move is dangerous. Who wants that all the same says so: `Security.off()`.
"""

import itertools
import re
import threading
from collections.abc import Container, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlparse

import zmq
from zmq.auth import Authenticator
from zmq.auth.thread import ThreadAuthenticator

from wire.errors import Insecure
from wire.keys import AllowList, KeyPair, public_key, warn_of_old

LOOPBACK = frozenset({"localhost", "[::1]", "::1"})
PRIVATE_SCHEMES = frozenset({"ipc", "inproc"})
_LOOPBACK_4 = re.compile(r"127(\.\d{1,3}){3}")  # the whole network never leaves the machine


@dataclass(frozen=True)
class Security:
    """A server gives ``keys`` and ``allowed`` client keys (several, so that a key can be rotated); a client
    gives its own ``keys`` and the ``server`` key, or the file that holds it: that is read for every new
    connection, so that a server may change its key. Without ``keys`` everybody may come.
    """

    keys: KeyPair | None
    server: bytes | Path = b""
    allowed: Container[bytes] = frozenset()

    @classmethod
    def of_server(cls, keys: Path, allow: Iterable[Path]) -> "Security":
        """From a server's own key file and the public key files of its clients, or folders of them. Raises
        ``Insecure``, ``OSError``.
        """
        files = tuple(allow)
        warn_of_old((keys, *files))
        return cls(KeyPair.load(keys), allowed=AllowList(files))

    @classmethod
    def of_client(cls, keys: Path, server: Path) -> "Security":
        """From a client's own key file and the public key file of its server. Raises ``Insecure``,
        ``OSError``.
        """
        warn_of_old((keys, server))
        return cls(KeyPair.load(keys), server=server)

    @classmethod
    def off(cls) -> "Security":
        """Said plainly: everybody who reaches the socket may come."""
        return cls(None)

    @property
    def server_key(self) -> bytes:
        """As it stands now. Raises ``Insecure``."""
        if isinstance(self.server, bytes):
            return self.server
        try:
            return public_key(self.server)
        except OSError as error:
            raise Insecure(f"the server's key cannot be read: {error}") from error


def parse_address(address: str) -> tuple[str, Security | None]:
    """``tcp://host:port`` or ``tcp://host:port?keys=FILE&server=FILE``: the endpoint, and our key pair and
    the server's public key where they are given. Raises ``Insecure``, ``OSError``.
    """
    endpoint, _, query = address.partition("?")
    given = {name: values[-1] for name, values in parse_qs(query).items()}
    if not given:
        return endpoint, None
    if given.keys() != {"keys", "server"}:
        raise Insecure(f"{endpoint}: who has keys is named with ?keys=FILE&server=FILE")
    return endpoint, Security.of_client(Path(given["keys"]), Path(given["server"]))


def secure_server(socket: zmq.Socket[bytes], security: Security | None) -> "Door | None":
    """Apply keys before bind, and see that somebody asks the allow-list."""
    if security is None or security.keys is None:
        return None
    door = Door(socket.context, security.allowed)
    socket.zap_domain = door.domain.encode()
    socket.curve_secretkey = security.keys.secret
    socket.curve_publickey = security.keys.public
    socket.curve_server = True
    return door


def secure_client(socket: zmq.Socket[bytes], security: Security | None) -> None:
    """Raises ``Insecure`` when the server's key cannot be read."""
    if security is None or security.keys is None:
        return
    socket.curve_secretkey = security.keys.secret
    socket.curve_publickey = security.keys.public
    socket.curve_serverkey = security.server_key


def refuse_open(endpoint: str, security: Security | None) -> None:
    """Raises ``Insecure`` for a socket that the network could reach without keys."""
    parts = urlparse(endpoint)
    here = parts.scheme == "tcp" and _is_loopback(parts.netloc.rsplit(":", 1)[0])
    if security is None and not here and parts.scheme not in PRIVATE_SCHEMES:
        raise Insecure(
            f"{endpoint} can be reached from the network: give it CURVE keys, or bind to 127.0.0.1"
        )


def _is_loopback(host: str) -> bool:
    return host in LOOPBACK or bool(_LOOPBACK_4.fullmatch(host))


class Door:
    """One socket's allow-list. A zmq context takes one authenticator only: all doors of a context share it,
    each under a domain of its own; the last one to stop ends its thread.
    """

    _lock: ClassVar[threading.Lock] = threading.Lock()
    _numbers: ClassVar["itertools.count[int]"] = itertools.count(1)
    _shared: ClassVar[dict["zmq.Context[Any]", tuple["_Porter", set[str]]]] = {}

    def __init__(self, context: "zmq.Context[Any]", allowed: Container[bytes]) -> None:
        self._context = context
        with self._lock:
            self.domain = f"door-{next(self._numbers)}"
            if context not in self._shared:
                authenticator = _Porter(context)
                authenticator.start()
                self._shared[context] = (authenticator, set())
            authenticator, domains = self._shared[context]
            authenticator.configure_curve_callback(self.domain, credentials_provider=_Asked(allowed))
            domains.add(self.domain)

    def stop(self) -> None:
        with self._lock:
            authenticator, domains = self._shared.get(self._context, (None, set()))
            domains.discard(self.domain)
            if authenticator is not None and not domains:
                del self._shared[self._context]
                authenticator.stop()


class _Leaving(Authenticator):
    """Gives its name in the context back as it stops. A socket that is only closed keeps it until zmq's own
    thread comes by, and the context's next authenticator cannot bind till then.
    """

    def stop(self) -> None:
        if self.zap_socket:
            self.zap_socket.unbind("inproc://zeromq.zap.01")
        super().stop()


class _Porter(ThreadAuthenticator, _Leaving):
    """In a thread; that one ends before the name is given back. The thread's pipe has a name never used
    before: pyzmq calls it by the object's address, which comes again sooner than zmq lets go of it.
    """

    _pipes: ClassVar["itertools.count[int]"] = itertools.count(1)

    def __init__(self, context: "zmq.Context[Any]") -> None:
        super().__init__(context)
        self.pipe_endpoint = f"inproc://porter-{next(self._pipes)}"


class _Asked:
    def __init__(self, allowed: Container[bytes]) -> None:
        self._allowed = allowed

    def callback(self, domain: str, key: bytes) -> bool:
        """``key`` as z85 text, as key files have it."""
        return key in self._allowed
