"""A region that a person covers is plain on every level, and nothing else of the slide changes."""

import io
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from pydicom.encaps import generate_frames

import vslide
from deidentify.errors import BrokenInput, CannotCover
from deidentify.files import deidentify_file
from deidentify.images.covering import at_level, check_boxes, inside
from deidentify.images.dicom import clean_dicom
from deidentify.images.mosaic import clean_mosaic
from deidentify.images.painting import Box, Cell, Painter
from deidentify.images.repainting import repaint
from deidentify.images.slides import clean_tiff
from deidentify.known import Known
from deidentify.reports.writing import Policy
from tests.deidentify.hamamatsu import make_ndpi
from tests.deidentify.making import KNOWN, make_svs, reduced, tissue
from tests.deidentify.test_ome import pyramid
from tests.vslide.slides import brightfield, make_header, make_specimen, publish
from vslide.store import SlideFile

SHARED = Path(os.environ.get("NOCTURNE_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data"))
BOXES = [(70, 20, 30, 40), (0, 128, 130, 128)]
Pixels = NDArray[Any]


def clean(source: Path, boxes: Sequence[Box], name: str = "clean.tif") -> Path:
    target = source.with_name(name)
    with target.open("w+b") as file:
        clean_tiff(source, file, boxes)
    return target


def mask(boxes: Sequence[Box], base: tuple[int, int], size: tuple[int, int]) -> Pixels:
    """True where a level (width, height) is covered."""
    found = np.zeros(size[::-1], bool)
    for box in boxes:
        left, top, width, height = at_level(box, base, size)
        found[top : top + height, left : left + width] = True
    return found


def tiles_of(page: Any, data: bytes) -> list[bytes]:
    return [data[at : at + size] for at, size in zip(page.dataoffsets, page.databytecounts, strict=True)]


def rule(path: Path, planar: str, **how: Any) -> Path:
    """A tiled TIFF slide of 256 px and a level of 64 px."""
    how |= {"tile": (64, 64), "photometric": "rgb", "metadata": None, "planarconfig": planar}
    with tifffile.TiffWriter(path) as file:
        for picture in (tissue(256), reduced(tissue(256), 4)):
            file.write(np.moveaxis(picture, -1, 0) if planar == "separate" else picture, **how)
    return path


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_a_slide_is_plain_inside_and_the_same_outside(tmp_path: Path, planar: str) -> None:
    source = rule(tmp_path / "a.tif", planar, compression="deflate", predictor=True)
    target = clean(source, BOXES)
    with tifffile.TiffFile(source) as before, tifffile.TiffFile(target) as after:
        for old, new in zip(before.pages, after.pages, strict=True):
            was, now = (_rows(page.asarray()) for page in (old, new))
            under = mask(BOXES, (256, 256), (was.shape[1], was.shape[0]))
            assert (now[under] == 128).all()
            assert np.array_equal(now[~under], was[~under])
        old, new = before.pages[0], after.pages[0]
        stored = zip(tiles_of(old, source.read_bytes()), tiles_of(new, target.read_bytes()), strict=True)
        changed = [at % 16 for at, (was, now) in enumerate(stored) if was != now]
    assert set(changed) == {1, 8, 9, 10, 12, 13, 14}


def _rows(picture: Pixels) -> Pixels:
    return np.moveaxis(picture, 0, -1) if picture.shape[0] == 3 else picture


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("codec", ["none", "lzw", "deflate", "zstd", "jpeg2000", "jpegls"])
def test_what_is_stored_without_loss_loses_nothing(codec: str, bits: int) -> None:
    pixels = tissue(64).astype(f"u{bits // 8}") << (bits - 8)
    ways: dict[str, Any] = {
        "none": lambda one: one.tobytes(),
        "lzw": lambda one: imagecodecs.lzw_encode(one.tobytes()),
        "deflate": lambda one: zlib.compress(one.tobytes()),
        "zstd": lambda one: imagecodecs.zstd_encode(one.tobytes()),
        "jpeg2000": lambda one: imagecodecs.jpeg2k_encode(one, level=0, codecformat="j2k", reversible=True),
        "jpegls": imagecodecs.jpegls_encode,
    }
    box, cell = (5, 0, 20, 64), Cell(codec, 64, 64, 3, bits)
    wanted = pixels.copy()
    wanted[:, 5:25] = 128 if bits == 8 else 0
    painted = repaint(bytes(ways[codec](pixels)), cell, [box])
    if codec in ("jpeg2000", "jpegls"):
        assert np.array_equal(
            getattr(imagecodecs, {"jpegls": "jpegls_decode"}.get(codec, "jpeg2k_decode"))(painted), wanted
        )
    else:
        assert repaint(painted, cell, []) == painted == bytes(ways[codec](wanted))


def smooth(side: int) -> Pixels:
    """A picture that JPEG keeps within a few grey levels."""
    down, across = np.mgrid[0:side, 0:side] * (np.pi / side)
    waves = [np.sin(down * 2), np.cos(across * 3), np.sin(down + across)]
    return (128 + 90 * np.stack(waves, axis=-1)).astype(np.uint8)


