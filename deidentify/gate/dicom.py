"""DICOM: the whole file as words up to the pixels, every element's text, and every encapsulated frame."""

from collections.abc import Iterator
from pathlib import Path

import pydicom
from pydicom.encaps import generate_frames
from pydicom.errors import InvalidDicomError

from deidentify.gate.errors import CannotJudge
from deidentify.gate.needles import Grade
from deidentify.gate.streams import Budget, Stream, walk_blob

WORDS = frozenset(
    {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}
)


def walk_dicom(path: Path, view: memoryview, budget: Budget) -> Iterator[Stream]:
    yield Stream("file", Grade.PIXELS, view)
    yield Stream("preamble", Grade.TEXT, bytes(view[:132]))
    try:
        data = pydicom.dcmread(path)
        yield from _elements(data.file_meta, budget)
        yield from _elements(data, budget)
        if "PixelData" in data:
            yield from _frames(data)
    except (InvalidDicomError, OSError, ValueError, KeyError, AttributeError, NotImplementedError) as error:
        raise CannotJudge(f"DICOM cannot be read to its end: {error}") from error


def _elements(data: pydicom.Dataset, budget: Budget) -> Iterator[Stream]:
    for element in data:
        place = str(element.tag)
        if element.VR == "SQ":
            for item in element.value:
                yield from _elements(item, budget)
        elif element.VR in WORDS:
            yield Stream(place, Grade.TEXT, str(element.value).encode("utf-8", "replace"))
        elif isinstance(element.value, bytes) and element.keyword != "PixelData":
            yield from walk_blob(place, element.value, budget)


def _frames(data: pydicom.Dataset) -> Iterator[Stream]:
    if not data.file_meta.TransferSyntaxUID.is_encapsulated:
        yield Stream("pixels", Grade.PIXELS, data.PixelData)
        return
    for number, frame in enumerate(
        generate_frames(data.PixelData, number_of_frames=int(data.get("NumberOfFrames", 1)))
    ):
        # Markers before the first scan hold comments; what is beyond is entropy-coded.
        head = frame[:4096]
        yield Stream(f"frame {number} head", Grade.BINARY, head)
        yield Stream(f"frame {number}", Grade.PIXELS, frame)
