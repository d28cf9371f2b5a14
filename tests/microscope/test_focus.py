import os
from collections.abc import Callable
from pathlib import Path

import cv2
import msgspec
import numpy as np
import openslide
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microscope import focus
from microscope.errors import FocusFailed
from microscope.plan import FocusPoint

UM_PER_PX = 30.0
DATA = Path(os.environ.get("NOCTURNE_DATA", Path(__file__).parents[3] / "shared" / "data"))


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


def test_it_tells_ink_lines_and_the_holder_from_tissue():
    macro = photograph()
    macro[:, -60:] = 20  # the holder
    macro[60:63, 300:800] = 150  # the edge of the cover slip
    cv2.rectangle(macro, (470, 80), (640, 240), (30, 170, 60), 6)  # a green pen around the tissue
    cv2.circle(macro, (700, 200), 22, (25, 25, 30), -1)  # and a black dot
    mask = focus.find_tissue(macro)
    assert mask[140, 550]
    assert 0.9 < mask.sum() / 8000 < 1.2


def test_it_finds_grey_tissue_under_an_uneven_lamp():
    lamp = np.linspace(0.75, 1.0, 900)[None, :, None] * np.linspace(0.9, 1.0, 300)[:, None, None]
    macro = (photograph(colour=(190, 190, 190)) * lamp).astype(np.uint8)
    mask = focus.find_tissue(macro)
    assert mask[110:170, 510:590].all()
    assert 0.85 < mask.sum() / 8000 < 1.25


def test_it_keeps_points_off_holes_and_dirt():
    macro = photograph(width=160, height=120)
    for x, y in ((530, 120), (580, 160), (620, 190)):
        cv2.circle(macro, (x, y), 7, (235, 235, 235), -1)
    cv2.circle(macro, (560, 190), 7, (70, 60, 55), -1)
    cv2.circle(macro, (420, 60), 12, (70, 60, 55), -1)
    points = focus.propose(macro, UM_PER_PX).points
    for point in points:
        column, row = int(point.x_um / UM_PER_PX), int(point.y_um / UM_PER_PX)
        assert (
            np.abs(macro[row - 1 : row + 2, column - 1 : column + 2].astype(int) - (190, 110, 170)).max() < 3
        )
    assert len(points) == 9


def tried(*heights: float | None) -> tuple[FocusPoint, ...]:
    """Five of the places that are proposed for the photograph, with these heights."""
    places = focus.propose(photograph(), UM_PER_PX).points
    return tuple(FocusPoint(place.x_um, place.y_um, z) for place, z in zip(places, heights, strict=False))


@pytest.mark.parametrize(
    ("heights", "reason"),
    [
        ((80.0, None, 80.5, None, None), "focus found at 2 of 5 places that were tried"),
        ((80.0, 250.0, 80.5, 251.0, 80.1), "focus found at 3 of 5 places that were tried"),
        ((80.0, 86.0, 80.5, 74.0, 88.0), "the heights of focus disagree by"),
    ],
    ids=["blind", "on dirt", "buckled"],
)
def test_trying_to_focus_tells_of_a_failure_before_the_night(heights, reason):
    found = focus.propose(photograph(), UM_PER_PX, tried=tried(*heights)).risk
    assert not found.safe
    assert reason in found.reasons[0]


def test_places_without_focus_are_not_proposed_again_and_success_excuses_a_faint_stain():
    told = tried(80.0, None, 80.2, 80.1, 80.3)
    points = focus.propose(photograph(), UM_PER_PX, tried=told).points
    assert (told[1].x_um, told[1].y_um) not in {(point.x_um, point.y_um) for point in points}
    assert len(points) == 8
    faint = photograph(colour=(226, 208, 226))
    good = tried(80.0, 80.1, 80.2, 80.1, 80.3)
    assert focus.propose(faint, UM_PER_PX, tried=good).risk.score < focus.propose(faint, UM_PER_PX).risk.score


slopes = st.floats(-3, 3)


@given(slopes, slopes, slopes, st.sampled_from([4, 6, 12]))
def test_it_recovers_a_plane(height, tilt_x, tilt_y, count):
    rng = np.random.default_rng(count)
    places = rng.uniform(0, 5000, (count, 2))
    points = [FocusPoint(x, y, height + tilt_x * x / 1000 + tilt_y * y / 1000) for x, y in places]
    surface = focus.fit_surface(points)
    x, y = places.mean(axis=0)
    assert surface.z(x, y) == pytest.approx(height + tilt_x * x / 1000 + tilt_y * y / 1000, abs=0.05)
    assert surface.residual_um < 0.05


