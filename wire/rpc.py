"""Request and reply that survive restarts: DEALER asks (and asks again), ROUTER answers each request once.

Frames of a request: prefix, ``REQ``, request id (16 bytes), header, raw frames…; of a reply: prefix,
``REP`` or ``ERR``, request id, header, raw frames…
"""

import logging
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Self

import zmq

from wire.errors import Garbage, RemoteError, Timeout, VersionMismatch, WireError
from wire.message import PREFIX, Codec, Fault, Message, check_prefix
from wire.security import Security, refuse_open, secure_client, secure_server
from wire.sockets import bind, open_socket

log = logging.getLogger(__name__)

Frames = Sequence[bytes]
Answer = Message | tuple[Message, Frames]
Handler = Callable[[Message, list[bytes]], Answer]

ID_BYTES = 16
KEPT_REPLIES = 512
KEPT_BYTES = 32 << 20


class Server:
    """Answers requests, one at a time. What is not of this protocol is dropped and counted in ``garbage``."""

    def __init__(
        self,
        endpoint: str,
        requests: Sequence[type[Message]],
        *,
        context: "zmq.Context[Any] | None" = None,
        security: Security | None = None,
    ) -> None:
        refuse_open(endpoint, security)
        self._context = context or zmq.Context.instance()
        self._socket = open_socket(self._context, zmq.ROUTER)
        self._socket.router_handover = 1
        self._authenticator = secure_server(self._socket, security)
        self.endpoint = bind(self._socket, endpoint)
        self.garbage = 0
        self._codec = Codec(requests)
        self._replies: OrderedDict[bytes, list[bytes]] = OrderedDict()
        self._kept = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()
        if self._authenticator is not None:
            self._authenticator.stop()

    def serve_once(self, handler: Handler, timeout_s: float) -> bool:
        """Answer the next request, if one comes within ``timeout_s``; whether one did.

        Whatever the handler raises travels back as an error with its ``code`` and ``retryable``, and is
        logged where it has neither.
        """
        if not self._socket.poll(int(timeout_s * 1000)):
            return False
        frames = self._socket.recv_multipart()
        try:
            peer, request_id, message, rest = self._parse(frames)
        except Garbage as error:
            self._drop(error)
            if len(frames) > 4 and frames[1:3] == [PREFIX, b"REQ"]:  # ours, but nothing that we know: say so
                self._send(frames[0], self._pack(b"ERR", frames[3], _fault(error), ()))
            return False
        except VersionMismatch as error:
            self._send(
                frames[0], self._pack(b"ERR", frames[3] if len(frames) > 3 else b"", _fault(error), ())
            )
            return False
        reply = self._replies.get(request_id)
        if reply is None:
            reply = self._answer(handler, request_id, message, rest)
        self._send(peer, reply)
        return True

    def _parse(self, frames: list[bytes]) -> tuple[bytes, bytes, Message, list[bytes]]:
        if len(frames) < 2:
            raise Garbage("too few frames")
        check_prefix(frames[1])
        if len(frames) < 5 or frames[2] != b"REQ" or len(frames[3]) != ID_BYTES:
            raise Garbage("not a request")
        return frames[0], frames[3], self._codec.decode(frames[4]), frames[5:]

    def _drop(self, error: WireError) -> None:
        self.garbage += 1
        if (
            self.garbage & (self.garbage - 1) == 0
        ):  # the 1st, 2nd, 4th, 8th …: a port scan does not fill the disk
            log.warning("dropped %d foreign messages so far: %s", self.garbage, error)

    def _answer(
        self, handler: Handler, request_id: bytes, message: Message, rest: list[bytes]
    ) -> list[bytes]:
        try:
            answer = handler(message, rest)
        except Exception as error:
            if not hasattr(error, "code"):
                log.exception("%s failed", type(message).__name__)
            return self._pack(b"ERR", request_id, _fault(error), ())
        reply, frames = answer if isinstance(answer, tuple) else (answer, ())
        packed = self._pack(b"REP", request_id, reply, frames)
        self._keep(request_id, packed)
        return packed

    def _pack(self, kind: bytes, request_id: bytes, message: Message, frames: Frames) -> list[bytes]:
        return [PREFIX, kind, request_id, self._codec.encode(message), *frames]

    def _keep(self, request_id: bytes, packed: list[bytes]) -> None:
        size = sum(map(len, packed))
        if size > KEPT_BYTES // 8:
            return  # large replies are reads: asking again is harmless
        self._replies[request_id] = packed
        self._kept += size
        while len(self._replies) > KEPT_REPLIES or self._kept > KEPT_BYTES:
            _, dropped = self._replies.popitem(last=False)
            self._kept -= sum(map(len, dropped))

    def _send(self, peer: bytes, reply: list[bytes]) -> None:
        try:
            self._socket.send_multipart([peer, *reply], flags=zmq.DONTWAIT, copy=False)
        except zmq.ZMQError as error:  # the peer has gone: it will ask again if it still wants to know
            log.info("a reply could not be delivered: %s", error)


class Client:
    """Asks a server. A question without an answer is asked again on a fresh socket under the same id, so it
    is carried out once. Not for use by several threads.
    """

    def __init__(
        self,
        endpoint: str,
        replies: Sequence[type[Message]],
        *,
        timeout_s: float = 5.0,
        retries: int = 2,
        security: Security | None = None,
        context: "zmq.Context[Any] | None" = None,
    ) -> None:
        self._endpoint = endpoint
        self._codec = Codec(replies)
        self._timeout_s = timeout_s
        self._retries = retries
        self._security = security
        self._context = context or zmq.Context.instance()
        self._socket = self._connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def call(
        self, request: Message, frames: Frames = (), *, timeout_s: float | None = None
    ) -> tuple[Message, list[bytes]]:
        """The reply and its raw frames. Raises ``Timeout`` after the last try, ``RemoteError`` when the
        server refuses, ``VersionMismatch`` when it speaks another version.
        """
        request_id = os.urandom(ID_BYTES)
        packed = [PREFIX, b"REQ", request_id, self._codec.encode(request), *frames]
        wait_s = self._timeout_s if timeout_s is None else timeout_s
        for attempt in range(self._retries + 1):
            if attempt:
                self._socket.close()
                self._socket = self._connect()
            answer = self._ask(packed, request_id, wait_s)
            if answer is not None:
                return answer
        raise Timeout(f"{self._endpoint} did not answer {type(request).__name__} within {wait_s:g} s")

    def _connect(self) -> zmq.Socket[bytes]:
        socket = open_socket(self._context, zmq.DEALER)
        secure_client(socket, self._security)
        socket.connect(self._endpoint)
        return socket

    def _ask(
        self, packed: list[bytes], request_id: bytes, wait_s: float
    ) -> tuple[Message, list[bytes]] | None:
        self._socket.send_multipart(packed, copy=False)
        until = time.monotonic() + wait_s
        while (left := until - time.monotonic()) > 0:
            if not self._socket.poll(max(1, int(left * 1000))):
                return None
            frames = self._socket.recv_multipart()
            if len(frames) < 4 or frames[2] != request_id:
                continue  # an answer to an earlier try
            check_prefix(frames[0])
            message = self._codec.decode(frames[3])
            if isinstance(message, Fault):
                raise RemoteError(message.message, code=message.code, retryable=message.retryable)
            return message, frames[4:]
        return None


def _fault(error: Exception) -> Fault:
    code = getattr(error, "code", "internal")
    return Fault(
        code=code if isinstance(code, str) else "internal",
        message=str(error) or type(error).__name__,
        retryable=bool(getattr(error, "retryable", False)),
    )
