import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from microscope.drivers.watchfolder import SlideFile, match, scan_folder


def still(seconds: float) -> None:
    """Time passes and nothing happens."""


@pytest.fixture
def slide(tmp_path: Path) -> Path:
    path = tmp_path / "S26-00012-A1.tif"
    pixels = np.random.default_rng(1).integers(0, 255, (1024, 1024, 3), np.uint8)
    with tifffile.TiffWriter(path) as tiff:
        for level in (pixels, pixels[::2, ::2]):
            tiff.write(np.ascontiguousarray(level), tile=(256, 256), photometric="rgb", compression="jpeg")
    return path


def test_it_finds_complete_files_with_their_checksum(slide):
    complete, unfinished, refused = scan_folder(slide.parent, sleep=still)
    assert (unfinished, refused) == ((), ())
    assert [(file.path, file.name) for file in complete] == [(slide, "S26-00012-A1")]
    assert complete[0].sha256 == hashlib.sha256(slide.read_bytes()).hexdigest()


def test_it_leaves_a_growing_file_alone(slide):
    def somebody_writes(seconds):
        with slide.open("ab") as file:
            file.write(b"more")

    found = scan_folder(slide.parent, sleep=somebody_writes)
    assert found.unfinished == (slide,)
    assert found.complete == ()


@pytest.mark.parametrize("share", [0.0, 0.00001, 0.3, 0.9])
def test_it_leaves_a_half_written_file_alone_also_when_it_stands_still(slide, share):
    whole = slide.read_bytes()
    slide.write_bytes(whole[: int(len(whole) * share)])
    found = scan_folder(slide.parent, sleep=still)
    assert found.complete == ()
    assert [*found.unfinished, *(item.path for item in found.refused)] == [slide]
    if share > 0.1:
        assert found.unfinished == (slide,)


def test_it_refuses_what_is_no_slide_and_says_why(tmp_path, slide):
    (tmp_path / "notes.txt").write_text("lunch at noon")
    (tmp_path / "fake.svs").write_text("this is no TIFF file at all")
    os.symlink(slide, tmp_path / "link.tif")
    (tmp_path / ".hidden").write_text("x")
    (tmp_path / "arriving.svs.part").write_text("x")
    found = scan_folder(tmp_path, sleep=still)
    assert [item.path.name for item in found.refused] == ["fake.svs", "link.tif", "notes.txt"]
    assert all(item.reason for item in found.refused)
    assert [path.name for path in found.unfinished] == ["arriving.svs.part"]


def test_it_reads_real_vendor_files():
    data = Path(os.environ.get("NOCTURNE_DATA", Path(__file__).parents[3] / "shared" / "data")) / "wsi"
    if not data.is_dir():
        pytest.skip("no whole-slide files beside the checkout: set NOCTURNE_DATA")
    found = scan_folder(data, sleep=still)
    assert "CMU-1-Small-Region" in [file.name for file in found.complete]
    assert found.unfinished == ()


def named(name: str) -> SlideFile:
    return SlideFile(Path(name + ".svs"), name, 1, "")


def test_it_matches_files_to_barcodes_by_name():
    files = [named("S26-1-A1"), named("2026_s26-2-a1_40x"), named("S26-11-A1"), named("holiday")]
    matches = match(files, ["S26-1-A1", "S26-2-A1", "S26-3-A1"])
    assert {code: file.name for code, file in matches.matched.items()} == {
        "S26-1-A1": "S26-1-A1",
        "S26-2-A1": "2026_s26-2-a1_40x",
    }
    assert [file.name for file in matches.unmatched] == ["S26-11-A1", "holiday"]


def test_it_leaves_doubtful_matches_to_a_person():
    twins = [named("A-1"), named("scan_A-1"), named("B-2_C-3")]
    assert match(twins, ["A-1", "B-2", "C-3"]).matched == {}


@given(st.lists(st.text(min_size=1, max_size=12), unique=True), st.lists(st.text(min_size=1, max_size=6)))
def test_it_accounts_for_every_file_once(names, barcodes):
    files = [named(name.replace("/", "_").replace("\0", "_")) for name in names]
    matches = match(files, barcodes)
    assert len(matches.matched) + len(matches.unmatched) == len(files)
