"""How a request and its reply look on the wire: what every server and client of ours packs and parses alike.

Frames of a request: prefix, ``REQ``, request id (16 bytes), header, raw frames…; of a reply: prefix,
``REP`` or ``ERR``, request id, header, raw frames…
"""

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from wire.errors import Garbage, RemoteError, VersionMismatch, WireError
from wire.message import PREFIX, Codec, Fault, Message, check_prefix

log = logging.getLogger(__name__)

Frames = Sequence[bytes | memoryview]
Answer = Message | tuple[Message, Frames]
Handler = Callable[[Message, list[bytes]], Answer]

ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came in. `peer` is the ROUTER's name of who asked."""

    peer: bytes
    id: bytes
    message: Message
    frames: list[bytes]


class Envelope:
    """One side's packing and parsing, for messages of the given types. What is not of this protocol is
    counted in ``garbage``. Thread-safe, but for a ``garbage`` that may count a little short.
    """

    def __init__(self, types: Sequence[type[Message]]) -> None:
        self._codec = Codec(types)
        self.garbage = 0

    def ask(self, message: Message, frames: Frames = ()) -> tuple[bytes, list[bytes | memoryview]]:
        """A new request id, and the request's frames."""
        request_id = os.urandom(ID_BYTES)
        return request_id, [PREFIX, b"REQ", request_id, self._codec.encode(message), *frames]

    def request(self, frames: list[bytes]) -> Request:
        """A request from what a ROUTER received. Raises ``Garbage`` or ``VersionMismatch``."""
        if len(frames) < 2:
            raise Garbage("too few frames")
        check_prefix(frames[1])
        if len(frames) < 5 or frames[2] != b"REQ" or len(frames[3]) != ID_BYTES:
            raise Garbage("not a request")
        return Request(frames[0], frames[3], self._codec.decode(frames[4]), frames[5:])

    def refuse(self, frames: list[bytes], error: WireError) -> list[bytes | memoryview] | None:
        """What to tell the sender of frames that are no request: nothing, unless it speaks our protocol."""
        if isinstance(error, VersionMismatch):
            return self.failed(frames[3] if len(frames) > 3 else b"", error)
        self.garbage += 1
        if self.garbage & (self.garbage - 1) == 0:
            # the 1st, 2nd, 4th, 8th …: a port scan does not fill the disk
            log.warning("dropped %d foreign messages so far: %s", self.garbage, error)
        ours = len(frames) > 4 and frames[1:3] == [PREFIX, b"REQ"]
        return self.failed(frames[3], error) if ours else None

    def carry_out(self, handler: Handler, request: Request) -> tuple[bool, list[bytes | memoryview]]:
        """Whether the handler answered, and the reply's frames. Whatever it raises becomes an error with its
        ``code`` and ``retryable``, and is logged where it has neither.
        """
        try:
            answer = handler(request.message, request.frames)
        except Exception as error:
            if not hasattr(error, "code"):
                log.exception("%s failed", type(request.message).__name__)
            return False, self.failed(request.id, error)
        reply, frames = answer if isinstance(answer, tuple) else (answer, ())
        return True, [PREFIX, b"REP", request.id, self._codec.encode(reply), *frames]

    def failed(self, request_id: bytes, error: Exception) -> list[bytes | memoryview]:
        """The reply that says what went wrong."""
        code = getattr(error, "code", "internal")
        fault = Fault(
            code=code if isinstance(code, str) else "internal",
            message=str(error) or type(error).__name__,
            retryable=bool(getattr(error, "retryable", False)),
        )
        return [PREFIX, b"ERR", request_id, self._codec.encode(fault)]

    def answer(self, frames: list[bytes]) -> tuple[Message, list[bytes]]:
        """A reply's message and raw frames. Raises what the server said (``RemoteError``), ``Garbage`` or
        ``VersionMismatch``.
        """
        check_prefix(frames[0])
        message = self._codec.decode(frames[3])
        if isinstance(message, Fault):
            raise_fault(message)
        return message, frames[4:]


def answers(frames: list[bytes]) -> bytes:
    """The request id that a reply belongs to; empty for frames that are no reply."""
    return frames[2] if len(frames) > 3 else b""


def raise_fault(fault: Fault) -> NoReturn:
    raise RemoteError(fault.message, code=fault.code, retryable=fault.retryable)
