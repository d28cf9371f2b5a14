"""Regions that a person covers, in the frames of a DICOM whole-slide image (PS3.3, C.8.12.4): as
`covering`, with the places of the frames as the instance says them.
"""

from collections.abc import Sequence
from typing import Final

from pydicom.dataset import Dataset

from deidentify.errors import BrokenInput, CannotCover
from deidentify.images.covering import check_boxes, inside
from deidentify.images.painting import Box, Cell, Painter

_SUBSAMPLED: Final = "422"


def cover_frames(
    data: Dataset, frames: Sequence[bytes], codec: str, boxes: Sequence[Box]
) -> tuple[list[bytes], int]:
    """The frames, those that a region meets painted, and how many those are. Regions are in px of the
    instance's own matrix. Raises CannotCover, BrokenInput.
    """
    if not boxes:
        return list(frames), 0
    width, height = int(data.TotalPixelMatrixColumns), int(data.TotalPixelMatrixRows)
    check_boxes(boxes, (width, height))
    cell = _cell(data, codec)
    covered, painted = [], 0
    with Painter() as painter:
        for frame, place in zip(frames, _places(data, len(frames), (width, height)), strict=True):
            parts = inside(boxes, place)
            covered.append(painter.paint(frame, cell, parts) if parts else frame)
            painted += bool(parts)
    return covered, painted


def native_frames(data: Dataset, pixels: bytes) -> list[bytes]:
    """Of an instance that is not compressed. Raises BrokenInput."""
    count = int(data.get("NumberOfFrames", 1))
    each = int(data.Rows) * int(data.Columns) * int(data.SamplesPerPixel) * int(data.BitsAllocated) // 8
    if each < 1 or len(pixels) < count * each:
        raise BrokenInput("a DICOM instance with fewer pixels than it says")
    return [pixels[at * each : (at + 1) * each] for at in range(count)]


def _cell(data: Dataset, codec: str) -> Cell:
    if codec == "none" and (
        data.get("PlanarConfiguration", 0) == 1 or _SUBSAMPLED in data.PhotometricInterpretation
    ):
        raise CannotCover("frames in planes or with subsampled colours cannot be painted over")
    return Cell(codec, int(data.Columns), int(data.Rows), int(data.SamplesPerPixel), int(data.BitsAllocated))


def _places(data: Dataset, count: int, size: tuple[int, int]) -> list[Box]:
    """Where each frame lies in the matrix: as it is said of each, or row by row (TILED_FULL)."""
    wide, tall = int(data.Columns), int(data.Rows)
    said = data.get("PerFrameFunctionalGroupsSequence")
    if said and all("PlanePositionSlideSequence" in one for one in said):
        if len(said) != count:
            raise BrokenInput("a DICOM instance with more frames than places, or fewer")
        at = [one.PlanePositionSlideSequence[0] for one in said]
        return [
            (int(p.ColumnPositionInTotalImagePixelMatrix) - 1, int(p.RowPositionInTotalImagePixelMatrix) -
            1, wide, tall) for p in at
        ]  # fmt: skip
    across, down = -(-size[0] // wide), -(-size[1] // tall)
    if count % (across * down):
        raise CannotCover("a DICOM instance that does not say where its frames lie")
    rows = (divmod(number % (across * down), across) for number in range(count))
    return [(column * wide, row * tall, wide, tall) for row, column in rows]