@pytest.mark.parametrize(
    "how",
    [{"subsampling": "444"}, {"subsampling": "422"}, {"subsampling": "420"}, {"outcolorspace": "rgb"}],
    ids=str,
)
def test_jpeg_keeps_the_rest_of_a_tile(how: dict[str, Any]) -> None:
    tile = bytes(imagecodecs.jpeg8_encode(smooth(64), level=80, **how))
    painted = repaint(tile, Cell("jpeg", 64, 64, 3), [(12, 0, 52, 64)])
    was, now = (imagecodecs.jpeg8_decode(one).astype(int) for one in (tile, painted))
    assert (
        abs(now[:, 17:] - 128).max() <= 2
    )  # past the block that the edge runs through, and its neighbour's blur
    assert abs(now[:, 12:] - 128).max() <= 64
    assert abs(now - was)[:, :8].max() <= 16
    old: Any = Image.open(io.BytesIO(tile))
    new: Any = Image.open(io.BytesIO(painted))
    assert old.info == new.info
    assert [layer[:3] for layer in old.layer] == [layer[:3] for layer in new.layer]
    assert _quantised(old) == _quantised(new)


def _quantised(picture: Any) -> list[Any]:
    return [picture.quantization[layer[3]] for layer in picture.layer]


def test_tiles_of_which_nothing_is_left_are_one(tmp_path: Path) -> None:
    target = clean(make_svs(tmp_path / "a.svs"), [(0, 0, 256, 256)])
    with tifffile.TiffFile(target) as file:
        assert [len(set(page.dataoffsets)) for page in file.pages] == [1, 1]
        for page in file.pages:
            picture = page.asarray()
            assert picture.min() == picture.max()


