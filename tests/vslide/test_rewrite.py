import json
from pathlib import Path

import numpy as np
import pytest

import vslide
from tests.vslide.mosaics import Shots, grid, tissue, worst_error
from tests.vslide.slides import FOUR, Specimen, brightfield, make_header, make_specimen, publish
from vslide.__main__ import main
from vslide.keys import ENVIRONMENT, KeyRing
from vslide.model import FieldKey
from vslide.rewrite import rewrite
from vslide.verify import verify_slide

SIDES = {"field_width": 160, "field_height": 128}


def overlapping(folder):
    """(published slide of tissue whose stage is off by a few px, true corners in px)."""
    keys, stage = grid(3, 4)
    true = stage + np.random.default_rng(2).integers(-4, 5, stage.shape)
    header = make_header(rows=3, columns=4, channels=FOUR[:1], **SIDES)
    shots = Shots(tissue(420, 620), keys, true, stage)
    planes = {(key, 0): shots.plane(number, 0) for number, key in enumerate(keys)}
    corners = {key: (int(x), int(y)) for key, (x, y) in zip(keys, stage, strict=True)}
    return publish(folder, Specimen(header, planes, corners)).path, true


def test_a_registered_slide_has_the_same_chunks_and_true_corners(tmp_path, capsys):
    path, true = overlapping(tmp_path)
    assert main(["register", str(path), str(tmp_path / "new"), "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["pairs"] == {"used": 17, "outlier": 0, "no evidence": 0}
    with vslide.open(path) as before, vslide.open(about["path"]) as after:
        assert before.header is not None
        assert after.header is not None
        assert before.header.slide_id == after.header.slide_id
        assert before.header.run_id != after.header.run_id
        assert [f.x_um for f in before.fields] == [f.x_um for f in after.fields]
        assert all(before.chunk(n, 0, 0, 0) == after.chunk(n, 0, 0, 0) for n in range(12))
        found = np.array([(f.registered_x_um, f.registered_y_um) for f in after.fields])
    assert worst_error(found, true, 0.5) < 0.5
    assert verify_slide(Path(about["path"])) == []
    assert not list((tmp_path / "new").glob("run-*"))


def test_a_report_writes_nothing(tmp_path, capsys):
    path, _ = overlapping(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert main(["register", str(path), "--report"]) == 0
    told = capsys.readouterr().out
    assert "17 used" in told
    assert "r=2 c=3 z=0 t=0: moved" in told
    assert sorted(tmp_path.rglob("*")) == before


def test_given_corners_and_every_colour_come_through(tmp_path):
    specimen = make_specimen(brightfield(rows=1, columns=2))
    path = publish(tmp_path, specimen).path
    corners = {FieldKey(0, 0): (1.0, 2.0), FieldKey(0, 1): (40.25, 3.0)}
    with vslide.open(path) as slide:
        made = rewrite(slide, tmp_path / "new", corners)
        with vslide.open(made.path) as after:
            assert {f.key: (f.registered_x_um, f.registered_y_um) for f in after.fields} == corners
            assert all(np.array_equal(slide.plane(1, c), after.plane(1, c)) for c in range(3))


def test_a_failed_rewrite_leaves_nothing_behind(tmp_path):
    path = publish(tmp_path, make_specimen(make_header(rows=1, columns=1))).path
    data = bytearray(path.read_bytes())
    with vslide.open(path) as slide:
        chunk = slide.chunk(0, 1, 0, 0)
    at = data.find(chunk)
    data[at + 4] ^= 1
    path.write_bytes(data)
    with vslide.open(path) as slide, pytest.raises(vslide.Damaged):
        rewrite(slide, tmp_path / "new", {})
    assert not [one for one in (tmp_path / "new").rglob("*") if one.is_file()]


def test_it_must_be_told_where_to_write(tmp_path, capsys):
    path = publish(tmp_path, make_specimen(make_header(rows=1, columns=1))).path
    assert main(["register", str(path)]) == 1
    assert "OUTPUT" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["sealed", "jpeg"])
def test_sealed_and_jpeg_slides_keep_every_pixel(tmp_path, monkeypatch, kind):
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "keys"))
    if kind == "jpeg":
        header = brightfield(rows=1, columns=2, encoding="jpeg")
    else:
        header = make_header(rows=1, columns=2, key_id=KeyRing(tmp_path / "keys").create())
    path = publish(tmp_path, make_specimen(header)).path
    with vslide.open(path) as slide:
        made = rewrite(slide, tmp_path / "new", {f.key: (f.x_um, f.y_um) for f in slide.fields})
        with vslide.open(made.path) as after:
            assert slide.chunk(1, 0, 0, 0) == after.chunk(1, 0, 0, 0)
            assert np.array_equal(slide.plane(1, 2), after.plane(1, 2))
