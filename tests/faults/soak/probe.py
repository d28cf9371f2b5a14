"""The memory and the open files of processes that live all night, sampled from outside."""

import contextlib
import json
import threading
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from types import TracebackType
from typing import Self

import numpy as np
import psutil

from tests.bench.processes import memory_mb
from tests.faults.service import writers_of
from tests.system.laboratory import Laboratory

EVERY_S = 2.0
WARM_S = 60.0  # after its start a process has yet to load and to fill what it keeps
FEWEST = 8  # samples of one life


@dataclass
class Life:
    """A process, and its pool, from one start to its end."""

    began: float
    at: list[float] = field(default_factory=list)
    mb: list[float] = field(default_factory=list)
    share_mb: list[float] = field(default_factory=list)
    fds: list[int] = field(default_factory=list)

    def part(self, since: float, until: float) -> tuple[list[float], list[float], list[int]]:
        first = bisect_left(self.at, max(since, self.began + WARM_S))
        last = bisect_left(self.at, until)
        return self.at[first:last], self.mb[first:last], self.fds[first:last]


class Probe:
    """Looks at every process of the table until its block ends."""

    def __init__(self, laboratory: Laboratory) -> None:
        self._laboratory = laboratory
        self._lives: dict[str, dict[tuple[int, ...], Life]] = defaultdict(dict)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look_often, name="probe", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _look_often(self) -> None:
        while not self._done.wait(EVERY_S):
            with contextlib.suppress(OSError, ValueError):
                record = json.loads((self._laboratory.var / "run" / "status.json").read_text())
                for row in record["processes"]:
                    if row["pid"]:
                        self._look(row["name"], int(row["pid"]))

    def _look(self, name: str, pid: int) -> None:
        with contextlib.suppress(psutil.Error):
            leader = psutil.Process(pid)
            family = [leader, *leader.children()]
            if name == "slides":
                writers = set(writers_of(pid))
                family = [one for one in family if one.pid not in writers]
            now = time.time()
            key = tuple(one.pid for one in family)
            life = self._lives[name].setdefault(key, Life(now))
            mb, fds = sum(one.memory_info().rss / 1e6 for one in family), sum(one.num_fds() for one in family)
            share = sum(map(memory_mb, family))
            life.at.append(now)
            life.mb.append(mb)
            life.share_mb.append(share)
            life.fds.append(fds)

    def figures(self, since: float, until: float, hours_per_slide: float) -> dict[str, dict[str, float]]:
        """By process: its share of memory (PSS), the slope between two moments and how sure it is (two
        standard errors), what that would be over a night of 400 slides, and by how many files a life has
        grown. The slope is that of RSS: a share also changes with whoever else maps the same pages.
        """
        return {
            name: figures
            for name, lives in sorted(self._lives.items())
            if (figures := _figures(list(lives.values()), since, until, hours_per_slide))
        }


NIGHT_SLIDES = 400


def _figures(lives: Sequence[Life], since: float, until: float, hours_per_slide: float) -> dict[str, float]:
    parts = [part for life in lives if len((part := life.part(since, until))[0]) >= FEWEST]
    if not parts:
        return {}
    slope, doubt = slope_of([(at, mb) for at, mb, _ in parts])
    night = NIGHT_SLIDES * hours_per_slide
    return {
        "mb": round(median(mb for life in lives for mb in life.share_mb), 1),
        "mb_per_h": round(slope, 1),
        "doubt_mb_per_h": round(doubt, 1),
        "mb_per_night": round(slope * night, 2),
        "doubt_mb_per_night": round(doubt * night, 2),
        "fds": round(median(fd for _, _, many in parts for fd in many)),
        "fds_more": max(_grown(many) for _, _, many in parts),
        "samples": sum(len(at) for at, _, _ in parts),
    }


def slope_of(lives: Sequence[tuple[Sequence[float], Sequence[float]]]) -> tuple[float, float]:
    """Least squares: one slope (MB/h) for all lives, each of which has a level of its own; and two standard
    errors of it.
    """
    hours = np.concatenate([(np.array(at) - np.mean(at)) / 3600 for at, _ in lives])
    mb = np.concatenate([np.array(values) - np.mean(values) for _, values in lives])
    spread = float(hours @ hours)
    slope = float(hours @ mb) / spread
    left = mb - slope * hours
    freedom = max(1, len(mb) - len(lives) - 1)
    return slope, 2 * float(np.sqrt(left @ left / freedom / spread))


def _grown(fds: Sequence[int]) -> int:
    """From the first quarter of a life to its last one."""
    quarter = max(1, len(fds) // 4)
    middle: Callable[[Sequence[int]], float] = median
    return round(middle(fds[-quarter:]) - middle(fds[:quarter]))
