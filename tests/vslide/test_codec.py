import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vslide.slides import decode_plane
from vslide.codec import chunk_grid, decode_chunk, encode_chunk, encode_plane, probe
from vslide.errors import Damaged, InvalidHeader


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_it_divides_every_field_exactly(height, width):
    tall, wide = chunk_grid(height, width)
    assert height % tall == 0
    assert width % wide == 0


@pytest.mark.parametrize(
    ("field", "chunk"), [((2160, 2560), (540, 512)), ((512, 512), (512, 512)), ((1040, 1392), (520, 464))]
)
def test_it_chooses_chunks_near_512(field, chunk):
    assert chunk_grid(*field) == chunk


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("codec", ["zstd-shuffle", "zstd-bitshuffle", "zstd-plain", "lz4-bitshuffle"])
def test_it_gives_back_every_pixel(dtype, codec):
    pixels = np.random.default_rng(1).integers(0, 250, (80, 120)).astype(dtype)
    chunks = encode_plane(pixels, (40, 60), codec)
    assert np.array_equal(decode_plane(chunks, dtype, (80, 120), (40, 60)), pixels)


@given(st.binary(max_size=200))
def test_it_refuses_bytes_that_are_no_chunk(data):
    with pytest.raises(Damaged):
        decode_chunk(data, "uint16", (40, 60))


def test_it_refuses_a_chunk_of_another_size():
    with pytest.raises(Damaged, match="instead of"):
        decode_chunk(encode_chunk(np.zeros((10, 10), "u2")), "uint16", (10, 11))


def test_it_refuses_chunks_that_do_not_divide_the_plane():
    with pytest.raises(InvalidHeader):
        encode_plane(np.zeros((80, 120), "u2"), (33, 60))


def test_it_probes_left_justified_pixels_as_bits():
    noise = np.random.default_rng(2).poisson(300, (300, 300)).astype("u2")
    assert probe(noise) == "zstd-shuffle"
    assert len(encode_chunk(noise << 4, probe(noise << 4))) <= len(encode_chunk(noise << 4, "zstd-shuffle"))
