import contextlib
import os
from pathlib import Path

import imagecodecs
import numpy as np
import openslide
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deidentify.errors import BrokenInput, DeidentifyError, NotSound, UnknownContent, UnsupportedFormat
from deidentify.images.codestreams import JPEG, ZSTD, clean_jpeg, clean_tile
from deidentify.images.icc import clean_profile
from deidentify.images.slides import clean_tiff
from deidentify.images.tiff import require_all_referred
from tests.deidentify.making import ENCODINGS, PERSON, make_svs, profile, segment, tissue

SHARED = Path(os.environ.get("NOCTURNE_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data"))


def clean(source: Path, name: str = "clean.svs") -> Path:
    target = source.with_name(name)
    with target.open("w+b") as file:
        clean_tiff(source, file)
    return target


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("big", [False, True])
def test_it_leaves_nothing_of_the_person(tmp_path: Path, encoding: str, big: bool) -> None:
    planted = ENCODINGS[encoding](PERSON)
    source = make_svs(tmp_path / "a.svs", planted, title="Quentin Vandermeer", big=big)
    assert source.read_bytes().count(planted) >= 18
    data = clean(source).read_bytes()
    assert planted not in data
    assert b"Vandermeer" not in data


def test_it_keeps_every_pixel_of_every_level(tmp_path: Path) -> None:
    source = make_svs(tmp_path / "a.svs", b"somebody")
    with tifffile.TiffFile(source) as before, tifffile.TiffFile(clean(source)) as after:
        assert len(after.pages) == 2
        for old, new in zip((before.pages[0], before.pages[2]), after.pages, strict=True):
            assert np.array_equal(old.asarray(), new.asarray())


def test_it_stays_an_aperio_slide(tmp_path: Path) -> None:
    with openslide.OpenSlide(clean(make_svs(tmp_path / "a.svs", b"x" * 9))) as slide:
        assert slide.properties["openslide.vendor"] == "aperio"
        assert slide.properties["aperio.AppMag"] == "40"
        assert slide.properties["openslide.mpp-x"] == "0.25"
        assert not slide.associated_images


def ranges(path: Path) -> int:
    """Bytes that the header, the directories, their values and their tiles account for, each once."""
    used = {(0, 8)}
    with tifffile.TiffFile(path) as file:
        for page in file.pages:
            used.add((page.offset, 2 + 12 * len(page.aspage().tags) + 4))
            used |= set(zip(page.dataoffsets, page.databytecounts, strict=True))
            for tag in page.aspage().tags:
                size = tag.count * {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1}[tag.dtype]
                used |= {(tag.valueoffset, size)} if size > 4 else set()
    return sum(size for _, size in used)


def test_it_writes_no_byte_that_nothing_refers_to(tmp_path: Path) -> None:
    target = clean(make_svs(tmp_path / "a.svs", b"abc"))
    assert ranges(target) == target.stat().st_size


def test_a_byte_too_many_or_too_few_is_no_sound_file(tmp_path: Path) -> None:
    target = clean(make_svs(tmp_path / "a.svs", b"abc"))
    with target.open("r+b") as file:
        require_all_referred(file)
        file.seek(0, 2)
        file.write(b"x")
        with pytest.raises(NotSound):
            require_all_referred(file)


def test_it_copies_a_clean_tile_as_it_is(tmp_path: Path) -> None:
    source = make_svs(tmp_path / "a.svs")
    with tifffile.TiffFile(source) as before, tifffile.TiffFile(clean(source)) as after:
        old = [
            source.read_bytes()[o : o + n]
            for o, n in zip(before.pages[0].dataoffsets, before.pages[0].databytecounts, strict=True)
        ]
        new = [
            clean(source).read_bytes()[o : o + n]
            for o, n in zip(after.pages[0].dataoffsets, after.pages[0].databytecounts, strict=True)
        ]
    assert [clean_jpeg(tile) for tile in old] == new


def test_it_stops_at_a_key_that_is_on_no_list(tmp_path: Path) -> None:
    with pytest.raises(UnknownContent, match="Favourite") as stop:
        clean(make_svs(tmp_path / "a.svs", title="secret", key="Favourite"))
    assert stop.value.name == "key Favourite"
    assert "secret" not in str(stop.value)


def test_it_stops_at_a_tag_that_is_on_no_list(tmp_path: Path) -> None:
    with pytest.raises(UnknownContent, match="65001"):
        clean(make_svs(tmp_path / "a.svs", tag=65001))


def test_it_stops_at_a_tiled_picture_of_another_shape(tmp_path: Path) -> None:
    source = tmp_path / "a.tif"
    with tifffile.TiffWriter(source) as file:
        file.write(tissue(256), tile=(64, 64), photometric="rgb", metadata=None)
        file.write(tissue(256)[:64], tile=(64, 64), photometric="rgb", metadata=None, subfiletype=1)
    with pytest.raises(UnknownContent, match="directory 1"):
        clean(source)


def test_it_refuses_a_picture_that_is_no_slide(tmp_path: Path) -> None:
    source = tmp_path / "a.tif"
    tifffile.imwrite(source, tissue(64), photometric="rgb")
    with pytest.raises(UnsupportedFormat):
        clean(source)


