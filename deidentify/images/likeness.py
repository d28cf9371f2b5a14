"""Whether the levels of a slide show one picture. A label that is stored in tiles and has the slide's shape
looks like a level in every tag; only its pixels give it away.

``python -m deidentify.images.likeness FILE 0,3,4 ...`` decodes a few tiles of strangers' making, so it runs
in a process of its own with limits, and says which directory is another picture. ``1.0`` is the first level
that tag 330 of directory 1 points to.
"""

import resource
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

from deidentify.errors import BrokenInput, UnknownContent

MEMORY_MIB: Final = 2048
CPU_S: Final = 120
MOST_TILE_PX: Final = 4096 * 4096
PLACES: Final = 8  # of each level: where it has most to show
SMALLEST_PX, LARGEST_PX = 16, 128  # side of a place
BLANK: Final = 4.0  # standard deviation in grey levels of 255, below which a place shows nothing
APART: Final = 25.0  # grey levels by which two blank places differ in brightness
ALIKE: Final = 0.6  # correlation of two places of one picture, at the best of a few shifts
SHIFT_PX: Final = 2
OTHER: Final = 3  # exit code
_CHECKOUT: Final = Path(__file__).resolve().parents[2]

Grey = NDArray[np.float32]
Place = tuple[int, ...]
"""Of a directory: its number in the chain, then that of a level below it."""


