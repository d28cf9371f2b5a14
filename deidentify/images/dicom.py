"""DICOM whole-slide images: the elements that a viewer needs are copied, all others are left behind.

After PS3.15 Annex E: identifiers are replaced by new ones, dates and people removed; label and overview
instances are
refused, because their pixels show the label.
"""

import hmac
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000TransferSyntaxes,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    generate_uid,
)

from deidentify.errors import BrokenInput, UnknownContent, UnsupportedFormat
from deidentify.images.codestreams import clean_jpeg, clean_jpeg2000, clean_jpeg_ls
from deidentify.images.frames import cover_frames, native_frames
from deidentify.images.icc import clean_profile
from deidentify.images.painting import Box

WHOLE_SLIDE: Final = "1.2.840.10008.5.1.4.1.1.77.1.6"
KEPT: Final = frozenset(
    [
        "SamplesPerPixel",
        "PhotometricInterpretation",
        "PlanarConfiguration",
        "NumberOfFrames",
        "Rows",
        "Columns",
        "BitsAllocated",
        "BitsStored",
        "HighBit",
        "PixelRepresentation",
        "LossyImageCompression",
        "LossyImageCompressionRatio",
        "LossyImageCompressionMethod",
        "ImageType",
        "InstanceNumber",
        "ImagedVolumeWidth",
        "ImagedVolumeHeight",
        "ImagedVolumeDepth",
        "TotalPixelMatrixColumns",
        "TotalPixelMatrixRows",
        "TotalPixelMatrixFocalPlanes",
        "DimensionOrganizationType",
        "ImageOrientationSlide",
        "FocusMethod",
        "ExtendedDepthOfField",
        "NumberOfOpticalPaths",
        "BurnedInAnnotation",
        "SpecimenLabelInImage",
        "VolumetricProperties",
        "PixelSpacing",
        "SliceThickness",
        "SpacingBetweenSlices",
        "PixelMeasuresSequence",
        "SharedFunctionalGroupsSequence",
        "PerFrameFunctionalGroupsSequence",
        "PlanePositionSlideSequence",
        "XOffsetInSlideCoordinateSystem",
        "YOffsetInSlideCoordinateSystem",
        "ZOffsetInSlideCoordinateSystem",
        "ColumnPositionInTotalImagePixelMatrix",
        "RowPositionInTotalImagePixelMatrix",
        "FrameContentSequence",
        "DimensionIndexValues",
        "DimensionIndexSequence",
        "DimensionIndexPointer",
        "FunctionalGroupPointer",
        "OpticalPathIdentificationSequence",
        "OpticalPathSequence",
        "OpticalPathIdentifier",
        "ObjectiveLensPower",
        "ObjectiveLensNumericalAperture",
        "IlluminationWaveLength",
        "TotalPixelMatrixOriginSequence",
        "WholeSlideMicroscopyImageFrameTypeSequence",
        "FrameType",
        "RescaleIntercept",
        "RescaleSlope",
        "RescaleType",
        "PixelValueTransformationSequence",
    ]
)
KINDS: Final = frozenset({"ORIGINAL", "DERIVED", "PRIMARY", "VOLUME", "THUMBNAIL", "NONE", "RESAMPLED"})
"""Of ImageType and FrameType (PS3.3, C.8.12.4.1.1)."""
_WORDS: Final = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT", "DA", "DT", "TM", "UN", "OB", "UI"})
_SHORT_KEPT: Final = frozenset({"OpticalPathIdentifier", "RescaleType"})


def clean_dicom(
    source: Path, destination: Path, secret: bytes = b"", boxes: Sequence[Box] = ()
) -> dict[str, Any]:
    """Write the clean instance. With a ``secret`` equal identifiers become equal new ones: the instances of a
    slide stay one series, and nobody without the secret can tell of which. Without they are random.
    ``boxes`` are made plain.

    Raises UnsupportedFormat, UnknownContent, CannotCover or BrokenInput.
    """
    try:
        data = pydicom.dcmread(source)
        if data.get("SOPClassUID") != WHOLE_SLIDE:
            raise UnsupportedFormat("a DICOM instance that is no whole-slide image")
        kinds = {str(kind).upper() for kind in data.get("ImageType", [])}
        if kinds & {"LABEL", "OVERVIEW", "LOCALIZER"} or data.get("SpecimenLabelInImage", "NO") == "YES":
            raise UnsupportedFormat("a DICOM instance that shows the slide's label is not published")
        if data.get("BurnedInAnnotation", "NO") != "NO":
            raise UnsupportedFormat("a DICOM instance that has words in its pixels is not published")
        clean = _copy(data)
        _identify(data, clean, secret)
        _colours(data, clean)
        clean.PixelData, painted = _pixels(data, boxes)
        clean["PixelData"].VR = (
            "OB" if data.file_meta.TransferSyntaxUID.is_encapsulated or data.BitsAllocated == 8 else "OW"
        )
        clean.save_as(destination, enforce_file_format=True)
    except (
        InvalidDicomError,
        BytesLengthException,
        ValueError,
        LookupError,
        AttributeError,
        RuntimeError,
        TypeError,
        EOFError,
    ) as error:
        raise BrokenInput(f"a DICOM instance that cannot be read: {error}") from error
    return {"frames": int(data.get("NumberOfFrames", 1)), "elements": len(clean), "painted": painted}


