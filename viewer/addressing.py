"""Which part of a slide an address means, and how large it comes out: IIIF Image API 3, Deep Zoom, µm.

Pure arithmetic on px of level 1. What an address cannot mean raises BadInput; a tile that no slide of this
size has raises NotFound.
"""

import math
import re
from dataclasses import dataclass
from typing import NamedTuple

from core.errors import BadInput, NotFound

TILE_SIZE = 512
MOST_PX = 1 << 24
"""px of a picture that is composed for one request: 4096 x 4096."""
MOST_SIDE = 1 << 14
"""px of its longer side."""

Size = tuple[int, int]
_NUMBER = r"(\d{1,9}(?:\.\d{1,9})?)"
_REGION = re.compile(rf"(pct:)?{_NUMBER},{_NUMBER},{_NUMBER},{_NUMBER}", re.ASCII)
_PERCENT = re.compile(rf"pct:{_NUMBER}", re.ASCII)
_SIDES = re.compile(r"(!)?([1-9]\d{0,8})?,([1-9]\d{0,8})?", re.ASCII)
_ROTATION = re.compile(rf"(!)?{_NUMBER}", re.ASCII)


class Box(NamedTuple):
    """A rectangle in px of level 1."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Turn:
    """Mirrored left to right first, then turned clockwise."""

    mirrored: bool = False
    degrees: float = 0.0


def iiif_region(text: str, slide: Size) -> Box:
    """`full`, `square`, `x,y,w,h` or `pct:x,y,w,h`, cut off where the slide ends."""
    if text == "full":
        return Box(0, 0, *slide)
    if text == "square":
        side = min(slide)
        return Box((slide[0] - side) // 2, (slide[1] - side) // 2, side, side)
    found = _REGION.fullmatch(text)
    if found is None or not (found[1] or "." not in text):
        raise BadInput("A region is full, square, x,y,w,h or pct:x,y,w,h.", region=text)
    x, y, width, height = (float(number) for number in found.groups()[1:])
    if found[1]:
        across, down = slide[0] / 100, slide[1] / 100
        x, y, width, height = x * across, y * down, width * across, height * down
    left, top = round(x), round(y)
    right, bottom = min(slide[0], round(x + width)), min(slide[1], round(y + height))
    if right <= left or bottom <= top:
        raise BadInput("The region is empty, or lies beyond the slide.", region=text, slide=slide)
    return Box(left, top, right - left, bottom - top)


def iiif_size(text: str, box: Box) -> Size:
    """How large a region comes out: `max`, `pct:n`, `w,`, `,h`, `w,h`, `!w,h`; with ^ also enlarged."""
    larger, plain = text.startswith("^"), text.removeprefix("^")
    wanted = _largest(box, larger=larger) if plain == "max" else _asked(plain, box, larger=larger)
    _require_small(wanted)
    if not larger and (wanted[0] > box.width or wanted[1] > box.height):
        raise BadInput("The region is smaller than that: ask with ^ for it to be enlarged.", size=text)
    return wanted


def _asked(text: str, box: Box, *, larger: bool) -> Size:
    if percent := _PERCENT.fullmatch(text):
        return _scaled(box, float(percent[1]) / 100)
    sides = _SIDES.fullmatch(text)
    if sides is None or not (sides[2] or sides[3]) or (sides[1] and not (sides[2] and sides[3])):
        raise BadInput("A size is max, pct:n, w,  ,h  w,h or !w,h; ^ before it enlarges.", size=text)
    width, height = (int(side) if side else None for side in sides.groups()[1:])
    scales = [side / of for side, of in ((width, box.width), (height, box.height)) if side is not None]
    if sides[1]:
        scale = min(scales) if larger else min(1.0, *scales)  # fits in the box that was named
        return min(_scaled(box, scale)[0], width or 0), min(_scaled(box, scale)[1], height or 0)
    return width or _scaled(box, scales[0])[0], height or _scaled(box, scales[0])[1]


def _largest(box: Box, *, larger: bool) -> Size:
    scale = min(math.sqrt(MOST_PX / (box.width * box.height)), MOST_SIDE / max(box.width, box.height))
    if scale >= 1 and not larger:
        return box.width, box.height
    return max(1, math.floor(box.width * scale)), max(1, math.floor(box.height * scale))


def _require_small(size: Size) -> None:
    if min(size) < 1 or max(size) > MOST_SIDE or size[0] * size[1] > MOST_PX:
        raise BadInput(f"A picture has 1 to {MOST_PX:,} px, and {MOST_SIDE:,} on a side.", size=size)


def _scaled(box: Box, scale: float) -> Size:
    return max(1, round(box.width * scale)), max(1, round(box.height * scale))


def iiif_rotation(text: str) -> Turn:
    """`n` or `!n`, 0 to 360 degrees."""
    found = _ROTATION.fullmatch(text)
    if found is None or float(found[2]) > 360:
        raise BadInput("A rotation is 0 to 360 degrees; ! before it mirrors.", rotation=text)
    return Turn(bool(found[1]), float(found[2]) % 360)


def scale_factors(slide: Size) -> list[int]:
    """1, 2, 4 … up to where the whole slide fits in one tile."""
    steps = max(0, math.ceil(math.log2(max(slide) / TILE_SIZE)))
    return [1 << step for step in range(steps + 1)]


def viewer_tile(level: int, column: int, row: int, slide: Size) -> tuple[Box, Size]:
    """A tile of the viewer's own grid, where level 0 is full size; the last ones reach beyond the slide."""
    factors = scale_factors(slide)
    if level >= len(factors):
        raise NotFound("The slide has no such zoom layer.", level=level)
    side = TILE_SIZE * factors[level]
    if column * side >= slide[0] or row * side >= slide[1]:
        raise NotFound("The slide ends before this tile.", column=column, row=row)
    return Box(column * side, row * side, side, side), (TILE_SIZE, TILE_SIZE)


