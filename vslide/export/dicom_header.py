"""What a DICOM whole slide image says about itself: PS3.3 A.32.8, VL Whole Slide Microscopy Image.

Nobody is named: the patient is the random slide id, dates are the dummy of PS3.15 Annex E, and what the
standard demands and the slide does not know says "unknown".
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from PIL import ImageCms
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID, VLWholeSlideMicroscopyImageStorage
from pydicom.valuerep import format_number_as_ds

from vslide.export.common import Source, focus_step_um
from vslide.model import Channel

UNKNOWN = "unknown"
_NO_DATE, _NO_TIME = "19000101", "000000"
_THICKNESS_UM = 1.0
"""Depth of one focus layer where nobody measured it; the standard demands a number."""
_BRIGHTFIELD = ("111744", "DCM", "Brightfield illumination")
_FLUORESCENCE = ("111743", "DCM", "Epifluorescence illumination")
_FULL_SPECTRUM = ("414298005", "SCT", "Full Spectrum")
_SLIDE = ("433466003", "SCT", "Microscope slide")


def new_uid() -> UID:
    """A UID that says nothing: 2.25 and a uuid4, PS3.5 B.2."""
    return UID(f"2.25.{uuid.uuid4().int}")


@dataclass(frozen=True, slots=True)
class Series:
    """What the instances of one series share."""

    study: UID
    number: int
    uid: UID = field(default_factory=new_uid)
    frame_of_reference: UID = field(default_factory=new_uid)
    pyramid: UID = field(default_factory=new_uid)
    dimensions: UID = field(default_factory=new_uid)


@dataclass(frozen=True, slots=True)
class Frames:
    """How the pixels of an instance are stored. `ratio`: lossy compression, 0 for lossless."""

    count: int
    side: int
    syntax: UID
    photometric: str
    ratio: float = 0.0


def build(source: Source, level: int, instance: int, series: Series, frames: Frames) -> Dataset:
    """The data set of one instance, without its pixels."""
    made = Dataset()
    made.file_meta = _file_meta(frames.syntax)
    made.SpecificCharacterSet = "ISO_IR 192"
    made.SOPClassUID = VLWholeSlideMicroscopyImageStorage
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID
    _add_nobody(made, source)
    _add_series(made, source, series, instance)
    _add_specimen(made, source)
    _add_pixels(made, source, frames)
    _add_slide(made, source, level, frames)
    made.OpticalPathSequence = Items(_optical_paths(source))
    made.NumberOfOpticalPaths = len(made.OpticalPathSequence)
    made.SharedFunctionalGroupsSequence = Items([_shared(source, level, made.ImageType)])
    return made


def _file_meta(syntax: UID) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = VLWholeSlideMicroscopyImageStorage
    meta.MediaStorageSOPInstanceUID = new_uid()
    meta.TransferSyntaxUID = syntax
    return meta


def _add_nobody(made: Dataset, source: Source) -> None:
    made.PatientName = made.PatientBirthDate = made.PatientSex = ""
    made.PatientID = source.slide_id
    made.PatientIdentityRemoved = "YES"
    made.DeidentificationMethod = "The source holds no identity"
    made.LongitudinalTemporalInformationModified = "REMOVED"
    made.StudyDate = made.StudyTime = made.ReferringPhysicianName = made.StudyID = made.AccessionNumber = ""
    made.ContentDate, made.ContentTime = _NO_DATE, _NO_TIME
    made.AcquisitionDateTime, made.AcquisitionDuration = _NO_DATE + _NO_TIME, 0.0


def _add_series(made: Dataset, source: Source, series: Series, instance: int) -> None:
    header = source.slide.header
    made.Modality = "SM"
    made.StudyInstanceUID, made.SeriesInstanceUID = series.study, series.uid
    made.SeriesNumber, made.InstanceNumber = series.number, instance
    made.FrameOfReferenceUID, made.PositionReferenceIndicator = series.frame_of_reference, "SLIDE_CORNER"
    made.PyramidUID = series.pyramid
    made.Manufacturer = made.ManufacturerModelName = (header.scanner if header else "") or UNKNOWN
    made.DeviceSerialNumber = UNKNOWN
    made.SoftwareVersions = (header.software if header else "") or UNKNOWN
    organization = Dataset()
    organization.DimensionOrganizationUID = series.dimensions
    made.DimensionOrganizationSequence = Items([organization])
    made.DimensionOrganizationType = "TILED_FULL"
    made.AcquisitionContextSequence = Items([])


def _add_specimen(made: Dataset, source: Source) -> None:
    made.ContainerIdentifier = source.slide_id
    made.IssuerOfTheContainerIdentifierSequence = Items([])
    made.ContainerTypeCodeSequence = Items([_code(_SLIDE)])
    specimen = Dataset()
    specimen.SpecimenIdentifier = source.slide_id
    specimen.IssuerOfTheSpecimenIdentifierSequence = Items([])
    specimen.SpecimenUID = f"2.25.{uuid.UUID(source.slide_id).int}"
    specimen.SpecimenPreparationSequence = Items([])
    made.SpecimenDescriptionSequence = Items([specimen])


def _add_pixels(made: Dataset, source: Source, frames: Frames) -> None:
    bits = 8 * source.slide.dtype.itemsize
    made.NumberOfFrames = frames.count
    made.Rows = made.Columns = frames.side
    made.SamplesPerPixel = 3 if source.is_rgb else 1
    made.PhotometricInterpretation = frames.photometric
    made.BitsAllocated = made.BitsStored = bits
    made.HighBit, made.PixelRepresentation = bits - 1, 0
    if source.is_rgb:
        made.PlanarConfiguration = 0
    else:
        made.PresentationLUTShape = "IDENTITY"
        made.RescaleIntercept, made.RescaleSlope = 0, 1
    made.BurnedInAnnotation = "NO"
    made.LossyImageCompression = "01" if frames.ratio else "00"
    if frames.ratio:
        made.LossyImageCompressionRatio = format_number_as_ds(frames.ratio)
        made.LossyImageCompressionMethod = "ISO_10918_1"


def _add_slide(made: Dataset, source: Source, level: int, frames: Frames) -> None:
    width, height = source.size(level)
    whole = [side * source.slide.pixel_size_um / 1000 for side in source.slide.size]
    derived = level > 1
    made.ImageType = [
        "DERIVED" if derived or frames.ratio else "ORIGINAL",
        "PRIMARY",
        "VOLUME",
        "RESAMPLED" if derived else "NONE",
    ]
    made.ImagedVolumeWidth, made.ImagedVolumeHeight = whole
    made.ImagedVolumeDepth = _layer_um(source) * source.layers
    made.TotalPixelMatrixColumns, made.TotalPixelMatrixRows = width, height
    made.TotalPixelMatrixFocalPlanes = source.layers
    # Rows of the picture run along -x of the glass and columns along -y, as with the label on the left; the
    # far corner of the picture lies on the corner of the glass, since nobody knows where it really lies.
    made.ImageOrientationSlide = [0, -1, 0, -1, 0, 0]
    origin = Dataset()
    origin.XOffsetInSlideCoordinateSystem = format_number_as_ds(whole[1])
    origin.YOffsetInSlideCoordinateSystem = format_number_as_ds(whole[0])
    made.TotalPixelMatrixOriginSequence = Items([origin])
    made.VolumetricProperties, made.SpecimenLabelInImage = "VOLUME", "NO"
    made.FocusMethod, made.ExtendedDepthOfField = "AUTO", "NO"


def _layer_um(source: Source) -> float:
    return focus_step_um(source.slide) or _THICKNESS_UM


def _shared(source: Source, level: int, image_type: Sequence[str]) -> Dataset:
    measures = Dataset()
    spacing = format_number_as_ds(source.slide.pixel_size_um * level / 1000)
    measures.PixelSpacing = [spacing, spacing]
    measures.SliceThickness = format_number_as_ds(_layer_um(source) / 1000)
    if source.layers > 1:
        measures.SpacingBetweenSlices = format_number_as_ds(_layer_um(source) / 1000)
    kind = Dataset()
    kind.FrameType = image_type
    shared = Dataset()
    shared.PixelMeasuresSequence = Items([measures])
    shared.WholeSlideMicroscopyImageFrameTypeSequence = Items([kind])
    return shared


def _optical_paths(source: Source) -> list[Dataset]:
    if source.is_rgb:
        path = _optical_path(source, 0, "colour", _BRIGHTFIELD)
        path.IlluminationColorCodeSequence = Items([_code(_FULL_SPECTRUM)])
        path.ICCProfile = _srgb()
        path.ColorSpace = "SRGB"
        return [path]
    header = source.slide.header
    light = _BRIGHTFIELD if header and header.modality == "brightfield" else _FLUORESCENCE
    paths = []
    for number, channel in enumerate(source.slide.channels):
        path = _optical_path(source, number, channel.name, light)
        _add_wavelengths(path, channel)
        paths.append(path)
    return paths


def _add_wavelengths(path: Dataset, channel: Channel) -> None:
    if channel.excitation_nm is None:
        path.IlluminationColorCodeSequence = Items([_code(_FULL_SPECTRUM)])
    else:
        path.IlluminationWaveLength = channel.excitation_nm
    if channel.emission_nm is not None:
        path.ImagePathFilterPassThroughWavelength = round(channel.emission_nm)


def _optical_path(source: Source, number: int, name: str, light: tuple[str, str, str]) -> Dataset:
    path = Dataset()
    path.OpticalPathIdentifier = str(number)
    path.OpticalPathDescription = name
    path.IlluminationTypeCodeSequence = Items([_code(light)])
    if source.slide.magnification:
        path.ObjectiveLensPower = format_number_as_ds(float(source.slide.magnification))
    return path


def _code(code: tuple[str, str, str]) -> Dataset:
    made = Dataset()
    made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = code
    return made


def _srgb() -> bytes:
    profile: Any = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    data: bytes = profile.tobytes()
    return data + b"\0" * (len(data) % 2)
