"""Raw frames to a server and back: what a conformance kit asks that no client of ours would ever send."""

from typing import Any, Self

import zmq

from wire.envelope import Frames
from wire.message import MAGIC, VERSION
from wire.security import Security, secure_client
from wire.sockets import open_socket


class Probe:
    """A connection that says anything. Nothing is asked again, nothing is checked."""

    def __init__(
        self, endpoint: str, *, security: Security | None = None, context: "zmq.Context[Any] | None" = None
    ) -> None:
        self._socket = open_socket(context or zmq.Context.instance(), zmq.DEALER)
        self._socket.linger = 200  # what was said in passing should arrive
        secure_client(self._socket, security)
        self._socket.connect(endpoint)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._socket.close()

    def say(self, frames: Frames) -> None:
        self._socket.send_multipart(frames)

    def hear(self, timeout_s: float) -> list[bytes] | None:
        """The next frames, or None when none came."""
        return self._socket.recv_multipart() if self._socket.poll(int(timeout_s * 1000)) else None


def prefix(version: int = VERSION) -> bytes:
    """The first frame of everything that is said in this version of the protocol."""
    return MAGIC + bytes([version])
