"""The crash states in short, and the proof that what they count is seen."""

import json
from pathlib import Path
from random import Random

import pytest

from tests.faults.__main__ import main
from tests.faults.mortal import MortalDisk
from tests.faults.scan import verifying_here
from tests.faults.states import Figures, Setting, film, look_at, record, stops_of

FEW = 12


class NeverSynced(MortalDisk):
    """Says that the bytes are on the medium, and has not tried."""

    def sync_data(self, handle: int) -> None:
        pass


class NamesNeverSynced(MortalDisk):
    def sync_directory(self, path: Path) -> None:
        pass


class DraftNeverSynced(MortalDisk):
    def sync_file(self, path: Path) -> None:
        pass


def test_it_loses_nothing_in_any_state(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "states.json"
    assert main(["states", "--n", "1500", "--fields", "40", "--json", str(file)]) == 0
    found = json.loads(file.read_text())
    assert (found["tried"], found["lost"], found["unreadable"], found["silent"]) == (1500, 0, 0, 0)
    assert min(found["states_kill"], found["states_power"], found["recoveries"], found["went_on"]) > 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("states: 1500 tried, 0 acknowledged planes")


@pytest.mark.parametrize(
    "setting",
    [
        Setting(FEW, NeverSynced),
        Setting(FEW, NamesNeverSynced),
        Setting(FEW, acknowledge_early=True),
    ],
    ids=["no fdatasync", "no directory sync", "acknowledged before the commit"],
)
def test_it_sees_the_loss_behind_a_wrong_writer(setting: Setting):
    assert film(1, 300, setting).lost > 0


def test_it_sees_a_published_slide_that_was_never_synced():
    assert film(1, 300, Setting(FEW, DraftNeverSynced)).unreadable > 0


def test_it_loses_nothing_when_a_kill_at_any_step_is_followed_by_a_power_cut(tmp_path: Path):
    with verifying_here():
        for step in range(1, 60):
            random, figures = Random(step), Figures()
            sent, disk = record(tmp_path / str(step), random, Setting(2, dies_in=step))
            look_at(disk, stops_of(disk.film, 40, random), sent, tmp_path / "scratch", random, figures)
            assert figures.problems == [], step
