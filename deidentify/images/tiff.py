"""TIFF directories read and written by their bytes, so that compressed tiles pass through untouched."""

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import BinaryIO, Final

from deidentify.errors import BrokenInput, NotSound, UnknownContent, UnsupportedFormat

MOST_DIRECTORIES: Final = 1000
MOST_LEVELS: Final = 64
SUB_DIRECTORIES: Final = 330
NDPI_FLAG: Final = 65420
TILES: Final = (324, 325)
STRIPS: Final = (273, 279)
MOST_ENTRIES: Final = 512
MOST_TAG_BYTES: Final = 64 << 20
SIZES: Final = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
LETTERS: Final = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}


@dataclass(frozen=True, slots=True)
class Tag:
    """One entry of a directory: its type and its value as stored, in the byte order of the file."""

    code: int
    kind: int
    count: int
    data: bytes

    def numbers(self, order: str) -> tuple[int, ...]:
        if self.kind not in LETTERS:
            raise BrokenInput(f"tag {self.code} holds no whole numbers")
        if not self.count:
            raise BrokenInput(f"tag {self.code} holds nothing")
        return struct.unpack(f"{order}{self.count}{LETTERS[self.kind]}", self.data)


Directory = dict[int, Tag]


@dataclass(frozen=True, slots=True)
class Layout:
    """Byte order (``<`` or ``>``) and whether offsets have 64 bits. Hamamatsu's (``ndpi``) have 32 in the
    entries, and the upper halves stand after all entries of a directory; those between directories have 64.
    """

    order: str
    big: bool
    ndpi: bool = False

    @property
    def word(self) -> str:
        return "Q" if self.big else "I"

    @property
    def head(self) -> int:
        return 16 if self.big else 12 if self.ndpi else 8

    @property
    def inline(self) -> int:
        return 8 if self.big else 4

    def directory_bytes(self, entries: int) -> int:
        """Of a directory without its values: their number, the entries, and where the next one stands."""
        if self.ndpi:
            return 2 + 12 * entries + 8 + 4 * entries
        return (8 + 20 * entries if self.big else 2 + 12 * entries) + self.inline


def read_directories(file: BinaryIO) -> tuple[Layout, list[Directory]]:
    """All directories of the main chain. Raises BrokenInput for loops, impossible counts and offsets beyond
    the end."""
    length = file.seek(0, 2)
    head = _read(file, 0, 8, length)
    if head[:2] not in (b"II", b"MM"):
        raise BrokenInput("no TIFF file")
    order = "<" if head[:2] == b"II" else ">"
    magic = struct.unpack(order + "H", head[2:4])[0]
    if magic not in (42, 43):
        raise BrokenInput("no TIFF file")
    layout = Layout(order, magic == 43)
    if not layout.big and length >= 1 << 32:
        raise UnsupportedFormat("a TIFF file of 4 GiB or more whose offsets have 32 bits")
    offset = (
        struct.unpack(order + "Q", _read(file, 8, 8, length))[0]
        if layout.big
        else struct.unpack(order + "I", head[4:])[0]
    )
    seen: set[int] = set()
    directories: list[Directory] = []
    while offset:
        if offset in seen or len(seen) >= MOST_DIRECTORIES:
            raise BrokenInput("the chain of directories loops or has no end")
        seen.add(offset)
        directory, offset = _read_directory(file, layout, offset, length)
        directories.append(directory)
    if not directories:
        raise BrokenInput("a TIFF file without a picture")
    return replace(layout, ndpi=NDPI_FLAG in directories[0] and not layout.big), directories


