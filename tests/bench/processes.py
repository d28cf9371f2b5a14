"""What a slide service takes: memory and processor time of its process and of all processes below it."""

import contextlib
import threading
from collections import defaultdict
from types import TracebackType
from typing import Self

import psutil

from tests.faults.service import writers_of

EVERY_S = 0.1
MANAGER, WRITER, SLIDE, OTHER = "manager", "writer", "slide", "other"
ROLES = (MANAGER, WRITER, SLIDE, OTHER)


def memory_mb(process: psutil.Process) -> float:
    """Its share of memory (PSS: what several processes map is divided among them), or all that it maps
    where the system does not tell.
    """
    with contextlib.suppress(psutil.Error):
        found = process.memory_full_info()
        return float(getattr(found, "pss", found.rss)) / 1e6
    return 0.0


class Watch:
    """Looks ten times a second while its block runs. The roles: the manager, the writers of runs, what a
    writer has make the slide (the process that builds the file and the one that checks it), and what else
    there is (the fork server).
    """

    def __init__(self, manager: int) -> None:
        self._manager = psutil.Process(manager)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look_often, daemon=True)
        self._cpu: dict[tuple[int, str], float] = {}
        self.peak_mb = 0.0
        self._before: dict[tuple[int, str], float] = {}

    def __enter__(self) -> Self:
        self._look()
        self.idle_mb, self._before = self.peak_mb, dict(self._cpu)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
        self._look()

    @property
    def over_idle_mb(self) -> float:
        """The most that all of them held at once, without what they held before there was a run."""
        return self.peak_mb - self.idle_mb

    def cpu_s(self) -> dict[str, float]:
        """Processor seconds by role, without those spent before. What a process did in its last tenth of a
        second is not seen.
        """
        total = dict.fromkeys(ROLES, 0.0) | defaultdict(float)
        for (pid, role), spent in self._cpu.items():
            total[role] += spent - self._before.get((pid, role), 0.0)
        return dict(total)

    def _look_often(self) -> None:
        while not self._done.wait(EVERY_S):
            self._look()

    def _look(self) -> None:
        with contextlib.suppress(psutil.Error):
            everyone = [self._manager, *self._manager.children(recursive=True)]
            writers = set(writers_of(self._manager.pid))
            self.peak_mb = max(self.peak_mb, sum(map(memory_mb, everyone)))
            for process in everyone:
                with contextlib.suppress(psutil.Error):
                    times = process.cpu_times()
                    self._cpu[process.pid, self._role(process, writers)] = times.user + times.system

    def _role(self, process: psutil.Process, writers: set[int]) -> str:
        if process.pid == self._manager.pid:
            return MANAGER
        if process.pid in writers:
            return WRITER
        return SLIDE if process.ppid() in writers else OTHER
