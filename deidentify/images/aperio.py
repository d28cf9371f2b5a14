"""Aperio and plain tiled TIFF: a new file is built from what is on a list, and the compressed tiles are
copied.

Label, macro photograph and thumbnail are left behind whatever marks them. A tag or description key that is on
no list
stops the slide with its name.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from deidentify.errors import BrokenInput, UnknownContent, UnsupportedFormat
from deidentify.images.codestreams import ACCEPTED, JPEG, JPEG_2000, NONE, clean_jpeg, clean_tile
from deidentify.images.icc import clean_profile
from deidentify.images.likeness import require_one_picture
from deidentify.images.tiff import Directory, Layout, Page, Tag, read_directories, write_tiff

COPIED: Final = frozenset({
    256, 257, 258, 259, 262, 266, 274, 277, 282, 283, 284, 296, 317, 322, 323, 338, 339, 530, 531, 532, 32997,
})  # fmt: skip
REBUILT: Final = frozenset({254, 270, 324, 325, 347, 34675})
DROPPED: Final = frozenset({
    255, 269, 271, 272, 273, 278, 279, 280, 281, 285, 286, 287, 297, 301, 305, 306, 315, 316, 318, 319,
    333, 337, 340, 341,
    700, 33432, 33723, 34377, 34665, 34853, 37500, 36867, 36868, 42016, 42032, 42033, 42035, 45056,
})  # fmt: skip
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


@dataclass(frozen=True, slots=True)
class TiffReport:
    """What became of each directory."""

    vendor: str
    levels: int
    dropped: tuple[str, ...]
    tiles: int


def clean_tiff(source: Path, destination: BinaryIO) -> TiffReport:
    """Write the clean slide. Raises UnknownContent, UnsupportedFormat or BrokenInput; then ``destination`` is
    worthless."""
    with source.open("rb") as file:
        layout, directories = read_directories(file)
        for directory in directories:
            _check_tags(directory)
        aperio = _text(directories[0]).startswith("Aperio")
        facts = _facts(directories) if aperio else None
        levels, dropped = _sort_out(layout, directories)
        require_one_picture(source, [n for n, one in enumerate(directories) if any(one is x for x in levels)])
        tiles = _Tiles(file, file.seek(0, 2))
        pages = [_page(layout, level, tiles, levels, facts) for level in levels]
        tiles.forbid_overlap()
        write_tiff(destination, layout, pages, tiles.sizes, tiles.read)
    return TiffReport("aperio" if aperio else "generic-tiff", len(levels), dropped, len(tiles.sizes))


class _Tiles:
    """The tiles of the input, each kept once however often it is referred to."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self.file, self.length = file, length
        self.sizes: list[int] = []
        self._places: list[tuple[int, int, Callable[[bytes], bytes]]] = []
        self._keys: dict[tuple[int, int], int] = {}

    def key(self, offset: int, count: int, clean: Callable[[bytes], bytes]) -> int:
        if count == 0:
            return -1
        if offset <= 0 or offset + count > self.length:
            raise BrokenInput("a tile lies beyond the end of the file")
        if (offset, count) not in self._keys:
            self._keys[offset, count] = len(self._places)
            self._places.append((offset, count, clean))
            self.sizes.append(len(self.read(len(self._places) - 1)))
        return self._keys[offset, count]

    def read(self, key: int) -> bytes:
        offset, count, clean = self._places[key]
        self.file.seek(offset)
        return clean(self.file.read(count))

    def forbid_overlap(self) -> None:
        end = 0
        for offset, count in sorted(self._keys):
            if offset < end:
                raise BrokenInput("two tiles share some of their bytes")
            end = offset + count


def _check_tags(directory: Directory) -> None:
    unknown = sorted(directory.keys() - COPIED - REBUILT - DROPPED)
    if unknown:
        raise UnknownContent(
            f"tag {unknown[0]}", f"TIFF tag {unknown[0]} is on no list: the slide stays here until it is"
        )


def _text(directory: Directory) -> str:
    return directory[270].data.rstrip(b"\0").decode("utf-8", "replace") if 270 in directory else ""


def _facts(directories: list[Directory]) -> Facts:
    """Values that are kept, checked to be numbers; every other key must be one whose dropping was decided."""
    for directory in directories:
        for key in _pairs(_text(directory)):
            if key.lower() not in KEPT_KEYS | DROPPED_KEYS:
                raise UnknownContent(
                    f"key {key}",
                    f"the description's key {key!r} is on no list: the slide stays here until it is",
                )
    text = _text(directories[0])
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


