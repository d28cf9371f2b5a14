import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vslide.display import as_rgb, composite, to_jpeg
from vslide.model import RGB, Channel

COLOURS = ("#3366ff", "#33ff66", "#ff3333", "#ff33ff", "#ffff33", "#33ffff", "#ffffff", "#000000")


def in_floating_point(pixels, channels, windows, gamma, mixer=None):
    """The shader's sum, pixel by pixel."""
    total = np.zeros((*pixels.shape[1:], 3))
    for number, (plane, channel) in enumerate(zip(pixels, channels, strict=True)):
        low, high = windows[number]
        share = np.clip((plane.astype(float) - low) / max(1, high - low), 0, 1) ** gamma[number]
        colour = [int(channel.colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        total += share[..., None] * (colour if mixer is None else mixer[:, number])
    return np.clip(total, 0, 1) * 255


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["uint8", "uint16"]),
    st.lists(
        st.tuples(st.sampled_from(COLOURS), st.integers(0, 4000), st.integers(0, 60_000), st.floats(0.2, 4)),
        min_size=1,
        max_size=8,
    ),
    st.integers(1, 300),
    st.integers(1, 40),
)
def test_it_is_the_sum_of_the_shader(dtype, rows, height, width):
    random = np.random.default_rng(height)
    pixels = random.integers(0, np.iinfo(dtype).max, (len(rows), height, width)).astype(dtype)
    channels = [Channel(f"c{n}", colour) for n, (colour, *_) in enumerate(rows)]
    windows = [(low, low + span) for _, low, span, _ in rows]
    gamma = [power for *_, power in rows]
    found = composite(pixels, channels, windows, gamma)
    expected = in_floating_point(pixels, channels, windows, gamma)
    assert found.shape == (height, width, 3)
    assert found.dtype == np.uint8
    assert np.abs(found - expected).max() < 1.1


def test_it_mixes_as_it_is_told():
    pixels = np.random.default_rng(1).integers(0, 4000, (5, 300, 70)).astype("u2")
    channels = [Channel(f"c{n}") for n in range(5)]
    mixer = np.random.default_rng(2).random((3, 5)) * (np.arange(5) != 2)
    windows = [(100, 3000)] * 5
    found = composite(pixels, channels, windows, mixer=mixer)
    assert np.abs(found - in_floating_point(pixels, channels, windows, [1] * 5, mixer)).max() < 1.1


@pytest.mark.parametrize(
    "wrong",
    [
        {"windows": [(0, 1)]},
        {"gamma": [1]},
        {"mixer": np.ones((2, 2))},
        {"mixer": -np.ones((3, 2))},
        {"mixer": np.full((3, 2), np.nan)},
    ],
)
def test_it_refuses_what_does_not_fit(wrong):
    with pytest.raises(ValueError):
        composite(np.zeros((2, 4, 4), "u2"), [Channel("a"), Channel("b")], **wrong)
    with pytest.raises(ValueError):
        composite(np.zeros((2, 4, 4)), [Channel("a"), Channel("b")])


def test_brightfield_is_shown_as_it_is():
    pixels = np.random.default_rng(3).integers(0, 256, (3, 40, 50)).astype(np.uint8)
    assert np.array_equal(as_rgb(pixels, RGB), np.moveaxis(pixels, 0, -1))
    assert np.abs(composite(pixels, RGB).astype(int) - np.moveaxis(pixels, 0, -1)).max() <= 1


def test_fluorescence_is_shown_between_its_background_and_its_brightest():
    pixels = np.random.default_rng(4).normal(300, 5, (1, 200, 200)).astype("u2")
    pixels[0, 50:60, 50:60] = 3000
    shown = as_rgb(pixels, [Channel("DAPI", "#0000ff", black_level=100)])
    assert shown[55, 55].tolist() == [0, 0, 255]
    assert np.median(shown[..., 2]) < 10


def test_a_jpeg_is_the_picture_with_nothing_beside_it():
    x, y = np.meshgrid(np.arange(160), np.arange(120))
    rgb = np.stack([x, y, x // 2 + y // 2], axis=-1).astype(np.uint8)
    whole, half = (to_jpeg(rgb, 90, full_colour=full) for full in (True, False))
    assert len(half) < len(whole)
    for packed in (whole, half):
        with Image.open(io.BytesIO(packed)) as picture:
            assert (picture.format, picture.size) == ("JPEG", (160, 120))
            assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
            assert np.abs(np.asarray(picture).astype(int) - rgb).mean() < 2
    with pytest.raises(ValueError):
        to_jpeg(np.zeros((1, 70_000, 3), np.uint8))
