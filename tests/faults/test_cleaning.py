"""The campaign of strikes at the making of clean files in short, and what makes it fail."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.faults import cleaning
from tests.faults.cleaning import STRIKES, Run, Work, campaign
from tests.faults.tally import Tally


@pytest.mark.timeout(300)
def test_whatever_strikes_nothing_partial_is_seen_and_the_next_run_succeeds() -> None:
    tally = campaign(n=len(STRIKES), real=False)
    assert (tally.problems, tally.silent, tally.lost, tally.unreadable) == ([], 0, 0, 0)
    assert tally.tried == len(STRIKES)
    assert set(tally.counts) >= {strike.replace(" ", "_") for strike in STRIKES}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run that has ended, in a folder without a clean file."""
    (tmp_path / "out").mkdir()
    process = subprocess.Popen(["true"])
    process.wait()
    return Run(process, tmp_path / "out" / "clean.svs")


@pytest.mark.parametrize(
    ("seen", "code", "said", "fault"),
    [
        ("half", -9, "", "silent"),
        ("", 0, "", "lost"),
        ("", 1, "", "unreadable"),
        ("", 1, "unknown_content", "unreadable"),
    ],
)
def test_it_counts_what_must_not_be(run: Run, seen: str, code: int, said: str, fault: str) -> None:
    cleaning.report_of(run.out).write_text(json.dumps({"code": said}))
    work, tally = Work(Path("a.svs"), Path(), "0" * 64, 5, 1.0), Tally()
    run.seen = seen
    assert len(cleaning.wrong(run, work, "disk full", code, tally)) == 1
    assert getattr(tally, fault) == 1


def test_an_error_by_name_is_no_fault(run: Run) -> None:
    cleaning.report_of(run.out).write_text(json.dumps({"code": "disk_full"}))
    work, tally = Work(Path("a.svs"), Path(), "0" * 64, 5, 1.0), Tally()
    assert cleaning.wrong(run, work, "disk full", 1, tally) == []
