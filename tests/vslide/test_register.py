import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vslide.mosaics import Shots, fluorescence, grid, tissue, turned, worst_error
from vslide.errors import NoSuchField
from vslide.model import FieldKey
from vslide.register import register
from vslide.register.measure import match
from vslide.register.pairs import neighbours, windows
from vslide.register.solve import Links, solve

PIXEL = 0.5
SIZE = (160, 128)


def jittered(corners, seed=3, spread=2.0):
    return corners + np.random.default_rng(seed).normal(0, spread, corners.shape)


@pytest.mark.parametrize(
    "picture", [fluorescence(640, 860), tissue(640, 860)], ids=["fluorescence", "tissue"]
)
def test_it_finds_true_corners_that_the_stage_does_not_know(picture):
    keys, stage = grid(5, 6)
    true = jittered(stage)
    found = register(Shots(picture, keys, true, stage))
    assert found.count("used") > 40
    assert worst_error(found.corners_um, true, PIXEL) < 0.5
    assert np.nanmax(found.residual_um) < 0.25
    assert found.stage_error_um == pytest.approx(2 * np.sqrt(2) * PIXEL, rel=0.3)


def test_it_tells_how_the_camera_is_turned():
    keys, stage = grid(5, 6)
    found = register(Shots(tissue(640, 860), keys, jittered(turned(stage, 1.2), spread=0.3), stage))
    assert found.rotation_deg == pytest.approx(1.2, abs=0.06)
    assert found.shear_deg == pytest.approx(0, abs=0.12)


def test_empty_glass_stays_where_the_stage_says():
    keys, stage = grid(4, 4)
    slide = Shots(np.full((500, 600), 300.0), keys, jittered(stage), stage)
    found = register(slide)
    assert found.count("no evidence") == len(found.pairs) == 24
    assert np.array_equal(found.corners_um, stage * PIXEL)
    assert np.isnan(found.residual_um).all()
    assert found.summary()["placed_by_stage"] == 16


def test_fields_without_evidence_move_with_the_trend():
    keys, stage = grid(4, 8)
    picture = tissue(500, 1200)
    picture[:, 620:] = 200.0
    true = turned(stage, 1.0)
    found = register(Shots(picture, keys, true, stage))
    assert found.count("no evidence") > 10
    assert worst_error(found.corners_um, true, PIXEL) < 1.5
    assert worst_error(stage * PIXEL, true, PIXEL) > 7


def test_all_focus_layers_move_with_the_one_that_is_compared():
    keys, stage = grid(2, 3)
    true = jittered(stage)
    deep = [FieldKey(key.r, key.c, z) for key in keys for z in range(3)]
    slide = Shots(tissue(300, 500), deep, np.repeat(true, 3, axis=0), np.repeat(stage, 3, axis=0))
    found = register(slide, z=1)
    assert len(found.pairs) == 7
    corners = found.corners_um.reshape(-1, 3, 2)
    assert np.array_equal(corners[:, 0], corners[:, 1])
    assert worst_error(corners[:, 2], true, PIXEL) < 0.5


def test_an_irregular_mosaic_needs_no_grid():
    corners = np.array([(20.0, 20.0), (140.0, 45.0), (60.0, 110.0), (190.0, 130.0), (900.0, 600.0)])
    keys = [FieldKey(0, number) for number in range(5)]
    true = jittered(corners, spread=1.5)
    found = register(Shots(tissue(800, 1100), keys, true, corners))
    assert found.count("used") == len(found.pairs) == 5
    assert worst_error(found.corners_um[:4], true[:4], PIXEL) < 0.5


def test_it_says_how_far_it_is():
    keys, stage = grid(2, 2)
    told = []
    register(Shots(tissue(300, 400), keys, stage, stage), progress=lambda *step: told.append(step))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_channel_that_is_not_there_is_refused():
    keys, stage = grid(2, 2)
    with pytest.raises(NoSuchField):
        register(Shots(tissue(300, 400), keys, stage, stage), channel=3)


def test_a_repeating_pattern_is_no_evidence():
    stripes = np.tile(500 + 400 * np.sin(np.arange(200) * 2 * np.pi / 10), (200, 1))
    assert match(stripes[:150, :100], stripes[:150, 3:103], (0.0, 0.0), 20) is None


