"""DICOM: Microscopy Bulk Simple Annotations (PS3.3 A.87) and planar measurements in a Comprehensive 3D SR
(TID 1500).

Coordinates are 2D, in px of the total pixel matrix of the image that the file refers to: that is what we
draw in, so nothing is rounded on the way, and no reader needs the image to place them. Coordinates in the
frame of reference (3D, mm) would be worth as much as the glass was measured, which is nothing when the
scanner did not say where on the glass it began.
"""

from pathlib import Path

from pydicom import dcmread

from annotation.exchange.dicom import bulk, report
from annotation.exchange.dicom.header import image_in, image_of, named_image
from annotation.exchange.dicom.opening import PARSING, SIGNATURE, is_dicom, opened
from annotation.exchange.errors import NotReadable, UnsupportedFormat
from annotation.exchange.model import Document, Image, Written

WRITTEN = ("dicom", "dicom-sr")
__all__ = ["WRITTEN", "image_of", "is_dicom", "named_image", "read", "read_image", "write"]


def read(content: bytes) -> tuple[str, Document]:
    """The format's name, and what the file holds. Raises NotReadable, TooLarge, UnsupportedFormat."""
    with opened(content) as data:
        if data.get("SOPClassUID") == bulk.STORAGE:
            return "dicom", bulk.read(data)
        if data.get("SOPClassUID") in report.STORAGES:
            return "dicom-sr", report.read(data)
        raise UnsupportedFormat("This DICOM file is neither bulk annotations nor a structured report.")


def read_image(file: Path) -> Image:
    """The whole slide image in this file, or the largest in this folder. Raises NotReadable."""
    files = sorted(one for one in file.iterdir() if _begins_as_dicom(one)) if file.is_dir() else [file]
    try:
        found = [image_in(dcmread(one, stop_before_pixels=True)) for one in files]
        return max(found, key=lambda image: image.width * image.height)
    except PARSING as error:
        raise NotReadable(f"{file.name} is no whole slide image in DICOM: {error}"[:300]) from error


def _begins_as_dicom(file: Path) -> bool:
    """A folder that was exported holds words about the slide, too."""
    if not file.is_file():
        return False
    with file.open("rb") as stream:
        return is_dicom(stream.read(SIGNATURE.stop))


def write(document: Document, target: str, image: Image | None) -> Written:
    """Without shapes there is nothing that DICOM lets us write: UnsupportedFormat."""
    if not document.shapes:
        raise UnsupportedFormat("There is nothing drawn, and a DICOM file cannot say that.")
    image, notes = named_image(document, image)
    writer = bulk.write if target == "dicom" else report.write
    return Written(writer(document, image), notes)
