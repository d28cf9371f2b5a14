"""DICOM whole slide images, read and judged by pydicom, highdicom and OpenSlide."""

import os
import warnings
from dataclasses import replace
from pathlib import Path

import highdicom
import numpy as np
import openslide
import pydicom
import pytest
from highdicom._standard_utils import check_required_attributes, get_iod_module_map

import vslide
from tests.vslide.slides import FOUR, brightfield, make_header, make_specimen, publish
from tests.vslide.stacks import make_stack
from tests.vslide.test_export import Failing
from vslide.errors import NotASlide
from vslide.export import export
from vslide.export.common import Options
from vslide.model import RGB, Channel

DATA = Path(os.environ.get("NOCTURNE_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
PERSONAL = (
    "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate", "StudyTime",
    "ReferringPhysicianName",
)  # fmt: skip


@pytest.fixture(scope="module")
def colour(tmp_path_factory: pytest.TempPathFactory):
    """A brightfield slide with its exports `jpeg` and `lossless`."""
    folder = tmp_path_factory.mktemp("colour")
    specimen = make_specimen(brightfield(rows=3, columns=4, field_width=300, field_height=200))
    for pixels in specimen.pixels.values():
        pixels[:] = np.linspace(40, 250, pixels.shape[1], dtype=np.uint8)
    with vslide.open(publish(folder, specimen).path) as slide:
        export(slide, folder / "jpeg", "dicom")
        export(slide, folder / "lossless", "dicom", Options(lossless=True))
    return specimen, folder


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory):
    """A 16-bit slide of two colours and three layers, and its export `out`."""
    folder = tmp_path_factory.mktemp("stack")
    channels = (replace(FOUR[0], excitation_nm=358.0, emission_nm=461.0), Channel("FITC"))
    header = make_header(rows=2, columns=4, layers=3, channels=channels, field_width=300, field_height=200)
    specimen = make_stack(header)
    with vslide.open(publish(folder, specimen).path) as slide:
        export(slide, folder / "out", "dicom")
    return specimen, folder / "out"


def complaints(data: pydicom.Dataset) -> set[str]:
    """What the mandatory modules demand and `data` does not have, by highdicom's copy of the standard."""
    found = set()
    for module in get_iod_module_map()["vl-whole-slide-microscopy-image"]:
        if module["usage"] == "M":
            try:
                check_required_attributes(data, module["key"])
            except AttributeError as error:
                found.add(str(error))
    return found


@pytest.mark.parametrize("kind", ["jpeg", "lossless", "out"])
def test_every_attribute_that_the_standard_demands_is_there(colour, stack, kind):
    folder = stack[1] if kind == "out" else colour[1] / kind
    for number, path in enumerate(sorted(folder.iterdir())):
        data = pydicom.dcmread(path)
        # A functional group that only pictures with a source image have; highdicom knows no condition.
        assert all("ReferencedImageSequence" in one for one in complaints(data))
        assert data.DimensionOrganizationType == "TILED_FULL"
        assert data.ImageType[2:] == ["VOLUME", "RESAMPLED" if number else "NONE"]
        uids = [data.SOPInstanceUID, data.SeriesInstanceUID, data.StudyInstanceUID]
        assert len(set(uids)) == 3
        assert all(uid.startswith("2.25.") for uid in uids)


def test_nobody_is_named(colour, stack):
    for folder in (colour[1] / "jpeg", stack[1]):
        for path in folder.iterdir():
            data = pydicom.dcmread(path)
            assert not any(str(data[name].value) for name in PERSONAL)
            assert data.PatientID == data.ContainerIdentifier
            assert (data.PatientIdentityRemoved, data.BurnedInAnnotation) == ("YES", "NO")
            assert data.AcquisitionDateTime.startswith("19000101")
    assert pydicom.dcmread(stack[1] / "level-0.dcm").PatientID == stack[0].header.slide_id


def test_openslide_opens_the_jpeg_as_dicom_and_sees_what_we_see(colour):
    specimen, folder = colour
    with (
        openslide.OpenSlide(folder / "jpeg" / "level-0.dcm") as seen,
        vslide.open(folder / "jpeg") as ours,
    ):
        properties = seen.properties
        assert (properties["openslide.vendor"], seen.level_count) == ("dicom", 2)
        assert (properties["openslide.mpp-x"], properties["openslide.objective-power"]) == ("0.5", "20")
        assert not seen.associated_images
        for number, (width, height) in enumerate(seen.level_dimensions):
            there = np.asarray(seen.read_region((0, 0), number, (width, height)).convert("RGB"))
            here = ours.region(0, 0, width, height, level=ours.levels[number])
            assert np.array_equal(np.moveaxis(there, -1, 0), here)
        whole = ours.region(0, 0, *ours.size)
    assert np.abs(whole.astype(int) - specimen.mosaic()).mean() < 2


def test_highdicom_reads_the_lossless_one_pixel_by_pixel(colour):
    specimen, folder = colour
    image = highdicom.imread(folder / "lossless" / "level-0.dcm")
    found = image.get_total_pixel_matrix(apply_icc_profile=False)
    assert np.array_equal(np.moveaxis(found, -1, 0), specimen.mosaic())
    with vslide.open(folder / "lossless") as slide:
        assert slide.channels == RGB
        assert np.array_equal(slide.region(0, 0, *slide.size), specimen.mosaic())


def test_channels_are_optical_paths_and_layers_focal_planes(stack):
    specimen, folder = stack
    data = pydicom.dcmread(folder / "level-0.dcm")
    assert (data.NumberOfOpticalPaths, data.TotalPixelMatrixFocalPlanes, data.BitsStored) == (2, 3, 16)
    measures = data.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert [float(one) for one in measures.PixelSpacing] == [0.0005, 0.0005]
    assert float(measures.SpacingBetweenSlices) == 0.0015
    first = data.OpticalPathSequence[0]
    assert (first.OpticalPathDescription, first.IlluminationWaveLength) == ("DAPI", 358)
    frames = data.pixel_array.reshape(2, 3, -1, 512, 512)
    assert np.array_equal(frames[1, 2, 0, :380, :], specimen.at(2, 0)[1, :380, :512])


def test_our_reader_gets_every_channel_and_layer_back(stack):
    specimen, folder = stack
    with vslide.open(folder) as slide:
        assert [channel.name for channel in slide.channels] == ["DAPI", "FITC"]
        assert (slide.channels[0].excitation_nm, slide.channels[0].emission_nm) == (358, 461)
        assert (slide.layers, slide.magnification, len(slide.levels)) == (3, 20, 2)
        for z in range(3):
            assert np.array_equal(slide.region(0, 0, *slide.size, z=z), specimen.at(z, 0))


def test_each_time_point_is_a_series_of_one_study(tmp_path):
    specimen = make_stack(make_header(rows=1, columns=2, times=2, channels=FOUR[:1]))
    with vslide.open(publish(tmp_path, specimen).path) as slide:
        export(slide, tmp_path / "out", "dicom")
    found = [pydicom.dcmread(tmp_path / "out" / f"time-{t}" / "level-0.dcm") for t in (0, 1)]
    assert len({one.StudyInstanceUID for one in found}) == 1
    assert len({one.SeriesInstanceUID for one in found}) == 2
    with vslide.open(tmp_path / "out" / "time-1") as slide:
        assert np.array_equal(slide.region(0, 0, *slide.size), specimen.at(0, 1))


def test_frames_beyond_the_basic_offset_table_are_found_by_the_extended_one(tmp_path, monkeypatch):
    monkeypatch.setattr("vslide.export.dicom.BASIC_TABLE_END", 1000)
    specimen = make_specimen(make_header(rows=3, columns=4, field_width=300, field_height=200))
    with vslide.open(publish(tmp_path, specimen).path) as slide:
        export(slide, tmp_path / "out", "dicom")
    data = pydicom.dcmread(tmp_path / "out" / "level-0.dcm")
    assert len(data.ExtendedOffsetTable) == 8 * data.NumberOfFrames
    assert np.array_equal(data.pixel_array[0], specimen.mosaic()[0, :512, :512])
    with vslide.open(tmp_path / "out") as slide:
        assert np.array_equal(slide.region(0, 0, *slide.size), specimen.mosaic())


def test_a_slide_without_a_pixel_size_is_refused(tmp_path):
    slide = Failing(600, failing=False)
    slide.pixel_size_um = 0.0
    with pytest.raises(NotASlide, match="pixel size"):
        export(slide, tmp_path / "out", "dicom")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared data are not on this machine")
def test_a_published_example_draws_no_fewer_complaints():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        example = complaints(pydicom.dcmread(DATA / "wsi" / "sm_image.dcm"))
    assert any("ReferencedImageSequence" in one for one in example)
