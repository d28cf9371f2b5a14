"""The supervisor with small real processes in the table, in a folder of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.lab.identity import Identity, marked
from config.lab.layout import CHECKOUT, Lab, open_lab
from config.lab.lifecycle import stop
from config.lab.record import Record, read_record

# A supervisor over `sleep`s, a stubborn one among them, started as the real one is: in another session.
PROGRAM = """
import os, sys
from pathlib import Path
from config.lab.layout import open_lab
from config.lab.processes import BROKER, PEOPLE, Process
from config.lab.supervisor import Supervisor

SLEEP = "import time; time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
PARENT = "import subprocess, sys, time; subprocess.Popen(['sleep', '600']); time.sleep(600)"
HIDDEN = PARENT.replace("'600']", "'600'], start_new_session=True")

def row(name, code, **kw):
    return Process(name, (sys.executable, "-c", code), grace_s=1.0, **kw)

lab = open_lab(Path(sys.argv[1]))
table = [row("broker", SLEEP, stage=BROKER), row("web", SLEEP), row("stubborn", STUBBORN)]
table += [row("parent", PARENT), row("hidden", HIDDEN)]
steps = [row("prepare", sys.argv[2])]
Supervisor(lab, table, steps, dict(os.environ)).run()
"""


def until(true: Callable[[], object], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


def start(var: Path, step: str = "pass") -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT)}
    argv = [sys.executable, "-c", PROGRAM, str(var), step]
    return subprocess.Popen(argv, env=environment, start_new_session=True, stderr=subprocess.PIPE)


def pids(record: Record) -> dict[str, int]:
    return {row.name: row.identity.pid for row in record.processes if row.identity}


def all_up(lab: Lab) -> bool:
    record = read_record(lab)
    return record.is_up and record.phase == "up" and len(pids(record)) == 5


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = open_lab(tmp_path / "lab")
    yield lab
    for process in marked(lab.identity):
        process.signal(signal.SIGKILL)


@pytest.fixture
def supervisor(lab: Lab) -> Iterator[subprocess.Popen[bytes]]:
    with start(lab.var) as running:
        until(lambda: all_up(lab))
        yield running
        running.kill()


def test_it_brings_back_a_killed_process(lab: Lab, supervisor: subprocess.Popen[bytes]) -> None:
    before = pids(read_record(lab))
    os.kill(before["web"], signal.SIGKILL)
    until(lambda: pids(read_record(lab)).get("web", before["web"]) != before["web"])
    row = next(row for row in read_record(lab).processes if row.name == "web")
    assert (row.restarts, row.last_end) == (1, "ended by SIGKILL")
    assert "web ended by SIGKILL; starting again in 0.2 s" in (lab.log / "web.log").read_text()
    assert {name: pid for name, pid in pids(read_record(lab)).items() if name != "web"} == {
        name: pid for name, pid in before.items() if name != "web"
    }


def test_it_ends_the_children_of_a_killed_process(lab: Lab, supervisor: subprocess.Popen[bytes]) -> None:
    until(lambda: len(set(marked(lab.identity))) == 7)
    parent = pids(read_record(lab))["parent"]
    grandchildren = [found for found in marked(lab.identity) if os.getpgid(found.pid) == parent]
    os.kill(parent, signal.SIGKILL)
    until(lambda: not any(found.is_alive() for found in grandchildren))
    assert len(grandchildren) == 2


def test_it_stops_everything_in_reverse_even_the_stubborn(
    lab: Lab, supervisor: subprocess.Popen[bytes]
) -> None:
    until(lambda: len(set(marked(lab.identity))) == 7)
    started = time.monotonic()
    assert stop(lab, lambda words: None)
    assert supervisor.wait(5) == 0
    assert time.monotonic() - started < 8
    assert not set(marked(lab.identity))
    assert read_record(lab).phase == "down"


def test_it_lets_no_second_supervisor_in(lab: Lab, supervisor: subprocess.Popen[bytes]) -> None:
    with start(lab.var) as second:
        _, words = second.communicate(timeout=15)
    assert b"AlreadyUp" in words
    assert all_up(lab)
    assert read_record(lab).supervisor == Identity.of(supervisor.pid)


def test_it_clears_up_after_a_supervisor_that_was_killed(
    lab: Lab, supervisor: subprocess.Popen[bytes]
) -> None:
    until(lambda: len(set(marked(lab.identity))) == 7)
    left = [Identity.of(found.pid) for found in marked(lab.identity)]
    supervisor.kill()
    supervisor.wait()
    with start(lab.var) as second:
        until(lambda: all_up(lab) and read_record(lab).supervisor == Identity.of(second.pid))
        assert not any(found.is_alive() for found in left)
        second.terminate()


def test_it_says_which_preparation_failed_and_starts_nothing_after_it(lab: Lab) -> None:
    with start(lab.var, "raise SystemExit(3)") as running:
        _, words = running.communicate(timeout=15)
    assert b"prepare failed with code 3" in words
    assert read_record(lab).phase == "failed"
    assert not set(marked(lab.identity))
    assert not (lab.log / "web.log").exists()


def test_it_never_signals_a_recycled_pid(lab: Lab, supervisor: subprocess.Popen[bytes]) -> None:
    supervisor.terminate()
    supervisor.wait(10)
    with subprocess.Popen(["sleep", "600"]) as stranger:
        record = json.loads((lab.run / "status.json").read_text())
        record["supervisor"]["pid"] = stranger.pid
        (lab.run / "status.json").write_text(json.dumps(record))
        assert not stop(lab, lambda words: None)
        assert stranger.poll() is None
        stranger.kill()