def test_it_refuses_a_chain_that_loops(tmp_path: Path) -> None:
    source = make_svs(tmp_path / "a.svs")
    data = bytearray(source.read_bytes())
    first = int.from_bytes(data[4:8], "little")
    end = first + 2 + 12 * int.from_bytes(data[first : first + 2], "little")
    data[end : end + 4] = first.to_bytes(4, "little")
    source.write_bytes(data)
    with pytest.raises(BrokenInput, match="loops"):
        clean(source)


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_it_takes_words_out_of_a_jpeg_and_nothing_else(comment: bytes, tail: bytes) -> None:
    picture = (
        b"\xff\xd8" + segment(0xDB, bytes(65)) + segment(0xDA, b"\1\2\3") + b"\x12\xff\x00\x34" + b"\xff\xd9"
    )
    planted = picture[:2] + segment(0xFE, comment) + segment(0xED, comment) + picture[2:] + tail
    assert clean_jpeg(planted) == picture


def test_it_keeps_a_profile_s_colours_and_drops_its_words() -> None:
    result = clean_profile(profile(b"Quentin"))
    assert result is not None
    assert b"Quentin" not in result
    assert b"rXYZ" in result
    assert int.from_bytes(result[:4], "big") == len(result)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 5000), value=st.integers(0, 255))
def test_it_answers_a_broken_slide_with_a_typed_error(tmp_path: Path, place: int, value: int) -> None:
    original = tmp_path / "a.svs"
    data = bytearray((original if original.exists() else make_svs(original)).read_bytes())
    data[place % len(data)] = value
    broken = tmp_path / "b.svs"
    broken.write_bytes(data)
    with contextlib.suppress(DeidentifyError):
        clean(broken)


def test_it_cleans_a_real_slide(tmp_path: Path) -> None:
    source = SHARED / "wsi" / "CMU-1-Small-Region.svs"
    if not source.exists():
        pytest.skip("the shared folder with real slides is absent")
    target = tmp_path / "clean.svs"
    with target.open("w+b") as file:
        clean_tiff(source, file)
    with openslide.OpenSlide(source) as before, openslide.OpenSlide(target) as after:
        size = before.dimensions
        assert after.properties["openslide.vendor"] == "aperio"
        assert before.read_region((0, 0), 0, size).tobytes() == after.read_region((0, 0), 0, size).tobytes()
    assert not any(
        word in target.read_bytes()
        for word in (b"CPAPERIOCS", b"b414003d", b"12/29/09", b"CMU-1", b"label", b"macro")
    )


def test_nothing_stands_after_the_end_of_a_zstandard_tile() -> None:
    for level, pixels in ((1, tissue(64)), (19, tissue(256)), (3, np.zeros((64, 64, 3), np.uint8))):
        whole = bytes(imagecodecs.zstd_encode(pixels.tobytes(), level=level))
        assert clean_tile(whole, ZSTD) == whole
        assert clean_tile(whole + b"VANDERMEER", ZSTD) == whole
    with pytest.raises(UnknownContent, match="several"):
        clean_tile(whole + whole, ZSTD)


@given(st.binary(max_size=60), st.sampled_from([ZSTD, JPEG, 34712, 8]))
def test_a_tile_of_any_bytes_is_cleaned_or_refused_by_name(data: bytes, compression: int) -> None:
    starts = {ZSTD: b"\x28\xb5\x2f\xfd", JPEG: b"\xff\xd8", 34712: b"\xff\x4f\xff\x51", 8: b"\x78\x9c"}
    for tile in (data, starts[compression] + data):
        with contextlib.suppress(DeidentifyError):
            clean_tile(tile, compression)


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_nothing_stands_after_the_pixels_of_a_plain_tile(tmp_path: Path, planar: str) -> None:
    pixels = tissue(128) if planar == "contig" else np.moveaxis(tissue(128), -1, 0)
    source = tmp_path / "a.tif"
    tifffile.imwrite(source, pixels, tile=(64, 64), photometric="rgb", planarconfig=planar, metadata=None)
    with tifffile.TiffFile(source) as file:
        page = file.pages[0].aspage()
        counts, offsets = page.tags[325], page.dataoffsets
    data = bytearray(source.read_bytes())
    last = counts.valueoffset + 4 * (len(offsets) - 1)
    size = int.from_bytes(data[last : last + 4], "little")
    data[last : last + 4] = (size + 10).to_bytes(4, "little")
    source.write_bytes(bytes(data[: offsets[-1] + size]) + b"VANDERMEER" + bytes(data[offsets[-1] + size :]))
    target = clean(source, "clean.tif")
    assert b"VANDERMEER" not in target.read_bytes()
    assert np.array_equal(tifffile.imread(target), tifffile.imread(source))


def test_a_tag_that_holds_nothing_breaks_the_input(tmp_path: Path) -> None:
    source = make_svs(tmp_path / "a.svs")
    data = bytearray(source.read_bytes())
    first = int.from_bytes(data[4:8], "little")
    for entry in range(first + 2, first + 2 + 12 * int.from_bytes(data[first : first + 2], "little"), 12):
        if int.from_bytes(data[entry : entry + 2], "little") == 256:
            data[entry + 4 : entry + 8] = bytes(4)
    source.write_bytes(data)
    with pytest.raises(BrokenInput, match="tag 256"):
        clean(source)
