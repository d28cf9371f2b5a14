"""The flips in short, and what one flip in the table of places must not do."""

import json
from pathlib import Path
from random import Random

import h5py
import pytest

from tests.faults.__main__ import main
from tests.faults.apart import apart
from tests.faults.flips import make_slide
from vslide.verify import verify_slide


def test_it_sees_every_flipped_bit(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "flips.json"
    assert main(["flips", "--n", "12", "--json", str(file)]) == 0
    found = json.loads(file.read_text())
    assert (found["tried"], found["lost"], found["unreadable"], found["silent"]) == (48, 0, 0, 0)
    assert [found[f"{what}_seen"] for what in ("journal", "slide", "tables", "manifest")] == [12] * 4
    assert sum(found.get(f"reader_{what}", 0) for what in ("right", "wrong", "error", "died")) == 12
    assert capsys.readouterr().out.splitlines()[-1].startswith("flips: 48 tried")


@pytest.mark.parametrize("bit", [5, 40, 62])
def test_a_flip_in_the_table_of_places_is_a_fault_and_no_crash(tmp_path: Path, bit: int):
    slide = make_slide(tmp_path, Random(1))
    with h5py.File(slide, "r+") as file:
        table = file["index/1"]
        place = table[0, 0, 0, 0]
        place[1] ^= 1 << bit
        table[0, 0, 0, 0] = place
    assert any("chunk" in fault or "index" in fault for fault in verify_slide(slide))


def _half_dies(item: int) -> str:
    if item % 2:
        raise SystemExit(3)
    return str(item)


def test_it_goes_on_with_the_next_when_one_takes_its_process_with_it():
    assert apart(_half_dies, range(4), jobs=1) == ["0", "died", "2", "died"]
