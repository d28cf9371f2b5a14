"""The slide writer: one process for each run. It owns the run's proxy and journal, and in the end builds
the slide.

The manager forks it from a clean process that has loaded everything already. It listens on the proxy's
socket, appends what arrives to the journal, syncs, and only then acknowledges. It ends when the slide is
verified (or cannot be built), and when its parent has gone: a writer that nobody watches must not hold a
journal.
"""

import json
import logging
import os
import signal
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from vslide.build import build
from vslide.errors import JournalFailed, SlideError
from vslide.journal import Journal, segments
from vslide.messages import STREAM, PlaneHeader, PlaneId, RunWelcome, StreamRun
from vslide.model import FieldKey, Plane
from vslide.orders import ABORT, FINISH, Order, Result, write_result
from wire import Arrival, Fault, Receiver

log = logging.getLogger(__name__)
LOOK_S = 0.05


def write(order: Order, pipe: Connection) -> None:
    """Carry out one order; the body of the writer process. Raises nothing: how it ended is in the run's
    result file.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the manager's to hear
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = os.getppid()
    try:
        if order.finish or _receive(order, pipe, parent):
            _finalise(order)
    except SlideError as error:
        write_result(order, Result(state="failed", error=str(error), code=error.code))
    except OSError as error:
        write_result(order, Result(state="failed", error=str(error), code="os_error"))


def _receive(order: Order, pipe: Connection, parent: int) -> bool:
    """Fill the journal until told otherwise; whether the slide is to be built."""
    with _open_journal(order) as journal, Receiver(order.endpoint, STREAM) as receiver:
        proxy = _Proxy(order, journal, receiver)
        pipe.send_bytes(
            json.dumps({"endpoint": receiver.endpoint, "durable": _ids(journal.durable())}).encode()
        )
        told = -1
        while True:
            proxy.take(receiver.poll(LOOK_S))
            if (received := len(journal.durable())) != told:
                told = received
                pipe.send_bytes(json.dumps({"received": received}).encode())
            while pipe.poll(0):
                word = pipe.recv_bytes()
                if word in {FINISH, ABORT}:
                    return word == FINISH
            if os.getppid() != parent:
                log.warning("run %s: the manager has gone, so has its writer", order.run_id)
                raise SystemExit(1)


def _open_journal(order: Order) -> Journal:
    directory = Path(order.directory)
    if order.resume and any(segment.fence == order.fence for segment in segments(directory)):
        return Journal.resume(directory)
    return Journal.create(directory, order.header, order.run_id, order.fence, order.planned)


def _ids(keys: Iterable[tuple[FieldKey, int]]) -> list[PlaneId]:
    return [(key.r, key.c, key.z, key.t, channel) for key, channel in keys]


def _finalise(order: Order) -> None:
    manifest = build(Path(order.directory), Path(order.slides))
    write_result(
        order,
        Result(state="verified", path=str(manifest.path), sha256=manifest.sha256, bytes=manifest.bytes),
    )


@dataclass
class _Proxy:
    """The receiving end: checks who sends, appends, syncs once for the group, acknowledges."""

    order: Order
    journal: Journal
    receiver: Receiver

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
            self.journal.commit()
        except JournalFailed as error:
            for peer in safe:
                self._refuse(peer, error)
            return
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
        key = FieldKey(header.r, header.c, header.z, header.t)
        try:
            chunks = tuple(arrival.frames)
            plane = Plane(key, header.channel, header.x_um, header.y_um, header.z_um, chunks)
            self.journal.append(plane, seq)
        except SlideError as error:
            self._refuse(arrival.peer, error)
        else:
            safe[arrival.peer].append(seq)

    def _refuse(self, peer: bytes, error: SlideError) -> None:
        log.error("run %s: %s", self.order.run_id, error)
        retryable = error.retryable or isinstance(error, JournalFailed)  # a new fence opens a new segment
        self.receiver.refuse(peer, Fault(code=error.code, message=str(error), retryable=retryable))
