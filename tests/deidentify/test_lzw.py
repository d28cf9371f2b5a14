"""The end of LZW tiles."""

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deidentify.errors import BrokenInput, UnknownContent
from deidentify.images.lzw import clean_lzw
from tests.deidentify.making import tissue


def encoded(picture: bytes) -> bytes:
    return bytes(imagecodecs.lzw_encode(picture))


PICTURES = {
    "nothing": b"",
    "one byte": b"a",
    "all alike": bytes(500_000),
    "noise": np.random.default_rng(1).bytes(60_000),
    "tissue": tissue(256).tobytes(),
}


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)
def test_what_stands_after_the_end_is_gone(picture: bytes) -> None:
    stored = encoded(picture)
    left = clean_lzw(stored + b"Vandermeer")
    assert left == clean_lzw(stored)
    assert left in (stored, stored[:-1])  # that encoder ends some streams with a byte of zeros
    assert not picture or imagecodecs.lzw_decode(left) == picture


@given(st.binary(max_size=6000), st.binary(max_size=20))
def test_the_picture_stays(picture: bytes, behind: bytes) -> None:
    stored = encoded(picture)
    left = clean_lzw(stored + behind)
    assert left in (stored, stored[:-1])
    assert not picture or imagecodecs.lzw_decode(left) == picture


@given(st.binary(max_size=3000))
def test_bytes_of_a_stranger_end_or_are_refused(data: bytes) -> None:
    try:
        left = clean_lzw(data)
    except (BrokenInput, UnknownContent):
        return
    assert data.startswith(left[:-1])


def test_a_stream_without_an_end_is_refused() -> None:
    with pytest.raises(BrokenInput, match="without an end"):
        clean_lzw(encoded(PICTURES["noise"])[:-3])


def test_bits_after_the_end_are_no_place_for_words() -> None:
    stored = bytearray(encoded(b"a"))
    stored[-1] |= 1
    assert clean_lzw(bytes(stored)) == encoded(b"a")