def bowed(x: float, y: float) -> float:
    return 80 + 1.5 * x / 1000 + (x / 1000) ** 2 * 0.4


@pytest.mark.parametrize("off_um", [8.0, -8.0, 60.0, 170.0])
@pytest.mark.parametrize("wrong", [(5,), (0,), (0, 11), (1, 4, 10)])
def test_wrong_points_do_not_tilt_a_bowed_glass(off_um, wrong):
    places = [(x, y) for x in (0, 1000, 2000, 3000) for y in (0, 1000, 2000)]
    off = [off_um if n in wrong else 0.0 for n in range(len(places))]
    points = [FocusPoint(x, y, bowed(x, y) + away) for (x, y), away in zip(places, off, strict=True)]
    surface = focus.fit_surface(points)
    assert surface.outliers == len(wrong)
    for x, y in places:
        assert surface.z(x, y) == pytest.approx(bowed(x, y), abs=0.6)


def test_it_does_not_believe_heights_far_from_its_points():
    surface = focus.fit_surface([FocusPoint(0, 0, 10), FocusPoint(100, 0, 11), FocusPoint(0, 100, 10)])
    assert surface.z(1e6, 0) <= 14


@pytest.mark.parametrize("count", [0, 1, 2])
def test_it_refuses_too_few_points_and_points_on_a_line(count):
    with pytest.raises(FocusFailed):
        focus.fit_surface([FocusPoint(n, n * n, 1.0) for n in range(count)])
    with pytest.raises(FocusFailed):
        focus.fit_surface([FocusPoint(n * 100.0, n * 200.0, 1.0) for n in range(5)])


def real(name: str, read: Callable[[Path], focus.Picture]) -> focus.Picture:
    file = DATA / name
    if not file.is_file():
        pytest.skip(f"no {name}: set NOCTURNE_DATA")
    return read(file)


def photo(file: Path) -> focus.Picture:
    return np.asarray(cv2.imread(str(file), cv2.IMREAD_COLOR_RGB), np.uint8)


def overview(file: Path) -> focus.Picture:
    with openslide.OpenSlide(file) as slide:
        return np.asarray(slide.get_thumbnail(slide.dimensions).convert("RGB"))


# Boxes (left, top, right, bottom) in pixels round each piece of tissue, drawn by eye.
CMU_APERIO = [(609, 74, 690, 206), (673, 80, 750, 168), (414, 170, 522, 288), (488, 222, 568, 315)]
CMU_HAMAMATSU = [(697, 44, 782, 180), (762, 50, 842, 142), (503, 144, 609, 262), (579, 195, 658, 288)]
CAMELYON = [(40, 40, 730, 720), (900, 30, 1600, 720)]


@pytest.mark.parametrize(
    ("name", "read", "label_share", "boxes", "elsewhere"),
    [
        ("labels/CMU-1_svs_macro.png", photo, 0.3, CMU_APERIO, 0.0),
        ("labels/ndpi_macro_CMU-1.jpg", photo, 0.3, CMU_HAMAMATSU, 0.01),
        ("wsi/camelyon_vl_wsi_jpeg2000.dcm", overview, 0.0, CAMELYON, 0.01),
    ],
    ids=["aperio", "hamamatsu", "camelyon"],
)
def test_it_finds_the_tissue_of_real_glasses(name, read, label_share, boxes, elsewhere):
    """With a holder, a drawn frame, an uneven lamp, the edge of a cover slip, and a blue pen."""
    seen = focus.examine(real(name, read), label_share=label_share)
    mask, within = seen.mask, np.zeros_like(seen.mask)
    for left, top, right, bottom in boxes:
        assert mask[top:bottom, left:right].mean() > 0.4
        within[top:bottom, left:right] = True
    assert mask[~within].sum() <= elsewhere * mask.sum()
    points = focus.choose_points(seen.firm, um_per_px=30.0)
    assert len(points) == 9
    assert all(within[int(point.y_um / 30), int(point.x_um / 30)] for point in points)
