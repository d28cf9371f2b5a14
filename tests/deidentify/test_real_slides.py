"""Every real slide of the shared folder: clean, with the same pixels in every level, or refused by name."""

from pathlib import Path

import numpy as np
import openslide
import pydicom
import pytest
import tifffile

from deidentify.errors import DeidentifyError
from deidentify.images.dicom import clean_dicom
from deidentify.images.slides import clean_tiff
from tests.deidentify.test_images import SHARED

FOLDER = SHARED / "wsi"
REFUSED = {
    "slide_coordinates_microscopy.dcm": "no whole-slide image",
}
SLIDES = sorted(file for file in FOLDER.glob("*") if file.suffix in (".svs", ".dcm", ".tif", ".tiff"))
CLEANED = [file for file in SLIDES if file.name not in REFUSED]
TOLD = (b"CPAPERIOCS", b"ScanScope ID", b"b414003d", b"12/29/09", b"CMU-1", b"label", b"macro")


def named(files: list[Path]) -> list[object]:
    return [pytest.param(file, id=file.name) for file in files] or [
        pytest.param(FOLDER, marks=pytest.mark.skip(reason="the shared folder with real slides is absent"))
    ]


def made(source: Path, target: Path) -> None:
    if source.suffix == ".dcm":
        clean_dicom(source, target)
    else:
        with target.open("w+b") as file:
            clean_tiff(source, file)


@pytest.mark.parametrize("source", named([file for file in CLEANED if file.suffix != ".dcm"]))
def test_each_level_of_a_tiff_has_the_same_pixels(source: Path, tmp_path: Path) -> None:
    target = tmp_path / f"clean{source.suffix}"
    made(source, target)
    with tifffile.TiffFile(source) as before, tifffile.TiffFile(target) as after:
        sizes = [page.shape for page in after.pages]
        kept = [page for page in before.pages if before.is_ome or page.is_tiled]  # type: ignore[union-attr]
        assert sizes == [page.shape for page in kept]
        for old, new in zip(kept, after.pages, strict=True):
            assert np.array_equal(old.asarray(), new.asarray())
    assert not [word for word in TOLD if word in target.read_bytes()]
    if openslide.OpenSlide.detect_format(source):  # those in strips are none that it reads
        with openslide.OpenSlide(target) as slide:
            assert set(slide.associated_images) <= {"thumbnail"}


@pytest.mark.parametrize("source", named([file for file in CLEANED if file.suffix == ".dcm"]))
def test_each_frame_of_an_instance_has_the_same_pixels(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "clean.dcm"
    made(source, target)
    before, after = pydicom.dcmread(source), pydicom.dcmread(target)
    assert np.array_equal(before.pixel_array, after.pixel_array)
    assert (after.PatientName, after.PatientID, after.AccessionNumber) == ("", "", "")
    for name in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "DeviceSerialNumber"):
        if told := str(before.get(name, "")):
            assert told.encode() not in target.read_bytes()


@pytest.mark.parametrize("source", named([file for file in SLIDES if file.name in REFUSED]))
def test_what_no_rule_makes_clean_is_refused_by_name(source: Path, tmp_path: Path) -> None:
    with pytest.raises(DeidentifyError, match=REFUSED.get(source.name)):
        made(source, tmp_path / "clean")
