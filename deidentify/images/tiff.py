"""TIFF directories read and written by their bytes, so that compressed tiles pass through untouched."""

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import BinaryIO, Final

from deidentify.errors import BrokenInput

MOST_DIRECTORIES: Final = 1000
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
    """Byte order (``<`` or ``>``) and whether offsets have 64 bits."""

    order: str
    big: bool

    @property
    def word(self) -> str:
        return "Q" if self.big else "I"

    @property
    def inline(self) -> int:
        return 8 if self.big else 4


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
    return layout, directories


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
    """A page to write: its tags without tile offsets and counts, and one key per tile into the tiles to
    copy."""

    tags: tuple[Tag, ...]
    tiles: tuple[int, ...]


def write_tiff(
    file: BinaryIO, layout: Layout, pages: list[Page], sizes: list[int], tile: Callable[[int], bytes]
) -> None:
    """Write a new file: header, directories with their values, then each tile once. Every byte is referred
    to.

    ``sizes[k]`` is the length of tile ``k`` and ``tile(k)`` its bytes; a page's tile key -1 is an empty tile.
    """
    head = 16 if layout.big else 8
    plans = [_with_tables(layout, page, [0] * len(sizes), sizes) for page in pages]
    tail = head + sum(_directory_size(layout, tags) for tags in plans)
    start = tail + sum(len(tag.data) for tags in plans for tag in tags if _goes_last(layout, tag))
    offsets = list(accumulate(sizes, initial=start))
    if not layout.big and offsets[-1] >= 1 << 32:
        raise BrokenInput("the clean file does not fit into 4 GiB")
    mark = b"II" if layout.order == "<" else b"MM"
    file.write(
        mark
        + (
            struct.pack(layout.order + "HHHQ", 43, 8, 0, 16)
            if layout.big
            else struct.pack(layout.order + "HI", 42, 8)
        )
    )
    position, last_values = head, b""
    for number, page in enumerate(pages):
        tags = _with_tables(layout, page, offsets, sizes)
        following = position + _directory_size(layout, tags)
        file.write(
            _directory_bytes(
                layout, tags, (position, following if number + 1 < len(pages) else 0, tail + len(last_values))
            )
        )
        last_values += b"".join(tag.data for tag in tags if _goes_last(layout, tag))
        position = following
    file.write(last_values)
    for key, size in enumerate(sizes):
        data = tile(key)
        if len(data) != size:
            raise BrokenInput("the input changed while it was read")
        file.write(data)


def _goes_last(layout: Layout, tag: Tag) -> bool:
    """Values of odd length follow all directories, which then start on even offsets with no filling byte."""
    return len(tag.data) > layout.inline and len(tag.data) % 2 == 1


def _with_tables(layout: Layout, page: Page, offsets: list[int], sizes: list[int]) -> list[Tag]:
    kind = 16 if layout.big else 4

    def table(code: int, numbers: Iterable[int]) -> Tag:
        values = list(numbers)
        return Tag(code, kind, len(values), struct.pack(f"{layout.order}{len(values)}{layout.word}", *values))

    tables = [
        table(324, (offsets[key] if key >= 0 else 0 for key in page.tiles)),
        table(325, (sizes[key] if key >= 0 else 0 for key in page.tiles)),
    ]
    return sorted([*page.tags, *tables], key=lambda tag: tag.code)


def _directory_size(layout: Layout, tags: list[Tag]) -> int:
    head, entry = (8, 20) if layout.big else (2, 12)
    values = sum(
        len(tag.data) for tag in tags if len(tag.data) > layout.inline and not _goes_last(layout, tag)
    )
    return head + entry * len(tags) + layout.inline + values


def _directory_bytes(layout: Layout, tags: list[Tag], places: tuple[int, int, int]) -> bytes:
    """``places``: where this directory stands, where the next one stands, where its next value of odd length
    goes."""
    position, following, tail = places
    head, entry = (8, 20) if layout.big else (2, 12)
    table = [struct.pack(layout.order + ("Q" if layout.big else "H"), len(tags))]
    values: list[bytes] = []
    where = position + head + entry * len(tags) + layout.inline
    for tag in tags:
        table.append(struct.pack(layout.order + "HH" + layout.word, tag.code, tag.kind, tag.count))
        if _goes_last(layout, tag):
            table.append(struct.pack(layout.order + layout.word, tail))
            tail += len(tag.data)
        elif len(tag.data) > layout.inline:
            table.append(struct.pack(layout.order + layout.word, where))
            values.append(tag.data)
            where += len(tag.data)
        else:
            table.append(tag.data.ljust(layout.inline, b"\0"))
    table.append(struct.pack(layout.order + layout.word, following))
    return b"".join(table + values)
