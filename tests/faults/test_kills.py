"""The campaign of kills in short, and what its command promises."""

import json
from pathlib import Path

import pytest

from tests.faults.__main__ import main
from tests.faults.tally import Tally


@pytest.mark.system
@pytest.mark.timeout(240)
def test_it_loses_nothing_when_the_writer_is_killed(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "kills.json"
    assert main(["kills", "--n", "3", "--json", str(file)]) == 0
    found = json.loads(file.read_text())
    assert (found["tried"], found["lost"], found["unreadable"], found["silent"]) == (3, 0, 0, 0)
    assert found["resume_longest_s"] < 10
    assert capsys.readouterr().out.splitlines()[-1].startswith("kills: 3 tried, 0 acknowledged planes lost")


def test_it_holds_only_when_nothing_at_all_is_wrong():
    assert Tally(tried=5).held
    assert not Tally().held
    assert not any(tally.held for tally in (Tally(5, lost=1), Tally(5, unreadable=1), Tally(5, silent=1)))
    assert not Tally(tried=5, problems=["it hung"]).held
