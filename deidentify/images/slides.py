"""A TIFF slide of any kind made clean: which rule does it, then written anew."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from deidentify.errors import CannotCover
from deidentify.images import aperio, ndpi, ome
from deidentify.images.covering import covered
from deidentify.images.pages import TiffReport, Tiles
from deidentify.images.painting import Box
from deidentify.images.tiff import Directory, Layout, Page, read_directories, require_all_referred, write_tiff

Rule = Callable[
    [Path, BinaryIO, Layout, list[Directory]],
    tuple[str, list[Page], tuple[str, ...], Tiles],
]


def clean_tiff(source: Path, destination: BinaryIO, boxes: Sequence[Box] = ()) -> TiffReport:
    """Write the clean slide into ``destination``, open for writing and reading, and look at its length.
    ``boxes`` are made plain on every level.

    Raises UnknownContent, UnsupportedFormat, BrokenInput, CannotCover, NotSound; then ``destination`` is
    worthless.
    """
    with source.open("rb") as file:
        layout, directories = read_directories(file)
        if layout.ndpi and boxes:  # a level is one strip of gigapixels, with a table of its restart marks
            raise CannotCover("regions of an .ndpi slide cannot be covered")
        vendor, pages, dropped, tiles = _rule(layout, directories)(source, file, layout, directories)
        tiles.forbid_overlap()
        with covered(layout, pages, tiles, boxes) as work:
            write_tiff(destination, layout, work.pages, work.sizes, work.pieces)
    destination.flush()
    require_all_referred(destination)
    levels = len(pages[0].levels) + 1 if pages[0].levels else len(pages)
    return TiffReport(vendor, levels, dropped, len(tiles.sizes), work.painted)


def _rule(layout: Layout, directories: list[Directory]) -> Rule:
    if layout.ndpi:
        return ndpi.clean_strips
    return ome.clean_planes if ome.is_ome(directories) else aperio.clean_levels
