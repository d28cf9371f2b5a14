"""Virtual time. Processes are greenlets; one runs at a time, until it sleeps, and time passes only when all
of them do. What runs next follows from the seed alone.
"""

import heapq
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from greenlet import getcurrent, greenlet

Work = Callable[[], None]


class Killed(BaseException):
    """kill -9. Goes through every `except Exception`; the database lets nothing more through."""


@dataclass(eq=False)
class Process:
    """One process of the laboratory's machines. `leaving`: it was asked to stop (SIGTERM)."""

    name: str
    alive: bool = True
    leaving: bool = False
    frozen_until: float = 0.0
    threads: "list[Thread]" = field(default_factory=list)
    ended: Callable[["Process"], None] | None = None  # who is told when it has died


@dataclass(eq=False)
class Thread:
    """One thread of a process. `turn` counts its sleeps: an alarm that was set for an earlier one is void."""

    process: Process
    body: greenlet
    turn: int = 0
    done: bool = False


class Hub:
    """The clock and the order of things."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.now = 0.0
        self.stop_at = 0.0
        self.crashes: list[str] = []
        self._count = 0
        self._alarms: list[tuple[float, int, Thread, int]] = []
        self._loop = getcurrent()
        self._threads: dict[greenlet, Thread] = {}

    # --- processes
    def start(self, name: str, work: Work, *, after: float = 0.0) -> Process:
        process = Process(name)
        self.start_thread(process, work, after=after)
        return process

    def start_thread(self, process: Process, work: Work, *, after: float = 0.0) -> Thread:
        thread: Thread = Thread(process, greenlet(lambda: self._live(thread, work), self._loop))
        self._threads[thread.body] = thread
        process.threads.append(thread)
        self._ring(thread, after)
        return thread

    def _live(self, thread: Thread, work: Work) -> None:
        try:
            work()
        except Killed:
            pass
        except Exception:  # noqa: BLE001  the process's main loop: a process that dies of itself is a finding
            self.crashes.append(f"{thread.process.name} died of itself:\n{traceback.format_exc()}")
        self._finish(thread)

    def _finish(self, thread: Thread) -> None:
        thread.done = True
        self._threads.pop(thread.body, None)
        process = thread.process
        process.threads.remove(thread)
        if process.alive and process.threads:
            return
        was_alive, process.alive = process.alive, False
        if was_alive and process.ended is not None:
            process.ended(process)

    @property
    def thread(self) -> Thread | None:
        """Who runs now; None between two turns."""
        return self._threads.get(getcurrent())

    @property
    def process(self) -> Process | None:
        thread = self.thread
        return thread.process if thread else None

    def kill(self, process: Process) -> None:
        """At once, where it stands. When it is the one that runs, this does not return."""
        if not process.alive:
            return
        process.alive = False
        here = self.thread
        for thread in [one for one in process.threads if one is not here]:
            self._throw(thread)
        if process.ended is not None:
            process.ended(process)
        if here is not None and here.process is process:
            raise Killed

    def _throw(self, thread: Thread) -> None:
        """Unwind a thread that sleeps, or was never begun; then go on here."""
        if thread.body:
            thread.body.parent = getcurrent()
            thread.body.throw(Killed)
        else:
            self._finish(thread)

    def freeze(self, process: Process, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after a while."""
        process.frozen_until = max(process.frozen_until, self.now + seconds)
        if process is self.process:
            self.sleep(seconds)

    # --- time
    def sleep(self, seconds: float) -> None:
        """The running thread waits; everybody else goes on."""
        self._park(self._require(), max(seconds, 0.0))

    def park(self) -> None:
        """Wait until somebody wakes this thread."""
        self._park(self._require(), None)

    def wake(self, thread: Thread, after: float = 0.0) -> None:
        if not thread.done:
            self._ring(thread, after)

    def later(self, seconds: float, work: Work) -> None:
        """Something of the world's own that happens after a while."""
        self.start("the world", work, after=seconds)

    def _require(self) -> Thread:
        thread = self.thread
        assert thread is not None, "only a process of this world can wait"
        return thread

    def _park(self, thread: Thread, seconds: float | None) -> None:
        if not thread.process.alive:
            raise Killed
        thread.turn += 1
        if seconds is not None:
            self._ring(thread, seconds)
        self._loop.switch()

    def _ring(self, thread: Thread, after: float) -> None:
        self._count += 1
        heapq.heappush(self._alarms, (self.now + after, self._count, thread, thread.turn))

    def run(self, until: float) -> None:
        """Let things happen up to a moment, or until nothing would."""
        while self._alarms and self._alarms[0][0] <= until:
            at, _, thread, turn = heapq.heappop(self._alarms)
            self.now = max(self.now, at)
            if thread.done or turn != thread.turn:
                continue
            if thread.process.frozen_until > self.now:
                self._ring(thread, thread.process.frozen_until - self.now)
                continue
            thread.body.switch()
        self.now = max(self.now, until)

    def close(self) -> None:
        """End everything that still lives."""
        for thread in list(self._threads.values()):
            if not thread.done:
                thread.process.ended = None
                thread.process.alive = False
                self._throw(thread)