def require_one_picture(source: Path, groups: Sequence[Sequence[Place]]) -> None:
    """Of each group, the levels of one picture: raises UnknownContent for a directory that shows something
    else than the next finer one, BrokenInput for tiles that cannot be decoded within the limits.
    """
    asked = [",".join(".".join(map(str, place)) for place in group) for group in groups if len(group) > 1]
    if not asked:
        return
    asked = [sys.executable, "-m", "deidentify.images.likeness", str(source.resolve()), *asked]
    try:
        done = subprocess.run(
            asked, capture_output=True, text=True, timeout=2 * CPU_S, check=False, cwd=_CHECKOUT
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BrokenInput("the slide's levels took longer to compare than they may") from error
    if done.returncode == OTHER:
        name = f"directory {done.stdout.strip()}"
        raise UnknownContent(name, f"{name} has the shape of the slide and shows something else")
    if done.returncode != 0:
        raise BrokenInput("the slide's levels cannot be compared: a tile of theirs cannot be decoded")


def stranger(source: Path, group: Sequence[Place]) -> Place | None:
    """The first of these directories that shows another picture than the next finer one; None where all show
    the same. Of each, the places with most to show are looked at, ``PLACES`` at most.
    """
    with tifffile.TiffFile(source) as file:
        pages = {place: _page_at(file.pages, place) for place in group}
        order = sorted(pages, key=lambda place: -pages[place].imagewidth)
        for finer, coarser in pairwise(order):
            if not _alike(pages[finer], pages[coarser]):
                return coarser
    return None


def _page_at(pages: Any, place: Place) -> Any:
    page = pages[place[0]].aspage()
    return _page_at(page.pages, place[1:]) if len(place) > 1 else page


def _alike(fine: Any, coarse: Any) -> bool:
    """At least half of the places that show anything show the same."""
    high, across = _cell(coarse)
    wide, tall = -(-coarse.imagewidth // across), -(-coarse.imagelength // high)
    sizes = coarse.databytecounts[: wide * tall]
    found = []
    for index in sorted(range(len(sizes)), key=lambda at: -sizes[at])[:PLACES]:
        top, left = index // wide * high, index % wide * across
        found.append(_same_here(fine, coarse, top, left))
    shown = [same for same in found if same is not None]
    return not shown or 2 * sum(shown) >= len(shown)


def _same_here(fine: Any, coarse: Any, top: int, left: int) -> bool | None:
    """Of one tile of the coarse level; None where there is nothing to see in either."""
    down, across = fine.imagelength / coarse.imagelength, fine.imagewidth / coarse.imagewidth
    high, wide = _cell(coarse)
    bottom = min(top + max(high, LARGEST_PX), coarse.imagelength)
    right = min(left + wide, coarse.imagewidth)
    side = int(min(max(2 * _cell(fine)[1] / max(down, across), SMALLEST_PX), LARGEST_PX))
    tile = _region(coarse, top, left, bottom, right)
    y, x = _liveliest(tile, side)
    small = tile[y : y + side, x : x + side]
    rows, columns = small.shape
    large = _region(
        fine,
        round((top + y) * down),
        round((left + x) * across),
        round((top + y + rows) * down),
        round((left + x + columns) * across),
    )
    return same(small, cv2.resize(large, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float32))


def _liveliest(tile: Grey, side: int) -> tuple[int, int]:
    """Top left corner of the part with the most contrast."""
    corners = [
        (y, x)
        for y in range(0, max(1, tile.shape[0] - side + 1), side)
        for x in range(0, max(1, tile.shape[1] - side + 1), side)
    ]
    return max(corners, key=lambda at: float(tile[at[0] : at[0] + side, at[1] : at[1] + side].std()))


def same(one: Grey, other: Grey) -> bool | None:
    """Whether two places of the same shape, grey levels of 0 to 255, show the same; None for two blank ones
    of like brightness.
    """
    if one.std() < BLANK and other.std() < BLANK:
        return None if abs(float(one.mean() - other.mean())) < APART else False
    if min(one.shape) <= 2 * SHIFT_PX + 2:
        return None
    inner = np.ascontiguousarray(one[SHIFT_PX:-SHIFT_PX, SHIFT_PX:-SHIFT_PX])
    return bool(cv2.matchTemplate(other, inner, cv2.TM_CCOEFF_NORMED).max() >= ALIKE)


def _region(page: Any, top: int, left: int, bottom: int, right: int) -> Grey:
    """Grey levels of 0 to 255 of a part of a level, out of the tiles that it touches."""
    high, wide = _cell(page)
    if high * wide > MOST_TILE_PX:
        raise ValueError("a tile larger than any slide's")
    bottom, right = min(max(bottom, top + 1), page.imagelength), min(max(right, left + 1), page.imagewidth)
    across = -(-page.imagewidth // wide)
    whole = np.zeros((bottom - top, right - left), np.float32)
    for row in range(top // high, -(-bottom // high)):
        for column in range(left // wide, -(-right // wide)):
            tile = _tile(page, row * across + column)
            y, x = row * high, column * wide
            part = tile[max(top - y, 0) : bottom - y, max(left - x, 0) : right - x]
            at_y, at_x = max(y - top, 0), max(x - left, 0)
            whole[at_y : at_y + part.shape[0], at_x : at_x + part.shape[1]] = part
    return whole


def _cell(page: Any) -> tuple[int, int]:
    """(height, width) of a tile, or of a strip, in px."""
    if page.tilewidth:
        return page.tilelength, page.tilewidth
    return min(page.rowsperstrip, page.imagelength), page.imagewidth


def _tile(page: Any, index: int) -> Grey:
    size = page.databytecounts[index]
    if not size:
        return np.zeros(_cell(page), np.float32)
    page.parent.filehandle.seek(page.dataoffsets[index])
    data = page.parent.filehandle.read(size)
    known = {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader}
    pixels = page.decode(data, index, **known, _fullsize=True)[0]
    top = float(np.iinfo(page.dtype).max) if page.dtype.kind in "ui" else 1.0
    grey: Grey = (pixels[0].mean(axis=-1) * (255 / top)).astype(np.float32)
    return grey


def main(arguments: Sequence[str]) -> int:
    for what, most in ((resource.RLIMIT_DATA, MEMORY_MIB << 20), (resource.RLIMIT_CPU, CPU_S)):
        resource.setrlimit(what, (most, most))
    for group in arguments[1:]:
        places = [tuple(int(number) for number in place.split(".")) for place in group.split(",")]
        other = stranger(Path(arguments[0]), places)
        if other is not None:
            sys.stdout.write(".".join(map(str, other)))
            return OTHER
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
