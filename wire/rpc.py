"""Request and reply that survive restarts: DEALER asks (and asks again), ROUTER answers each request once.

For reads, which may be carried out twice and many at once, there are `wire.reads` and `wire.pipeline`.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Self

import zmq

from wire.envelope import Envelope, Frames, Handler, Request, answers
from wire.errors import Garbage, Timeout, VersionMismatch
from wire.message import Message
from wire.security import Security, refuse_open, secure_client, secure_server
from wire.sockets import bind, open_socket

log = logging.getLogger(__name__)

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
        self._envelope = Envelope(requests)
        self._replies: OrderedDict[bytes, list[bytes | memoryview]] = OrderedDict()
        self._kept = 0

    @property
    def garbage(self) -> int:
        """Foreign messages that were dropped."""
        return self._envelope.garbage

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
            request = self._envelope.request(frames)
        except (Garbage, VersionMismatch) as error:
            if refusal := self._envelope.refuse(frames, error):
                self._send(frames[0], refusal)
            return False
        self._send(request.peer, self._replies.get(request.id) or self._answer(handler, request))
        return True

    def _answer(self, handler: Handler, request: Request) -> list[bytes | memoryview]:
        done, packed = self._envelope.carry_out(handler, request)
        if done:
            self._keep(request.id, packed)
        return packed

    def _keep(self, request_id: bytes, packed: list[bytes | memoryview]) -> None:
        size = sum(map(len, packed))
        if size > KEPT_BYTES // 8:
            return  # large replies are reads: asking again is harmless
        self._replies[request_id] = packed
        self._kept += size
        while len(self._replies) > KEPT_REPLIES or self._kept > KEPT_BYTES:
            _, dropped = self._replies.popitem(last=False)
            self._kept -= sum(map(len, dropped))

    def _send(self, peer: bytes, reply: Frames) -> None:
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
        self._envelope = Envelope(replies)
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
        request_id, packed = self._envelope.ask(request, frames)
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

    def _ask(self, packed: Frames, request_id: bytes, wait_s: float) -> tuple[Message, list[bytes]] | None:
        until = time.monotonic() + wait_s
        if not self._sent(packed, wait_s):
            return None
        while (left := until - time.monotonic()) > 0:
            if not self._socket.poll(max(1, int(left * 1000))):
                return None
            frames = self._socket.recv_multipart()
            if answers(frames) == request_id:  # and not an answer to an earlier try
                return self._envelope.answer(frames)
        return None

    def _sent(self, packed: Frames, wait_s: float) -> bool:
        """Whether zmq took it. With a peer that has refused the handshake it takes nothing any more, and a
        plain send would wait for ever.
        """
        if not self._socket.poll(max(1, int(wait_s * 1000)), zmq.POLLOUT):
            return False
        try:
            self._socket.send_multipart(packed, flags=zmq.DONTWAIT, copy=False)
        except zmq.Again:  # it refused us a moment ago
            return False
        return True
