"""What every DICOM file of ours says before it comes to the annotations."""

import hashlib
import uuid
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, VLWholeSlideMicroscopyImageStorage

from annotation.exchange import jsons
from annotation.exchange.errors import NotReadable
from annotation.exchange.model import Document, Image

NAMESPACE: Final = uuid.UUID("6ad5a7b4-9f0e-5d0e-9a5c-3f4c1b0f7c11")
SCHEME: Final = "99NOCTURNE"  # our labels are words, not codes: PS3.16 8.2 leaves such names to us
DATE: Final = "19000101"  # PS3.15 Annex E's dummy: an annotation says nobody's dates
TIME: Final = "000000"
OUR_GROUP: Final = 0x0077
OUR_NAME: Final = "NOCTURNE"
OUR_ELEMENT: Final = 0x01
LONGEST: Final = 64
REFERENCE: Final = ("study", "series", "instance", "frame_of_reference")
Code = tuple[str, str, str]
PATIENT: Final = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime",
    "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip


def uid(*words: str) -> str:
    """A UID that follows from these words: 2.25 and a UUID, PS3.5 B.2."""
    return f"2.25.{uuid.uuid5(NAMESPACE, '/'.join(words)).int}"


def image_of(name: str, width: int = 0, height: int = 0) -> Image:
    """The image of a slide by its id, where no DICOM file of it exists: the same UIDs every time."""
    study, series, instance, frame = (
        uid(name, word) for word in ("study", "series", "instance", "frame of reference")
    )
    return Image(study, series, instance, frame, width, height, {"PatientID": name[:LONGEST]})


def named_image(document: Document, image: Image | None) -> tuple[Image, tuple[str, ...]]:
    """The image to refer to: the one given, the one that the file was about, or one that nobody has."""
    if image is not None:
        return image, ()
    known = document.extra.get("dicom", {}).get("image")
    if isinstance(known, Mapping) and all(isinstance(known.get(name), str) for name in REFERENCE):
        return Image(**{name: known[name] for name in REFERENCE}), ()
    made = image_of(hashlib.sha256(repr(document.shapes).encode()).hexdigest()[:32])
    return made, ("No image was named: the file refers to one that does not exist.",)


def image_in(data: Dataset) -> Image:
    """The image that a DICOM file of a slide's largest level is: a file about it repeats whose it is."""
    return Image(
        str(data.StudyInstanceUID),
        str(data.SeriesInstanceUID),
        str(data.SOPInstanceUID),
        str(data.get("FrameOfReferenceUID", "")),
        int(data.TotalPixelMatrixColumns),
        int(data.TotalPixelMatrixRows),
        {name: str(data.get(name) or "") for name in PATIENT},
    )


def started(storage: str, modality: str, image: Image, content: bytes) -> Dataset:
    """A data set up to its content; `content` is what its own UID follows from."""
    made = Dataset()
    made.SpecificCharacterSet = "ISO_IR 192"
    made.SOPClassUID, made.Modality = UID(storage), modality
    instance = uid(image.instance, modality, hashlib.sha256(content).hexdigest())
    made.SOPInstanceUID = UID(instance)
    for name in PATIENT:
        setattr(made, name, image.patient.get(name, ""))
    made.StudyInstanceUID, made.SeriesInstanceUID = image.study, uid(image.series, modality)
    made.SeriesNumber, made.InstanceNumber = 1, 1
    made.Manufacturer, made.ManufacturerModelName = "Nocturne", "Nocturne"
    made.DeviceSerialNumber, made.SoftwareVersions = "1", "1"
    made.ContentDate, made.ContentTime = DATE, TIME
    made.file_meta = FileMetaDataset()
    made.file_meta.MediaStorageSOPClassUID = UID(storage)
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return made


def reference(image: Image) -> Dataset:
    made = Dataset()
    made.ReferencedSOPClassUID = VLWholeSlideMicroscopyImageStorage
    made.ReferencedSOPInstanceUID = image.instance
    return made


def referred(data: Dataset) -> dict[str, str]:
    """The image that a file refers to, as UIDs; nothing else of its header is kept, for it names people."""
    found = {"study": str(data.get("StudyInstanceUID", "")), "series": "", "instance": ""}
    found["frame_of_reference"] = str(data.get("FrameOfReferenceUID", ""))
    for series in data.get("ReferencedSeriesSequence") or ():
        found["series"] = str(series.get("SeriesInstanceUID", ""))
        for one in series.get("ReferencedInstanceSequence") or ():
            found["instance"] = str(one.get("ReferencedSOPInstanceUID", ""))
    return found


def saved(data: Dataset) -> bytes:
    stream = BytesIO()
    data.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def tell(data: Dataset, text: str) -> None:
    data.private_block(OUR_GROUP, OUR_NAME, create=True).add_new(OUR_ELEMENT, "UT", text)


def told_in(data: Dataset) -> str | None:
    try:
        return str(data.private_block(OUR_GROUP, OUR_NAME)[OUR_ELEMENT].value)
    except KeyError:
        return None


def coded(code: Code) -> Dataset:
    made = Dataset()
    made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = code
    return made


def code_of(data: Dataset, keyword: str) -> Code | None:
    """The first code of a sequence, by whichever of its three places the value stands in."""
    items = data.get(keyword)
    if not items:
        return None
    one = items[0]
    value = one.get("CodeValue") or one.get("LongCodeValue") or one.get("URNCodeValue") or ""
    return str(value), str(one.get("CodingSchemeDesignator", "")), str(one.get("CodeMeaning", ""))


def label_code(label: str) -> Code:
    if not label:
        return ("unlabelled", SCHEME, "Unlabelled")
    return (hashlib.sha256(label.encode()).hexdigest()[:16], SCHEME, words(label))


def words(text: str, end: str = "") -> str:
    """A text as a DICOM short value: one line, no backslash, at most 64 characters."""
    plain = "".join(c if c.isprintable() and c != "\\" else "_" for c in text).strip() or "Unlabelled"
    return plain[: LONGEST - len(end)] + end


def kept_code(value: Any) -> Code | None:
    """A code that came with a file and was kept as a list; None where it is none."""
    if (
        not isinstance(value, list | tuple)
        or len(value) != 3
        or not all(isinstance(one, str) for one in value)
    ):
        return None
    return value[0], value[1], value[2]


def kept_measurement(one: Any) -> tuple[Code, Code, float]:
    """(name, unit, value) of a measurement that came with a file. Raises NotReadable."""
    name, unit = kept_code(jsons.value(one, "name")), kept_code(jsons.value(one, "unit"))
    number = jsons.value(one, "value")
    if name is None or unit is None or not isinstance(number, int | float):
        raise NotReadable("A measurement has no code or no value.")
    return name, unit, float(number)
