"""Read-ahead: what lies beside what was just looked at is fetched before anyone asks for it."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from vslide.errors import SlideError
from wire import WireError

log = logging.getLogger(__name__)

MOST_WAITING = 32
REMEMBERED = 8


@dataclass(frozen=True, slots=True)
class Look:
    """A region that somebody asked for, in px of `level`."""

    x: int
    y: int
    width: int
    height: int
    level: float
    channels: tuple[int, ...] | None
    z: int = 0
    t: int = 0

    def beside(self, other: "Look") -> bool:
        """Whether both show the same kind of picture, and touch."""
        if (self.level, self.channels, self.z, self.t) != (other.level, other.channels, other.z, other.t):
            return False
        left, right = sorted((self, other), key=lambda look: look.x)
        upper, lower = sorted((self, other), key=lambda look: look.y)
        return right.x <= left.x + left.width and lower.y <= upper.y + upper.height

    def neighbours(self) -> list["Look"]:
        """The eight regions of the same size around this one, those that share a side first."""
        sides = [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)]
        return [replace(self, x=self.x + c * self.width, y=self.y + r * self.height) for c, r in sides]


class ReadAhead:
    """Calls `fetch` for the neighbours of each look, in one background thread. Thread-safe.

    Only a look beside one of the last few starts it: random reads would fetch eight times too much. At most
    `MOST_WAITING` looks wait, and the oldest give way: who has moved on no longer wants them. `fetched` and
    `failed` count.
    """

    def __init__(self, fetch: Callable[[Look], None]) -> None:
        self._fetch = fetch
        self._recent: deque[Look] = deque(maxlen=REMEMBERED)
        self._known: deque[Look] = deque(maxlen=8 * MOST_WAITING)
        self._waiting: deque[Look] = deque(maxlen=MOST_WAITING)
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        self.fetched = self.failed = 0

    def look(self, look: Look) -> None:
        """Somebody asked for this."""
        with self._changed:
            moving = any(look.beside(other) for other in self._recent)
            self._recent.append(look)
            self._known.append(look)
            wanted = [one for one in look.neighbours() if one not in self._known] if moving else []
            if not wanted or self._closed:
                return
            self._known.extend(wanted)
            self._waiting.extend(wanted)
            self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="read-ahead", daemon=True)
                self._thread.start()

    def cancel(self) -> None:
        """Fetch nothing more of what is waiting."""
        with self._changed:
            self._waiting.clear()

    def close(self) -> None:
        """Returns when the background thread has ended."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        while (look := self._next()) is not None:
            try:
                self._fetch(look)
                self.fetched += 1
            except (SlideError, WireError) as error:  # who really asks for it will be told
                self.failed += 1
                log.debug("not read ahead: %s", error)

    def _next(self) -> Look | None:
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            return self._waiting.popleft() if self._waiting and not self._closed else None
