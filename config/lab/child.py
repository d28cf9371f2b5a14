"""One supervised process: has a session of its own, is brought back when it dies, stops with its group."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from config.lab.environment import CANARY, HEARTBEAT
from config.lab.errors import Unusable
from config.lab.identity import Identity, die_with, has_ended, signal_group
from config.lab.layout import make_folder
from config.lab.processes import Process

FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 10.0
HEALTHY_AFTER_S = 30.0
LOG_LIMIT_BYTES = 20 * 2**20

Clock = Callable[[], float]


def open_log(file: Path) -> BinaryIO:
    """The log, for appending; readable by its owner only."""
    return open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


def trim_log(file: Path) -> None:
    """Set a log that has grown large aside as `.1`. Its writer appends, so it begins anew."""
    if file.exists() and file.stat().st_size > LOG_LIMIT_BYTES:
        shutil.copy(file, file.with_name(file.name + ".1"))
        os.truncate(file, 0)


def spawn(process: Process, environment: Mapping[str, str], cwd: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start a process in its own session; on Linux it is told to stop when the supervisor dies."""
    parent = os.getpid()  # preexec_fn is safe here: the supervisor has one thread
    with open_log(log) as out:
        return subprocess.Popen(
            process.argv,
            cwd=cwd,
            env={**environment, **process.environment},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: die_with(parent),
        )


class Child:
    """A process of the table, kept alive.

    `tick()` is called often; it collects a dead process, kills what is left of its group, waits
    (0.2 s, doubling to 10 s, from the start again after 30 s of life) and starts it anew.
    """

    def __init__(
        self,
        process: Process,
        environment: Mapping[str, str],
        cwd: Path,
        log: Path,
        scratch: Path,
        clock: Clock = time.monotonic,
    ) -> None:
        self.process = process
        self.restarts = 0
        self.last_end = ""
        self.identity: Identity | None = None
        self.started_at = 0.0
        self._environment = {**environment, "TMPDIR": str(scratch)}
        self._scratch = scratch
        self._cwd = cwd
        self._log = log
        self._clock = clock
        self._popen: subprocess.Popen[bytes] | None = None
        self._wait_s = FIRST_WAIT_S
        self._start_due = 0.0
        self._song = 0
        self._heard_at = 0.0

    def trim_log(self) -> None:
        trim_log(self._log)

    @property
    def is_running(self) -> bool:
        return self._popen is not None

    def start(self) -> None:
        self.started_at = self._clock()
        heartbeat = self.process.environment.get(HEARTBEAT)
        if heartbeat:
            Path(heartbeat).unlink(missing_ok=True)
        try:
            make_folder(self._scratch)
            self._popen = spawn(self.process, self._environment, self._cwd, self._log)
        except (OSError, Unusable) as error:
            self._give_time(f"could not be started: {error}")
            return
        self.identity = Identity.of(self._popen.pid)

    def tick(self) -> None:
        if self._popen is None:
            if self._clock() >= self._start_due:
                self.restarts += 1
                self.start()
        elif has_ended(self._popen.pid):
            self._collect()
        elif self._is_silent():
            self._note(f"takes no work for {self.process.silent_s:.0f} s")
            signal_group(self._popen.pid, signal.SIGKILL)

    def _is_silent(self) -> bool:
        """It lives, but no canary has sung in its queue. Told by the file's changes and our own clock: the
        wall clock may jump.
        """
        if not self.process.silent_s:
            return False
        file = Path(self.process.environment[CANARY])
        song = file.stat().st_mtime_ns if file.exists() else 0
        if song != self._song:
            self._song, self._heard_at = song, self._clock()
        return self._clock() - max(self._heard_at, self.started_at) > self.process.silent_s

    def _collect(self) -> None:
        if self._popen is None:
            return
        # The group first, the leader after: while the leader is uncollected, its number is nobody else's.
        signal_group(self._popen.pid, signal.SIGKILL)
        code = self._popen.wait()
        self._popen = None
        shutil.rmtree(self._scratch, ignore_errors=True)
        if self._clock() - self.started_at >= HEALTHY_AFTER_S:
            self._wait_s = FIRST_WAIT_S
        self._give_time(f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}")

    def _give_time(self, end: str) -> None:
        self.identity = None
        self.last_end = end
        self._start_due = self._clock() + self._wait_s
        self._note(f"{end}; starting again in {self._wait_s:.1f} s (restart {self.restarts + 1})")
        self._wait_s = min(LONGEST_WAIT_S, self._wait_s * 2)

    def _note(self, words: str) -> None:
        with open_log(self._log) as out:
            stamp = time.strftime("%Y-%m-%d %H:%M:%S")
            out.write(f"{stamp} supervisor: {self.process.name} {words}\n".encode())

    def ask_to_stop(self) -> None:
        """Ask only the leader: a pool's parent ends its children in its own order."""
        if self._popen is not None and not has_ended(self._popen.pid):
            self._popen.send_signal(signal.SIGTERM)

    def has_stopped(self) -> bool:
        return self._popen is None or has_ended(self._popen.pid)

    def finish(self) -> None:
        """End whatever is left, with its whole group, and collect it."""
        if self._popen is not None:
            signal_group(self._popen.pid, signal.SIGKILL)
            self._popen.wait()
            self._popen = None
            self.identity = None
        shutil.rmtree(self._scratch, ignore_errors=True)
