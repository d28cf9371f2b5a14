"""A server for reads: many requests at once, each in one of a few threads, for any number of clients.

Reads change nothing, so a request that is repeated is carried out again and no reply is kept
(`wire.rpc.Server` is for requests that must be carried out once). The pattern is leader and followers
(Schmidt et al., POSA 2): whichever thread is free takes the next request from the ROUTER, works, and replies
itself. Against a ROUTER that hands requests to workers over inproc this saves two changes of thread per
request, and nothing queues up:

- What no thread is free for stays in zmq's queue, at most `WAITING` requests of a client, and behind that in
  the client's own. ROUTER takes turns between clients.
- A client to whom `MOST_OWED` bytes of replies are under way is told ``busy`` (retryable) until it has taken
  some, and so is everybody when `MOST_OWED_IN_ALL` are. One that reads nothing is cut off by zmq's heartbeat.
"""

import logging
import threading
from collections import deque
from collections.abc import Sequence
from typing import Any, Self

import zmq

from wire.envelope import Envelope, Frames, Handler
from wire.errors import Busy, Garbage, VersionMismatch
from wire.message import Message
from wire.security import Security, refuse_open, secure_server
from wire.shared import SharedSocket
from wire.sockets import bind, open_socket

log = logging.getLogger(__name__)

WAITING = 64
MOST_REQUEST_BYTES = 64 << 10
MOST_OWED = 64 << 20
MOST_OWED_IN_ALL = 512 << 20
LOOK_S = 1.0
WAKE_S = 0.01


class ReadServer:
    """Answers with ``handler`` in ``workers`` threads from the moment it is made until it is closed.

    ``garbage`` counts foreign messages, ``answered`` replies, ``refused`` those that were ``busy``.
    """

    def __init__(
        self,
        endpoint: str,
        requests: Sequence[type[Message]],
        handler: Handler,
        *,
        workers: int = 4,
        context: "zmq.Context[Any] | None" = None,
        security: Security | None = None,
    ) -> None:
        refuse_open(endpoint, security)
        socket = open_socket(context or zmq.Context.instance(), zmq.ROUTER, high_water=WAITING)
        socket.maxmsgsize = MOST_REQUEST_BYTES
        self._authenticator = secure_server(socket, security)
        self.endpoint = bind(socket, endpoint)
        self._socket = SharedSocket(socket)
        self._envelope = Envelope(requests)
        self._handler = handler
        self._owed = _Owed()
        self.answered = self.refused = 0
        self._stopping = threading.Event()
        self._workers = [
            threading.Thread(target=self._work, name=f"reads-{number}") for number in range(workers)
        ]
        for worker in self._workers:
            worker.start()

    @property
    def garbage(self) -> int:
        return self._envelope.garbage

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Requests being worked on are answered first."""
        self._stopping.set()
        for worker in self._workers:
            while worker.is_alive():
                self._socket.wake()
                worker.join(WAKE_S)
        self._socket.close()
        if self._authenticator is not None:
            self._authenticator.stop()

    def _work(self) -> None:
        while not self._stopping.is_set():
            if frames := self._socket.receive(LOOK_S):
                self._serve(frames)

    def _serve(self, frames: list[bytes]) -> None:
        try:
            request = self._envelope.request(frames)
        except (Garbage, VersionMismatch) as error:
            if refusal := self._envelope.refuse(frames, error):
                self._send(frames[0], refusal)
            return
        if self._owed.too_much(request.peer):
            self.refused += 1
            busy = Busy("replies that you have not taken yet are waiting for you")
            self._send(request.peer, self._envelope.failed(request.id, busy))
            return
        _, reply = self._envelope.carry_out(self._handler, request)
        self._send(request.peer, reply)
        self.answered += 1

    def _send(self, peer: bytes, reply: Frames) -> None:
        try:
            self._owed.add(peer, sum(map(len, reply)), self._socket.send([peer, *reply]))
        except zmq.ZMQError as error:  # the peer has gone: it will ask again if it still wants to know
            log.info("a reply could not be delivered: %s", error)


class _Owed:
    """Bytes of large replies that zmq still holds, by client. Of small ones it holds `WAITING` at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[bytes, deque[tuple[Sequence[zmq.MessageTracker], int]]] = {}

    def add(self, peer: bytes, size: int, sent: Sequence[zmq.MessageTracker]) -> None:
        if not all(tracker.done for tracker in sent):
            with self._lock:
                self._open.setdefault(peer, deque()).append((sent, size))

    def too_much(self, peer: bytes) -> bool:
        if not self._open:
            return False
        with self._lock:
            for other in list(self._open):
                replies = self._open[other]
                while replies and all(tracker.done for tracker in replies[0][0]):
                    replies.popleft()
                if not replies:
                    del self._open[other]
            owed = {other: sum(size for _, size in replies) for other, replies in self._open.items()}
        return owed.get(peer, 0) >= MOST_OWED or sum(owed.values()) >= MOST_OWED_IN_ALL
