"""A TIFF slide of any kind made clean: which rule does it, then written anew."""

from pathlib import Path
from typing import BinaryIO

from deidentify.images import aperio, ome
from deidentify.images.pages import TiffReport
from deidentify.images.tiff import read_directories, require_all_referred, write_tiff


def clean_tiff(source: Path, destination: BinaryIO) -> TiffReport:
    """Write the clean slide into ``destination``, open for writing and reading, and look at its length.

    Raises UnknownContent, UnsupportedFormat, BrokenInput, NotSound; then ``destination`` is worthless.
    """
    with source.open("rb") as file:
        layout, directories = read_directories(file)
        rule = ome.clean_planes if ome.is_ome(directories) else aperio.clean_levels
        vendor, pages, dropped, tiles = rule(source, file, layout, directories)
        tiles.forbid_overlap()
        write_tiff(destination, layout, pages, tiles.sizes, tiles.read)
    destination.flush()
    require_all_referred(destination)
    levels = len(pages[0].levels) + 1 if pages[0].levels else len(pages)
    return TiffReport(vendor, levels, dropped, len(tiles.sizes))
