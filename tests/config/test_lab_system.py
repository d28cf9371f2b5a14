"""The real laboratory: every process of the table, killed one after the other."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from config.lab.identity import marked
from config.lab.layout import CHECKOUT, open_lab

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]


def lab_command(var: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    outside = ("_URL", "_ENDPOINT", "_ENDPOINTS")
    given = {name: value for name, value in os.environ.items() if not name.endswith(outside)}
    environment = given | {"NOCTURNE_VAR": str(var), "PYTHONPATH": str(CHECKOUT)}
    argv = [sys.executable, "-P", "-m", "config.lab", *arguments]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=150, check=False)


def status(var: Path) -> dict[str, Any]:
    seen: dict[str, Any] = json.loads(lab_command(var, "status", "--json").stdout)
    return seen


def until(true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A laboratory that is up, in a folder whose name holds a space."""
    var = tmp_path_factory.mktemp("a lab") / "var"
    started = lab_command(var, "up", "--detach")
    try:
        assert started.returncode == 0, started.stdout + started.stderr
        yield var
    finally:
        lab_command(var, "down")
        for left in marked(open_lab(var).identity):
            left.signal(signal.SIGKILL)


def test_it_starts_every_process_and_all_are_well(var: Path) -> None:
    seen = status(var)
    assert seen["ok"], seen
    names = [line["name"] for line in seen["processes"]]
    assert names == [
        "broker",
        "slides",
        "scanner-1",
        "web",
        "worker",
        "worker-scanner-1",
        "beat",
        "relay",
        "watch",
    ]


def test_it_comes_back_whole_after_every_process_was_killed(var: Path) -> None:
    before = {line["name"]: line["pid"] for line in status(var)["processes"]}
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    until(lambda: all(line["restarts"] for line in status(var)["processes"]) and status(var)["ok"], 60)
    after = {line["name"]: line["pid"] for line in status(var)["processes"]}
    assert not set(before.values()) & set(after.values())


def test_it_leaves_nothing_behind_when_it_is_stopped(var: Path) -> None:
    identity = open_lab(var).identity
    assert list(marked(identity))
    started = time.monotonic()
    assert lab_command(var, "down").returncode == 0
    assert time.monotonic() - started < 15
    assert not list(marked(identity))
    assert lab_command(var, "status").returncode == 3
