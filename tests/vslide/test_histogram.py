import json

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

import vslide
from tests.vslide.slides import brightfield, make_header, make_specimen, publish
from vslide.__main__ import main
from vslide.errors import NoSuchField
from vslide.histogram import Histogram, histogram, slide_histograms, suggested_windows
from vslide.model import RGB, Channel


@pytest.fixture(scope="module")
def mosaic(tmp_path_factory):
    specimen = make_specimen(make_header(rows=3, columns=4))
    return publish(tmp_path_factory.mktemp("mosaic"), specimen).path, specimen


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 65_535), min_size=1, max_size=300), st.floats(0, 100), st.integers(1, 300))
def test_it_counts_as_numpy_does(values, percent, bins):
    found = histogram([np.array([values], "u2")], 1 << 16)
    assert found.counts.tolist() == np.bincount(values).tolist()
    assert (found.lowest, found.highest, found.total) == (min(values), max(values), len(values))
    assert found.mean == pytest.approx(np.mean(values))
    assert found.percentile(percent) == np.percentile(values, percent, method="inverted_cdf")
    assert sum(found.bins(bins, found.highest)) == len(values)


def test_bins_are_those_of_numpy():
    values = np.random.default_rng(1).integers(0, 3000, 5000)
    found = histogram([values[None].astype("u2")], 1 << 16).bins(256, 2999)
    assert found == np.histogram(values, np.linspace(0, 3000, 257))[0].tolist()


def test_nothing_has_a_histogram_too():
    empty = histogram([], 256)
    assert (empty.lowest, empty.highest, empty.mean, empty.percentile(50), empty.peak(3)) == (0, 0, 0, 0, 0)
    assert empty.window() == (0, 1)


def test_a_peak_is_where_most_px_are():
    counts = np.zeros(201, np.int64)
    counts[[40, 41, 42, 200]] = 30, 30, 30, 50
    assert (Histogram(counts).peak(), Histogram(counts).peak(1)) == (200, 41)


def test_a_window_runs_from_the_background_to_the_brightest():
    random = np.random.default_rng(2)
    plane = random.normal(320, 8, (500, 500))
    plane[:100] = random.normal(2000, 50, (100, 500))
    plane[-30:] = 0  # not scanned
    low, high = histogram([plane.astype("u2")], 1 << 16).window(black_level=100)
    assert 310 < low < 330
    assert 2100 < high < 2250


def test_a_slide_full_of_tissue_keeps_its_dark_parts():
    plane = np.random.default_rng(3).triangular(200, 1900, 2000, (500, 500)).astype("u2")
    low, _ = histogram([plane], 1 << 16).window()
    assert low < 500


def test_brightfield_needs_no_window():
    assert suggested_windows(np.zeros((3, 4, 4), np.uint8), RGB) == [(0, 255)] * 3
    assert len(suggested_windows(np.zeros((1, 4, 4), np.uint16), [Channel("DAPI")])) == 1


def test_a_slide_is_counted_exactly_at_level_1(mosaic):
    path, specimen = mosaic
    with vslide.open(path) as slide:
        exact, quick = slide_histograms(slide, 1), slide_histograms(slide)
        with pytest.raises(NoSuchField):
            slide_histograms(slide, 3)
    for channel in range(4):
        planes = [pixels for (_, w), pixels in specimen.pixels.items() if w == channel]
        assert np.array_equal(exact[channel].counts, np.bincount(np.ravel(planes)))
        assert abs(quick[channel].mean - exact[channel].mean) < 20
        assert quick[channel].total == 12 * 9 * 13


def test_a_vendor_file_is_counted_too(tmp_path):
    picture = np.random.default_rng(4).integers(0, 255, (1500, 70, 3)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", picture, tile=(64, 64), photometric="rgb")
    with vslide.open(tmp_path / "a.tif") as slide:
        exact, quick = slide_histograms(slide, 1, [2]), slide_histograms(slide)
    assert np.array_equal(exact[0].counts, np.bincount(picture[..., 2].ravel()))
    assert len(quick) == 3


def test_the_command_tells_each_channel(mosaic, capsys):
    assert main(["histogram", str(mosaic[0]), "--level", "1", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["channels"]
    assert [row["name"] for row in rows] == ["DAPI", "FITC", "TRITC", "Cy5"]
    assert rows[0]["px"] == sum(rows[0]["bins"]["counts"]) == 12 * 72 * 100
    assert rows[0]["lowest"] <= rows[0]["percentiles"]["50"] <= rows[0]["highest"] < 4000
    assert main(["histogram", str(mosaic[0]), "--channel", "2"]) == 0
    assert "TRITC" in capsys.readouterr().out
    assert main(["histogram", str(mosaic[0]), "--channel", "9"]) == 1


def test_the_command_shows_brightfield_as_it_is(tmp_path, capsys):
    path = publish(tmp_path, make_specimen(brightfield(rows=1, columns=2))).path
    assert main(["histogram", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["channels"][0]["window"] == {"low": 0, "high": 255}
