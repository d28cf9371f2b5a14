import hashlib
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from microscope.drivers.watchfolder import Remembered, SlideFile, match, scan_folder

WSI = Path(os.environ.get("NOCTURNE_DATA", Path(__file__).parents[3] / "shared" / "data")) / "wsi"


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
    complete, unfinished, refused, _ = scan_folder(slide.parent, sleep=still)
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


def real_file(name: str) -> Path:
    file = WSI / name
    if not file.exists():
        pytest.skip("no whole-slide files beside the checkout: set NOCTURNE_DATA")
    return file


def test_it_reads_real_vendor_files():
    found = scan_folder(real_file("."), sleep=still)
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


def test_it_passes_over_what_goes_away_while_it_looks(slide):
    def somebody_tidies_up(seconds):
        slide.unlink()
        slide.with_name("renamed.tif").write_bytes(b"II")

    found = scan_folder(slide.parent, sleep=somebody_tidies_up)
    assert (found.complete, found.refused) == ((), ())
    assert [path.name for path in found.unfinished] == ["renamed.tif"]


@pytest.mark.parametrize("name", ["sm_image.dcm", "yb10kx5k.zstd.tiff", "viv_multi-channel_small.ome.tif"])
@given(share=st.floats(0.0, 0.999))
@settings(max_examples=4)
def test_no_part_of_a_real_file_passes_for_the_whole(name, share):
    whole = real_file(name).read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        half = Path(folder) / name
        half.write_bytes(whole[: int(len(whole) * share)])
        found = scan_folder(Path(folder), sleep=still)
        assert found.complete == ()
        assert [*found.unfinished, *(item.path for item in found.refused)] == [half]


def test_a_large_file_full_of_holes_is_not_finished(tmp_path, slide):
    with slide.open("r+b") as file:
        file.truncate(1 << 40)
    assert scan_folder(tmp_path, sleep=still).unfinished == (slide,)


def test_a_file_is_read_again_only_when_it_has_changed(slide):
    (file,) = scan_folder(slide.parent, sleep=still).complete
    taken, waiting = {slide: Remembered(file.stamp)}, {slide: Remembered(file.stamp, file)}
    assert scan_folder(slide.parent, sleep=still, remembered=taken).unchanged == (slide,)
    assert scan_folder(slide.parent, sleep=still, remembered=waiting).complete == (file,)
    state = slide.stat()
    slide.write_bytes(slide.read_bytes()[::-1])  # as long as before, and as old
    os.utime(slide, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert len(scan_folder(slide.parent, sleep=still, remembered=taken).refused) == 1


def test_a_dicom_series_of_several_files_is_refused_as_a_whole(tmp_path):
    """Also when the last of its instances comes later than the others were looked at."""
    image = real_file("sm_image.dcm").read_bytes()
    first, second = tmp_path / "series" / "1.dcm", tmp_path / "series" / "2.dcm"
    first.parent.mkdir()
    first.write_bytes(image)

    def second_arrives(seconds):
        second.write_bytes(image)

    assert scan_folder(tmp_path, sleep=second_arrives).unfinished == (first, second)
    found = scan_folder(tmp_path, sleep=still)
    assert [item.path for item in found.refused] == [first, second]
    assert all("2 instances of a DICOM series" in item.reason for item in found.refused)
    remembered = {item.path: Remembered(item.stamp) for item in found.refused}
    assert len(scan_folder(tmp_path, sleep=still, remembered=remembered).unchanged) == 2


def test_a_mirax_slide_is_refused_with_its_folder(tmp_path):
    (tmp_path / "S26-1").mkdir()
    for name in ("Slidedat.ini", "Data0000.dat"):
        (tmp_path / "S26-1" / name).write_text("x")
    (tmp_path / "S26-1.mrxs").write_bytes(b"\xff\xd8\xff")
    (refused,) = scan_folder(tmp_path, sleep=still).refused
    assert refused.path.name == "S26-1.mrxs"
    assert "a folder (2 files)" in refused.reason


def test_it_follows_no_link_out_of_the_folder(tmp_path, slide):
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "file.tif").symlink_to(slide)
    (inside / "folder").symlink_to(tmp_path)
    found = scan_folder(inside, sleep=still)
    assert [item.path.name for item in found.refused] == ["file.tif", "folder"]
    assert found.complete == ()
