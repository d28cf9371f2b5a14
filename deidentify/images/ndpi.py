"""Hamamatsu's .ndpi: each level is one JPEG strip with restart marks, and a table says where they stand
(https://openslide.org/formats/hamamatsu/). The coded pictures are copied as they are.

The macro photograph, which shows the label, and the map of focus points are left behind: their magnification
is negative. A tag that is on no list stops the slide with its name.
"""

import struct
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, Final

from deidentify.errors import BrokenInput, UnknownContent, UnsupportedFormat
from deidentify.images.codestreams import JPEG, long_jpeg, parts_of
from deidentify.images.likeness import require_one_picture
from deidentify.images.pages import DROPPED, ROWS, Tiles, check_tags, one, same_shape, size_of
from deidentify.images.tiff import NDPI_FLAG, STRIPS, Directory, Layout, Page, Tag

MAKE, VENDOR = 271, b"Hamamatsu\0"  # readers know the format by it
MAGNIFICATION, FOCUS, STARTS, STARTS_HIGH = 65421, 65424, 65426, 65432
KEPT: Final = frozenset({
    254, 256, 257, 258, 259, 262, 274, 277, ROWS, 282, 283, 284, 296, 530, 531, 532,
    NDPI_FLAG, MAGNIFICATION, 65422, 65423, FOCUS, 65425, 65441, 65444,
})  # fmt: skip
LEFT: Final = DROPPED | frozenset({
    270, 65324, 65325, 65427, 65428, 65429, 65430, 65431, 65433, 65434, 65435, 65436, 65437, 65438, 65439,
    65440, 65442, 65443, 65445, 65446, 65447, 65448, 65449, 65450, 65451, 65452, 65453, 65454, 65455, 65456,
    65457, 65458, 65500,
})  # fmt: skip
"""Among them: the label's text, the scanner's serial number, the operator's comments, times."""
KNOWN: Final = KEPT | LEFT | {*STRIPS, STARTS, STARTS_HIGH}


class Strips(Tiles):
    """Strips of hundreds of megabytes: the header is cleaned, the coded picture is looked through and then
    copied, a part at a time."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        super().__init__(file, length)
        self._parts: list[tuple[bytes, int, int]] = []

    def strip(self, offset: int, count: int) -> tuple[int, int]:
        """(key, bytes by which its header became shorter)."""
        if offset <= 0 or offset + count > self.length:
            raise BrokenInput("a strip lies beyond the end of the file")
        if (offset, count) in self._keys:
            raise BrokenInput("two levels share a strip")
        header, begin, end = long_jpeg(self.file, offset, offset + count)
        self._keys[offset, count] = len(self._parts)
        self._parts.append((header, begin, end))
        self.sizes.append(len(header) + end - begin)
        return len(self._parts) - 1, begin - offset - len(header)

    def pieces(self, key: int) -> Iterator[bytes]:
        header, begin, end = self._parts[key]
        yield header
        yield from parts_of(self.file, begin, end)


def clean_strips(
    source: Path, file: BinaryIO, layout: Layout, directories: list[Directory]
) -> tuple[str, list[Page], tuple[str, ...], Tiles]:
    """(vendor, pages to write, what is left behind, their strips).

    Raises UnknownContent, UnsupportedFormat, BrokenInput.
    """
    kept: dict[int, Directory] = {}
    dropped = []
    for number, directory in enumerate(directories):
        check_tags(directory, KNOWN)
        if _magnification(layout, directory) > 0:
            kept[number] = directory
        else:
            dropped.append(f"directory {number}: macro photograph or map")
    if not kept:
        raise UnsupportedFormat("no picture of this file has a magnification")
    base = max(kept.values(), key=lambda directory: size_of(layout, directory)[0])
    for number, directory in kept.items():
        if not same_shape(layout, base, size_of(layout, directory)):
            name = f"directory {number}"
            raise UnknownContent(name, f"{name} is magnified but has not the shape of the slide")
    require_one_picture(source, _layers(layout, kept))
    strips = Strips(file, file.seek(0, 2))
    return "hamamatsu", [_page(layout, one, strips) for one in kept.values()], tuple(dropped), strips


def _magnification(layout: Layout, directory: Directory) -> float:
    tag = directory.get(MAGNIFICATION)
    if tag is None or (tag.kind, tag.count) != (11, 1):
        raise BrokenInput("a picture that does not say its magnification")
    return float(struct.unpack(f"{layout.order}f", tag.data)[0])


def _layers(layout: Layout, kept: dict[int, Directory]) -> list[list[tuple[int, ...]]]:
    """Levels of one focus layer show one picture."""
    layers: dict[bytes, list[tuple[int, ...]]] = {}
    for number, directory in kept.items():
        focus = directory[FOCUS].data if FOCUS in directory else bytes(4)
        layers.setdefault(focus, []).append((number,))
    return list(layers.values())


def _page(layout: Layout, directory: Directory, strips: Strips) -> Page:
    if one(layout, directory, 259, 1) != JPEG:
        raise UnknownContent("compression", "a level that is no JPEG")
    if not all(code in directory and directory[code].count == 1 for code in STRIPS):
        raise UnsupportedFormat("a level of several strips")
    offset, count = (directory[code].numbers(layout.order)[0] for code in STRIPS)
    key, shorter = strips.strip(offset, count)
    tags = [tag for code, tag in directory.items() if code in KEPT]
    tags.append(Tag(MAKE, 2, len(VENDOR), VENDOR))
    if STARTS in directory:
        tags.append(_starts(layout, directory, shorter, strips.sizes[key]))
    return Page(tuple(tags), (key,), tables=STRIPS)


def _starts(layout: Layout, directory: Directory, shorter: int, size: int) -> Tag:
    """Where each part between two restart marks begins, counted from the strip's first byte."""
    if STARTS_HIGH in directory and any(directory[STARTS_HIGH].numbers(layout.order)):
        raise UnsupportedFormat("a level of 4 GiB or more")
    starts = [start - shorter for start in directory[STARTS].numbers(layout.order)]
    if starts[0] <= 0 or starts[-1] >= size or any(a >= b for a, b in pairwise(starts)):
        raise BrokenInput("the table of restart marks does not fit its strip")
    return Tag(STARTS, 4, len(starts), struct.pack(f"{layout.order}{len(starts)}I", *starts))
