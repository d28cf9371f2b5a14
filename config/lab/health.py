"""Is it well? One small question for each kind of process, asked from outside, answered within a second."""

import contextlib
import http.client
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

ANSWER_S = 1.0


@dataclass(frozen=True, slots=True)
class Health:
    ok: bool
    words: str


class Probe(Protocol):
    def ask(self) -> Health: ...


@dataclass(frozen=True, slots=True)
class Answers:
    """A ZeroMQ socket greets whoever connects with the byte 0xff."""

    port: int

    def ask(self) -> Health:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=ANSWER_S) as peer:
                greeting = peer.recv(1)
        except OSError as error:
            return Health(False, f"port {self.port}: {error.strerror or 'no answer'}")
        if greeting != b"\xff":
            return Health(False, f"port {self.port} belongs to another program")
        return Health(True, f"port {self.port} answers")


@dataclass(frozen=True, slots=True)
class ServesPages:
    port: int

    def ask(self) -> Health:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5 * ANSWER_S)
        with contextlib.closing(connection):
            try:
                connection.request("GET", "/")
                status = connection.getresponse().status
            except (OSError, http.client.HTTPException) as error:
                return Health(False, f"port {self.port}: {error or 'no answer'}")
        if status >= 500:
            return Health(False, f"answers with status {status}")
        return Health(True, f"port {self.port} serves pages")


@dataclass(frozen=True, slots=True)
class Pongs:
    """The broker answers PING on its own socket."""

    path: Path

    def ask(self) -> Health:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
            peer.settimeout(ANSWER_S)
            try:
                peer.connect(str(self.path))
                peer.sendall(b"PING\r\n")
                answer = peer.recv(64)
            except OSError as error:
                return Health(False, error.strerror or "no answer")
        if not answer.startswith(b"+PONG"):
            return Health(False, answer.decode("ascii", "replace").strip()[:60])
        return Health(True, "answers")


@dataclass(frozen=True, slots=True)
class Beats:
    """A process that touches its heartbeat file every few seconds."""

    file: Path
    patience_s: float = 60.0

    def ask(self) -> Health:
        try:
            age = max(0.0, time.time() - self.file.stat().st_mtime)
        except FileNotFoundError:
            return Health(False, "no heartbeat yet")
        if age > self.patience_s:
            return Health(False, f"silent for {age:.0f} s")
        return Health(True, f"heartbeat {age:.0f} s ago")


@dataclass(frozen=True, slots=True)
class Lives:
    """Nothing more is known of it than that it runs; the supervisor sees to that."""

    def ask(self) -> Health:
        return Health(True, "runs")
