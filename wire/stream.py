"""The pixel stream: nothing is forgotten until the other side has it safe.

A sender (DEALER) keeps every item until it is acknowledged and sends it again while it is not. Its window
is counted in bytes: when that many are under way it waits, which is the back-pressure on the stage. The
receiver (ROUTER) acknowledges after it has written and synced. Either side may die and come back: the
receiver asks an unknown sender who it is, the sender introduces itself again and resends what is open.

A connection that lives loses nothing, so a receiver that is merely slow is left to work: when
acknowledgements stop coming, only the oldest item is sent again, as a question, and what the receiver has
passed over is sent again by itself. (Resending all that is open would make a slow receiver slower: it has to
take every copy.)

    sender → receiver   HEL header            receiver → sender   WEL header | REF fault | WHO
    sender → receiver   DAT seq header frames receiver → sender   ACK seq…   | REF fault
"""

import logging
import struct
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import zmq

from wire.errors import Garbage, PeerLost, Refused, VersionMismatch, WireError
from wire.message import PREFIX, Codec, Fault, Message, check_prefix
from wire.security import Security, refuse_open, secure_client, secure_server
from wire.sockets import bind, open_socket

log = logging.getLogger(__name__)

WINDOW_BYTES = 64 << 20
RESEND_S = 0.5
LONGEST_RESEND_S = 8.0
LOST_AFTER_S = 30.0
QUEUED_ITEMS = 4096  # far above what the byte window lets under way


@dataclass(slots=True)
class _Open:
    """An item that has not been acknowledged. ``turn`` numbers what was transmitted; 0: not under way."""

    frames: list[bytes]
    size: int
    turn: int = 0
    sent_at: float = 0.0


