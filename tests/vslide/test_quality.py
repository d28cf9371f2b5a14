"""What is measured of a slide, against what the simulated scanner is known to have done."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

import vslide
from microscope.focus import find_tissue
from microscope.plan import Rect
from tests.microscope.scanned import FIELD, Scanned, scanned
from tests.vslide.slides import brightfield, make_specimen, publish
from vslide.errors import NotASlide
from vslide.quality import NO_TISSUE, Measures, Tissue, measure
from vslide.sharpness import sharpness

SHARP = 0.5
TISSUE = data.immunohistochemistry()[..., 1].astype(np.float32)


def measures_of(slide: Scanned) -> Measures:
    tissue = Tissue(find_tissue(slide.shot.macro), slide.shot.um_per_px, slide.shot.origin_um)
    with vslide.open(slide.path) as reader:
        return measure(reader, tissue)


def blurred(picture: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(picture, (0, 0), sigma) if sigma else picture


@settings(max_examples=25)
@given(
    gain=st.floats(0.2, 100),
    offset=st.floats(0, 2000),
    noise=st.floats(0, 2),
    corner=st.tuples(st.integers(0, 256), st.integers(0, 256)),
)
def test_it_tells_a_blur_whatever_the_brightness_the_contrast_and_the_noise(gain, offset, noise, corner):
    y, x = corner
    grain = np.random.default_rng(1).normal(0, noise, (256, 256))
    seen = [blurred(TISSUE, s)[y : y + 256, x : x + 256] + grain for s in (0, 0.9, 1.8, 5)]
    scores = [sharpness(np.clip(picture * gain + offset, 0, 65_535)) for picture in seen]
    assert scores[0] > 0.6 > scores[2]
    assert scores == sorted(scores, reverse=True)
    assert scores[3] < 0.35


@pytest.mark.parametrize("picture", [np.zeros((64, 64)), np.full((64, 64), 65_535.0), np.eye(3)])
def test_a_picture_of_nothing_is_not_sharp(picture):
    assert sharpness(picture) == 0.0


@pytest.mark.parametrize(("stain", "encoding"), [("H&E", "blosc"), ("IHC", "jpeg"), ("IF4", "blosc")])
def test_a_good_scan_measures_well_and_a_wrong_focus_is_found_field_by_field(tmp_path, stain, encoding):
    good = measures_of(scanned(tmp_path, stain, encoding=encoding))
    assert good.blurred(SHARP) == 0.0
    assert good.focus > 0.6
    assert (good.missing, max(good.saturated) < 0.001) == (0, True)
    assert good.seam_um is not None
    assert good.seam_um < 5
    wrong = measures_of(scanned(tmp_path, stain, encoding=encoding, miss=lambda x, y: 6.0))
    assert wrong.blurred(SHARP) == 1.0


def test_only_the_fields_that_are_out_of_focus_are_blurred(tmp_path):
    middle = scanned(tmp_path, side_um=10.0).plan.area
    slide = scanned(tmp_path, side_um=1600.0, miss=lambda x, y: (x - middle.x_um) / 200)
    found = measures_of(slide)
    scores = {(place.r, place.c): place.score for place in found.places}
    columns = [
        np.mean([score for (_, c), score in scores.items() if c == at and score >= 0])
        for at in range(slide.plan.columns)
    ]
    assert 0 < found.blurred(SHARP) < 1
    assert abs(int(np.argmax(columns)) - (slide.plan.columns - 1) / 2) <= 1
    assert max(columns[0], columns[-1]) + 0.2 < max(columns) > SHARP


def test_glass_without_tissue_has_no_score(tmp_path):
    slide = scanned(tmp_path, side_um=None)
    found = measures_of(slide)
    empty = [place for place in found.places if place.score == NO_TISSUE]
    assert 0 < len(empty) < len(found.places) == slide.plan.rows * slide.plan.columns
    assert found.outside == 0.0


def test_the_sharpest_layer_counts_and_the_worst_time(tmp_path):
    stack = scanned(tmp_path, side_um=400.0, layers=5, layer_step_um=6.0, times=2)
    found = measures_of(stack)
    with vslide.open(stack.path) as slide:
        layers = {slide.fields[place.index].key.z for place in found.places if place.score > SHARP}
    assert (found.missing, found.blurred(SHARP), layers) == (0, 0.0, {2})


@pytest.mark.parametrize("stain", ["H&E", "IF4"])
def test_a_scan_of_one_field_is_measured_too(tmp_path, stain):
    point = scanned(tmp_path, stain, side_um=10.0).plan.focus_points[0]
    one = Rect(point.x_um - FIELD / 2, point.y_um - FIELD / 2, FIELD, FIELD)
    found = measures_of(scanned(tmp_path, stain, area=one))
    assert (len(found.places), found.seam_um) == (1, None)
    assert found.focus > 0.6


def test_a_smooth_stain_beside_a_crisp_one_is_no_blur(tmp_path):
    slide = scanned(tmp_path, "IF4", side_um=600.0)
    smooth = slide.plan.channels[3:]  # Cy5 of the simulator is soft by itself
    alone = measures_of(scanned(tmp_path, "IF4", side_um=600.0, channels=smooth))
    assert measures_of(slide).focus > 0.7 > alone.focus


def test_it_finds_overexposed_colours(tmp_path):
    saturated = measures_of(scanned(tmp_path, flaw="saturated")).saturated
    assert min(saturated) > 0.02
    assert max(measures_of(scanned(tmp_path, flaw="saturated", exposure=0.6)).saturated) == 0.0


def test_it_finds_tissue_beside_the_scan_area(tmp_path):
    found = measures_of(scanned(tmp_path, side_um=900.0))
    assert found.outside is not None
    assert 0.3 < found.outside < 1.0


def test_it_finds_neighbours_that_do_not_fit(tmp_path, monkeypatch):
    slide = scanned(tmp_path)
    with vslide.open(slide.path) as reader:
        moved = [replace(f, x_um=f.x_um + 12.0 * (f.key.c % 2)) for f in reader.fields]
        monkeypatch.setattr(reader, "fields", tuple(moved))
        seam = measure(reader).seam_um
    assert seam == pytest.approx(12, abs=3)


def test_it_counts_fields_that_are_not_there(tmp_path):
    specimen = make_specimen(brightfield(rows=3, columns=3))
    fewer = {key: pixels for key, pixels in specimen.pixels.items() if (key[0].r, key[0].c) != (1, 1)}
    manifest = publish(tmp_path, replace(specimen, pixels=fewer))
    with vslide.open(manifest.path) as reader:
        assert measure(reader).missing == 1


def test_it_measures_no_vendor_file(tmp_path):
    path = tmp_path / "picture.tif"
    cv2.imwrite(str(path), np.full((FIELD, FIELD, 3), 200, np.uint8))
    with vslide.open(Path(path)) as reader, pytest.raises(NotASlide):
        measure(reader)
