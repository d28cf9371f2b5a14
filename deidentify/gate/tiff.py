"""TIFF, classic and big, by its bytes: what a directory refers to, what lies between, and each strip and tile
opened."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import tifffile

from deidentify.gate.blobs import walk_blob, walk_inside
from deidentify.gate.codestreams import codestream_words, walk_jpeg
from deidentify.gate.errors import CannotJudge
from deidentify.gate.needles import Grade
from deidentify.gate.pictures import LEGIBLE, as_bytes
from deidentify.gate.streams import Budget, Finding, Picture, Stream, inflate

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
POINTERS: Final = frozenset({330, 34665, 34853, 40965})
ARRAYS: Final = frozenset({273, 279, 324, 325})
MOST_DIRECTORIES: Final = 1000
SMALL_PIXELS: Final = 8_000_000
MOST_PICTURES: Final = 200


@dataclass(frozen=True, slots=True)
class Field:
    code: int
    kind: int
    count: int
    data: bytes
    position: int

    def numbers(self, order: str) -> tuple[int, ...]:
        letter = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}.get(self.kind)
        return struct.unpack_from(f"{order}{self.count}{letter}", self.data) if letter else ()


class TiffWalker:
    """Walks one file held in memory (a map of it)."""

    def __init__(self, data: memoryview, budget: Budget) -> None:
        self.data, self.budget = data, budget
        self.order = "<" if bytes(data[:2]) == b"II" else ">"
        self.big = struct.unpack(self.order + "H", data[2:4])[0] == 43
        self.ranges: list[tuple[int, int]] = [(0, 16 if self.big else 8)]
        self.findings: list[Finding] = []
        self.base: tuple[int, int] | None = None

    def walk(self) -> Iterator[Stream]:
        start = (
            struct.unpack(self.order + "Q", self.data[8:16])[0]
            if self.big
            else struct.unpack(self.order + "I", self.data[4:8])[0]
        )
        yield Stream("header", Grade.BINARY, bytes(self.data[:16]))
        seen: set[int] = set()
        queue = [start]
        while queue:
            offset = queue.pop(0)
            if offset == 0:
                continue
            if offset in seen or len(seen) >= MOST_DIRECTORIES:
                raise CannotJudge("the chain of directories loops or has no end")
            seen.add(offset)
            fields, following = self._directory(offset)
            queue.insert(0, following)
            for code in POINTERS & fields.keys():
                queue += fields[code].numbers(self.order)
            yield from self._page(f"directory {len(seen) - 1}", fields)
        yield from self._gaps()

    def _take(self, offset: int, length: int) -> bytes:
        if offset < 0 or offset + length > len(self.data):
            raise CannotJudge("a directory refers to bytes beyond the end of the file")
        self.ranges.append((offset, offset + length))
        return bytes(self.data[offset : offset + length])

    def _directory(self, offset: int) -> tuple[dict[int, Field], int]:
        head, entry, word = (8, 20, "Q") if self.big else (2, 12, "I")
        count = struct.unpack(self.order + ("Q" if self.big else "H"), self._take(offset, head))[0]
        if count > 4096:
            raise CannotJudge(f"a directory of {count} entries")
        table = self._take(offset + head, count * entry + struct.calcsize(word))
        fields: dict[int, Field] = {}
        for number in range(count):
            raw = table[number * entry : (number + 1) * entry]
            code, kind, items = struct.unpack(self.order + "HH" + word, raw[: entry - struct.calcsize(word)])
            if kind not in SIZES:
                raise CannotJudge(f"tag {code} has the unknown type {kind}")
            length, inline = SIZES[kind] * items, raw[-struct.calcsize(word) :]
            where = offset + head + (number + 1) * entry - len(inline)
            if length > len(inline):
                where = struct.unpack(self.order + word, inline)[0]
                inline = self._take(where, length)
            fields[code] = Field(code, kind, items, inline, where)
        return fields, struct.unpack(self.order + word, table[count * entry :])[0]

    def _page(self, place: str, fields: dict[int, Field]) -> Iterator[Stream]:
        for tag in fields.values():
            if tag.code in ARRAYS:
                yield Stream(f"{place} tag {tag.code}", Grade.PIXELS, tag.data)
            elif tag.kind == 2 or tag.kind in (1, 6, 7):
                yield Stream(f"{place} tag {tag.code}", Grade.TEXT, tag.data)
                if tag.code != 347:
                    yield from walk_blob(f"{place} tag {tag.code}", tag.data.rstrip(b"\0"), self.budget)
            else:
                yield Stream(f"{place} tag {tag.code}", Grade.BINARY, tag.data)
        one = {code: (tag.numbers(self.order) or (0,))[0] for code, tag in fields.items()}
        width, height, compression = one.get(256, 0), one.get(257, 0), one.get(259, 1)
        self._judge_page(place, fields, one, (width, height))
        offsets, lengths = (fields.get(324) or fields.get(273)), (fields.get(325) or fields.get(279))
        if offsets is None or lengths is None:
            return
        tables = fields[347].data if 347 in fields else b""
        if tables:
            yield from walk_jpeg(f"{place} tables", tables)
        for number, (offset, length) in enumerate(
            zip(offsets.numbers(self.order), lengths.numbers(self.order), strict=True)
        ):
            if length:
                yield from self._tile(f"{place} tile {number}", self._take(offset, length), compression)

    def _judge_page(
        self, place: str, fields: dict[int, Field], one: dict[int, int], size: tuple[int, int]
    ) -> None:
        """A label, a macro photograph or any other picture that is no level of the slide is a finding by
        itself."""
        tiled, kind = 324 in fields, one.get(254, 0)
        description = fields[270].data.lower() if 270 in fields else b""
        if b"label" in description or b"macro" in description or kind == 9 or (kind == 1 and not tiled):
            self.findings.append(Finding(place, "structure", "a label or macro photograph"))
        if self.base is None:
            self.base = size if min(size) > 0 else None
            return
        ratio = (size[0] / self.base[0], size[1] / self.base[1])
        if tiled and abs(ratio[0] - ratio[1]) * max(self.base) * ratio[0] > 0.02 * max(size) + 4 * max(
            1.0, ratio[0]
        ):
            self.findings.append(Finding(place, "structure", "a picture that is no level of the slide"))

    def _tile(self, place: str, data: bytes, compression: int) -> Iterator[Stream]:
        if compression in (6, 7) and data[:2] == b"\xff\xd8":
            yield from walk_jpeg(place, data)
            return
        yield Stream(place, Grade.PIXELS, data)
        if compression in (33003, 33005, 34712):
            yield Stream(f"{place}>comments", Grade.TEXT, codestream_words(data))
        elif compression in (8, 32946):
            yield Stream(f"{place}>pixels", Grade.PIXELS, inflate(place, data, self.budget) or b"")
            yield Stream(f"{place}>after the end", Grade.TEXT, _after_zlib(data))
        elif compression in (5, 32773, 34925, 50000):
            yield Stream(f"{place}>pixels", Grade.PIXELS, _decode(place, data, compression))
        elif compression not in (1, 6, 7, 50001, 50002):
            raise CannotJudge(f"{place}: compression {compression}")

    def _gaps(self) -> Iterator[Stream]:
        """Bytes that nothing refers to: where unlinked labels and overwritten texts go on living."""
        end = 0
        for low, high in [*sorted(self.ranges), (len(self.data), len(self.data))]:
            if low > end:
                yield Stream(
                    f"unreferenced bytes at {end}",
                    Grade.TEXT if low - end < 1 << 16 else Grade.BINARY,
                    self.data[end:low],
                )
                yield from walk_inside(f"unreferenced bytes at {end}", bytes(self.data[end:low]), self.budget)
            end = max(end, high)


def _after_zlib(data: bytes) -> bytes:
    machine = zlib.decompressobj()
    try:
        machine.decompress(data)
    except zlib.error:
        return data
    return machine.unused_data


def _decode(place: str, data: bytes, compression: int) -> bytes:
    try:
        decoded = tifffile.TIFF.DECOMPRESSORS[compression](data)
    except (ValueError, KeyError, RuntimeError) as error:
        raise CannotJudge(f"{place}: cannot be inflated: {error}") from error
    return bytes(decoded)


def walk_tiff(path: Path, data: memoryview, budget: Budget) -> Iterator[Stream | Finding]:
    """Every stream, then every page that is no level; pages small enough to be a label are put by as
    pictures."""
    walker = TiffWalker(data, budget)
    yield from walker.walk()
    yield from walker.findings
    with tifffile.TiffFile(path) as source:
        main = [page.aspage() for page in source.pages]
        pages = [*main, *(level.aspage() for page in main for level in page.pages or ())]
        small = [number for number, page in enumerate(pages) if page.size <= SMALL_PIXELS * 4]
        if not small and pages:
            budget.pictures += _corners(pages[-1])
        for number in small[: MOST_PICTURES + 1]:
            page = pages[number]
            pixels = as_bytes(page.asarray()) if page.imagelength * page.imagewidth <= SMALL_PIXELS else None
            if pixels is not None:
                other = not page.is_tiled and (page.imagewidth, page.imagelength) != walker.base
                budget.pictures.append(Picture(f"directory {number}", pixels, may_show_words=other))


def _corners(page: tifffile.TiffPage) -> Iterator[Picture]:
    """The four corner tiles of a slide that has no small level."""
    if not page.is_tiled:
        return
    across, down = -(-page.imagewidth // page.tilewidth), -(-page.imagelength // page.tilelength)
    for index in sorted({0, across - 1, across * (down - 1), across * down - 1}):
        page.parent.filehandle.seek(page.dataoffsets[index])
        stored = page.parent.filehandle.read(page.databytecounts[index])
        tile = page.decode(stored, index, jpegtables=page.jpegtables)[0] if stored else None
        pixels = as_bytes(tile) if tile is not None else None
        if pixels is not None and min(pixels.shape[:2]) >= LEGIBLE:
            yield Picture(f"corner tile {index}", pixels, may_show_words=False)
