"""Events: published to whoever listens, numbered, so that a listener knows what it has missed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import zmq

from wire.errors import Garbage, VersionMismatch
from wire.message import PREFIX, Codec, Message, check_prefix
from wire.security import Security, refuse_open, secure_client, secure_server
from wire.sockets import bind, open_socket

HIGH_WATER = 1000


@dataclass(frozen=True, slots=True)
class Event:
    """``missed`` counts the events lost since the last one seen (telemetry may be lost; pixels never travel
    this way).
    """

    message: Message
    sequence: int
    missed: int


class Publisher:
    """Publishing never blocks: a listener that falls behind loses events."""

    def __init__(
        self, endpoint: str, *, security: Security | None = None, context: "zmq.Context[Any] | None" = None
    ) -> None:
        refuse_open(endpoint, security)
        self._socket = open_socket(context or zmq.Context.instance(), zmq.PUB, high_water=HIGH_WATER)
        self._authenticator = secure_server(self._socket, security)
        self.endpoint = bind(self._socket, endpoint)
        self._codec = Codec(())
        self._sequence = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()
        if self._authenticator is not None:
            self._authenticator.stop()

    def publish(self, message: Message) -> None:
        self._sequence += 1
        frames = [PREFIX, self._sequence.to_bytes(8, "big"), self._codec.encode(message)]
        self._socket.send_multipart(frames)


class Subscriber:
    """Listens to one publisher; foreign frames are dropped and counted."""

    def __init__(
        self,
        endpoint: str,
        types: Sequence[type[Message]],
        *,
        security: Security | None = None,
        context: "zmq.Context[Any] | None" = None,
    ) -> None:
        self._socket = open_socket(context or zmq.Context.instance(), zmq.SUB, high_water=HIGH_WATER)
        secure_client(self._socket, security)
        self._socket.subscribe(PREFIX[:3])
        self._socket.connect(endpoint)
        self._codec = Codec(types)
        self._last = 0
        self.garbage = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def next(self, timeout_s: float) -> Event | None:
        """The next event, or None when none came within ``timeout_s``."""
        if not self._socket.poll(int(timeout_s * 1000)):
            return None
        frames = self._socket.recv_multipart()
        try:
            check_prefix(frames[0])
            message = self._codec.decode(frames[2])
        except (Garbage, VersionMismatch, IndexError):
            self.garbage += 1
            return None
        sequence = int.from_bytes(frames[1], "big")
        missed = max(0, sequence - self._last - 1) if self._last else 0
        self._last = sequence
        return Event(message, sequence, missed)
