"""The benchmarks themselves: what they say is right, and each of them runs."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.bench.__main__ import main, run
from tests.bench.measure import Figure, Subject, measure
from tests.bench.pixels import fluorescence, tissue
from tests.bench.slides import Scale, camera_fields
from vslide.codec import chunk_grid, decode_chunk, encode_plane

TINY = Scale(rounds=1, distinct=1, fields=2, streamed=2, side=1, grid=(2, 2), reads=3, judge=False)


def turns(*values: float):
    """A round that measures one value after the other."""
    left = list(values)
    return lambda folder: {"rate": left.pop(0), "wait": 1 / values[0]}


def two_figures(**target: float) -> dict[str, Figure]:
    return {"rate": Figure("MB/s", target=target), "wait": Figure("s", higher_is_better=False)}


def test_it_gives_medians_and_ratios_in_our_favour(tmp_path: Path) -> None:
    peers = {"slow": turns(2, 2, 2)}
    found = measure(Subject(two_figures(), turns(4, 9, 8), peers), rounds=3, room=tmp_path)
    assert (found["rate"]["ours"], found["rate"]["spread"]) == (8, [4, 9])
    assert (found["rate"]["ratio"], found["wait"]["ratio"]) == ({"slow": 4}, {"slow": 2})
    assert "met" not in found["rate"]


@pytest.mark.parametrize(
    ("target", "unmet"),
    [
        ({"ours": 8, "slow": 4}, []),
        ({"ours": 9, "slow": 4}, ["ours"]),
        ({"slow": 5, "gone": 1}, ["slow", "gone"]),
    ],
)
def test_it_judges_targets_and_doubts_what_was_not_measured(tmp_path: Path, target, unmet) -> None:
    subject = Subject(two_figures(**target), turns(8), {"slow": turns(2)}, missing={"gone": "not installed"})
    entry = measure(subject, rounds=1, room=tmp_path)["rate"]
    assert (entry["unmet"], entry["met"], entry["missing"]) == (unmet, not unmet, {"gone": "not installed"})


def test_its_pixels_follow_from_the_seed_and_pack_like_a_camera_s() -> None:
    picture = fluorescence(1080, 1024, seed=3)
    assert np.array_equal(picture, fluorescence(1080, 1024, seed=3))
    packed = encode_plane(picture, chunk_grid(*picture.shape))
    assert 2.7 < picture.nbytes / sum(map(len, packed)) < 3.5
    assert tissue(64, 48, seed=3).shape == (3, 64, 48)


def test_it_makes_many_fields_of_a_few_without_two_alike() -> None:
    fields = camera_fields(3, 1)
    assert not np.array_equal(fields[1], fields[2])
    planes = list(fields.encoded())
    assert [plane.key for plane in planes] == fields.keys
    tall, wide = chunk_grid(*fields.shape)
    assert np.array_equal(decode_chunk(planes[2].chunks[0], "<u2", (tall, wide)), fields[2][0, :tall, :wide])


LONG = [pytest.param(name, marks=pytest.mark.campaign) for name in ("tiles", "headline", "remote")]


@pytest.mark.parametrize(
    "name",
    [
        "write",
        "read",
        "ingest",
        "layouts",
        "focus",
        "snapshots",
        "assignment",
        "reports",
        "search",
        "deidentify",
        *LONG,
    ],
)
def test_it_measures_every_figure(tmp_path: Path, name: str) -> None:
    found = run(name, TINY, tmp_path)
    assert found[name] == next(entry for figure, entry in found.items() if figure.startswith(f"{name}."))
    for figure, entry in found.items():
        assert {"unit", "ours", "peers", "ratio", "missing"} <= set(entry), figure
        assert set(entry["peers"]) == set(entry["ratio"])


def test_it_writes_its_figures_and_refuses_a_name_it_does_not_know(tmp_path: Path, capsys) -> None:
    out = tmp_path / "figures.json"
    assert main(["layouts", "--quick", "--rounds", "1", "--folder", str(tmp_path), "--json", str(out)]) == 0
    assert json.loads(out.read_text())["layouts.write"]["ours"] > 0
    assert "layouts.region" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["everything"])