def deep_zoom_tile(level: int, column: int, row: int, slide: Size) -> tuple[Box, Size]:
    """A tile of Deep Zoom: level 0 is 1 x 1 px, the last is full size; cut off where the slide ends."""
    last = math.ceil(math.log2(max(slide)))
    if level > last:
        raise NotFound("The slide has no such zoom layer.", level=level)
    factor = 1 << (last - level)
    left, top = column * TILE_SIZE, row * TILE_SIZE
    width = min(TILE_SIZE, -(-slide[0] // factor) - left)
    height = min(TILE_SIZE, -(-slide[1] // factor) - top)
    if width < 1 or height < 1:
        raise NotFound("The slide ends before this tile.", column=column, row=row)
    x, y = left * factor, top * factor
    box = Box(x, y, min(width * factor, slide[0] - x), min(height * factor, slide[1] - y))
    return box, (width, height)


def within(slide: Size, longest: int) -> Size:
    """The size of the whole slide with no side longer than that; never enlarged."""
    return _scaled(Box(0, 0, *slide), min(1.0, longest / max(slide)))


def micrometres(text: str, pixel_size_um: float | None, longest: int | None) -> tuple[Box, Size]:
    """`x,y,width,height` in µm from the slide's corner, to the nearest px; its longer side `longest` px."""
    try:
        x, y, width, height = (float(number) for number in text.split(","))
    except ValueError as error:
        raise BadInput("Say um=x,y,width,height.", um=text) from error
    if not pixel_size_um:
        raise BadInput("This slide does not say how large its pixels are: ask by px.")
    numbers = [number / pixel_size_um for number in (x, y, x + width, y + height)]
    if not all(abs(number) < 1e9 for number in numbers) or width <= 0 or height <= 0:
        raise BadInput("This region cannot be.", um=text)
    left, top, right, bottom = (round(number) for number in numbers)
    box = Box(left, top, max(1, right - left), max(1, bottom - top))
    size = _scaled(box, longest / max(box.width, box.height)) if longest else (box.width, box.height)
    _require_small(size)
    return box, size
