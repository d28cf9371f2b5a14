"""What may stand in a directory of a clean TIFF file, and the tiles or strips that its pages are made of."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import BinaryIO, Final

from deidentify.errors import BrokenInput, UnknownContent
from deidentify.images.codestreams import ACCEPTED, NONE, clean_jpeg, clean_tile
from deidentify.images.icc import clean_profile
from deidentify.images.tiff import STRIPS, TILES, Directory, Layout, Page, Tag

COPIED: Final = frozenset({
    256, 257, 258, 259, 262, 266, 274, 277, 282, 283, 284, 296, 317, 322, 323, 338, 339, 530, 531, 532, 32997,
})  # fmt: skip
REBUILT: Final = frozenset({254, 270, 324, 325, 347, 34675})
"""273, 279 and 330 are too where a picture is in strips or has its levels below it."""
DROPPED: Final = frozenset({
    255, 269, 271, 272, 273, 278, 279, 280, 281, 285, 286, 287, 297, 301, 305, 306, 315, 316, 318, 319,
    333, 337, 340, 341,
    700, 33432, 33723, 34377, 34665, 34853, 37500, 36867, 36868, 42016, 42032, 42033, 42035, 45056,
})  # fmt: skip
LISTED: Final = COPIED | REBUILT | DROPPED
ROWS: Final = 278


@dataclass(frozen=True, slots=True)
class TiffReport:
    """What became of each directory, and how many tiles were painted over."""

    vendor: str
    levels: int
    dropped: tuple[str, ...]
    tiles: int
    painted: int = 0


class Tiles:
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
            self.sizes.append(sum(map(len, self.pieces(len(self._places) - 1))))
        return self._keys[offset, count]

    def pieces(self, key: int) -> Iterable[bytes]:
        offset, count, clean = self._places[key]
        self.file.seek(offset)
        return (clean(self.file.read(count)),)

    def forbid_overlap(self) -> None:
        end = 0
        for offset, count in sorted(self._keys):
            if offset < end:
                raise BrokenInput("two tiles share some of their bytes")
            end = offset + count


def check_tags(directory: Directory, listed: frozenset[int] = LISTED) -> None:
    """Raises UnknownContent for a tag that is on no list."""
    unknown = sorted(directory.keys() - listed)
    if unknown:
        raise UnknownContent(
            f"tag {unknown[0]}", f"TIFF tag {unknown[0]} is on no list: the slide stays here until it is"
        )


def text_of(directory: Directory) -> str:
    """Its description."""
    return directory[270].data.rstrip(b"\0").decode("utf-8", "replace") if 270 in directory else ""


def one(layout: Layout, directory: Directory, code: int, default: int) -> int:
    """The first number of a tag."""
    return directory[code].numbers(layout.order)[0] if code in directory else default


def size_of(layout: Layout, directory: Directory) -> tuple[int, int]:
    """(width, height) in px."""
    return one(layout, directory, 256, 0), one(layout, directory, 257, 0)


def same_shape(layout: Layout, base: Directory, size: tuple[int, int]) -> bool:
    """Whether ``size`` is the base reduced, allowing each side to be cut or rounded by its reduction."""
    width, height = one(layout, base, 256, 0), one(layout, base, 257, 0)
    if min(size) < 1 or size[0] > width or size[1] > height:
        return False
    across, down = width / size[0], height / size[1]
    slack = 2 * max(across, down) / min(*size)
    return abs(across - down) / max(across, down) <= max(slack / max(across, down), 0.004)


def make_page(
    layout: Layout,
    directory: Directory,
    tiles: Tiles,
    *,
    kind: int | None = None,
    description: str = "",
    levels: tuple[Page, ...] = (),
) -> Page:
    """The page anew: tags of the list, its tiles or strips clean, and what the caller says of it.

    ``kind`` replaces the sub-file type where there is one. Raises UnknownContent, BrokenInput.
    """
    compression = one(layout, directory, 259, 1)
    if compression not in ACCEPTED:
        raise UnknownContent(
            f"compression {compression}", f"tiles with compression {compression} are not known"
        )
    tables = TILES if TILES[0] in directory else STRIPS
    tags = [tag for code, tag in directory.items() if code in COPIED]
    if tables == STRIPS:
        tags += [directory[ROWS]] if ROWS in directory else []
    if 254 in directory:
        marked = one(layout, directory, 254, 0) if kind is None else kind
        tags.append(Tag(254, 4, 1, marked.to_bytes(4, "little" if layout.order == "<" else "big")))
    if 347 in directory:
        tags.append(bytes_tag(347, clean_jpeg(directory[347].data)))
    if 34675 in directory and (profile := clean_profile(directory[34675].data)):
        tags.append(bytes_tag(34675, profile))
    if description:
        tags.append(_text_tag(description))
    return Page(tuple(tags), _keys(layout, directory, tiles, compression), levels, tables)


def _keys(layout: Layout, directory: Directory, tiles: Tiles, compression: int) -> tuple[int, ...]:
    at, of = TILES if TILES[0] in directory else STRIPS
    offsets = directory[at].numbers(layout.order) if at in directory else ()
    counts = directory[of].numbers(layout.order) if of in directory else ()
    if len(offsets) != len(counts) or not offsets:
        raise BrokenInput("as many tile offsets as tile lengths are needed")
    most = _raw_bytes(layout, directory, len(offsets)) if compression == NONE else [None] * len(offsets)

    def key(offset: int, count: int, most: int | None) -> int:
        return tiles.key(offset, count, lambda data: clean_tile(data[:most], compression))

    return tuple(key(*one) for one in zip(offsets, counts, most, strict=True))


def _raw_bytes(layout: Layout, directory: Directory, count: int) -> list[int | None]:
    """Of each tile or strip that is not compressed: what stands after them is no picture."""
    bits = directory[258].numbers(layout.order) if 258 in directory else (1,)
    one_plane = one(layout, directory, 284, 1) == 2
    depth = bits[0] if one_plane else bits[0] * one(layout, directory, 277, 1)
    if TILES[0] in directory:
        tile = -(-one(layout, directory, 322, 0) * depth // 8) * one(layout, directory, 323, 0)
        return [tile] * count
    width, height = size_of(layout, directory)
    rows = min(one(layout, directory, ROWS, height), height)
    if rows < 1:
        raise BrokenInput("strips without rows")
    each = -(-height // rows)
    return [-(-width * depth // 8) * min(rows, height - number % each * rows) for number in range(count)]


def bytes_tag(code: int, data: bytes) -> Tag:
    return Tag(code, 7, len(data), data)


def _text_tag(text: str) -> Tag:
    data = text.encode() + b"\0"
    data = data if len(data) % 2 == 0 else data[:-1] + b" \0"
    return Tag(270, 2, len(data), data)
