"""Aperio and plain tiled TIFF: a new file is built from what is on a list, and the compressed tiles are
copied.

Label, macro photograph and thumbnail are left behind whatever marks them. A tag or description key that is on
no list
stops the slide with its name.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from deidentify.errors import BrokenInput, UnknownContent, UnsupportedFormat
from deidentify.images.codestreams import JPEG, JPEG_2000
from deidentify.images.likeness import require_one_picture
from deidentify.images.pages import Tiles, check_tags, make_page, one, same_shape, size_of, text_of
from deidentify.images.tiff import Directory, Layout, Page

KEPT_KEYS: Final = frozenset({"appmag", "mpp"})
DROPPED_KEYS: Final = frozenset({
    "stripewidth", "scanscope id", "filename", "title", "date", "time", "time zone", "user", "parmset",
    "left", "top",
    "linecameraskew", "lineareaxoffset", "lineareayoffset", "focus offset", "dsr id", "imageid",
    "originalwidth", "originalheight",
    "filtered", "icc profile", "exposure time", "exposure scale", "displaycolor", "sessonmode",
    "sessionmode", "gamma", "rack",
    "slide", "barcode", "calibrationaveragered", "calibrationaveragegreen", "calibrationaverageblue",
    "offsetx", "offsety",
    "physical width", "physical height", "scannertype", "scanner serial number", "serial number",
    "patient", "patient id",
    "patient name", "mrn", "accession", "accession number", "case", "case id", "specimen", "comment",
    "comments", "label",
    "description", "name", "operator", "institution", "hospital", "copyright",
})  # fmt: skip
_QUALITY: Final = re.compile(r"\bQ=(\d{1,3})\b")
_NOT_A_LEVEL: Final = re.compile(rb"\b(?:label|macro|thumbnail)\b", re.IGNORECASE)
_CODECS: Final = {
    1: "RAW",
    5: "LZW",
    8: "DEFLATE",
    32946: "DEFLATE",
    33003: "J2K/YUV16",
    33005: "J2K/KDU",
    34712: "J2K",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What may be said about an Aperio slide: magnification, µm per pixel, quality of its compression."""

    magnification: float | None
    pixel_size_um: float | None
    quality: int | None


def clean_levels(
    source: Path, file: BinaryIO, layout: Layout, directories: list[Directory]
) -> tuple[str, list[Page], tuple[str, ...], Tiles]:
    """(vendor, pages to write, what is left behind, their tiles) of a slide whose levels follow each other.

    Raises UnknownContent, UnsupportedFormat, BrokenInput.
    """
    for directory in directories:
        check_tags(directory)
    facts = _facts(directories) if is_aperio(directories) else None
    levels, dropped = _sort_out(layout, directories)
    main = [n for n, one in enumerate(directories) if any(one is level for level in levels)]
    require_one_picture(source, [[(number,) for number in main]])
    tiles = Tiles(file, file.seek(0, 2))
    pages = [_page(layout, level, tiles, levels[0], facts) for level in levels]
    return "aperio" if facts else "generic-tiff", pages, dropped, tiles


def is_aperio(directories: list[Directory]) -> bool:
    return text_of(directories[0]).startswith("Aperio")


def _page(layout: Layout, directory: Directory, tiles: Tiles, base: Directory, facts: Facts | None) -> Page:
    if facts is None:
        return make_page(layout, directory, tiles)
    text = _describe(layout, directory, base, facts)
    return make_page(layout, directory, tiles, kind=0, description=text)


def _facts(directories: list[Directory]) -> Facts:
    """Values that are kept, checked to be numbers; every other key must be one whose dropping was decided."""
    for directory in directories:
        for key in _pairs(text_of(directory)):
            if key.lower() not in KEPT_KEYS | DROPPED_KEYS:
                raise UnknownContent(
                    f"key {key}",
                    f"the description's key {key!r} is on no list: the slide stays here until it is",
                )
    text = text_of(directories[0])
    pairs = {key.lower(): value for key, value in _pairs(text).items()}
    quality = _QUALITY.search(text)
    return Facts(
        _number(pairs.get("appmag"), 0.1, 400),
        _number(pairs.get("mpp"), 0.001, 1000),
        int(quality.group(1)) if quality and int(quality.group(1)) <= 100 else None,
    )


def _pairs(text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for part in text.split("|")[1:]:
        key, mark, value = part.partition("=")
        if not mark and part.strip():
            raise UnknownContent("a description part without a key", "a part of the description has no key")
        if mark:
            pairs[key.strip()] = value.strip()
    return pairs


def _number(text: str | None, low: float, high: float) -> float | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError as error:
        raise BrokenInput("a magnification or pixel size that is no number") from error
    if not low <= value <= high:
        raise BrokenInput("a magnification or pixel size that is impossible")
    return value


def _sort_out(layout: Layout, directories: list[Directory]) -> tuple[list[Directory], tuple[str, ...]]:
    """Levels of the slide and the rest. A level is tiled, not called otherwise, and has the shape of the
    first one."""
    levels: list[Directory] = []
    dropped: list[str] = []
    for number, directory in enumerate(directories):
        size = size_of(layout, directory)
        kind = one(layout, directory, 254, 0)
        if 324 not in directory:
            dropped.append(f"directory {number}: {size[0]} x {size[1]}, not tiled")
        elif kind not in (0, 1) or (
            number and _NOT_A_LEVEL.search(directory[270].data if 270 in directory else b"")
        ):
            dropped.append(f"directory {number}: {size[0]} x {size[1]}, marked as label, macro or thumbnail")
        elif levels and not same_shape(layout, levels[0], size):
            raise UnknownContent(
                f"directory {number}", f"directory {number} is tiled but has not the shape of the slide"
            )
        else:
            levels.append(directory)
    if 324 not in directories[0] or not levels:
        raise UnsupportedFormat("the first picture of this TIFF file is not tiled")
    return levels, tuple(dropped)


def _describe(layout: Layout, directory: Directory, base: Directory, facts: Facts) -> str:
    width, height = size_of(layout, base)
    size = size_of(layout, directory)
    tile = (one(layout, directory, 322, 0), one(layout, directory, 323, 0))
    compression = one(layout, directory, 259, 1)
    codec = (
        "JPEG/RGB"
        if compression == JPEG
        else _CODECS.get(compression, "J2K" if compression in JPEG_2000 else "ZSTD")
    )
    reduced = "" if directory is base else f" -> {size[0]}x{size[1]}"
    quality = f" Q={facts.quality}" if facts.quality is not None else ""
    text = f"Aperio Image Library\r\n{width}x{height} [0,0 {width}x{height}]"
    text += f" ({tile[0]}x{tile[1]}){reduced} {codec}{quality}"
    if facts.magnification is not None:
        text += f"|AppMag = {facts.magnification:g}"
    if facts.pixel_size_um is not None:
        text += f"|MPP = {facts.pixel_size_um:.6g}"
    return text