def test_jpeg_tables_that_stand_elsewhere_are_used() -> None:
    whole = bytes(imagecodecs.jpeg8_encode(smooth(64), level=90))
    frame, tables, at = whole[:2], b"", 2
    while whole[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(whole[at + 2 : at + 4], "big")
        if whole[at + 1] in (0xDB, 0xC4):
            tables += whole[at:end]
        else:
            frame += whole[at:end]
        at = end
    cell = Cell("jpeg", 64, 64, tables=(b"\xff\xd8" + tables + b"\xff\xd9").hex())
    told = repaint(frame + whole[at:], cell, [(0, 0, 64, 32)])
    assert told == repaint(whole, Cell("jpeg", 64, 64), [(0, 0, 64, 32)])
    assert abs(imagecodecs.jpeg8_decode(told)[:31].astype(int) - 128).max() <= 2


def test_planes_of_sixteen_bits_become_dark(tmp_path: Path) -> None:
    planes = np.stack([tissue(256)[..., at].astype(np.uint16) * 200 + 7 for at in (0, 1)])
    source = pyramid(tmp_path / "a.ome.tif", planes, compression="deflate", predictor=True)
    with tifffile.TiffFile(source) as before, tifffile.TiffFile(clean(source, BOXES)) as after:
        for old, new in zip(before.series[0].levels, after.series[0].levels, strict=True):
            was, now = old.asarray(), new.asarray()
            under = mask(BOXES, (256, 256), was.shape[:0:-1])
            assert (now[:, under] == 0).all()
            assert np.array_equal(now[:, ~under], was[:, ~under])


@pytest.mark.parametrize("encoding", ["blosc", "jpeg"])
def test_our_own_slide_is_plain_in_fields_levels_and_overview(tmp_path: Path, encoding: str) -> None:
    header = brightfield(rows=2, columns=3, encoding=encoding)
    source = publish(tmp_path / "made", make_specimen(header)).path
    target, box = tmp_path / "out.h5", (60, 30, 70, 50)
    assert clean_mosaic(source, target, [box])["covered"] == 1
    faults = [fault for fault in vslide.verify_slide(target) if not fault.startswith("manifest")]
    assert faults == []
    near = 1 if encoding == "jpeg" else 0
    with vslide.open(source) as before, vslide.open(target) as after:
        for level in map(int, before.levels):
            size = [-(-side // level) for side in before.size]
            was, now = (one.region(0, 0, *size, level=level).astype(int) for one in (before, after))
            across, down = (slice(box[a] // level, -(-(box[a] + box[a + 2]) // level)) for a in (0, 1))
            assert abs(now[:, down, across] - 128).max() <= (64 if near else 0)
            if level == 1:
                assert abs(now[:, 38:72, 68:122] - 128).max() <= near
                beyond = np.ones(now.shape, bool)
                beyond[:, 22:88, 52:138] = False
                assert abs(now - was)[beyond].max() <= 32 * near
    with SlideFile(target) as file:
        shown = file.pixels(0, (0, 0, 0)).astype(int)
        assert (abs(shown - 128).max(axis=0) <= near).any()


def test_fluorescence_becomes_dark(tmp_path: Path) -> None:
    source = publish(tmp_path / "made", make_specimen(make_header(rows=2, columns=2))).path
    target = tmp_path / "out.h5"
    clean_mosaic(source, target, [(10, 10, 90, 70)])
    with vslide.open(target) as slide:
        assert slide.region(10, 10, 90, 70).max() == 0
        assert slide.region(100, 80, 40, 30).max() > 0


def test_a_region_that_lies_elsewhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotCover, match="not lie on"):
        clean(make_svs(tmp_path / "a.svs"), [(256, 0, 10, 10)])
    source = publish(tmp_path / "made", make_specimen(brightfield(rows=1, columns=1))).path
    with pytest.raises(BrokenInput, match="not lie on"):
        clean_mosaic(source, tmp_path / "out.h5", [(-50, 0, 50, 10)])
    with pytest.raises(CannotCover, match="more than"):
        check_boxes([(0, 0, 1, 1)] * 201, (9, 9))


def test_an_ndpi_slide_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(CannotCover, match="ndpi"):
        clean(make_ndpi(tmp_path / "a.ndpi"), BOXES)


def test_what_cannot_be_painted_is_refused_by_its_kind(tmp_path: Path) -> None:
    source = rule(tmp_path / "a.tif", "contig", compression="deflate", predictor=True)
    data = bytearray(source.read_bytes())
    with tifffile.TiffFile(source) as file:
        data[file.pages[0].aspage().tags[317].valueoffset] = 3
    source.write_bytes(data)
    with pytest.raises((CannotCover, BrokenInput)):
        clean(source, BOXES)
    with Painter() as painter:  # and goes on after each
        with pytest.raises(CannotCover, match="kind"):
            painter.paint(b"x", Cell("webp", 8, 8), [(0, 0, 8, 8)])
        with pytest.raises(BrokenInput, match="decoded"):
            painter.paint(b"\xff\xd8nonsense", Cell("jpeg", 8, 8), [(0, 0, 8, 8)])
        with pytest.raises(CannotCover, match="larger"):
            painter.paint(b"", Cell("none", 1 << 20, 1 << 20), [])


def test_the_gate_passes_a_covered_slide(tmp_path: Path) -> None:
    source = make_svs(tmp_path / "a.svs", b"Vandermeer")
    policy = Policy(covered=tuple(BOXES))
    done = deidentify_file(source, tmp_path / "out.svs", Known.from_dict(KNOWN), policy)
    assert done.certificate["state"] == "clean"
    assert done.work["painted"] == 8


@pytest.mark.parametrize("name", ["sm_image.dcm"])
def test_frames_of_a_dicom_instance_are_painted(tmp_path: Path, name: str) -> None:
    source = SHARED / "wsi" / name
    if not source.exists():
        pytest.skip("the shared folder with real slides is absent")
    data = pydicom.dcmread(source)
    wide, tall = int(data.Columns), int(data.Rows)
    assert clean_dicom(source, tmp_path / "out.dcm", boxes=[(0, 0, wide + 5, tall)])["painted"] == 2
    made = pydicom.dcmread(tmp_path / "out.dcm")
    count = int(data.NumberOfFrames)
    if not data.file_meta.TransferSyntaxUID.is_encapsulated:
        pixels = made.pixel_array
        assert (pixels[0] == 128).all()
        assert np.array_equal(pixels[2:], data.pixel_array[2:])
        return
    old, new = (list(generate_frames(one.PixelData, number_of_frames=count)) for one in (data, made))
    assert old[2:] == new[2:]


side = st.integers(1, 5000)


@given(
    st.tuples(st.integers(-50, 4000), st.integers(-50, 4000), side, side),
    st.tuples(side, side),
    st.integers(1, 64),
)
def test_a_level_covers_all_that_the_base_does(box: Box, base: tuple[int, int], factor: int) -> None:
    size = max(base[0] // factor, 1), max(base[1] // factor, 1)
    left, top, width, height = at_level(box, base, size)
    for low, length, axis in ((left, width, 0), (top, height, 1)):
        first, last = max(box[axis], 0), min(box[axis] + box[axis + 2], base[axis])
        if first < last:
            assert low * base[axis] <= first * size[axis]
            assert (low + length) * base[axis] >= last * size[axis]
            assert 0 <= low <= low + length <= size[axis]


@given(st.lists(st.tuples(*[st.integers(-20, 80)] * 2, *[st.integers(1, 60)] * 2), max_size=4))
def test_the_parts_of_all_tiles_are_the_region(boxes: list[Box]) -> None:
    whole, parts = np.zeros((64, 64), bool), np.zeros((64, 64), bool)
    for left, top, width, height in boxes:
        whole[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)] = True
    for y in range(0, 64, 16):
        for x in range(0, 64, 16):
            for left, top, width, height in inside(boxes, (x, y, 16, 16)):
                parts[y + top : y + top + height, x + left : x + left + width] = True
    assert np.array_equal(whole, parts)
