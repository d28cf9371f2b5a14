"""The reader of DICOM whole slide images beside pydicom, highdicom and OpenSlide, on files of others."""

import os
import shutil
from pathlib import Path

import highdicom
import imagecodecs
import numpy as np
import openslide
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import JPEGBaseline8Bit

import vslide
from tests.vslide.slides import brightfield, make_header, make_specimen, publish
from vslide.errors import Damaged, NotASlide
from vslide.export import export

WSI = Path(os.environ.get("NOCTURNE_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "wsi"
needs_data = pytest.mark.skipif(not WSI.is_dir(), reason="the shared data are not on this machine")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    """The directory of a series of two levels, 8-bit, one channel, and its pixels (H, W)."""
    folder = tmp_path_factory.mktemp("series")
    header = make_header(
        dtype="uint8",
        channels=make_header().channels[:1],
        rows=3,
        columns=4,
        field_width=300,
        field_height=300,
    )
    specimen = make_specimen(header)
    with vslide.open(publish(folder, specimen).path) as slide:
        export(slide, folder / "out", "dicom")
    return folder / "out", specimen.mosaic()[0]


def changed(made: tuple[Path, np.ndarray], path: Path, change) -> Path:
    """The first level uncompressed and changed by `change(data)`, at `path`."""
    data = pydicom.dcmread(made[0] / "level-0.dcm")
    data.decompress(generate_instance_uid=False)
    change(data)
    data.save_as(path)
    return path


@needs_data
@pytest.mark.parametrize("name", ["sm_image.dcm", "sm_image_grayscale.dcm", "sm_image_jpegls.dcm"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_it_sees_what_highdicom_sees(name):
    found = highdicom.imread(WSI / name).get_total_pixel_matrix(apply_icc_profile=False)
    with vslide.open(WSI / name) as slide:
        pixels = slide.region(0, 0, *slide.size)
        assert (slide.size, slide.pixel_size_um, slide.kind) == ((50, 50), 0.499, "vendor")
    assert np.array_equal(np.moveaxis(np.atleast_3d(found), -1, 0), pixels)


@needs_data
@pytest.mark.parametrize("name", ["sm_image.dcm", "camelyon_vl_wsi_jpeg2000.dcm"])
def test_it_sees_what_openslide_sees(name):
    with vslide.open(WSI / name) as slide, openslide.OpenSlide(WSI / name) as reference:
        assert slide.size == reference.dimensions
        seen = np.asarray(reference.read_region((5, 3), 0, (700, 500)).convert("RGBA"))
        here = np.moveaxis(slide.region(5, 3, 700, 500), 0, -1)
        assert np.array_equal(here[seen[..., 3] > 0], seen[..., :3][seen[..., 3] > 0])
        assert slide.pixel_size_um == pytest.approx(float(reference.properties["openslide.mpp-x"]))


@needs_data
def test_a_microscopic_picture_that_is_no_whole_slide_is_refused():
    with pytest.raises(NotASlide):
        vslide.open(WSI / "slide_coordinates_microscopy.dcm")


def test_a_single_instance_is_a_slide_of_one_level(made):
    with vslide.open(made[0] / "level-1.dcm") as slide, vslide.open(made[0]) as whole:
        assert slide.levels == (1.0,)
        assert len(whole.levels) == 2
        width, height = slide.size
        assert np.array_equal(
            slide.region(0, 0, width, height), whole.region(0, 0, width, height, level=whole.levels[1])
        )


def test_uncompressed_frames_are_read_too(made, tmp_path):
    path = changed(made, tmp_path / "a.dcm", lambda data: None)
    with vslide.open(path) as slide:
        assert np.array_equal(slide.region(0, 0, *slide.size)[0], made[1])


def test_sparse_tiles_lie_where_they_say(made, tmp_path):
    def scatter(data: Dataset) -> None:
        frames = data.pixel_array[[3, 0]]
        data.PixelData, data.NumberOfFrames = frames.tobytes(), 2
        data.DimensionOrganizationType = "TILED_SPARSE"
        data.PerFrameFunctionalGroupsSequence = Sequence([placed(101, 51), placed(700, 300)])

    path = changed(made, tmp_path / "a.dcm", scatter)
    frames = pydicom.dcmread(path).pixel_array
    with vslide.open(path) as slide:
        assert np.array_equal(slide.region(100, 50, 512, 250)[0], frames[0][:250])
        assert not slide.region(0, 0, 90, 40).any()
        wide = slide.size[0] - 699
        assert np.array_equal(slide.region(699, 299, wide, 512)[0], frames[1][:, :wide])


def placed(column: int, row: int) -> Dataset:
    place = Dataset()
    place.ColumnPositionInTotalImagePixelMatrix, place.RowPositionInTotalImagePixelMatrix = column, row
    place.ZOffsetInSlideCoordinateSystem = "0"
    described = Dataset()
    described.PlanePositionSlideSequence = Sequence([place])
    return described


def test_a_frame_in_several_fragments_is_put_together(tmp_path):
    with vslide.open(publish(tmp_path, make_specimen(brightfield())).path) as slide:
        export(slide, tmp_path / "out", "dicom")
    path = tmp_path / "out" / "level-0.dcm"
    data = pydicom.dcmread(path)
    with vslide.open(path) as slide:
        expected = slide.region(0, 0, *slide.size)
    frames = list(pydicom.encaps.generate_frames(data.PixelData, number_of_frames=data.NumberOfFrames))
    data.PixelData = encapsulate(frames, fragments_per_frame=3, has_bot=True)
    data.save_as(tmp_path / "b.dcm")
    with vslide.open(tmp_path / "b.dcm") as slide:
        assert np.array_equal(slide.region(0, 0, *slide.size), expected)


def test_labels_and_overviews_are_passed_over(made, tmp_path):
    shutil.copytree(made[0], tmp_path / "out")

    def label(data: Dataset) -> None:
        data.ImageType = ["ORIGINAL", "PRIMARY", "LABEL", "NONE"]

    path = changed(made, tmp_path / "out" / "label.dcm", label)
    (tmp_path / "out" / "notes.txt").write_text("no picture")
    with vslide.open(tmp_path / "out") as slide:
        assert len(slide.levels) == 2
    with pytest.raises(NotASlide):
        vslide.open(path)


def test_two_series_in_one_directory_are_refused(made, tmp_path):
    shutil.copytree(made[0], tmp_path / "out")

    def other(data: Dataset) -> None:
        data.SeriesInstanceUID = "2.25.1"

    changed(made, tmp_path / "out" / "other.dcm", other)
    with pytest.raises(NotASlide, match="several series"):
        vslide.open(tmp_path / "out")


def test_a_channel_is_not_called_by_a_persons_name(made, tmp_path):
    def named(data: Dataset) -> None:
        data.OpticalPathSequence[0].OpticalPathDescription = "Doe^Jane 1957-03-11"

    with vslide.open(changed(made, tmp_path / "a.dcm", named)) as slide:
        assert slide.channels[0].name == "channel 1"


@pytest.mark.parametrize("side", [16, 40_000])
def test_a_frame_of_another_size_than_declared_is_never_decoded(tmp_path, side):
    with vslide.open(publish(tmp_path, make_specimen(brightfield())).path) as slide:
        export(slide, tmp_path / "out", "dicom")
    path = tmp_path / "out" / "level-0.dcm"
    data = pydicom.dcmread(path)
    frame = bytearray(imagecodecs.jpeg8_encode(np.zeros((16, 16, 3), np.uint8)))
    at = frame.index(b"\xff\xc0") + 5
    frame[at : at + 4] = side.to_bytes(2, "big") * 2
    data.PixelData = encapsulate([bytes(frame)] * data.NumberOfFrames)
    data.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    data.save_as(path)
    with vslide.open(path) as slide, pytest.raises(Damaged, match="instead of"):
        slide.region(0, 0, 100, 100)
