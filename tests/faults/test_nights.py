"""The simulated nights in short, and the proof that a night which is not well is seen."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.faults.__main__ import main
from tests.faults.nights import HERE, Nights, campaign, environment

SHORT = 40  # glasses of a night
pytestmark = pytest.mark.timeout(180)


def lived(folder: Path, *arguments: str, hash_seed: str = "0") -> list[dict[str, Any]]:
    """What a process tells of its nights."""
    command = [sys.executable, "-m", "tests.faults.world", "--slides", f"{SHORT}", *arguments]
    told = subprocess.run(
        command,
        cwd=HERE,
        env=environment(folder) | {"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.stdout, told.stderr
    return [json.loads(line) for line in told.stdout.splitlines()]


def test_every_slide_is_accounted_for_whatever_breaks(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "nights.json"
    assert main(["nights", "--seeds", "6", "--slides", f"{SHORT}", "--json", str(file)]) == 0
    found = json.loads(file.read_text())
    assert [found[name] for name in ("tried", "lost", "unreadable", "silent")] == [6, 0, 0, 0]
    assert [found[name] for name in ("unknown", "duplicates", "seeds_failed")] == [0, 0, []]
    assert found["published"] + found["failed"] + found["skipped"] == found["slides"] == 6 * SHORT
    assert {"F1", "F2", "F6", "F10", "F19", "F22"} <= set(found["faults"])
    assert sum(found["reasons"].values()) == found["failed"]
    assert capsys.readouterr().out.splitlines()[-1].startswith("nights: 6 tried, 0 acknowledged planes lost")


def test_a_seed_is_the_same_night_in_every_process(tmp_path: Path):
    """Alone, after another one, with whatever order sets have, and with every query built anew."""
    (alone,) = lived(tmp_path / "one", "--first", "3", hash_seed="1")
    before, after = lived(tmp_path / "two", "--first", "2", "--seeds", "2", hash_seed="2")
    (plain,) = lived(tmp_path / "three", "--first", "3", "--plain")
    for name in ("fingerprint", "statements", "published", "faults"):
        assert alone[name] == after[name] == plain[name], name
    assert alone["fingerprint"] != before["fingerprint"]


def test_a_safeguard_that_is_missing_is_missed(tmp_path: Path):
    nights = lived(tmp_path, "--first", "2", "--seeds", "2", "--without", *MISSED)
    seen = {night["without"] for night in nights if not night["held"]}
    assert seen == set(MISSED)
    assert sum(night["lost"] for night in nights if night["without"] == "acknowledged") > 0


MISSED = ("acknowledged", "claims", "reconcilers")


def test_a_night_that_is_not_held_fails_its_campaign():
    tally = campaign(Nights(first=3, seeds=1, slides=SHORT, jobs=1, without="acknowledged"))
    assert (tally.held, tally.facts["seeds_failed"], tally.lost > 0) == (False, [3], True)


def test_a_night_that_was_not_lived_to_its_end_is_not_held(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tests.faults.nights.PROGRAM", "tests.faults.no_such_world")
    tally = campaign(Nights(first=7, seeds=1, slides=SHORT, jobs=1))
    assert (tally.held, tally.facts["seeds_failed"]) == (False, [7])
    assert tally.problems == ["seed 7: its night was not lived to the end"]
