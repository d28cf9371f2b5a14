"""A real laboratory for the tests: every process of the table, in a folder of its own, killed and looked at
from outside.
"""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from config.lab.environment import environment
from config.lab.identity import Identity, marked
from config.lab.layout import CHECKOUT, Lab, open_lab
from tests.faults.service import writers_of

OUTSIDE = ("_URL", "_ENDPOINT", "_ENDPOINTS", "_URL_FILE")
COMMAND_TIMEOUT_S = 300.0


def given(**more: str) -> dict[str, str]:
    """The caller's environment without whatever would point a laboratory at somebody else's servers."""
    own = {name: value for name, value in os.environ.items() if not name.endswith(OUTSIDE)}
    return own | {"PYTHONPATH": str(CHECKOUT)} | more


def until(true: Callable[[], bool], seconds: float, what: str) -> float:
    """Wait; how long it took (s)."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, f"after {seconds:.0f} s still not: {what}"
        time.sleep(0.05)
    return time.monotonic() - began


class Laboratory:
    """One laboratory below `var`. `settings` go into its processes' environment."""

    def __init__(self, var: Path, **settings: str) -> None:
        self.var = var
        self.settings = {"NOCTURNE_VAR": str(var), **settings}
        self._supervisor: subprocess.Popen[bytes] | None = None

    @property
    def lab(self) -> Lab:
        return open_lab(self.var)

    def command(
        self, *arguments: str, timeout_s: float = COMMAND_TIMEOUT_S
    ) -> subprocess.CompletedProcess[str]:
        """`./nocturne ARGUMENTS`, without its set-up."""
        argv = [sys.executable, "-P", "-m", "config.lab", *arguments]
        return subprocess.run(
            argv, env=given(**self.settings), capture_output=True, text=True, timeout=timeout_s, check=False
        )

    def up(self) -> None:
        """Tethered: it stops when this process dies, however that happens."""
        argv = [sys.executable, "-P", "-m", "config.lab", "run", "--tether", str(os.getpid())]
        self._supervisor = subprocess.Popen(
            argv,
            env=given(**self.settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        until(self.is_well, 180, "every process is well")
        self.run("bootstrap", "--cast")

    def down(self) -> None:
        """Stop it. Raises AssertionError for what it has left behind."""
        done = self.command("down")
        if self._supervisor is not None:
            self._supervisor.wait(30)
        self.assert_nothing_is_left()
        assert done.returncode == 0, done.stdout + done.stderr

    def run(self, *arguments: str) -> str:
        """`./nocturne manage ARGUMENTS`: what it said. Raises AssertionError when it failed."""
        done = self.command("manage", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def assert_nothing_is_left(self) -> None:
        """Neither processes, nor sockets, nor half-written files; processes are ended all the same."""
        left = list(marked(self.lab.identity))
        for process in left:
            process.signal(signal.SIGKILL)
        assert not left, f"processes left behind: {left}"
        assert not self.lab.broker_socket.exists(), "the broker left its socket behind"
        drafts = [*self.var.rglob("*.part*"), *self.var.rglob(".building-*")]
        assert not drafts, f"half-written files left behind: {drafts}"

    def status(self) -> dict[str, Any]:
        seen: dict[str, Any] = json.loads(self.command("status", "--json").stdout)
        return seen

    def is_well(self) -> bool:
        return bool(self.status()["ok"])

    def pid(self, name: str) -> int:
        """Of a process of the table, from the supervisor's record; 0 while it is down."""
        record = json.loads((self.var / "run" / "status.json").read_text())
        row = next(row for row in record["processes"] if row["name"] == name)
        alive = row["pid"] and Identity(row["pid"], row["began"]).is_alive()
        return int(row["pid"]) if alive else 0

    def kill(self, victim: str) -> None:
        """kill -9 of a process of the table; of a slide writer (“writer”); or of a worker's pool (“worker's
        child”).
        """
        if victim == "writer":
            until(lambda: bool(writers_of(self.pid("slides"))), 30, "a slide writer is at work")
            pids = writers_of(self.pid("slides"))
        elif victim.endswith("'s child"):
            pids = [
                child.pid for child in psutil.Process(self.pid(victim.removesuffix("'s child"))).children()
            ]
        else:
            until(lambda: self.pid(victim) > 0, 30, f"{victim} is up")
            pids = [self.pid(victim)]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def ask(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        """Read the record from outside, as the processes see it."""
        with contextlib.closing(
            sqlite3.connect(f"file:{self.var}/nocturne.sqlite3?mode=ro", uri=True)
        ) as record:
            return record.execute(question, values).fetchall()

    def night(self, name: str, slides: int, *options: str) -> "subprocess.Popen[str]":
        """Start the people's part of a night (tests/system/night.py); its last line is JSON."""
        argv = [sys.executable, "-m", "tests.system.night", name, str(slides), *options]
        return subprocess.Popen(
            argv, env=environment(self.lab, given(**self.settings)), cwd=CHECKOUT, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def morning(self, night: "subprocess.Popen[str]", timeout_s: float = 240.0) -> dict[str, Any]:
        """Wait for the end of a night: its outcome."""
        try:
            said, _ = night.communicate(timeout=timeout_s)
        finally:
            night.kill()
            night.wait()
        assert night.returncode == 0, said + self.logs()
        outcome: dict[str, Any] = json.loads(said.splitlines()[-1])
        return outcome

    def logs(self) -> str:
        """The ends of the logs, for whoever reads a failure."""
        files = sorted((self.var / "log").glob("*.log"))
        return "".join(f"\n--- {file.name}\n{file.read_text(errors='replace')[-1500:]}" for file in files)
