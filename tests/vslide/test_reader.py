from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vslide
from tests.vslide.slides import Specimen, brightfield, make_header, make_specimen, publish, write_journal
from vslide.codec import decode_chunk
from vslide.errors import NoSuchField, NotASlide
from vslide.layers import resample, zoom_layers
from vslide.model import FieldKey
from vslide.readers.base import Pixels
from vslide.readers.mosaic import MosaicSlide


@pytest.fixture(scope="module")
def mosaic(tmp_path_factory):
    specimen = make_specimen(make_header(field_width=96, chunk_width=48))
    return publish(tmp_path_factory.mktemp("mosaic"), specimen).path, specimen


def cut(reference: Pixels, x: int, y: int, width: int, height: int, background: int) -> Pixels:
    """The same box of a NumPy picture, with background outside."""
    result = np.full((reference.shape[0], height, width), background, reference.dtype)
    _, tall, wide = reference.shape
    left, top, right, bottom = max(0, x), max(0, y), min(wide, x + width), min(tall, y + height)
    if left < right and top < bottom:
        result[:, top - y : bottom - y, left - x : right - x] = reference[:, top:bottom, left:right]
    return result


@settings(max_examples=60, deadline=None)
@given(st.integers(-80, 600), st.integers(-80, 420), st.integers(1, 300), st.integers(1, 300))
def test_a_region_is_the_reference_picture(mosaic, x, y, width, height):
    path, specimen = mosaic
    with vslide.open(path) as slide:
        assert slide.size == specimen.mosaic().shape[:0:-1]
        found = slide.region(x, y, width, height)
    assert np.array_equal(found, cut(specimen.mosaic(), x, y, width, height, 0))


