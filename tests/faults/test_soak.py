"""The soak, short: a dozen slides through the real processes; and that its instruments see what is wrong."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.faults.soak.browsers import Browser, Change, board
from tests.faults.soak.cable import SCANNERS_SEE, WRITERS_AT, Cable
from tests.faults.soak.campaign import Soak, judge_account, judge_watching
from tests.faults.soak.mischief import Fault, Mischief
from tests.faults.soak.probe import slope_of
from tests.faults.tally import Tally
from tests.system.laboratory import until

ROOT = Path(__file__).resolve().parents[2]
linux = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux: every 127.x is loopback")
ACCOUNT: dict[str, Any] = {
    "slides": 400, "published": 392, "failed": 8, "skipped": 0, "unknown": 0, "lost": 0, "silent": 0,
    "unreadable": 0, "duplicates": {"files": 0, "publications": 0}, "reasons": {"jam": 8},
    "failed_of_ours": 0,
    "attempts": 410, "takeovers": 70, "jobs_given_up": [], "journals_kept": 8, "fewest_fields": 56,
    "deidentified": 392, "quarantined": 0, "seconds_by_phase": {"all": 1200.0}, "snapshot_ms": {},
    "standstill": "",
    "faults": [], "files_without_a_row": [], "journals_left": [], "open": 0,
}  # fmt: skip
STILL = {"mb_per_night": 0.0, "doubt_mb_per_night": 3.0, "fds_more": 0}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"unknown": 1, "published": 391}, "not accounted"),
    ({"duplicates": {"files": 1, "publications": 0}}, "twice"),
    ({"open": 2}, "still open"),
    ({"journals_left": ["ab"]}, "journals left"),
    ({"files_without_a_row": ["slides/x.h5"]}, "files without a row"),
    ({"fewest_fields": 30}, "30 fields"),
    ({"failed_of_ours": 9}, "failed of what was done"),
    ({"seconds_by_phase": {"all": 36_000.0}}, "57 are needed"),
    ({"standstill": "nothing moved"}, "nothing moved"),
    ({"lost": 1}, ""),
    ({"silent": 1}, ""),
    ({"unreadable": 1}, ""),
]


def judged(**changes: Any) -> Tally:
    tally, soak = Tally(), Soak()
    judge_account(tally, soak, ACCOUNT | changes)
    judge_watching(tally, soak, {"browsers": 0.0, "lost": 0.0}, {})
    return tally


def test_a_night_in_which_nothing_is_wrong_holds():
    assert judged().held


@pytest.mark.parametrize(("changes", "words"), WRONG, ids=lambda value: str(value)[:30])
def test_whatever_is_wrong_is_seen(changes: dict[str, Any], words: str):
    tally = judged(**changes)
    assert not tally.held
    assert any(words in problem for problem in tally.problems) or not words


@pytest.mark.parametrize(
    ("seen", "memory", "words"),
    [
        ({"p95_ms": 501.0, "lost": 0.0}, {}, "the board"),
        ({"p95_ms": 20.0, "lost": 1.0}, {}, "1 changes not told"),
        ({"lost": 0.0}, {"web": STILL | {"mb_per_night": 30.0}}, "web grows"),
        ({"lost": 0.0}, {"web": STILL | {"fds_more": 40}}, "more files"),
    ],
)  # fmt: skip
def test_a_slow_board_and_a_process_that_grows_are_seen(seen: Any, memory: Any, words: str):
    tally = Tally(tried=400)
    judge_watching(tally, Soak(), seen, memory)
    assert [problem for problem in tally.problems if words in problem]


def test_a_slope_is_told_from_the_levels_of_several_lives():
    hours = [n / 3600 for n in range(60)]
    lives = [([3600 * h for h in hours], [level + 30 * h for h in hours]) for level in (100.0, 140.0)]
    slope, doubt = slope_of(lives)
    assert slope == pytest.approx(30)
    assert doubt == pytest.approx(0, abs=1e-6)


def browser(told: dict[str, list[tuple[float, str]]], stays: list[list[float]], batch: int = 1) -> Browser:
    made = Browser.__new__(Browser)
    made.batch, made.told, made.stays, made.looked = batch, told, stays, []
    return made


def test_a_board_s_delay_counts_from_the_change_to_its_word_or_a_later_one():
    snapped, scanned = frozenset({"Snapped", "Scanned"}), frozenset({"Scanned"})
    changes = {1: [Change(100.0, "slot-1-1", snapped), Change(110.0, "slot-1-1", scanned)]}
    sees = browser({"slot-1-1": [(100.2, "Snapped"), (110.1, "Scanned")]}, [[0.0, 999.0]])
    late = browser({"slot-1-1": [(100.1, "Loaded"), (110.3, "Scanned")]}, [[0.0, 999.0]])
    away = browser({}, [[0.0, 99.0], [111.0, 999.0]])
    deaf = browser({}, [[0.0, 999.0]])
    assert [sees.late_ms(change) for change in changes[1]] == pytest.approx([200.0, 100.0])
    assert [late.late_ms(change) for change in changes[1]] == pytest.approx([10_300.0, 300.0])
    assert board([away], changes)["lost"] == 0.0  # its stream was broken: it looks again when it is back
    assert board([sees, late, deaf], changes)["lost"] == 2.0


@contextmanager
def echo() -> Iterator[int]:
    """A writer of one connection at a time, as far as the cable sees it."""
    with socket.create_server((WRITERS_AT, 0)) as listening:

        def answer() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    while piece := _received(connection):
                        connection.sendall(piece)

        threading.Thread(target=answer, daemon=True).start()
        yield int(listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1000)
    except OSError:
        return b""


@linux
def test_the_cable_carries_and_delays_and_is_pulled():
    with echo() as port, Cable() as cable:
        until(lambda: _answers(port), 5, "the cable has found the writer")
        with socket.create_connection((SCANNERS_SEE, port), timeout=5) as end:
            cable.trouble("mute", 0.5)
            began = time.monotonic()
            end.sendall(b"a field")
            assert end.recv(100) == b"a field"
            assert time.monotonic() - began > 0.4
            cable.trouble("cut", 0.5)
            assert _received(end) == b""
        until(lambda: _answers(port), 5, "it goes on by itself")


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((SCANNERS_SEE, port), timeout=1) as end:
            end.sendall(b"?")
            return end.recv(1) == b"?"
    except OSError:
        return False


def _strike(struck: list[str], name: str, dice: Random) -> bool:
    struck.append(name)
    return True


def test_every_kind_is_dealt_before_any_comes_again_and_the_spared_never():
    struck: list[str] = []
    faults = [Fault(name, partial(_strike, struck, name), lasting=name == "a") for name in "abc"]
    mischief = Mischief(faults, 1, 0.001, lambda words: None)
    mischief.begin()
    until(lambda: len(struck) >= 6, 10, "six strikes")
    mischief.spare()
    mischief.end()
    assert {*mischief.struck} == {"a", "b", "c"}
    assert max(mischief.struck.values()) - min(mischief.struck["b"], mischief.struck["c"]) <= 1


@linux
@pytest.mark.system
@pytest.mark.timeout(400)
def test_a_dozen_slides_survive_what_is_done_to_their_laboratory(tmp_path: Path):
    file = tmp_path / "soak.json"
    size = ["--slides", "8", "--scanners", "2", "--watchers", "3", "--every", "2.5", "--seed", "5"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", "soak", *size, "--json", str(file)],
        cwd=ROOT, capture_output=True, text=True, timeout=380, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    found = json.loads(file.read_text(encoding="utf-8"))
    assert (found["tried"], found["lost"], found["unreadable"], found["silent"]) == (8, 0, 0, 0)
    assert found["published"] + found["failed"] + found["skipped"] == 8
    assert (found["unknown"], found["duplicates"], found["left_over"]) == (0, 0, [])
    assert sum(found["faults"].values()) >= 3
    assert found["board"]["streams_begun"] >= 3  # how late they hear is judged in a night that is long enough
