"""OME-TIFF: the planes of one picture, each with its levels below it (tag 330), in tiles or in strips.

What the OME-XML does not count to the first picture is left behind: labels, macro photographs, others.
"""

from pathlib import Path
from typing import BinaryIO, Final

from deidentify.errors import BrokenInput, UnknownContent, UnsupportedFormat
from deidentify.images.likeness import require_one_picture
from deidentify.images.omexml import Mosaic, read_ome, write_ome
from deidentify.images.pages import (
    LISTED,
    ROWS,
    Tiles,
    check_tags,
    make_page,
    same_shape,
    size_of,
    text_of,
)
from deidentify.images.tiff import STRIPS, SUB_DIRECTORIES, TILES, Directory, Layout, Page, read_levels

KNOWN: Final = LISTED | {SUB_DIRECTORIES, ROWS, *STRIPS}


def is_ome(directories: list[Directory]) -> bool:
    text = text_of(directories[0]).lstrip("\ufeff \r\n\t")
    return text.startswith("<") and "openmicroscopy.org/schemas/ome" in text.lower()


def clean_planes(
    source: Path, file: BinaryIO, layout: Layout, directories: list[Directory]
) -> tuple[str, list[Page], tuple[str, ...], Tiles]:
    """(vendor, pages to write, what is left behind, their tiles).

    Raises UnknownContent, UnsupportedFormat, BrokenInput.
    """
    slide = read_ome(text_of(directories[0]), len(directories))
    levels = {
        plane.directory: read_levels(file, layout, directories[plane.directory]) for plane in slide.planes
    }
    for number, below in levels.items():
        _check(layout, slide, directories[number], below, number)
    require_one_picture(
        source, [[(number,), *((number, at) for at in range(len(below)))] for number, below in levels.items()]
    )
    tiles = Tiles(file, file.seek(0, 2))
    pages = []
    for place, (number, below) in enumerate(levels.items()):
        small = tuple(make_page(layout, level, tiles) for level in below)
        text = write_ome(slide) if place == 0 else ""
        pages.append(make_page(layout, directories[number], tiles, description=text, levels=small))
    others = (f"directory {number}" for number in range(len(directories)) if number not in levels)
    return "ome", pages, (*slide.dropped, *others), tiles


def _check(layout: Layout, slide: Mosaic, main: Directory, below: list[Directory], number: int) -> None:
    for directory in (main, *below):
        check_tags(directory, KNOWN)
    if size_of(layout, main) != (slide.sizes["SizeX"], slide.sizes["SizeY"]):
        raise BrokenInput(f"directory {number} has not the size that the OME-XML says")
    for at, level in enumerate(below):
        if TILES[0] not in level:
            raise UnsupportedFormat(f"level {at} of directory {number} is not tiled")
        if not same_shape(layout, main, size_of(layout, level)):
            raise UnknownContent(
                f"level {at} of directory {number}",
                f"level {at} of directory {number} has not the shape of the slide",
            )