def read_levels(file: BinaryIO, layout: Layout, directory: Directory) -> list[Directory]:
    """The directories that tag 330 of this one points to: its reduced levels. Raises BrokenInput, and
    UnknownContent where one of them begins a chain of its own.
    """
    if SUB_DIRECTORIES not in directory:
        return []
    length = file.seek(0, 2)
    offsets = directory[SUB_DIRECTORIES].numbers(layout.order)
    if len(offsets) > MOST_LEVELS or len(set(offsets)) != len(offsets):
        raise BrokenInput("a picture with more reduced levels than any slide has, or one of them twice")
    levels = []
    for offset in offsets:
        level, following = _read_directory(file, layout, offset, length)
        if following:
            raise UnknownContent("tag 330", "a reduced level after which more directories follow")
        levels.append(level)
    return levels


def _read(file: BinaryIO, offset: int, count: int, length: int) -> bytes:
    if offset < 0 or count > MOST_TAG_BYTES or offset + count > length:
        raise BrokenInput("the file ends before what its directories refer to")
    file.seek(offset)
    return file.read(count)


def _read_directory(file: BinaryIO, layout: Layout, offset: int, length: int) -> tuple[Directory, int]:
    head, entry = (8, 20) if layout.big else (2, 12)
    count = struct.unpack(layout.order + ("Q" if layout.big else "H"), _read(file, offset, head, length))[0]
    if not 0 < count <= MOST_ENTRIES:
        raise BrokenInput(f"a directory of {count} entries")
    table = _read(file, offset + head, count * entry + layout.inline, length)
    directory: Directory = {}
    for number in range(count):
        raw = table[number * entry : (number + 1) * entry]
        code, kind, items = struct.unpack(layout.order + "HH" + layout.word, raw[: -layout.inline])
        if kind not in SIZES:
            raise BrokenInput(f"tag {code} has the unknown type {kind}")
        size = SIZES[kind] * items
        if size > layout.inline:
            where = struct.unpack(layout.order + layout.word, raw[-layout.inline :])[0]
            data = _read(file, where, size, length)
        else:
            data = raw[-layout.inline :][:size]
        if code in directory:
            raise BrokenInput(f"tag {code} stands twice in one directory")
        directory[code] = Tag(code, kind, items, data)
    return directory, struct.unpack(layout.order + layout.word, table[count * entry :])[0]


@dataclass(frozen=True, slots=True)
class Page:
    """A page to write: its tags without offsets and counts, one key per tile (or strip) into those to copy,
    and its reduced levels, which tag 330 will point to."""

    tags: tuple[Tag, ...]
    tiles: tuple[int, ...]
    levels: tuple["Page", ...] = ()
    tables: tuple[int, int] = TILES


def write_tiff(
    file: BinaryIO,
    layout: Layout,
    pages: list[Page],
    sizes: list[int],
    tile: Callable[[int], Iterable[bytes]],
) -> None:
    """Write a new file: header, directories with their values, then each tile once. Every byte is referred
    to.

    ``sizes[k]`` is the length of tile ``k`` and ``tile(k)`` its bytes, in pieces; a page's tile key -1 is an
    empty tile.
    """
    flat = [one for page in pages for one in (page, *page.levels)]
    nowhere = [0] * max(len(sizes), len(flat))
    plans = [_with_tables(layout, page, nowhere, sizes, nowhere[: len(page.levels)]) for page in flat]
    starts = list(accumulate((_directory_size(layout, tags) for tags in plans), initial=layout.head))
    tail = starts[-1]
    offsets = list(
        accumulate(sizes, initial=tail + sum(len(tag.data) for tags in plans for tag in _last(layout, tags)))
    )
    if not layout.big and offsets[-1] >= 1 << 32:
        raise BrokenInput("the clean file does not fit into 4 GiB")
    file.write(_header(layout))
    last_values = b""
    for number, page in enumerate(flat):
        below = starts[number + 1 : number + 1 + len(page.levels)]
        tags = _with_tables(layout, page, offsets, sizes, below)
        following = _following(flat, pages, number, starts)
        file.write(_directory_bytes(layout, tags, (starts[number], following, tail + len(last_values))))
        last_values += b"".join(tag.data for tag in _last(layout, tags))
    file.write(last_values)
    for key, size in enumerate(sizes):
        if sum(file.write(piece) for piece in tile(key)) != size:
            raise BrokenInput("the input changed while it was read")


