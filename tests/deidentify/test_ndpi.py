"""Hamamatsu's .ndpi made clean. No real one is at hand: the slides are made as openslide.org describes them,
and OpenSlide and tifffile read them.
"""

from io import BytesIO
from pathlib import Path

import numpy as np
import openslide
import pytest
import tifffile

from deidentify.errors import BrokenInput, UnknownContent, UnsupportedFormat
from deidentify.images import codestreams
from deidentify.images.codestreams import clean_jpeg, long_jpeg
from deidentify.images.slides import clean_tiff
from deidentify.images.tiff import read_directories
from tests.deidentify.hamamatsu import LAYOUT, PERSON, jpeg, make_ndpi, number
from tests.deidentify.making import reduced, tissue


def clean(source: Path) -> Path:
    target = source.with_name("clean.ndpi")
    with target.open("w+b") as file:
        clean_tiff(source, file)
    return target


def test_openslide_reads_the_same_pixels_and_no_macro(tmp_path: Path) -> None:
    source = make_ndpi(tmp_path / "a.ndpi")
    with openslide.OpenSlide(source) as before, openslide.OpenSlide(clean(source)) as after:
        assert before.properties["openslide.vendor"] == after.properties["openslide.vendor"] == "hamamatsu"
        assert "macro" in before.associated_images
        assert not after.associated_images
        assert before.level_dimensions == after.level_dimensions
        assert {(512, 512), (128, 128)} <= set(after.level_dimensions)
        for level, size in enumerate(before.level_dimensions):
            old, new = (np.asarray(one.read_region((0, 0), level, size)) for one in (before, after))
            assert np.array_equal(old, new)


def test_tifffile_finds_the_restart_marks(tmp_path: Path) -> None:
    source = make_ndpi(tmp_path / "a.ndpi")
    with tifffile.TiffFile(source) as before, tifffile.TiffFile(clean(source)) as after:
        assert len(after.pages) == 2
        assert len(after.pages[0].databytecounts) == 64 * 8
        for old, new in zip(before.pages, after.pages, strict=False):
            assert old.databytecounts[1:] == new.databytecounts[1:]
            assert np.array_equal(old.asarray(), new.asarray())


def test_nothing_of_the_person_is_left(tmp_path: Path) -> None:
    source = make_ndpi(tmp_path / "a.ndpi")
    assert source.read_bytes().count(PERSON) == 14
    data = clean(source).read_bytes()
    assert b"Vandermeer" not in data
    assert b"2020" not in data


def test_a_tag_that_is_on_no_list_stops_it(tmp_path: Path) -> None:
    with pytest.raises(UnknownContent, match="65499"):
        clean(make_ndpi(tmp_path / "a.ndpi", number(65499, 4, 1)))


def test_another_picture_among_the_levels_stops_it(tmp_path: Path) -> None:
    other = np.ascontiguousarray(reduced(tissue(512), 4)[::-1, ::-1])
    with pytest.raises(UnknownContent, match="directory 1"):
        clean(make_ndpi(tmp_path / "a.ndpi", second=other))


def test_a_magnified_picture_of_another_shape_stops_it(tmp_path: Path) -> None:
    with pytest.raises(UnknownContent, match="directory 1"):
        clean(make_ndpi(tmp_path / "a.ndpi", second=tissue(128)[:48]))


@pytest.mark.parametrize("mark", [b"\xff\xda", b"\xff\xdc"], ids=["a second scan", "lines told later"])
def test_a_strip_of_several_scans_is_refused(tmp_path: Path, mark: bytes) -> None:
    source = make_ndpi(tmp_path / "a.ndpi")
    data = bytearray(source.read_bytes())
    at = data.index(b"\xff\xd0")
    data[at : at + 2] = mark
    source.write_bytes(data)
    with pytest.raises((UnknownContent, BrokenInput)):
        clean(source)


def test_an_offset_of_64_bits_is_refused_by_name(tmp_path: Path) -> None:
    source = make_ndpi(tmp_path / "a.ndpi")
    with source.open("r+b") as file:
        file.truncate(1 << 32)  # sparse: no byte of it is written
    with pytest.raises(UnsupportedFormat, match="4 GiB"):
        clean(source)


def test_every_byte_is_referred_to(tmp_path: Path) -> None:
    target = clean(make_ndpi(tmp_path / "a.ndpi", words=b""))
    with target.open("rb") as file:
        layout, directories = read_directories(file)
    assert layout == LAYOUT
    directory = sum(layout.directory_bytes(len(one)) for one in directories)
    values = sum(len(tag.data) for one in directories for tag in one.values() if len(tag.data) > 4)
    strips = sum(one[279].numbers("<")[0] for one in directories)
    assert target.stat().st_size == 12 + directory + values + strips


@pytest.mark.parametrize("part", [1, 2, 3, 1000])
def test_the_end_of_a_strip_is_found_wherever_it_is_cut(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = jpeg(tissue(32), 2, PERSON)
    monkeypatch.setattr(codestreams, "PART", part)
    header, begin, end = long_jpeg(BytesIO(b"before" + stored + b"behind\xff\xd9"), 6, 6 + len(stored) + 8)
    assert header + stored[begin - 6 : end - 6] == clean_jpeg(stored)
    assert end == 6 + len(stored)


@pytest.mark.parametrize("size", [2, 3, 20, 300, -2])
def test_a_strip_that_ends_early_is_refused(size: int) -> None:
    stored = jpeg(tissue(32), 2)[:size]
    with pytest.raises(BrokenInput):
        long_jpeg(BytesIO(stored), 0, len(stored))
