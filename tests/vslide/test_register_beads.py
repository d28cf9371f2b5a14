import json

import numpy as np
import pytest

from tests.vslide.mosaics import Shots, beads, grid, turned
from tests.vslide.slides import make_header, make_specimen, publish
from vslide.__main__ import main
from vslide.errors import NoEvidence
from vslide.model import FieldKey
from vslide.register import calibrate, channel_offsets

PIXEL = 0.5
OFFSETS = ((0.0, 0.0), (1.25, -0.6), (-2.1, 1.3))


def noise(shape, seed=3, spread=0.6):
    return np.random.default_rng(seed).normal(0, spread, shape)


def test_beads_tell_rotation_pixel_size_repeatability_and_colour_offsets():
    keys, stage = grid(6, 6)
    true = turned(stage, 0.4) * 1.004 + noise(stage.shape)
    found = calibrate(Shots(beads(660, 820, count=1500), keys, true, stage, offsets=OFFSETS))
    assert found.fields == 36
    assert found.rotation_deg.value == pytest.approx(0.4, abs=3 * found.rotation_deg.uncertainty)
    assert found.rotation_deg.uncertainty < 0.05
    assert found.shear_deg.value == pytest.approx(0, abs=3 * found.shear_deg.uncertainty)
    for pixel in (found.pixel_width_um, found.pixel_height_um):
        assert pixel.value == pytest.approx(PIXEL / 1.004, abs=3 * pixel.uncertainty)
    assert found.repeat_from == "residuals"
    assert found.repeat_x_um.value == pytest.approx(0.6 * PIXEL, abs=3 * found.repeat_x_um.uncertainty)
    for channel, offset in zip(found.channels, OFFSETS, strict=True):
        assert (channel.x_px, channel.y_px) == pytest.approx(offset, abs=0.04)
        assert channel.spread_px < 0.1


def test_repeated_visits_tell_the_repeatability_without_the_drift():
    keys, stage = grid(3, 3)
    visits = [FieldKey(key.r, key.c, 0, t) for t in range(4) for key in keys]
    drift = np.repeat([(0.0, 0.0), (3.0, 1.0), (5.0, 2.0), (6.0, 4.0)], 9, axis=0)
    true = np.tile(stage, (4, 1)) + drift + noise((36, 2), spread=0.8)
    found = calibrate(Shots(beads(400, 480, count=600), visits, true, np.tile(stage, (4, 1))))
    assert found.repeat_from == "visits"
    for repeat in (found.repeat_x_um, found.repeat_y_um):
        assert repeat.value == pytest.approx(0.8 * PIXEL, abs=3 * repeat.uncertainty)
        assert repeat.uncertainty < 0.25 * repeat.value


def test_channels_that_share_nothing_have_no_offset():
    keys, stage = grid(2, 2)
    slide = Shots(np.full((300, 400), 50.0), keys, stage, stage, offsets=OFFSETS[:2])
    offsets = channel_offsets(slide)
    assert [one.fields for one in offsets] == [4, 0]
    assert np.isnan(offsets[1].x_px)


@pytest.mark.parametrize("rows", [1, 4])
def test_what_shows_too_little_is_no_calibration(rows):
    keys, stage = grid(rows, 5)
    picture = beads(500, 800) if rows == 1 else np.full((500, 800), 50.0)
    with pytest.raises(NoEvidence):
        calibrate(Shots(picture, keys, stage, stage))


def test_the_command_reports_what_it_cannot_measure(tmp_path, capsys):
    path = publish(tmp_path, make_specimen(make_header(rows=2, columns=2))).path
    assert main(["calibrate", str(path), "--json"]) == 1
    assert json.loads(capsys.readouterr().err)["code"] == "no_evidence"