@pytest.mark.parametrize("level", [4, 8, 16, 32])
def test_a_region_at_a_level_is_composed_of_the_layer(mosaic, level):
    path, specimen = mosaic
    with vslide.open(path) as slide:
        width, height = (-(-side // level) for side in slide.size)
        found = slide.region(0, 0, width, height, level=level)
        expected = np.zeros((4, height, width), "u2")
        for (key, channel), pixels in specimen.pixels.items():
            x, y = ((2 * at + level) // (2 * level) for at in specimen.corners[key])
            layer = zoom_layers(pixels)[level]
            room = expected[channel, y : y + layer.shape[0], x : x + layer.shape[1]]
            room[...] = layer[: room.shape[0], : room.shape[1]]
    assert np.array_equal(found, expected)


def test_brightfield_is_white_where_nothing_was_scanned(tmp_path):
    path = publish(tmp_path, make_specimen(brightfield(rows=1, columns=2))).path
    with vslide.open(path) as slide:
        assert (slide.region(-20, -20, 10, 10) == 255).all()
        assert slide.region(10_000, 0, 4, 4, level=5).min() == 255


def test_a_level_that_is_not_stored_is_the_mean_of_a_finer_one(mosaic):
    path, specimen = mosaic
    with vslide.open(path) as slide:
        found = slide.region(10, 5, 20, 15, level=2, channels=[1])
    expected = specimen.mosaic()[1:2, 10:40, 20:60].reshape(1, 15, 2, 20, 2).astype(float).mean(axis=(2, 4))
    assert np.array_equal(found, np.floor(expected + 0.5).astype("u2"))


def test_a_stored_chunk_comes_unchanged(mosaic):
    path, specimen = mosaic
    with vslide.open(path) as slide:
        key = slide.fields[7].key
        pixels = decode_chunk(slide.chunk(7, 2, 0, 1), slide.dtype, (72, 48))
        assert np.array_equal(pixels, specimen.pixels[key, 2][:, 48:])
        assert np.array_equal(slide.plane(7, 2), specimen.pixels[key, 2])
        assert np.array_equal(slide.plane(7, 2, level=8), zoom_layers(specimen.pixels[key, 2])[8])


def test_many_threads_read_the_same_pixels(mosaic):
    path, specimen = mosaic
    reference = specimen.mosaic()
    with vslide.open(path) as slide, ThreadPoolExecutor(8) as pool:
        boxes = [(x, y, 64, 64) for x in range(0, 400, 50) for y in range(0, 250, 50)]
        for box, found in zip(boxes, pool.map(lambda box: slide.region(*box), boxes), strict=True):
            assert np.array_equal(found, cut(reference, *box, 0))


def test_a_small_cache_and_small_batches_read_the_same(mosaic, monkeypatch):
    path, specimen = mosaic
    monkeypatch.setattr("vslide.readers.chunked.BATCH_BYTES", 20_000)
    reference, random = specimen.mosaic(), np.random.default_rng(7)
    _, tall, wide = reference.shape
    corners = random.integers((0, 0, 1, 1), (wide, tall, 300, 200), (60, 4)).tolist()
    boxes = [(x, y, width, height) for x, y, width, height in corners]
    with MosaicSlide(path, cache_bytes=50_000) as slide, ThreadPoolExecutor(8) as pool:
        for box, found in zip(boxes, pool.map(lambda box: slide.region(*box), boxes), strict=True):
            assert np.array_equal(found, cut(reference, *box, 0))


def test_a_stored_tile_is_the_callers_own(mosaic):
    path, specimen = mosaic
    with vslide.open(path) as slide:
        key = slide.fields[-1].key  # the last one: nothing lies on top of it
        x, y = specimen.corners[key]
        for _ in range(2):
            found = slide.region(x, y, 48, 72, channels=[2])
            assert np.array_equal(found[0], specimen.pixels[key, 2][:, :48])
            found[:] = 0
        assert slide.region(x, y, 48, 72).any()  # from now on it is kept
        slide.region(x, y, 48, 72, channels=[2])[:] = 0
        assert np.array_equal(slide.region(x, y, 48, 72)[2], specimen.pixels[key, 2][:, :48])


def test_a_region_by_micrometres_is_the_one_by_px(mosaic):
    with vslide.open(mosaic[0]) as slide:
        found = slide.region_um(20, 10.1, 30, 25, level=4, channels=[1])
        assert np.array_equal(found, slide.region(10, 5, 15, 13, level=4, channels=[1]))


def test_the_field_at_a_place_is_the_last_one_there(mosaic):
    path, specimen = mosaic
    with vslide.open(path) as slide:
        for x, y in ((0, 0), (100, 70), (255, 199), (430, 250)):
            corners = specimen.corners.items()
            there = [key for key, (left, top) in corners if 0 <= x - left < 96 and 0 <= y - top < 72]
            found = slide.field_at(x, y)
            assert (found.key if found else None) == (there[-1] if there else None)
        assert slide.field_at(-1, 0) is None


@pytest.mark.parametrize("step", [2, 3, 4, 8, 16, 100, 128])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_whole_blocks_are_their_means(step, dtype):
    top = np.iinfo(dtype).max
    pixels = np.random.default_rng(step).integers(top - 9, top + 1, (2, 3 * step, 2 * step)).astype(dtype)
    blocks = pixels.reshape(2, 3, step, 2, step).astype(np.int64).sum(axis=(2, 4))
    expected = (blocks + step * step // 2) // (step * step)
    assert np.array_equal(resample(pixels, (0, 0), step, (3, 2)), expected)


def test_thumbnail_and_info_describe_the_whole_slide(mosaic):
    path, specimen = mosaic
    with vslide.open(path) as slide:
        thumbnail = slide.thumbnail(64)
        assert max(thumbnail.shape[1:]) == 64
        assert slide.thumbnail(10_000).shape == specimen.mosaic().shape
        assert abs(float(thumbnail.mean()) - specimen.mosaic().mean()) < 60
        assert (slide.info()["fields"], slide.info()["levels"]) == (30, [1, 4, 8, 16, 32])


def test_a_journal_being_written_reads_like_the_slide(tmp_path, mosaic):
    specimen = mosaic[1]
    write_journal(tmp_path / "run", specimen)
    with vslide.open(tmp_path / "run") as live, vslide.open(mosaic[0]) as slide:
        assert np.array_equal(live.region(3, 4, 300, 200), slide.region(3, 4, 300, 200))
        assert np.array_equal(live.region(0, 0, 50, 40, level=8), slide.region(0, 0, 50, 40, level=8))
        assert live.chunk(3, 1, 0, 1) == slide.chunk(3, 1, 0, 1)
        assert (live.size, live.fields) == (slide.size, slide.fields)


@pytest.mark.parametrize("ask", [(30, 0, 1), (-1, 0, 1), (0, 4, 1), (0, 0, 2)])
def test_it_names_what_is_not_there(mosaic, ask):
    with vslide.open(mosaic[0]) as slide, pytest.raises(NoSuchField):
        slide.plane(ask[0], ask[1], level=ask[2])


def test_it_refuses_what_is_no_slide(tmp_path):
    for name, data in (
        ("a.svs", b"II*\0" + b"\xff" * 300),
        ("b.h5", b"\x89HDF\r\n\x1a\n" + b"\0" * 99),
        ("c", b"hello"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises((NotASlide, vslide.Damaged)):
            vslide.open(tmp_path / name)


def test_resampling_keeps_the_mean():
    pixels = np.random.default_rng(5).integers(0, 4000, (2, 90, 70)).astype("u2")
    smaller = resample(pixels, (0, 0), 3.7, (24, 18))
    assert abs(float(smaller.mean()) - float(pixels[:, :88, :66].mean())) < 40


def test_focus_layers_and_time_points_are_kept_apart(tmp_path):
    header = make_header(rows=1, columns=1, layers=3, times=2, channels=make_header().channels[:1])
    random = np.random.default_rng(6)
    stack = {(z, t): random.integers(0, 999, (72, 100)).astype("u2") for z in range(3) for t in range(2)}
    pixels = {(FieldKey(0, 0, z, t), 0): picture for (z, t), picture in stack.items()}
    specimen = Specimen(header, pixels, {key: (0, 0) for key, _ in pixels})
    with MosaicSlide(publish(tmp_path, specimen).path) as slide:
        assert (slide.layers, len(slide.fields)) == (3, 6)
        for (z, t), picture in stack.items():
            assert np.array_equal(slide.region(0, 0, 100, 72, z=z, t=t)[0], picture)
            found = slide.field_at(50, 50, z=z, t=t)
            assert found is not None
            assert (found.key.z, found.key.t) == (z, t)
