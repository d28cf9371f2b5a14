import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microscope import focus
from microscope.errors import FocusFailed
from microscope.plan import FocusPoint

UM_PER_PX = 30.0


def photograph(
    *, width: int = 100, height: int = 80, colour: tuple[int, int, int] = (190, 110, 170)
) -> focus.Picture:
    """A glass with a label at the left and one piece of tissue in the middle."""
    macro = np.full((300, 900, 3), 235, np.uint8)
    macro[10:-10, 10:250] = 120
    macro[100 : 100 + height, 500 : 500 + width] = colour
    return macro


def test_it_finds_tissue_and_not_the_label():
    mask = focus.find_tissue(photograph())
    assert mask[140, 550]
    assert not mask[:, :300].any()
    assert 0.9 < mask.sum() / 8000 < 1.2


def test_it_frames_the_tissue_in_stage_micrometres():
    area = focus.scan_area(focus.find_tissue(photograph()), UM_PER_PX, (-300.0, 60.0), margin_um=0)
    assert area.x_um == pytest.approx(500 * 30 - 300, abs=120)
    assert area.y_um == pytest.approx(100 * 30 + 60, abs=120)
    assert area.width_um == pytest.approx(100 * 30, abs=240)


def test_it_spreads_points_inside_the_tissue():
    mask = focus.find_tissue(photograph())
    points = focus.choose_points(mask, 9, um_per_px=UM_PER_PX)
    places = np.array([(point.x_um, point.y_um) for point in points])
    apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    assert len(points) == 9
    assert msgspec.msgpack.encode(points)
    assert all(mask[int(y / UM_PER_PX), int(x / UM_PER_PX)] for x, y in places)
    assert apart[~np.eye(9, dtype=bool)].min() > 600


def test_it_calls_a_good_slide_safe_and_says_why_others_are_not():
    assert focus.propose(photograph(), UM_PER_PX).risk.safe
    faint = focus.propose(photograph(colour=(226, 218, 226)), UM_PER_PX).risk
    small = focus.propose(photograph(width=14, height=14), UM_PER_PX).risk
    assert not faint.safe
    assert "faint stain" in faint.reasons[0]
    assert not small.safe
    assert any("little tissue" in reason for reason in small.reasons)


def test_it_says_when_there_is_nothing_to_see():
    empty = focus.propose(photograph(width=0), UM_PER_PX)
    assert empty.area is None
    assert empty.risk.score == 1.0
    with pytest.raises(FocusFailed):
        focus.scan_area(np.zeros((10, 10), bool), UM_PER_PX)


slopes = st.floats(-3, 3)


@given(slopes, slopes, slopes, st.sampled_from([4, 6, 12]))
def test_it_recovers_a_plane(height, tilt_x, tilt_y, count):
    rng = np.random.default_rng(count)
    places = rng.uniform(0, 5000, (count, 2))
    points = [FocusPoint(x, y, height + tilt_x * x / 1000 + tilt_y * y / 1000) for x, y in places]
    surface = focus.fit_surface(points)
    x, y = places.mean(axis=0)
    assert surface.z(x, y) == pytest.approx(height + tilt_x * x / 1000 + tilt_y * y / 1000, abs=1e-6)
    assert surface.residual_um < 1e-6


def test_it_bends_with_a_bowed_glass_and_leaves_one_wild_point_out():
    places = [(x, y) for x in (0, 1000, 2000, 3000) for y in (0, 1000, 2000)]
    points = [FocusPoint(x, y, 80 + (x / 1000) ** 2 * 0.4) for x, y in places]
    points[5] = FocusPoint(points[5].x_um, points[5].y_um, 140.0)
    surface = focus.fit_surface(points)
    assert surface.z(1500, 1000) == pytest.approx(80.9, abs=0.05)


def test_it_does_not_believe_heights_far_from_its_points():
    surface = focus.fit_surface([FocusPoint(0, 0, 10), FocusPoint(100, 0, 11), FocusPoint(0, 100, 10)])
    assert surface.z(1e6, 0) <= 14


@pytest.mark.parametrize("count", [0, 1, 2])
def test_it_refuses_too_few_points_and_points_on_a_line(count):
    with pytest.raises(FocusFailed):
        focus.fit_surface([FocusPoint(n, n * n, 1.0) for n in range(count)])
    with pytest.raises(FocusFailed):
        focus.fit_surface([FocusPoint(n * 100.0, n * 200.0, 1.0) for n in range(5)])
