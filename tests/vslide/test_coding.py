"""Each encoding from the scanner's bytes to every reader and tool: lossless, with an offset, JPEG, sealed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
import openslide
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import vslide
from tests.vslide.dealing import dealt
from tests.vslide.slides import Specimen, brightfield, make_header, make_specimen, publish
from vslide.__main__ import main
from vslide.clean import copy_clean
from vslide.codec import encode_plane, probe_offset
from vslide.coding import Coding, camera_chunk
from vslide.errors import Damaged, InvalidHeader
from vslide.export import export
from vslide.inspect import inspect_file
from vslide.keys import ENVIRONMENT, KeyRing
from vslide.layers import zoom_layers
from vslide.layout import filters
from vslide.model import Channel, FieldKey
from vslide.reader import SlideReader
from vslide.salvage import salvage
from vslide.store import SlideFile
from vslide.verify import verify_slide

assert hdf5plugin.FILTERS["blosc"] == 32001  # loaded, so that h5py decodes Blosc
SHIFTED = tuple(Channel(name, black_level=3990, offset=3990) for name in ("DAPI", "FITC"))
READERS = ("hdf5", "journal", "remote", "broker", "pixels")


@dataclass(frozen=True)
class Stored:
    """One specimen as a file and a journal below `root`, with addresses for every reader."""

    specimen: Specimen
    root: Path
    path: Path
    addresses: dict[str, str]


@pytest.fixture(scope="module", params=["offset", "jpeg", "sealed", "sealed jpeg"])
def stored(request, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    root = tmp_path_factory.mktemp("encoding")
    ring = KeyRing(root / "keys")
    key = {"key_id": ring.create()} if "sealed" in request.param else {}
    make = brightfield if "jpeg" in request.param else make_header
    encoding = {"encoding": "jpeg"} if "jpeg" in request.param else {}
    channels = {"channels": SHIFTED} if request.param == "offset" else {}
    specimen = make_specimen(make(rows=3, columns=4, **key, **encoding, **channels))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ENVIRONMENT, str(ring.directory))
        path = publish(root, specimen).path
        with dealt(root) as endpoint, dealt(None, behind=[endpoint]) as broker:
            name = path.relative_to(root)
            addresses = {
                "hdf5": str(path),
                "journal": str(root / "journal"),
                "remote": f"{endpoint}#{name}",
                "broker": f"{broker}#{name}",
                "pixels": f"{endpoint}#journal",
            }
            yield Stored(specimen, root, path, addresses)


@pytest.fixture(params=READERS)
def slide(request, stored) -> Iterator[SlideReader]:
    with vslide.open(stored.addresses[request.param]) as reader:
        yield reader


def test_every_reader_shows_the_specimen(slide, stored):
    reference = stored.specimen.mosaic()
    assert np.array_equal(slide.region(0, 0, *slide.size), reference)
    assert slide.header == stored.specimen.header
    assert slide.region(7, 5, 30, 20, channels=[1]).shape == (1, 20, 30)


def test_every_reader_shows_fields_and_layers(slide, stored):
    for field in slide.fields[::5]:
        pixels = stored.specimen.pixels[field.key, 1]
        assert np.array_equal(slide.plane(field.index, 1), pixels)
        lossless = slide.header.encoding == "blosc" or slide.info().get("live")
        for level in (4, 32):
            found, expected = slide.plane(field.index, 1, level=level), zoom_layers(pixels)[level]
            assert found.shape == expected.shape
            assert np.abs(found.astype(int) - expected).max() <= (0 if lossless else 60)


def test_every_reader_hands_out_chunks_in_the_clear(slide, stored):
    key = slide.fields[3].key
    planes = {(plane.key, plane.channel): plane.chunks for plane in stored.specimen.planes()}
    rows, columns = slide.header.chunk_counts
    found = [slide.chunk(3, 1, row, column) for row in range(rows) for column in range(columns)]
    assert tuple(found) == planes[key, 1 if slide.header.planes > 1 else 0]


def test_a_thumbnail_is_about_the_specimen(slide, stored):
    small = slide.thumbnail(40)
    assert 10 < max(small.shape[1:]) <= 40
    assert abs(float(small.mean()) - float(stored.specimen.mosaic().mean())) < 0.1 * float(small.mean())


def test_the_slide_is_sound_and_says_what_it_is(stored):
    assert verify_slide(stored.path) == []
    assert inspect_file(stored.path).kind == "hdf5"
    with SlideFile(stored.path) as file:
        for level in (1, 4, 8, 16, 32, 0):
            assert file.filters(level) == filters(stored.specimen.header)


def test_a_clean_copy_has_the_same_pixels(stored, tmp_path):
    header = copy_clean(stored.path, tmp_path / "clean.h5")
    assert (header.encoding, header.key_id) == (stored.specimen.header.encoding, "")
    assert verify_slide(tmp_path / "clean.h5", with_manifest=False) == []
    with vslide.open(tmp_path / "clean.h5") as slide:
        assert np.array_equal(slide.region(0, 0, *slide.size), stored.specimen.mosaic())


@pytest.mark.parametrize("with_manifest", [True, False])
def test_salvage_brings_back_every_field_but_the_damaged(stored, tmp_path, with_manifest):
    data = bytearray(stored.path.read_bytes())
    with SlideFile(stored.path) as file:
        data[int(file.index(1).offsets[5, 0, 0, 0]) + 40] ^= 8
        lost = file.fields[5].key
    damaged = tmp_path / stored.path.name
    damaged.write_bytes(data)
    if with_manifest:
        name = stored.path.with_suffix(".manifest.json").name
        (tmp_path / name).write_bytes(stored.path.with_name(name).read_bytes())
    back = salvage(damaged, tmp_path / "back")
    assert back.lost == ((lost.r, lost.c, lost.z, lost.t, 0),)
    assert back.slide is not None
    assert back.slide.fields == 11


def test_the_commands_work(stored, tmp_path, capsys):
    path, picture = str(stored.path), tmp_path / "small.png"
    for command in (
        ["info", path],
        ["verify", path],
        ["fsck", str(stored.root)],
        ["thumbnail", path, str(picture)],
    ):
        assert main(command) == 0
    assert stored.specimen.header.encoding in capsys.readouterr().out
    with Image.open(picture) as small:
        assert max(small.size) <= 512


def test_other_programs_get_the_same_pixels(stored, tmp_path):
    with vslide.open(stored.path) as slide:
        export(slide, tmp_path / "slide.ome.tif", "ome-tiff")
        if slide.dtype == np.uint8:
            export(slide, tmp_path / "slide.svs", "svs")
            assert openslide.OpenSlide(tmp_path / "slide.svs").dimensions == slide.size
    with vslide.open(tmp_path / "slide.ome.tif") as exported:
        assert np.array_equal(exported.region(0, 0, *exported.size), stored.specimen.mosaic())


def test_h5py_reads_blosc_chunks_and_any_jpeg_decoder_the_others(stored):
    header = stored.specimen.header
    if header.key_id:
        pytest.skip("sealed: nobody reads its pixels without the key")
    key = FieldKey(0, 0)
    with h5py.File(stored.path, locking=False) as file:
        dataset = file["fields/1"]
        if header.encoding == "blosc":
            found = dataset[0, 1] + np.uint16(header.channels[1].offset)
            assert np.array_equal(found, stored.specimen.pixels[key, 1])
            return
        _, chunk = dataset.id.read_direct_chunk((0, 0, 0, 0))
        settings = dataset.id.get_create_plist().get_filter(0)[2]
        assert settings == (90, header.chunk_width, header.chunk_height, 1)
    pixels = Coding(header).pixels(chunk, (1, 3, *header.chunk_shape), camera_chunk(key, 0, 0, 0))
    tall, wide = header.chunk_shape
    assert np.array_equal(pixels[0, 2], stored.specimen.pixels[key, 2][:tall, :wide])


@given(st.integers(0, 65_535), st.integers(0, 2**32 - 1))
def test_an_offset_comes_back_and_wraps_around(offset, seed):
    pixels = np.random.default_rng(seed).integers(0, 1 << 16, (24, 32)).astype("<u2")
    pixels[:2] = offset, *[0] * 31  # at and below what is subtracted
    header = make_header(channels=(Channel("grey", offset=offset),), field_width=32, field_height=24)
    coding = Coding(header)
    chunks = encode_plane(pixels, header.chunk_shape, offset=offset)
    assert np.array_equal(coding.field(chunks, FieldKey(0, 0), 0)[0], pixels)
    layer = coding.stored(pixels[None, None], (8, 0, 0, 0, 0))
    assert np.array_equal(coding.pixels(layer, (1, 1, 24, 32), (8, 0, 0, 0, 0))[0, 0], pixels)


def test_a_probe_finds_the_offset_of_a_bright_channel():
    noise = np.random.default_rng(4).poisson(8, (256, 256))
    assert probe_offset((noise + 1020).astype("<u2"), 1020) == 1020
    assert probe_offset((noise + 1020).astype("<u2"), 0) == 0
    assert probe_offset(noise.astype("u1"), 3) == 0


def test_a_header_refuses_encodings_that_do_not_fit():
    for changes in (
        {"encoding": "jpeg"},
        {"encoding": "jpeg2000"},
        {"key_id": "not a key"},
        {"dtype": "uint8", "channels": (Channel("grey", offset=3),)},
    ):
        with pytest.raises(InvalidHeader):
            make_header(**changes)


@given(st.binary(max_size=200))
def test_hostile_bytes_are_damaged_whatever_the_encoding(noise):
    for header in (make_header(), brightfield(encoding="jpeg")):
        each = len(header.channels) // header.planes
        with pytest.raises(Damaged):
            Coding(header).pixels(noise, (1, each, *header.chunk_shape), (1, 0, 0, 0, 0, 0, 0, 0))
