"""Slides as a NanoZoomer writes them, made as openslide.org describes the format."""

import struct
from pathlib import Path
from typing import Any

import cv2

from deidentify.images.tiff import Layout, Page, Tag, write_tiff
from tests.deidentify.making import reduced, segment, tissue

PERSON = b"Quentin Vandermeer"
LAYOUT = Layout("<", big=False, ndpi=True)


def jpeg(picture: Any, restart: int, words: bytes = b"") -> bytes:
    how = [cv2.IMWRITE_JPEG_RST_INTERVAL, restart, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x111111]
    done, data = cv2.imencode(".jpg", picture[..., ::-1], how)
    assert done
    stored = data.tobytes()
    return stored[:2] + (segment(0xFE, words) if words else b"") + stored[2:]


def number(code: int, kind: int, *values: float) -> Tag:
    letter = {3: "H", 4: "I", 9: "i", 11: "f"}[kind]
    return Tag(code, kind, len(values), struct.pack(f"<{len(values)}{letter}", *values))


def text(code: int, words: bytes) -> Tag:
    return Tag(code, 2, len(words) + 1, words + b"\0")


def starts(strip: bytes) -> list[int]:
    """Where the parts between restart marks begin, found as a decoder would."""
    begin = strip.index(b"\xff\xda")
    begin += 2 + int.from_bytes(strip[begin + 2 : begin + 4], "big")
    marks = [
        at + 2 for at in range(begin, len(strip) - 1) if strip[at] == 0xFF and 0xD0 <= strip[at + 1] <= 0xD7
    ]
    return [begin, *marks]


def page(picture: Any, lens: float, key: int, strip: bytes, *more: Tag, words: bytes = PERSON) -> Page:
    high, wide = picture.shape[:2]
    parts = number(65426, 4, *starts(strip))
    tags = (
        number(256, 4, wide), number(257, 4, high), number(258, 3, 8, 8, 8), number(259, 3, 7),
        number(262, 3, 6), number(277, 3, 3), number(278, 4, high), number(65420, 4, 1),
        number(65421, 11, lens), number(65424, 9, 0), parts, text(271, b"Hamamatsu of " + words),
        text(65427, words), text(65442, words),
        text(65449, b"Comments=" + words), text(306, b"2020:01:01 00:00:00"), *more,
    )  # fmt: skip
    return Page(tags, (key,), tables=(273, 279))


def make_ndpi(
    path: Path, *more: Tag, words: bytes = PERSON, told: bytes = PERSON, second: Any = None
) -> Path:
    """Two levels, 512 and 128 px, and a macro photograph; ``words`` in two JPEG streams, ``told`` in tags."""
    pictures = [tissue(512), reduced(tissue(512), 4) if second is None else second, tissue(64)]
    strips = [jpeg(pictures[0], 8, words), jpeg(pictures[1], 2, words), jpeg(pictures[2], 0)]
    pages = [
        page(pictures[0], 20.0, 0, strips[0], *more, words=told),
        page(pictures[1], 5.0, 1, strips[1], words=told),
        page(pictures[2], -1.0, 2, strips[2], words=told),
    ]
    with path.open("wb") as file:
        write_tiff(file, LAYOUT, pages, [len(strip) for strip in strips], lambda key: (strips[key],))
    return path
