"""A server, a receiver and a few messages, each on a socket of its own and closed at the end."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from wire import CannotBind, Fault, Message, Receiver, Server
from wire.envelope import Handler

Made = TypeVar("Made")
ANYWHERE = "tcp://127.0.0.1:*"


class Ask(Message, frozen=True):
    n: int


class Told(Message, frozen=True):
    n: int


class Hello(Message, frozen=True):
    run: str = "one"


class Welcome(Message, frozen=True):
    have: int = 0


class Item(Message, frozen=True):
    n: int


@contextmanager
def serving(handler: Handler, endpoint: str = ANYWHERE) -> Iterator[Server]:
    """A server in a thread."""
    with again(lambda: Server(endpoint, (Ask,))) as server, running(lambda: server.serve_once(handler, 0.02)):
        yield server


@contextmanager
def running(step: Callable[[], object]) -> Iterator[None]:
    """Call `step` again and again until the block ends."""
    stop = threading.Event()

    def loop() -> None:
        while not stop.is_set():
            step()

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def again(make: Callable[[], Made]) -> Made:
    """Bind where another was bound: a closed socket gives its port back a moment later."""
    until = time.monotonic() + 5
    while True:
        try:
            return make()
        except CannotBind:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


class Store:
    """A receiver's other half: keeps items as a journal would, acknowledges after."""

    def __init__(
        self, receiver: Receiver, *, refuse: Fault | None = None, deaf_to: int = 0, pause_s: float = 0.0
    ) -> None:
        self.receiver = receiver
        self.refuse = refuse
        self.deaf_to = deaf_to
        self.pause_s = pause_s
        self.items: list[tuple[int, bytes]] = []

    def step(self) -> None:
        for arrival in self.receiver.poll(0.02):
            if arrival.seq is None:
                self.receiver.welcome(arrival.peer, Welcome(have=len(self.items)))
            elif self.refuse is not None:
                self.receiver.refuse(arrival.peer, self.refuse)
            elif self.deaf_to > 0:
                self.deaf_to -= 1
            else:
                time.sleep(self.pause_s)
                self.items.append((arrival.seq, bytes(arrival.frames[0])))
                self.receiver.ack(arrival.peer, [arrival.seq])
