"""DICOM whole-slide instances made here: what is kept of identifiers, of JPEG-LS streams, of profiles."""

from contextlib import suppress
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLSLossless

from deidentify.errors import BrokenInput, DeidentifyError, UnknownContent
from deidentify.images.codestreams import clean_jpeg_ls
from deidentify.images.dicom import WHOLE_SLIDE, clean_dicom
from deidentify.images.icc import clean_profile
from tests.deidentify.making import profile, segment

PIXELS = np.add.outer(np.arange(16), np.arange(16)).astype(np.uint8)
SECRET = b"sixteen bytes and more"


def instance(
    path: Path, number: int = 1, syntax: UID = ExplicitVRLittleEndian, data: bytes | None = None
) -> Path:
    """One grey frame of Quentin Vandermeer's slide; instances of other numbers are of the same series."""
    one = Dataset()
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = syntax
    one.SOPClassUID = one.file_meta.MediaStorageSOPClassUID = UID(WHOLE_SLIDE)
    one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = UID(f"1.2.3.4.{number}")
    one.StudyInstanceUID, one.SeriesInstanceUID, one.FrameOfReferenceUID = "1.2.3.5", "1.2.3.6", "1.2.3.7"
    one.PatientName, one.PatientID, one.Modality = "Vandermeer^Quentin", "00481516", "SM"
    one.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
    one.Rows = one.Columns = 16
    one.BitsAllocated = one.BitsStored = 8
    one.HighBit, one.PixelRepresentation, one.NumberOfFrames = 7, 0, 1
    one.PixelData = encapsulate([data]) if data else PIXELS.tobytes()
    one["PixelData"].VR = "OB"
    one.save_as(path, enforce_file_format=True)
    return path


def cleaned(source: Path, secret: bytes = b"") -> pydicom.Dataset:
    target = source.with_suffix(".clean")
    clean_dicom(source, target, secret)
    assert b"Vandermeer" not in target.read_bytes()
    return pydicom.dcmread(target)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_plain_pixels_are_kept_in_either_encoding(tmp_path: Path, syntax: UID) -> None:
    after = cleaned(instance(tmp_path / "a.dcm", syntax=syntax))
    assert np.array_equal(after.pixel_array, PIXELS)
    assert after.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian


def test_with_a_secret_the_instances_of_a_series_stay_together(tmp_path: Path) -> None:
    one, two = (cleaned(instance(tmp_path / f"{n}.dcm", n), SECRET) for n in (1, 2))
    for name in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        assert getattr(one, name) == getattr(two, name) != f"1.2.3.{5}"
        assert getattr(one, name).is_valid
    assert one.SOPInstanceUID != two.SOPInstanceUID
    other = cleaned(instance(tmp_path / "3.dcm", 1), b"another secret, as long")
    assert other.SeriesInstanceUID != one.SeriesInstanceUID


def test_without_a_secret_nothing_ties_them(tmp_path: Path) -> None:
    one, two = (cleaned(instance(tmp_path / f"{n}.dcm")) for n in (1, 2))
    assert one.SeriesInstanceUID != two.SeriesInstanceUID


def test_words_in_a_jpeg_ls_frame_go_and_its_pixels_stay(tmp_path: Path) -> None:
    plain = bytes(imagecodecs.jpegls_encode(PIXELS))
    told = plain[:2] + segment(0xFE, b"Vandermeer") + segment(0xE1, b"Vandermeer") + plain[2:] + b"Vandermeer"
    after = cleaned(instance(tmp_path / "a.dcm", syntax=JPEGLSLossless, data=told))
    assert np.array_equal(after.pixel_array, PIXELS)
    assert clean_jpeg_ls(clean_jpeg_ls(told)) == clean_jpeg_ls(plain)


@pytest.mark.parametrize(
    "more", [segment(0xE8, b"mrfx\1"), segment(0xF8, b"\2words"), segment(0xC0, b"words")]
)
def test_a_jpeg_ls_segment_that_is_on_no_list_is_named(more: bytes) -> None:
    plain = bytes(imagecodecs.jpegls_encode(PIXELS))
    with pytest.raises(UnknownContent, match="JPEG-LS"):
        clean_jpeg_ls(plain[:2] + more + plain[2:])


@given(st.binary(max_size=80), st.integers(0, 200), st.integers(0, 255))
def test_broken_jpeg_ls_streams_give_typed_errors(tail: bytes, place: int, value: int) -> None:
    whole = bytearray(bytes(imagecodecs.jpegls_encode(PIXELS)) + tail)
    whole[place % len(whole)] = value
    with suppress(DeidentifyError):
        assert clean_jpeg_ls(bytes(whole))[:2] == b"\xff\xd8"


def test_a_profile_that_ends_in_zeros_is_read_to_its_end() -> None:
    whole = profile(b"Quentin")
    assert clean_profile(whole + bytes(40)) == clean_profile(whole)


def test_nothing_stands_behind_the_numbers_of_a_profile() -> None:
    body = b"XYZ \0\0\0\0" + bytes(12) + b"Vandermeer!!"
    whole = bytearray(128 + 4 + 12) + body
    whole[36:40], whole[131:132] = b"acsp", b"\1"
    whole[132:144] = b"wtpt" + (144).to_bytes(4, "big") + len(body).to_bytes(4, "big")
    made = clean_profile(bytes(whole))
    assert made is not None
    assert b"Vandermeer" not in made


@pytest.mark.parametrize("body", [b"curv\0\0\0\0\0\0\xff\xff", b"para\0\0\0\0\0\x09\0\0", b"XYZ \0\0\0\0"])
def test_a_curve_that_ends_too_early_breaks_the_profile(body: bytes) -> None:
    whole = bytearray(128 + 4 + 12) + body
    whole[36:40], whole[131:132] = b"acsp", b"\1"
    whole[132:144] = b"wtpt" + (144).to_bytes(4, "big") + len(body).to_bytes(4, "big")
    with pytest.raises(BrokenInput):
        clean_profile(bytes(whole))
