"""A client for reads: any number of threads, any number of requests under way on one connection.

The other half of `wire.reads.ReadServer`. Replies come in any order and find their request by its id; one
that comes too late, or twice, is dropped and counted in ``late``. There is no thread that receives: of those
who wait for a reply one listens for all, and names another when it has its own (a receiving thread would add
a change of threads, about 0.1 ms, to every reply).
"""

import logging
import threading
import time
from collections.abc import Sequence
from typing import Any, Self

import zmq

from wire.envelope import Envelope, Frames, answers
from wire.errors import Busy, PeerLost, RemoteError, Timeout
from wire.message import Message
from wire.security import Security, secure_client
from wire.shared import SharedSocket
from wire.sockets import open_socket

log = logging.getLogger(__name__)

BUSY_PAUSE_S = 0.02


class Pending:
    """A request under way. Wait for it with `Pipeline.result`, or `Pipeline.forget` it."""

    __slots__ = ("bell", "done", "id", "name", "packed", "reply")

    def __init__(self, name: str, request_id: bytes, packed: Frames, lock: threading.Lock) -> None:
        self.name, self.id, self.packed = name, request_id, packed
        self.done = False
        self.reply: list[bytes] = []
        self.bell = threading.Condition(lock)


class Pipeline:
    """Asks a `ReadServer`. What is not answered within ``timeout_s`` is asked again, ``retries`` times, on a
    fresh connection, together with all else that is under way. Thread-safe.

    ``late`` counts replies that nobody waited for any more, ``heard_at`` is when the last one came
    (`time.monotonic`), ``patience_s`` how long a request may take until it is given up.
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
        self.endpoint = endpoint
        self._envelope = Envelope(replies)
        self._timeout_s = timeout_s
        self._retries = retries
        self.patience_s = timeout_s * (retries + 1)
        self._security = security
        self._context = context or zmq.Context.instance()
        self._lock = threading.Lock()
        self._under_way: dict[bytes, Pending] = {}
        self._asleep: dict[bytes, Pending] = {}
        self._listening = False
        self.late = 0
        self.heard_at = 0.0
        self._closed = False
        self._socket = self._connect()
        self._connected_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Whoever still waits gets ``PeerLost``."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for pending in self._under_way.values():
                pending.done = True
                pending.bell.notify()
            self._under_way.clear()
        self._socket.close()

    def call(self, request: Message, frames: Frames = ()) -> tuple[Message, list[bytes]]:
        """The reply and its raw frames; raises as `result` does."""
        return self.result(self.ask(request, frames))

    def ask(self, request: Message, frames: Frames = ()) -> Pending:
        """Send a request without waiting for its reply."""
        request_id, packed = self._envelope.ask(request, frames)
        pending = Pending(type(request).__name__, request_id, packed, self._lock)
        self._send(pending)
        return pending

    def forget(self, pending: Pending) -> None:
        """Nobody waits for it any more."""
        with self._lock:
            self._under_way.pop(pending.id, None)

    def result(self, pending: Pending) -> tuple[Message, list[bytes]]:
        """The reply and its raw frames. Raises ``Timeout`` after the last try, ``RemoteError`` when the
        server refuses (a ``busy`` one is asked again for up to ``timeout_s``), ``Garbage`` or
        ``VersionMismatch`` when it speaks otherwise.
        """
        patience = time.monotonic() + self._timeout_s
        while True:
            reply = self._wait(pending)
            try:
                return self._envelope.answer(reply)
            except RemoteError as error:
                if error.code != Busy.code or time.monotonic() > patience:
                    raise
            time.sleep(BUSY_PAUSE_S)
            self._send(pending)

    def _wait(self, pending: Pending) -> list[bytes]:
        for left in range(self._retries, -1, -1):
            asked_at = time.monotonic()
            if self._until(pending, asked_at + self._timeout_s):
                if not pending.reply:
                    raise PeerLost(f"the connection to {self.endpoint} was closed here")
                return pending.reply
            if left:
                self._reconnect(asked_at)
        self.forget(pending)
        raise Timeout(f"{self.endpoint} did not answer {pending.name} within {self._timeout_s:g} s")

    def _send(self, pending: Pending) -> None:
        with self._lock:
            if self._closed:
                raise PeerLost(f"the connection to {self.endpoint} was closed here")
            pending.done, pending.reply = False, []
            self._under_way[pending.id] = pending
            self._try_to_send(pending)

    def _try_to_send(self, pending: Pending) -> None:
        try:
            self._socket.send(pending.packed)
        except zmq.Again:
            log.info("%s takes no more for now: %s is asked again later", self.endpoint, pending.name)

    def _connect(self) -> SharedSocket:
        socket = open_socket(self._context, zmq.DEALER)
        secure_client(socket, self._security)
        socket.connect(self.endpoint)
        return SharedSocket(socket)

    def _reconnect(self, asked_at: float) -> None:
        """A fresh connection, unless another thread has made one since; all that is under way goes over
        it.
        """
        with self._lock:
            if self._closed or self._connected_at > asked_at:
                return
            old, self._socket = self._socket, self._connect()
            self._connected_at = time.monotonic()
            for pending in self._under_way.values():
                self._try_to_send(pending)
        old.close()

    def _until(self, pending: Pending, until: float) -> bool:
        """Whether its reply came in time: sleep while another thread listens, else listen for all."""
        with self._lock:
            self._asleep[pending.id] = pending
            while self._listening and not pending.done:
                if not pending.bell.wait(until - time.monotonic()):
                    break
            del self._asleep[pending.id]
            if pending.done or self._listening:
                self._name_listener()
                return pending.done
            self._listening = True
        try:
            while not pending.done and (left := until - time.monotonic()) > 0:
                if frames := self._socket.receive(left):
                    self._deliver(frames)
        finally:
            self._stop_listening()
        return pending.done

    def _stop_listening(self) -> None:
        with self._lock:
            self._listening = False
            self._name_listener()

    def _name_listener(self) -> None:
        """Wake one of those who sleep, unless somebody listens. One whose reply has come is about to leave
        and will not listen: it would take the call with it.
        """
        if not self._listening:
            heir = next((one for one in self._asleep.values() if not one.done), None)
            if heir is not None:
                heir.bell.notify()

    def _deliver(self, frames: list[bytes]) -> None:
        with self._lock:
            self.heard_at = time.monotonic()
            pending = self._under_way.pop(answers(frames), None)
            if pending is None:
                self.late += 1
                return
            pending.done, pending.reply = True, frames
            pending.bell.notify()