class Sender:
    """One stream to one receiver. ``welcome`` is the receiver's answer to ``hello``.

    Raises ``PeerLost`` when the receiver has been silent for ``lost_after_s``, ``Refused`` when it does not
    want the stream (and from every call after that).
    """

    def __init__(
        self,
        endpoint: str,
        hello: Message,
        types: Sequence[type[Message]],
        *,
        window_bytes: int = WINDOW_BYTES,
        lost_after_s: float = LOST_AFTER_S,
        security: Security | None = None,
        context: "zmq.Context[Any] | None" = None,
    ) -> None:
        self._socket = open_socket(context or zmq.Context.instance(), zmq.DEALER, high_water=QUEUED_ITEMS)
        secure_client(self._socket, security)
        self._socket.connect(endpoint)
        self._endpoint = endpoint
        self._codec = Codec(types)
        self._hello = [PREFIX, b"HEL", self._codec.encode(hello)]
        self._window = window_bytes
        self._lost_after_s = lost_after_s
        self._open: OrderedDict[int, _Open] = OrderedDict()
        self._bytes = 0
        self._heard = time.monotonic()
        self._progress = self._asked = self._heard
        self._patience_s = RESEND_S
        self._turn = self._answered = 0
        self._forgotten = False
        self._refused: Refused | None = None
        self.resent = 0
        self._welcome: Message | None = None
        try:
            self.welcome = self._introduce()
        except WireError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up what is not acknowledged. Call ``drain`` first to wait for it."""
        self._socket.close()
        self._open.clear()
        self._bytes = 0

    @property
    def pending(self) -> int:
        return len(self._open)

    def send(self, seq: int, header: Message, frames: Iterable[bytes]) -> None:
        """Hand over one item under a number of its own; blocks while the window is full."""
        packed = [PREFIX, b"DAT", struct.pack(">Q", seq), self._codec.encode(header), *frames]
        size = sum(map(len, packed))
        self._pump(0.0)
        while self._open and self._bytes + size > self._window:
            self._pump(0.1)
        if not self._open:
            self._progress = self._asked = time.monotonic()
        self._open[seq] = item = _Open(packed, size)
        self._bytes += size
        self._set_off(item)

    def drain(self, timeout_s: float) -> None:
        """Wait until everything is acknowledged. Raises ``PeerLost`` when it is not within ``timeout_s``."""
        until = time.monotonic() + timeout_s
        while self._open:
            if time.monotonic() > until:
                raise PeerLost(f"{len(self._open)} items are not acknowledged after {timeout_s:g} s")
            self._pump(0.05)

    def _introduce(self) -> Message:
        began, asked = time.monotonic(), 0.0
        while self._welcome is None:
            now = time.monotonic()
            if now - began > self._lost_after_s:
                raise PeerLost(f"{self._endpoint} does not answer")
            if now - asked > RESEND_S:
                self._transmit(self._hello)
                asked = now
            self._pump(0.05)
        return self._welcome

    def _set_off(self, item: _Open) -> bool:
        if not self._transmit(item.frames):
            return False
        self._turn += 1
        item.turn, item.sent_at = self._turn, time.monotonic()
        return True

    def _transmit(self, packed: list[bytes]) -> bool:
        """Whether it is under way; when the socket's queue is full it goes later."""
        try:
            self._socket.send_multipart(packed, flags=zmq.DONTWAIT, copy=False)
        except zmq.Again:
            return False
        return True

    def _pump(self, wait_s: float) -> None:
        """Take what the receiver says, then resend what is overdue."""
        if self._refused is not None:
            raise self._refused
        if self._socket.poll(int(wait_s * 1000)):
            while self._socket.poll(0):
                self._hear(self._socket.recv_multipart())
        self._resend()

    def _hear(self, frames: list[bytes]) -> None:
        if len(frames) < 2 or frames[0] != PREFIX:
            return
        self._heard = time.monotonic()
        kind, rest = frames[1], frames[2:]
        if kind == b"ACK" and rest:
            self._acknowledged(rest[0])
        elif kind == b"WHO":
            self._forgotten = True
            self._transmit(self._hello)
        elif kind == b"WEL" and rest:
            self._welcomed(self._codec.decode(rest[0]))
        elif kind == b"REF" and rest:
            fault = self._codec.decode(rest[0])
            if isinstance(fault, Fault):
                self._refused = Refused(fault.message, code=fault.code, retryable=fault.retryable)
                raise self._refused

    def _acknowledged(self, packed: bytes) -> None:
        before = len(self._open)
        for (seq,) in struct.iter_unpack(">Q", packed[: len(packed) // 8 * 8]):
            item = self._open.pop(seq, None)
            if item is not None:
                self._bytes -= item.size
                self._answered = max(self._answered, item.turn)
        if len(self._open) < before:  # patience follows the receiver's own pace
            now = time.monotonic()
            self._patience_s = min(max(RESEND_S, 2 * (now - self._progress)), LONGEST_RESEND_S)
            self._progress = self._asked = now

    def _welcomed(self, welcome: Message) -> None:
        self._welcome = welcome
        if self._forgotten:  # a new receiver: it has seen nothing of what is open
            self._forgotten = False
            self._progress = self._asked = time.monotonic()
            self._patience_s = RESEND_S
            for item in self._open.values():
                self._call_back(item)

    def _call_back(self, item: _Open) -> None:
        self.resent += item.turn > 0
        item.turn = 0

    def _resend(self) -> None:
        now = time.monotonic()
        if not self._open:
            self._heard = max(self._heard, now - self._lost_after_s / 2)
            return
        if now - self._heard > self._lost_after_s:
            raise PeerLost(f"{self._endpoint} has been silent for {self._lost_after_s:g} s")
        if now - self._asked > self._patience_s:
            self._asked, self._patience_s = now, min(self._patience_s * 2, LONGEST_RESEND_S)
            self._call_back(next(iter(self._open.values())))
        for item in self._open.values():
            if 0 < item.turn < self._answered and now - item.sent_at > RESEND_S:  # passed over
                self._call_back(item)
            if item.turn == 0 and not self._set_off(item):
                return


@dataclass(frozen=True, slots=True)
class Arrival:
    """What came in: a hello (``seq`` None) or an item, whose frames lie where the socket has put them: a
    copy of each would cost the receiver a third of its time.
    """

    peer: bytes
    seq: int | None
    message: Message
    frames: list[memoryview] = field(default_factory=list)


class Receiver:
    """The other end of many streams. Answer a hello with ``welcome`` or ``refuse``; ``ack`` only what is
    safe.
    """

    def __init__(
        self,
        endpoint: str,
        types: Sequence[type[Message]],
        *,
        security: Security | None = None,
        context: "zmq.Context[Any] | None" = None,
    ) -> None:
        refuse_open(endpoint, security)
        self._socket = open_socket(context or zmq.Context.instance(), zmq.ROUTER, high_water=QUEUED_ITEMS)
        self._socket.router_handover = 1
        self._authenticator = secure_server(self._socket, security)
        self.endpoint = bind(self._socket, endpoint)
        self._codec = Codec(types)
        self._known: set[bytes] = set()
        self._asked: dict[bytes, float] = {}
        self.garbage = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()
        if self._authenticator is not None:
            self._authenticator.stop()

    def poll(self, timeout_s: float, *, most: int = 64) -> list[Arrival]:
        """What has arrived, up to ``most``; empty when nothing came within ``timeout_s``."""
        arrivals: list[Arrival] = []
        wait_ms = int(timeout_s * 1000)
        while len(arrivals) < most and self._socket.poll(wait_ms):
            wait_ms = 0
            try:
                arrival = self._parse(self._socket.recv_multipart(copy=False))
            except (Garbage, VersionMismatch) as error:
                self._drop(error)
                continue
            if arrival is not None:
                arrivals.append(arrival)
        return arrivals

    def _parse(self, frames: Sequence[zmq.Frame]) -> Arrival | None:
        if len(frames) < 4:
            raise Garbage("too few frames")
        peer, prefix, kind, *rest = (frame.bytes for frame in frames[:5])
        check_prefix(prefix)
        if kind == b"HEL":
            return Arrival(peer, None, self._codec.decode(rest[0]))
        if kind != b"DAT" or len(rest) < 2 or len(rest[0]) != 8:
            raise Garbage("neither a hello nor an item")
        if peer not in self._known:
            self._ask_who(peer)
            return None
        return Arrival(
            peer,
            struct.unpack(">Q", rest[0])[0],
            self._codec.decode(rest[1]),
            [frame.buffer for frame in frames[5:]],
        )

    def _ask_who(self, peer: bytes) -> None:
        """We were restarted: whoever this is, it must introduce itself. Asked once for a window of items."""
        now = time.monotonic()
        if now - self._asked.get(peer, -RESEND_S) >= RESEND_S / 2:
            self._asked[peer] = now
            self._send(peer, [b"WHO"])

    def _drop(self, error: WireError) -> None:
        self.garbage += 1
        if self.garbage & (self.garbage - 1) == 0:
            log.warning("dropped %d foreign messages so far: %s", self.garbage, error)

    def welcome(self, peer: bytes, message: Message) -> None:
        self._known.add(peer)
        self._asked.pop(peer, None)
        self._send(peer, [b"WEL", self._codec.encode(message)])

    def ack(self, peer: bytes, seqs: Iterable[int]) -> None:
        self._send(peer, [b"ACK", b"".join(struct.pack(">Q", seq) for seq in seqs)])

    def refuse(self, peer: bytes, reason: Fault) -> None:
        self._known.discard(peer)
        self._send(peer, [b"REF", self._codec.encode(reason)])

    def _send(self, peer: bytes, frames: list[bytes]) -> None:
        try:
            self._socket.send_multipart([peer, PREFIX, *frames], flags=zmq.DONTWAIT)
        except zmq.ZMQError as error:  # it has gone; a resend will bring it back
            log.info("a message could not be delivered: %s", error)