def require_all_referred(file: BinaryIO) -> None:
    """Raises NotSound where the length of a file is not the sum of what its directories refer to."""
    layout, directories = read_directories(file)
    told, tiles = layout.head, set[tuple[int, int]]()
    for directory in [one for main in directories for one in (main, *read_levels(file, layout, main))]:
        told += layout.directory_bytes(len(directory))
        told += sum(len(tag.data) for tag in directory.values() if len(tag.data) > layout.inline)
        for offsets, counts in (TILES, STRIPS):
            if offsets in directory:
                places = (directory[code].numbers(layout.order) for code in (offsets, counts))
                tiles.update(zip(*places, strict=True))
    if told + sum(size for _, size in tiles) != file.seek(0, 2):
        raise NotSound("the clean file is not as long as what it refers to")


def _header(layout: Layout) -> bytes:
    mark = b"II" if layout.order == "<" else b"MM"
    if layout.big:
        return mark + struct.pack(layout.order + "HHHQ", 43, 8, 0, layout.head)
    return mark + struct.pack(layout.order + ("HQ" if layout.ndpi else "HI"), 42, layout.head)


def _following(flat: list[Page], pages: list[Page], number: int, starts: list[int]) -> int:
    """Where the next page of the main chain stands; reduced levels are in no chain."""
    page = flat[number]
    if page is pages[-1] or not any(page is main for main in pages):
        return 0
    return starts[number + 1 + len(page.levels)]


def _last(layout: Layout, tags: list[Tag]) -> list[Tag]:
    """Values of odd length follow all directories, which then start on even offsets with no filling byte."""
    return [tag for tag in tags if len(tag.data) > layout.inline and len(tag.data) % 2 == 1]


def _with_tables(
    layout: Layout, page: Page, offsets: list[int], sizes: list[int], below: list[int]
) -> list[Tag]:
    kind = 16 if layout.big else 4

    def table(code: int, numbers: Iterable[int], kind: int) -> Tag:
        values = list(numbers)
        return Tag(code, kind, len(values), struct.pack(f"{layout.order}{len(values)}{layout.word}", *values))

    tables = [
        table(page.tables[0], (offsets[key] if key >= 0 else 0 for key in page.tiles), kind),
        table(page.tables[1], (sizes[key] if key >= 0 else 0 for key in page.tiles), kind),
    ]
    if below:
        tables.append(table(SUB_DIRECTORIES, below, 18 if layout.big else 13))
    return sorted([*page.tags, *tables], key=lambda tag: tag.code)


def _directory_size(layout: Layout, tags: list[Tag]) -> int:
    last = _last(layout, tags)
    values = sum(len(tag.data) for tag in tags if len(tag.data) > layout.inline and tag not in last)
    return layout.directory_bytes(len(tags)) + values


def _directory_bytes(layout: Layout, tags: list[Tag], places: tuple[int, int, int]) -> bytes:
    """``places``: where this directory stands, where the next one stands, where its next value of odd length
    goes."""
    position, following, tail = places
    table = [struct.pack(layout.order + ("Q" if layout.big else "H"), len(tags))]
    values: list[bytes] = []
    where = position + layout.directory_bytes(len(tags))
    last = _last(layout, tags)
    for tag in tags:
        table.append(struct.pack(layout.order + "HH" + layout.word, tag.code, tag.kind, tag.count))
        if tag in last:
            table.append(struct.pack(layout.order + layout.word, tail))
            tail += len(tag.data)
        elif len(tag.data) > layout.inline:
            table.append(struct.pack(layout.order + layout.word, where))
            values.append(tag.data)
            where += len(tag.data)
        else:
            table.append(tag.data.ljust(layout.inline, b"\0"))
    table.append(struct.pack(layout.order + ("Q" if layout.ndpi else layout.word), following))
    table.append(bytes(4 * len(tags)) if layout.ndpi else b"")
    return b"".join(table + values)
