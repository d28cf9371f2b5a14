"""The doorbell: messages come late, twice, ten times, out of order, or not at all; what a dead worker held
comes back much later.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from kombu.exceptions import OperationalError as BrokerAway

from tests.faults.world.hub import Hub, Process, Thread

BACK_AFTER_S = (5.0, 1800.0)  # the restore interval, and the visibility timeout


@dataclass(frozen=True, eq=False)
class Ring:
    """One message: a task's name and the job's id."""

    task: str
    args: tuple[int, ...]
    queue: str


@dataclass(eq=False)
class Broker:
    """`late`, `twice`, `tenfold`, `lost`: how often each befalls a message."""

    hub: Hub
    late: float = 0.0
    twice: float = 0.0
    tenfold: float = 0.0
    lost: float = 0.0
    away_until: float = 0.0
    queues: dict[str, deque[Ring]] = field(default_factory=dict)
    held: dict[Process, Ring] = field(default_factory=dict)
    listeners: list[tuple[Thread, Sequence[str]]] = field(default_factory=list)
    age: int = 0

    def send_task(self, name: str, args: Sequence[int], *, queue: str) -> None:
        """What the relay asks of the Celery application."""
        if self.hub.now < self.away_until:
            raise BrokerAway("the broker does not answer")
        ring = Ring(name, tuple(args), queue)
        random = self.hub.random
        fate = random.random()
        copies = 1
        if fate < self.lost:
            return
        if fate < self.lost + self.twice:
            copies = 2
        elif fate < self.lost + self.twice + self.tenfold:
            copies = 10
        for _ in range(copies):
            self._deliver(ring, random.uniform(1, 120) if random.random() < self.late else 0.0)

    def _deliver(self, ring: Ring, after: float) -> None:
        if after:
            age = self.age
            self.hub.later(after, lambda: self._arrive(ring) if age == self.age else None)
        else:
            self._arrive(ring)

    def _arrive(self, ring: Ring) -> None:
        self.queues.setdefault(ring.queue, deque()).append(ring)
        for at, (thread, names) in enumerate(self.listeners):
            if ring.queue in names:
                del self.listeners[at]
                self.hub.wake(thread, 0.001)
                return

    def take(self, names: Sequence[str]) -> Ring:
        """The next message of these queues, for the worker that runs now; it holds it until `done`."""
        thread = self.hub.thread
        assert thread is not None
        while True:
            for name in names:
                if self.queues.get(name):
                    ring = self.queues[name].popleft()
                    self.held[thread.process] = ring
                    return ring
            self.listeners.append((thread, names))
            self.hub.park()

    def done(self, process: Process) -> None:
        self.held.pop(process, None)

    def lose(self, process: Process) -> None:
        """Its worker is dead: the message is delivered again, some time."""
        self.listeners = [entry for entry in self.listeners if entry[0].process is not process]
        ring = self.held.pop(process, None)
        if ring is not None:
            after = BACK_AFTER_S[self.hub.random.random() < 0.3] * self.hub.random.uniform(0.5, 1.1)
            self._deliver(ring, after)

    def flush(self) -> None:
        """FLUSHALL: everything is gone, also what was under way."""
        self.age += 1
        self.queues.clear()
        self.held.clear()
