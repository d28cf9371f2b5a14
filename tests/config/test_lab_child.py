"""Backing off, with a clock of our own."""

import os
import sys
import time
from pathlib import Path

import pytest

from config.lab.child import Child, open_log, trim_log
from config.lab.environment import CANARY, HEARTBEAT
from config.lab.processes import Process


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def child(tmp_path: Path, clock: Clock, *argv: str) -> Child:
    return Child(Process("short", argv), {}, tmp_path, tmp_path / "short.log", tmp_path / "scratch", clock)


def wait_for_end(short: Child) -> None:
    for _ in range(500):
        short.tick()
        if not short.is_running:
            return
        time.sleep(0.01)
    raise AssertionError("the process did not end")


def waits(short: Child, clock: Clock, lives_s: float, times: int) -> list[float]:
    """How long the child waits before each new start, when each life takes `lives_s`."""
    found = []
    for _ in range(times):
        clock.now += lives_s
        wait_for_end(short)
        ended = clock.now
        while not short.is_running:
            clock.now = round(clock.now + 0.1, 3)
            short.tick()
        found.append(round(clock.now - ended, 1))
    return found


def test_it_waits_longer_each_time_up_to_ten_seconds(tmp_path: Path) -> None:
    clock = Clock()
    short = child(tmp_path, clock, sys.executable, "-S", "-c", "raise SystemExit(4)")
    short.start()
    found = waits(short, clock, 0.0, 8)
    short.finish()
    assert found == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert short.restarts == 8
    assert short.last_end == "ended with code 4"


def test_it_forgets_old_deaths_after_a_healthy_life(tmp_path: Path) -> None:
    clock = Clock()
    short = child(tmp_path, clock, sys.executable, "-S", "-c", "pass")
    short.start()
    waits(short, clock, 0.0, 4)
    found = waits(short, clock, 31.0, 1)
    short.finish()
    assert found == [0.2]


def test_it_keeps_trying_a_program_that_is_not_there(tmp_path: Path) -> None:
    clock = Clock()
    short = child(tmp_path, clock, str(tmp_path / "missing"))
    short.start()
    assert not short.is_running
    clock.now += 1
    short.tick()
    assert "could not be started" in (tmp_path / "short.log").read_text()
    assert short.restarts == 1


def test_it_sets_a_large_log_aside_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("config.lab.child.LOG_LIMIT_BYTES", 100)
    file = tmp_path / "web.log"
    with open_log(file) as writer:
        writer.write(b"x" * 200)
        writer.flush()
        trim_log(file)
        writer.write(b"new")
    assert file.read_bytes() == b"new"
    assert (tmp_path / "web.log.1").stat().st_size == 200


def test_it_forgets_the_heartbeat_of_the_life_before(tmp_path: Path) -> None:
    file = tmp_path / "worker.beat"
    file.touch()
    row = Process("worker", (sys.executable, "-S", "-c", "pass"), environment={HEARTBEAT: str(file)})
    worker = Child(row, {}, tmp_path, tmp_path / "worker.log", tmp_path / "scratch")
    worker.start()
    worker.finish()
    assert not file.exists()


def test_one_that_lives_and_takes_no_work_is_started_anew(tmp_path: Path) -> None:
    """F43: told by our own clock, for the wall clock may jump."""
    clock, song = Clock(), tmp_path / "worker.canary"
    argv = (sys.executable, "-S", "-c", "import time; time.sleep(60)")
    row = Process("worker", argv, environment={CANARY: str(song)}, silent_s=240.0)
    worker = Child(row, {}, tmp_path, tmp_path / "worker.log", tmp_path / "scratch", clock)
    worker.start()
    for _ in range(3):
        clock.now += 200
        song.touch()
        os.utime(song, ns=(int(clock.now), int(clock.now)))
        worker.tick()
        assert worker.is_running
    clock.now += 241
    wait_for_end(worker)
    clock.now += 1
    worker.tick()
    assert (worker.restarts, worker.last_end) == (1, "ended by SIGKILL")
    assert "takes no work for 240 s" in (tmp_path / "worker.log").read_text()
    clock.now += 239
    worker.tick()
    assert worker.restarts == 1
    worker.finish()


def test_what_a_killed_process_left_in_its_temporary_folder_goes_with_it(tmp_path: Path) -> None:
    code = "import os, tempfile; tempfile.mkdtemp(); os.kill(os.getpid(), 9)"
    clock = Clock()
    short = child(tmp_path, clock, sys.executable, "-S", "-c", code)
    short.start()
    folder = tmp_path / "scratch"
    assert folder.stat().st_mode & 0o077 == 0
    wait_for_end(short)
    assert not folder.exists()
    clock.now += 1
    short.tick()  # brought back, with a new one
    assert folder.is_dir()
    short.finish()
    assert not folder.exists()
