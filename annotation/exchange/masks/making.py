"""A document becomes mask files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from annotation.exchange import carried
from annotation.exchange.errors import UnsupportedFormat
from annotation.exchange.masks.drawing import drawing_of
from annotation.exchange.masks.files import write_ome, write_png
from annotation.exchange.masks.table import colours_of, table_of, write_table
from annotation.exchange.model import Document

MOST_FILES: Final = 255


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a mask is drawn: for a slide of `size` px of level 1, one px for `step` of them; a value for each
    label or for each shape; or a black and white file for each label.
    """

    size: tuple[int, int]
    step: float = 1.0
    instances: bool = False
    each_label: bool = False


def write_masks(
    document: Document, target: str, file: Path, wanted: Wanted
) -> tuple[list[Path], tuple[str, ...]]:
    """The files written (the last is the table of values, JSON), and what they do not say. Raises
    UnsupportedFormat and TooLarge.
    """
    drawing, labels = drawing_of(document, wanted.size, step=wanted.step, instances=wanted.instances)
    if wanted.each_label and (wanted.instances or target != "mask-png" or len(labels) > MOST_FILES):
        raise UnsupportedFormat(f"A file for each label is a PNG of labels, at most {MOST_FILES} of them.")
    files: Sequence[Path] = [file]
    if target == "mask-ome":
        write_ome(drawing, file, document.mpp)
    elif wanted.each_label:
        files = [file.with_suffix(f".{value}.png") for value in range(1, len(labels) + 1)]
        for value, one in enumerate(files, start=1):
            write_png(drawing.only(value), one, [])
    else:
        write_png(drawing, file, [] if wanted.instances else colours_of(document, labels))
    table = file.with_suffix(".json")
    write_table(table_of(document, drawing, labels, instances=wanted.instances), table)
    return [*files, table], carried.notes_on(document, target)
