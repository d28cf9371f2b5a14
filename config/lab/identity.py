"""Which process is meant: a pid and the moment it began, so that a recycled pid is never signalled."""

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from signal import SIGTERM, Signals

import psutil

from config.lab.environment import MARK

PR_SET_PDEATHSIG = 1
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _stat(pid: int) -> list[str]:
    """Linux's line about a process, from its state on; empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


@cache
def _boot() -> str:
    return BOOT_ID.read_text().strip()


def began(pid: int) -> str | None:
    """A text that differs for every process that ever has this pid; None when there is no such process."""
    if sys.platform == "linux":
        fields = _stat(pid)
        return f"{_boot()}:{fields[19]}" if fields else None
    try:
        return f"{psutil.Process(pid).create_time():.2f}"
    except psutil.Error:
        return None


@dataclass(frozen=True, slots=True)
class Identity:
    pid: int
    began: str

    @classmethod
    def of(cls, pid: int) -> "Identity":
        return cls(pid, began(pid) or "")

    def is_alive(self) -> bool:
        """Whether this very process still runs (one that only waits to be collected does not)."""
        if not self.began or began(self.pid) != self.began:
            return False
        return not has_ended(self.pid)

    def signal(self, number: Signals) -> None:
        if self.is_alive():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, number)

    def signal_group(self, number: Signals) -> None:
        """Signal the whole group that this process leads."""
        if began(self.pid) == self.began:
            signal_group(self.pid, number)


def signal_group(leader: int, number: Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def has_ended(pid: int) -> bool:
    """Whether the process has ended, collected or not. Leaves it uncollected, so its number stays taken."""
    if sys.platform == "linux":
        return _stat(pid)[:1] in ([], ["Z"], ["X"])
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def die_with(parent: int, number: Signals = SIGTERM) -> None:
    """Ask Linux to signal this process when its parent dies; elsewhere nothing happens."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:
            os.kill(os.getpid(), number)


def marked(lab_identity: str) -> Iterator[Identity]:
    """The processes of this user that this laboratory's supervisor, or a child of it, has started."""
    me = os.getpid()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != me and process.environ().get(MARK) == lab_identity:
                yield Identity.of(process.pid)
