"""The slide writer: one process for each run. It owns the run's proxy and journal, and in the end builds
the slide.

The manager forks it from a clean process that has loaded everything already. It listens on the proxy's
socket, appends what arrives to the journal, syncs, and only then acknowledges. It ends when the slide is
verified (or cannot be built), and when its manager has gone: a writer that nobody watches must not hold a
journal.
"""

import json
import logging
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any, cast

from vslide.build import build_recovered
from vslide.coding import Coding
from vslide.errors import Damaged, JournalFailed, SlideError
from vslide.follower import Follower
from vslide.journal import Journal, Recovered, recover, segments
from vslide.manifest import Manifest
from vslide.messages import PlaneHeader, RunWelcome, StreamRun
from vslide.model import FieldKey, Plane, PlaneId
from vslide.orders import FINISH, LOCK_NAME, Order, Result, locked, read_result, write_result
from vslide.proxies import Proxies
from wire import Arrival, Fault, Receiver, WireError

log = logging.getLogger(__name__)
LOOK_S = 0.05
MOST_MISSING = 1000


class ManagerGone(Exception):
    """Nobody is at the other end of the pipe: the next manager starts a writer of its own."""


def write(order: Order, pipe: Connection, proxies: Proxies) -> None:
    """Carry out one order; the body of the writer process. How the run ended is in its result file."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the manager's to hear
    signal.signal(signal.SIGTERM, _leave)
    line = _Line(pipe)
    try:
        follower = _follower(order, pipe)
        with _alone(order, line):
            if read_result(Path(order.directory), order.fence) is None:
                _carry_out(order, line, follower, proxies)
    except ManagerGone:
        log.warning("run %s: the manager has gone, so does its writer", order.run_id)


def _leave(number: int, frame: FrameType | None) -> None:
    """Unwind, so that a half-built file and the process that examines it go too."""
    raise SystemExit(0)


def _follower(order: Order, pipe: Connection) -> Follower | None:
    """Forked while this process has neither threads nor sockets; none when there is nothing to follow."""
    if order.finish:
        return None
    return Follower(order.header, order.planned, Path(order.slides), (pipe,))


def _carry_out(order: Order, line: "_Line", follower: Follower | None, proxies: Proxies) -> None:
    directory = Path(order.directory)
    try:
        result = _received(order, line, follower, proxies) if follower else _built_afresh(order)
        write_result(directory, result)
    except SlideError as error:
        write_result(directory, _failed(order, error.code, str(error)))
    except WireError as error:
        write_result(directory, _failed(order, error.code, str(error)))
    except OSError as error:
        write_result(directory, _failed(order, "os_error", str(error)))


def _failed(order: Order, code: str, error: str) -> Result:
    return Result(fence=order.fence, state="failed", code=code, error=error)


@dataclass
class _Line:
    """The pipe to the manager. Its end is the manager's end, never the journal's fault."""

    pipe: Connection

    def say(self, word: dict[str, Any]) -> None:
        try:
            self.pipe.send_bytes(json.dumps(word).encode())
        except OSError as error:
            raise ManagerGone from error

    def finish_ordered(self) -> bool:
        try:
            return self.pipe.poll(0) and self.pipe.recv_bytes() == FINISH
        except (EOFError, OSError) as error:
            raise ManagerGone from error


@contextmanager
def _alone(order: Order, line: _Line) -> Iterator[None]:
    """Wait for the run's lock: the writer of a manager that was killed may still be finishing its last
    step.
    """
    while True:
        with locked(Path(order.directory) / LOCK_NAME) as mine:
            if mine:
                yield
                return
        line.finish_ordered()  # raises when nobody waits for us any more
        time.sleep(LOOK_S)


def _received(order: Order, line: _Line, follower: Follower, proxies: Proxies) -> Result:
    """Fill the journal until the manager says that every plane is here, and build the slide meanwhile."""
    with _open_journal(order) as journal:
        found = journal.recovered()
        with follower:
            follower.follow(found.planes.values())
            with proxies.receiver(order.endpoint) as receiver:
                line.say({"endpoint": receiver.endpoint, "durable": _ids(found.planes)})
                _listen(_Proxy(order, journal, receiver, follower, Coding(order.header)), line)
            return _finalised(order, journal.recovered(), follower.publish)


def _listen(proxy: "_Proxy", line: _Line) -> None:
    while not line.finish_ordered():
        proxy.take(proxy.receiver.poll(LOOK_S))
        if proxy.fresh:
            line.say({"durable": proxy.fresh})
            proxy.fresh = []


def _built_afresh(order: Order) -> Result:
    """The scan was over when this writer began."""
    found = recover(Path(order.directory))
    return _finalised(order, found, lambda found: build_recovered(found, Path(order.slides)))


def _open_journal(order: Order) -> Journal:
    directory = Path(order.directory)
    if order.resume and any(segment.fence == order.fence for segment in segments(directory)):
        return Journal.resume(directory)
    return Journal.create(directory, order.header, order.run_id, order.fence, order.planned)


def _ids(keys: Iterable[tuple[FieldKey, int]]) -> list[PlaneId]:
    return [(key.r, key.c, key.z, key.t, channel) for key, channel in keys]


def _finalised(order: Order, found: Recovered, publish: Callable[[Recovered], Manifest]) -> Result:
    """Build the slide; a result also when that fails, with what was there and what was not."""
    received = len(found.planes)
    try:
        manifest = publish(found)
    except SlideError as error:
        missing = error.missing[:MOST_MISSING] if isinstance(error, Damaged) else ()
        return Result(
            fence=order.fence,
            state="failed",
            received=received,
            error=str(error),
            code=error.code,
            missing=missing,
        )
    return Result(
        fence=order.fence,
        state="verified",
        received=received,
        path=str(manifest.path),
        sha256=manifest.sha256,
        bytes=manifest.bytes,
    )


@dataclass
class _Proxy:
    """The receiving end: checks who sends, appends, syncs once for the group, acknowledges. ``fresh``
    collects the planes that have become safe, for the manager."""

    order: Order
    journal: Journal
    receiver: Receiver
    follower: Follower
    coding: Coding
    fresh: list[PlaneId] = field(default_factory=list)

    def take(self, arrivals: list[Arrival]) -> None:
        safe: dict[bytes, list[int]] = defaultdict(list)
        for arrival in arrivals:
            if isinstance(arrival.message, StreamRun):
                self._hello(arrival, arrival.message)
            elif arrival.seq is not None and isinstance(arrival.message, PlaneHeader):
                self._append(arrival, arrival.seq, arrival.message, safe)
        if not safe:
            return
        try:
            new = self.journal.commit()
        except JournalFailed as error:
            for peer in safe:
                self._refuse(peer, error)
            return
        self.fresh += _ids((record.key, record.channel) for record in new)
        self.follower.follow(new)
        for peer, seqs in safe.items():
            self.receiver.ack(peer, seqs)

    def _hello(self, arrival: Arrival, hello: StreamRun) -> None:
        if (hello.run_id, hello.fence) != (self.order.run_id, self.order.fence):
            fault = Fault(code="stale_fence", message=f"this proxy serves fence {self.order.fence}")
            self.receiver.refuse(arrival.peer, fault)
            return
        welcome = RunWelcome(run_id=self.order.run_id, durable=_ids(self.journal.durable()))
        self.receiver.welcome(arrival.peer, welcome)

    def _append(self, arrival: Arrival, seq: int, header: PlaneHeader, safe: dict[bytes, list[int]]) -> None:
        """A duplicate is acknowledged again, a refused plane is not."""
        key = FieldKey(header.r, header.c, header.z, header.t)
        # Views of what the socket holds: they are sealed or hashed, and written, as bytes would be.
        chunks = cast("tuple[bytes, ...]", tuple(arrival.frames))
        plane = Plane(key, header.channel, header.x_um, header.y_um, header.z_um, chunks)
        try:
            self.journal.append(self.coding.arrived(plane), seq)
        except SlideError as error:
            self._refuse(arrival.peer, error)
        else:
            safe[arrival.peer].append(seq)

    def _refuse(self, peer: bytes, error: SlideError) -> None:
        log.error("run %s: %s", self.order.run_id, error)
        retryable = error.retryable or isinstance(error, JournalFailed)  # a new fence opens a new segment
        self.receiver.refuse(peer, Fault(code=error.code, message=str(error), retryable=retryable))