def _one(layout: Layout, directory: Directory, code: int, default: int) -> int:
    return directory[code].numbers(layout.order)[0] if code in directory else default


def _sort_out(layout: Layout, directories: list[Directory]) -> tuple[list[Directory], tuple[str, ...]]:
    """Levels of the slide and the rest. A level is tiled, not called otherwise, and has the shape of the
    first one."""
    levels: list[Directory] = []
    dropped: list[str] = []
    for number, directory in enumerate(directories):
        size = (_one(layout, directory, 256, 0), _one(layout, directory, 257, 0))
        kind = _one(layout, directory, 254, 0)
        if 324 not in directory:
            dropped.append(f"directory {number}: {size[0]} x {size[1]}, not tiled")
        elif kind not in (0, 1) or (
            number and _NOT_A_LEVEL.search(directory[270].data if 270 in directory else b"")
        ):
            dropped.append(f"directory {number}: {size[0]} x {size[1]}, marked as label, macro or thumbnail")
        elif levels and not _same_shape(layout, levels[0], size):
            raise UnknownContent(
                f"directory {number}", f"directory {number} is tiled but has not the shape of the slide"
            )
        else:
            levels.append(directory)
    if 324 not in directories[0] or not levels:
        raise UnsupportedFormat("the first picture of this TIFF file is not tiled")
    return levels, tuple(dropped)


def _same_shape(layout: Layout, base: Directory, size: tuple[int, int]) -> bool:
    """Whether ``size`` is the base reduced, allowing each side to be cut or rounded by its reduction."""
    width, height = _one(layout, base, 256, 0), _one(layout, base, 257, 0)
    if min(size) < 1 or size[0] > width or size[1] > height:
        return False
    across, down = width / size[0], height / size[1]
    slack = 2 * max(across, down) / min(*size)
    return abs(across - down) / max(across, down) <= max(slack / max(across, down), 0.004)


def _page(
    layout: Layout, directory: Directory, tiles: _Tiles, levels: list[Directory], facts: Facts | None
) -> Page:
    compression = _one(layout, directory, 259, 1)
    if compression not in ACCEPTED:
        raise UnknownContent(
            f"compression {compression}", f"tiles with compression {compression} are not known"
        )
    offsets, counts = (
        directory[324].numbers(layout.order),
        directory[325].numbers(layout.order) if 325 in directory else (),
    )
    if len(offsets) != len(counts):
        raise BrokenInput("as many tile offsets as tile lengths are needed")
    most = _raw_bytes(layout, directory) if compression == NONE else None
    keys = tuple(
        tiles.key(offset, count, lambda data: clean_tile(data[:most], compression))
        for offset, count in zip(offsets, counts, strict=True)
    )
    tags = [tag for code, tag in directory.items() if code in COPIED]
    if 254 in directory:
        kind = 0 if facts is not None else _one(layout, directory, 254, 0)
        tags.append(Tag(254, 4, 1, kind.to_bytes(4, "little" if layout.order == "<" else "big")))
    if 347 in directory:
        tags.append(_bytes_tag(347, clean_jpeg(directory[347].data)))
    if 34675 in directory and (profile := clean_profile(directory[34675].data)):
        tags.append(_bytes_tag(34675, profile))
    if facts is not None:
        text = _describe(layout, directory, levels, facts).encode() + b"\0"
        text = text if len(text) % 2 == 0 else text[:-1] + b" \0"
        tags.append(Tag(270, 2, len(text), text))
    return Page(tuple(tags), keys)


def _raw_bytes(layout: Layout, directory: Directory) -> int:
    """Of a tile that is not compressed: what stands after them is no picture."""
    bits = directory[258].numbers(layout.order) if 258 in directory else (1,)
    one_plane = _one(layout, directory, 284, 1) == 2
    depth = bits[0] if one_plane else bits[0] * _one(layout, directory, 277, 1)
    return -(-_one(layout, directory, 322, 0) * depth // 8) * _one(layout, directory, 323, 0)


def _bytes_tag(code: int, data: bytes) -> Tag:
    return Tag(code, 7, len(data), data)


def _describe(layout: Layout, directory: Directory, levels: list[Directory], facts: Facts) -> str:
    base = levels[0]
    width, height = _one(layout, base, 256, 0), _one(layout, base, 257, 0)
    size = (_one(layout, directory, 256, 0), _one(layout, directory, 257, 0))
    tile = (_one(layout, directory, 322, 0), _one(layout, directory, 323, 0))
    compression = _one(layout, directory, 259, 1)
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
