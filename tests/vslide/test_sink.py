"""The sending end: it keeps what is not acknowledged, says what it is told, and gives up when nobody
answers.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.vslide.serving import small_specimen
from vslide.messages import STREAM, PlaneHeader, RunWelcome, StreamRun
from vslide.model import FieldKey, Plane
from vslide.sink import ProxySink
from wire import Fault, PeerLost, Receiver, Refused

RUN = "0" * 32


class Proxy:
    """Welcomes everybody, acknowledges when told to, and refuses from the plane ``refuse_at`` on."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.planes: list[tuple[Any, list[memoryview]]] = []
        self.hellos: list[StreamRun] = []
        self.acknowledges = threading.Event()
        self.acknowledges.set()
        self.refuse_at = 1 << 30

    def answer(self) -> None:
        for arrival in self.receiver.poll(0.02):
            if isinstance(arrival.message, StreamRun):
                self.hellos.append(arrival.message)
                self.receiver.welcome(arrival.peer, RunWelcome(run_id=RUN, durable=[(0, 1, 0, 0, 2)]))
            elif len(self.planes) >= self.refuse_at:
                self.receiver.refuse(arrival.peer, Fault(code="disk_full", message="full", retryable=True))
            elif self.acknowledges.is_set() and isinstance(arrival.message, PlaneHeader):
                self.planes.append((arrival.message, arrival.frames))
                self.receiver.ack(arrival.peer, [arrival.seq or 0])


@contextmanager
def proxy() -> Iterator[Proxy]:
    stop = threading.Event()
    with Receiver("tcp://127.0.0.1:*", STREAM) as receiver:
        answering = Proxy(receiver)

        def run() -> None:
            while not stop.is_set():
                answering.answer()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield answering
        finally:
            stop.set()
            thread.join()


def test_it_says_who_it_is_and_learns_what_is_safe():
    with proxy() as other, ProxySink(other.receiver.endpoint, RUN, 7) as sink:
        assert sink.durable == {(FieldKey(0, 1), 2)}
        assert [(hello.run_id, hello.fence) for hello in other.hellos] == [(RUN, 7)]


def test_it_hands_over_every_plane_as_it_is():
    planes = small_specimen().planes()
    with proxy() as other, ProxySink(other.receiver.endpoint, RUN, 1) as sink:
        for plane in planes:
            sink.put(plane)
        sink.flush(10)
        assert [tuple(frames) for _, frames in other.planes] == [plane.chunks for plane in planes]
        headers = [header for header, _ in other.planes]
        assert [(h.r, h.c, h.channel, h.x_um) for h in headers] == [
            (p.key.r, p.key.c, p.channel, p.x_um) for p in planes
        ]


def test_it_waits_while_its_window_is_full():
    planes = small_specimen().planes()
    window = 3 * sum(map(len, planes[0].chunks))
    with proxy() as other, ProxySink(other.receiver.endpoint, RUN, 1, window_bytes=window) as sink:
        other.acknowledges.clear()
        through = threading.Event()

        def put_all() -> None:
            for plane in planes[:8]:
                sink.put(plane)
            through.set()

        thread = threading.Thread(target=put_all)
        thread.start()
        assert not through.wait(0.4)
        other.acknowledges.set()
        assert through.wait(20)
        thread.join()
        sink.flush(10)
        assert {h.c for h, _ in other.planes} == {p.key.c for p in planes[:8]}


def put_all(sink: ProxySink, planes: list[Plane]) -> None:
    for plane in planes:
        sink.put(plane)
    sink.flush(10)


def test_it_passes_a_refusal_on():
    planes = small_specimen().planes()
    with proxy() as other, ProxySink(other.receiver.endpoint, RUN, 1) as sink:
        other.refuse_at = 2
        with pytest.raises(Refused) as refused:
            put_all(sink, planes)
        assert (refused.value.code, refused.value.retryable) == ("disk_full", True)
        with pytest.raises(Refused):
            sink.put(planes[0])


def test_it_gives_up_when_nobody_answers():
    with proxy() as other, ProxySink(other.receiver.endpoint, RUN, 1, lost_after_s=0.5) as sink:
        other.acknowledges.clear()
        sink.put(small_specimen().planes()[0])
        with pytest.raises(PeerLost):
            sink.flush(0.3)
    with pytest.raises(PeerLost):
        ProxySink("tcp://127.0.0.1:9", RUN, 1, lost_after_s=0.3)
