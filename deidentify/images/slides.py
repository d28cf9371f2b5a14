"""A TIFF slide of any kind made clean: which rule does it, then written anew."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from deidentify.images import aperio, ndpi, ome
from deidentify.images.pages import TiffReport, Tiles
from deidentify.images.tiff import Directory, Layout, Page, read_directories, require_all_referred, write_tiff

Rule = Callable[
    [Path, BinaryIO, Layout, list[Directory]],
    tuple[str, list[Page], tuple[str, ...], Tiles],
]


def clean_tiff(source: Path, destination: BinaryIO) -> TiffReport:
    """Write the clean slide into ``destination``, open for writing and reading, and look at its length.

    Raises UnknownContent, UnsupportedFormat, BrokenInput, NotSound; then ``destination`` is worthless.
    """
    with source.open("rb") as file:
        layout, directories = read_directories(file)
        vendor, pages, dropped, tiles = _rule(layout, directories)(source, file, layout, directories)
        tiles.forbid_overlap()
        write_tiff(destination, layout, pages, tiles.sizes, tiles.pieces)
    destination.flush()
    require_all_referred(destination)
    levels = len(pages[0].levels) + 1 if pages[0].levels else len(pages)
    return TiffReport(vendor, levels, dropped, len(tiles.sizes))


def _rule(layout: Layout, directories: list[Directory]) -> Rule:
    if layout.ndpi:
        return ndpi.clean_strips
    return ome.clean_planes if ome.is_ome(directories) else aperio.clean_levels
