"""DICOM: the whole file as words up to the pixels, every element's text, and every encapsulated frame."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
import pydicom
from pydicom.encaps import generate_frames
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.uid import JPEG2000TransferSyntaxes, JPEGLSTransferSyntaxes, JPEGTransferSyntaxes

from deidentify.gate.blobs import walk_blob, walk_inside
from deidentify.gate.codestreams import codestream_words, walk_jpeg
from deidentify.gate.errors import CannotJudge
from deidentify.gate.needles import Grade
from deidentify.gate.pictures import as_bytes
from deidentify.gate.streams import Budget, Finding, Picture, Stream

WORDS: Final = frozenset(
    {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}
)
SMALL_PIXELS: Final = 8_000_000
MOST_HEADER: Final = 4 << 20
MOST_DEPTH: Final = 12
LABELS: Final = frozenset({"LABEL", "OVERVIEW", "LOCALIZER"})
_BROKEN: Final = (
    InvalidDicomError, BytesLengthException, OSError,
    ValueError, LookupError, AttributeError, NotImplementedError, TypeError,
    RecursionError, EOFError,
)  # fmt: skip


def walk_dicom(path: Path, view: memoryview, budget: Budget) -> Iterator[Stream | Finding]:
    yield Stream("file", Grade.PIXELS, view)
    yield Stream("preamble", Grade.TEXT, bytes(view[:132]))
    try:
        data = pydicom.dcmread(path)
        head = bytes(view[: min(len(view), MOST_HEADER)])
        yield Stream("header", Grade.BINARY, head[: _pixels_at(head)])
        yield from walk_inside("header", head[: _pixels_at(head)], budget)
        yield from _elements(data.file_meta, budget)
        yield from _elements(data, budget)
        yield from _label(data)
        if "PixelData" in data:
            yield from _frames(data, budget)
            _pictures(data, budget)
    except _BROKEN as error:
        raise CannotJudge(f"DICOM cannot be read to its end: {error}") from error


def _pixels_at(head: bytes) -> int:
    found = max(head.rfind(b"\xe0\x7f\x10\x00"), 0)
    return found or len(head)


def _label(data: pydicom.Dataset) -> Iterator[Finding]:
    """An instance that shows the label is a finding by itself, whatever can be read on it."""
    kinds = {str(kind).upper() for kind in data.get("ImageType", None) or ()}
    if kinds & LABELS or data.get("SpecimenLabelInImage", "NO") == "YES":
        yield Finding("image type", "structure", "a label or macro photograph")
    if data.get("BurnedInAnnotation", "NO") == "YES":
        yield Finding("image type", "structure", "an annotation burned into the pixels")


def _elements(data: pydicom.Dataset, budget: Budget, depth: int = 0) -> Iterator[Stream]:
    if depth > MOST_DEPTH:
        raise CannotJudge(f"sequences nested deeper than {MOST_DEPTH}")
    for element in data:
        place = str(element.tag)
        if element.VR == "SQ":
            for item in element.value:
                yield from _elements(item, budget, depth + 1)
        elif element.VR in WORDS:
            text = str(element.value).encode("utf-8", "replace")
            yield from chain(
                [Stream(place, Grade.TEXT, text)], walk_blob(place, text, budget) if text else ()
            )
        elif isinstance(element.value, bytes) and element.keyword != "PixelData":
            yield from walk_blob(place, element.value, budget)


def _frames(data: pydicom.Dataset, budget: Budget) -> Iterator[Stream]:
    syntax = data.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated:
        yield Stream("pixels", Grade.PIXELS, data.PixelData)
        return
    count = int(data.get("NumberOfFrames", 1))
    for number, frame in enumerate(generate_frames(data.PixelData, number_of_frames=count)):
        place = f"frame {number}"
        if syntax in JPEG2000TransferSyntaxes:
            start = max(frame.find(b"\xff\x4f\xff\x51"), 0)
            yield Stream(f"{place} wrapper", Grade.TEXT, frame[:start])
            yield Stream(f"{place} comments", Grade.TEXT, codestream_words(frame[start:]))
            yield Stream(place, Grade.PIXELS, frame)
        elif syntax in JPEGTransferSyntaxes or syntax in JPEGLSTransferSyntaxes:
            yield from walk_jpeg(place, frame)
        else:
            budget.unopened.append(f"{place}: {syntax.name}")
            yield Stream(place, Grade.BINARY, frame)


def _pictures(data: pydicom.Dataset, budget: Budget) -> None:
    """The slide put together from its frames, when it is small enough for somebody to read words on it."""
    rows, columns = int(data.Rows), int(data.Columns)
    frames = int(data.get("NumberOfFrames", 1))
    if rows * columns * frames > SMALL_PIXELS or not rows * columns * frames:
        return
    try:
        pixels = np.asarray(data.pixel_array).reshape(frames, rows, columns, -1)
    except (*_BROKEN, RuntimeError) as error:
        budget.unopened.append(f"pixels: {type(error).__name__}")
        return
    wide = -(-int(data.get("TotalPixelMatrixColumns", columns)) // columns)
    if picture := _mosaic(pixels, wide):
        budget.pictures.append(picture)


def _mosaic(frames: np.ndarray[Any, Any], wide: int) -> Picture | None:
    count, rows, columns, samples = frames.shape
    if wide < 1 or count % wide:
        wide = 1
    grid = frames.reshape(count // wide, wide, rows, columns, samples)
    pixels = as_bytes(grid.swapaxes(1, 2).reshape(count // wide * rows, wide * columns, samples))
    return Picture("pixels", pixels, may_show_words=False) if pixels is not None else None