def _copy(data: Dataset) -> Dataset:
    """Elements on the list, at every depth. Words are kept for two short codes only."""
    clean = Dataset()
    for element in data:
        if element.keyword not in KEPT:
            continue
        if element.keyword in ("ImageType", "FrameType"):
            _check_kinds(element.value)
        if element.VR == "SQ":
            clean.add_new(element.tag, "SQ", [_copy(item) for item in element.value])
        elif element.VR not in _WORDS or (element.keyword in _SHORT_KEPT and len(str(element.value)) <= 16):
            clean.add_new(element.tag, element.VR, element.value)
    return clean


def _check_kinds(values: Any) -> None:
    """Codes, but of a type that takes any word."""
    said = [values] if isinstance(values, str) else list(values)
    unknown = [place for place, value in enumerate(said, 1) if str(value).upper() not in KINDS]
    if unknown:
        raise UnknownContent("ImageType", f"value {unknown[0]} of ImageType or FrameType is on no list")


def _new_uid(old: Any, secret: bytes) -> UID:
    """2.25 and 128 bits (PS3.5, B.2)."""
    if not secret or not old:
        return generate_uid(prefix=None)
    drawn = hmac.digest(secret, str(old).encode(), "sha256")
    return UID(f"2.25.{int.from_bytes(drawn[:16], 'big')}")


def _identify(data: Dataset, clean: Dataset, secret: bytes) -> None:
    """New identifiers, and the words that say what was done (0012,0062 and 0012,0063)."""
    instance = _new_uid(data.get("SOPInstanceUID"), secret)
    clean.SOPClassUID, clean.SOPInstanceUID = UID(WHOLE_SLIDE), instance
    for name in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        setattr(clean, name, _new_uid(data.get(name), secret))
    clean.Modality, clean.PatientName, clean.PatientID, clean.PatientBirthDate, clean.PatientSex = (
        "SM",
        "",
        "",
        "",
        "",
    )
    clean.StudyDate, clean.StudyTime, clean.AccessionNumber, clean.StudyID, clean.SeriesNumber = (
        "",
        "",
        "",
        "",
        1,
    )
    clean.ReferringPhysicianName, clean.Manufacturer = "", ""
    clean.PatientIdentityRemoved, clean.DeidentificationMethod = "YES", "Allow-list, PS3.15 Annex E"
    meta = FileMetaDataset()
    syntax = data.file_meta.TransferSyntaxUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian if syntax == ImplicitVRLittleEndian else syntax
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UID(WHOLE_SLIDE), instance
    clean.file_meta = meta


def _colours(data: Dataset, clean: Dataset) -> None:
    for source, target in zip(
        data.get("OpticalPathSequence", []), clean.get("OpticalPathSequence", []), strict=False
    ):
        if "ICCProfile" in source and (profile := clean_profile(bytes(source.ICCProfile))):
            target.ICCProfile = profile


def _pixels(data: Dataset, boxes: Sequence[Box]) -> tuple[bytes, int]:
    """The pixels to write, and how many frames were painted over."""
    syntax = data.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated:
        if syntax not in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):  # the same bytes of pixels
            raise UnknownContent(f"transfer syntax {syntax}", f"DICOM transfer syntax {syntax} is on no list")
        if not boxes:
            return bytes(data.PixelData), 0
        covered, painted = cover_frames(data, native_frames(data, bytes(data.PixelData)), "none", boxes)
        return b"".join(covered), painted
    count = int(data.get("NumberOfFrames", 1))
    frames = list(generate_frames(data.PixelData, number_of_frames=count))
    if syntax in JPEG2000TransferSyntaxes:
        codec, cleaned = "jpeg2000", [clean_jpeg2000(_one_codestream(frame)) for frame in frames]
    elif syntax in JPEGTransferSyntaxes:
        codec, cleaned = "jpeg", [clean_jpeg(frame) for frame in frames]
    elif syntax in JPEGLSTransferSyntaxes:
        codec, cleaned = "jpegls", [clean_jpeg_ls(frame) for frame in frames]
    else:
        raise UnknownContent(f"transfer syntax {syntax}", f"DICOM transfer syntax {syntax} is on no list")
    covered, painted = cover_frames(data, cleaned, codec, boxes)
    return encapsulate(covered, has_bot=False), painted


def _one_codestream(frame: bytes) -> bytes:
    """The codestream inside a JP2 wrapper, which DICOM forbids and some makers write all the same."""
    start = frame.find(b"\xff\x4f\xff\x51")
    if start < 0:
        raise BrokenInput("a JPEG 2000 frame without a codestream")
    return frame[start:]
