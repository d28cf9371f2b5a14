"""The kit's own slide proxy: keeps what comes in memory, and behaves badly where a check wants it to."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from vslide.messages import STREAM, PlaneHeader, RunWelcome, StreamRun
from vslide.model import PlaneId
from wire import Arrival, CannotBind, Fault, Receiver, Security

_LOOK_S = 0.02


@dataclass(frozen=True, slots=True)
class Came:
    """A plane that arrived, under the fence that its sender had introduced itself with."""

    seq: int
    fence: int
    header: PlaneHeader
    chunks: list[bytes]

    @property
    def key(self) -> PlaneId:
        header = self.header
        return header.r, header.c, header.z, header.t, header.channel


class Proxy:
    """``durable`` is what it says it has already, ``refuse`` what it answers to every hello, ``deaf`` how
    many planes it loses at first, without a word. While ``holding`` it acknowledges nothing.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        security: Security | None = None,
        durable: Iterable[PlaneId] = (),
        refuse: Fault | None = None,
        deaf: int = 0,
        holding: bool = False,
    ) -> None:
        self._security, self._durable, self._refuse = security, list(durable), refuse
        self._deaf, self.holding = deaf, holding
        self._receiver = Receiver(endpoint, STREAM, security=security)
        self.endpoint = self._receiver.endpoint
        self.came: list[Came] = []
        self.lost: list[PlaneId] = []
        self.hellos: list[StreamRun] = []
        self._owed: list[tuple[bytes, int]] = []
        self._fences: dict[bytes, int] = {}
        self._restart = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="conformance-proxy", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop.set()
        self._thread.join()
        self._receiver.close()

    @property
    def keys(self) -> list[PlaneId]:
        """What arrived, each sequence number of a fence once: a repetition is what the stream is for."""
        return list({(one.fence, one.seq): one.key for one in list(self.came)}.values())

    def restart(self) -> None:
        """Die and come back at the same endpoint, knowing nobody; what had come stays durable."""
        self._restart.set()

    @property
    def restarting(self) -> bool:
        return self._restart.is_set()

    def _work(self) -> None:
        while not self._stop.is_set():
            if self._restart.is_set():
                self._come_back()
            for arrival in self._receiver.poll(_LOOK_S):
                self._take(arrival)
            if not self.holding:
                for peer, seq in self._owed:
                    self._receiver.ack(peer, [seq])
                self._owed.clear()

    def _come_back(self) -> None:
        self._receiver.close()
        self._durable = sorted({*self._durable, *self.keys})
        self._owed.clear()
        while not self._stop.wait(_LOOK_S):
            try:
                self._receiver = Receiver(self.endpoint, STREAM, security=self._security)
            except CannotBind:  # a closed socket gives its port back a moment later
                continue
            break
        self._restart.clear()

    def _take(self, arrival: Arrival) -> None:
        message = arrival.message
        if isinstance(message, StreamRun):
            self.hellos.append(message)
            self._fences[arrival.peer] = message.fence
            if self._refuse is not None:
                self._receiver.refuse(arrival.peer, self._refuse)
            else:
                self._receiver.welcome(
                    arrival.peer, RunWelcome(run_id=message.run_id, durable=list(self._durable))
                )
        elif isinstance(message, PlaneHeader) and arrival.seq is not None:
            self._keep(
                Came(
                    arrival.seq, self._fences.get(arrival.peer, 0), message, list(map(bytes, arrival.frames))
                ),
                arrival,
            )

    def _keep(self, plane: Came, arrival: Arrival) -> None:
        if self._deaf > 0:
            self._deaf -= 1
            self.lost.append(plane.key)
            return
        self.came.append(plane)
        self._owed.append((arrival.peer, plane.seq))