@given(st.floats(-300, 300), st.floats(-300, 300), st.integers(0, 60))
def test_both_windows_show_the_overlap_and_lie_inside_their_fields(x, y, margin):
    pairs = neighbours([0, 1], np.array([(0.0, 0.0), (x, y)]), SIZE)
    for pair in pairs:
        area = windows(pair.shift, SIZE, margin)
        for start in (area.start_a, area.start_b):
            assert all(s >= 0 and s + w <= side for s, w, side in zip(start, area.size, SIZE, strict=True))
        overlap = [side - abs(round(moved)) for side, moved in zip(SIZE, pair.shift, strict=True)]
        assert all(w >= o for w, o in zip(area.size, overlap, strict=True))


@st.composite
def connected_graphs(draw):
    count = draw(st.integers(2, 25))
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    tree = [(int(random.integers(number)), number) for number in range(1, count)]
    more = [
        tuple(sorted(random.choice(count, 2, replace=False).tolist()))
        for _ in range(draw(st.integers(0, 30)))
    ]
    return random, count, np.array([*tree, *more])


@settings(deadline=None, max_examples=60)
@given(connected_graphs())
def test_exact_shifts_along_any_connected_graph_give_exact_positions(graph):
    random, count, ends = graph
    stage = random.uniform(0, 10_000, (count, 2))
    # More than twelve grains off the trend and alone, a link is not believed: that is another test's.
    true = stage + random.uniform(-0.5, 0.5, (count, 2))
    a, b = ends.T
    links = Links(a, b, true[b] - true[a], np.ones(len(a)))
    found = solve(stage, links, grain=0.25, reach=50.0)
    assert found.used.all()
    away = found.positions - true
    assert np.abs(away - away.mean(axis=0)).max() < 0.02


def test_an_outlier_does_not_bend_the_mosaic():
    _, stage = grid(6, 6, (1000, 800))
    true = jittered(stage)
    pairs = neighbours(range(36), stage, (1100, 900))
    a, b = np.array([pair.a for pair in pairs]), np.array([pair.b for pair in pairs])
    shift = true[b] - true[a] + np.random.default_rng(1).normal(0, 0.1, (len(a), 2))
    wrong = [3, 17, 40]
    shift[wrong] += (35.0, -20.0)
    found = solve(stage, Links(a, b, shift, np.ones(len(a))), grain=0.25, reach=40.0)
    assert np.flatnonzero(~found.used).tolist() == wrong
    away = found.positions - true
    assert np.abs(away - away.mean(axis=0)).max() < 0.5


def test_a_lone_odd_link_moves_nothing_but_a_field_that_slipped_is_followed():
    _, stage = grid(4, 4, (1000, 800))
    true = jittered(stage, spread=0.5)
    true[5] += (15.0, 9.0)
    pairs = neighbours(range(16), stage, (1100, 900))
    a, b = np.array([pair.a for pair in pairs]), np.array([pair.b for pair in pairs])
    corner = (a == 15) | (b == 15)
    kept = ~corner | (np.cumsum(corner) == 1)
    shift = true[b] - true[a]
    shift[corner] += 30.0
    links = Links(a, b, shift, np.ones(len(a))).where(kept)
    found = solve(stage, links, grain=0.25, reach=40.0)
    assert (~found.used).sum() == 1
    away = np.delete(found.positions - true, 15, axis=0)
    assert np.abs(away - away.mean(axis=0)).max() < 0.3
    assert np.abs(found.positions[15] - true[15]).max() < 4


def test_a_mosaic_in_two_parts_keeps_both_where_the_stage_has_them():
    stage = np.array([(0.0, 0.0), (1000.0, 0.0), (9000.0, 0.0), (10_000.0, 0.0)])
    links = Links(np.array([0, 2]), np.array([1, 3]), np.array([(1001.0, 2.0), (1001.0, 2.0)]), np.ones(2))
    found = solve(stage, links, grain=0.25, reach=40.0)
    gap = found.positions[2:].mean(axis=0) - found.positions[:2].mean(axis=0)
    assert np.allclose(gap, found.trend @ (9000.0, 0.0))
