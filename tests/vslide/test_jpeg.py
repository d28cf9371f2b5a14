"""JPEG chunks: what any decoder reads, and nothing but a picture of the right size."""

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from vslide.errors import Damaged, InvalidHeader, Truncated
from vslide.jpeg import JpegChunks, check_picture, decode_picture, encode_picture, encode_rgb

TISSUE = np.ascontiguousarray(data.immunohistochemistry()[:96, :128])
STORED = encode_picture(TISSUE)


def test_any_decoder_reads_a_chunk():
    chunks = encode_rgb(TISSUE, (48, 64))
    assert len(chunks) == 4
    for number, chunk in enumerate(chunks):
        with Image.open(io.BytesIO(chunk)) as picture:
            assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (64, 48))
            row, column = divmod(number, 2)
            part = TISSUE[row * 48 : row * 48 + 48, column * 64 : column * 64 + 64]
            assert np.abs(np.asarray(picture).astype(int) - part).mean() < 5


def test_planar_and_interleaved_fields_give_the_same_bytes():
    planar = np.ascontiguousarray(np.moveaxis(TISSUE, -1, 0))
    assert encode_rgb(planar, (48, 64)) == encode_rgb(TISSUE, (48, 64))


def test_it_keeps_every_colour_pixel():
    lines = np.zeros((64, 64, 3), np.uint8)
    lines[:, ::2] = (255, 0, 0)
    lines[:, 1::2] = (0, 0, 255)
    found = decode_picture(encode_picture(lines), 64, 64)
    assert found[:, ::2, 0].min() > 200  # with half the colour resolution both would be purple
    assert found[:, 1::2, 0].max() < 55


def test_a_group_of_fields_is_one_tall_picture():
    group = np.stack([np.moveaxis(np.roll(TISSUE, n * 9, 0), -1, 0) for n in range(4)])
    stored = JpegChunks().encode(group, 0)
    assert decode_picture(stored, 4 * 96, 128).shape == (384, 128, 3)
    found = JpegChunks().decode(stored, group.shape, 0)
    assert found.flags.c_contiguous
    assert np.abs(found.astype(int) - group).mean() < 5


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((8, 8), "u1"), np.zeros((8, 8, 4), "u1"), np.zeros((3, 8, 8), "u2"), np.zeros((3, 7, 8), "u1")],
)
def test_it_refuses_what_is_no_colour_field(pixels):
    with pytest.raises(InvalidHeader):
        encode_rgb(pixels, (4, 4))


def test_it_refuses_another_size_before_it_decodes():
    bomb = bytearray(STORED)
    at = bomb.index(b"\xff\xc0") + 5
    bomb[at : at + 4] = b"\xff\xff\xff\xff"
    for stored, height, width in ((STORED, 96, 127), (STORED, 128, 96), (bytes(bomb), 96, 128)):
        with pytest.raises(Damaged, match="instead of"):
            decode_picture(stored, height, width)


@pytest.mark.parametrize(
    "segment", [b"\xff\xfe\x00\x0aJane Doe", b"\xff\xe1\x00\x08Exif\0\0", b"\xff\xdd\x00\x04\x00\x08"]
)
def test_it_refuses_segments_that_could_carry_something_else(segment):
    with pytest.raises(Damaged, match="segment"):
        check_picture(STORED[:20] + segment + STORED[20:], 96, 128)


def test_it_refuses_a_comment_behind_the_scan_and_bytes_behind_the_end():
    for tail in (b"\xff\xfe\x00\x0aJane Doe\xff\xd9", b"\xff\xd9Jane Doe\xff\xd9"):
        with pytest.raises(Damaged, match="more than one"):
            check_picture(STORED[:-2] + tail, 96, 128)
    with pytest.raises(Truncated):
        check_picture(STORED + b"Jane Doe", 96, 128)


@pytest.mark.parametrize("marker", [b"\xff\xc0", b"\xff\xda"])
def test_it_refuses_an_empty_segment(marker):
    at = STORED.index(marker)
    with pytest.raises(Damaged):
        decode_picture(STORED[:at] + marker + b"\x00\x02" + STORED[at:], 96, 128)


def test_it_refuses_a_progressive_picture():
    stream = io.BytesIO()
    Image.fromarray(TISSUE).save(stream, "jpeg", progressive=True)
    with pytest.raises(Damaged, match="ffc2"):
        decode_picture(stream.getvalue(), 96, 128)


@given(st.integers(0, len(STORED) - 1), st.integers(0, 255))
def test_a_cut_or_changed_chunk_decodes_to_its_size_or_is_damaged(position, value):
    changed = STORED[:position] + bytes([value]) + STORED[position + 1 :]
    with contextlib.suppress(Damaged):
        assert decode_picture(changed, 96, 128).shape == (96, 128, 3)
    with pytest.raises(Damaged):
        decode_picture(STORED[:position], 96, 128)


@given(st.binary(max_size=300))
def test_it_refuses_bytes_that_are_no_jpeg(noise):
    for stored in (noise, STORED[:20] + noise, STORED[:20] + noise + b"\xff\xd9"):
        with pytest.raises(Damaged):
            decode_picture(stored, 96, 128)
