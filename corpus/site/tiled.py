"""Where the JPEG tiles of a vendor's TIFF lie, so that a browser reads them in place. A slide's levels
become zoom layers of a mosaic of one field, as the browser's engine paints vendor slides.
"""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import tifffile
from numpy.typing import NDArray

JPEG, RGB, YCBCR = 7, 2, 6
"""TIFF's numbers of a compression and of two photometric interpretations."""
COARSEST_PX: Final = 8192
"""The longer side of the coarsest level: without one all of the slide would be fetched to show it small."""


@dataclass(frozen=True, eq=False)
class Tiled:
    """`levels` as `LevelHeader` of the engine; `tables` (base64) complete the tiles of each, with the Adobe
    transform that says whether they are RGB (0) or YCbCr (1); `places` (offsets, sizes) in bytes.
    """

    levels: list[dict[str, Any]]
    tables: list[dict[str, Any]]
    places: list[tuple[NDArray[np.int64], NDArray[np.int64]]]


def tiles_of(file: Path) -> Tiled | None:
    """None for what a browser cannot read in place. Raises tifffile.TiffFileError for what is no TIFF."""
    with tifffile.TiffFile(file) as tiff:
        pages = [level.keyframe for level in tiff.series[0].levels] if tiff.series else []
        if not pages or not all(_readable(page) for page in pages):
            return None
        first = pages[0]
        scales = {scale: page for page in pages if (scale := _scale(first, page))}
        if max(scales[max(scales)].shape[:2]) > COARSEST_PX:
            return None
        levels = [_level(scale, page) for scale, page in sorted(scales.items())]
        tables = [_tables(page) for _, page in sorted(scales.items())]
        places = [_places(page) for _, page in sorted(scales.items())]
    return Tiled(levels, tables, places)


def _readable(page: Any) -> bool:
    plain: bool = page.bitspersample == 8 and page.samplesperpixel == 3 and page.planarconfig == 1
    kind = page.compression == JPEG and page.photometric in (RGB, YCBCR)
    if not (page.is_tiled and plain and kind and page.imagedepth == 1):
        return False
    down, across = -(-page.imagelength // page.tilelength), -(-page.imagewidth // page.tilewidth)
    return bool(len(page.dataoffsets) == len(page.databytecounts) == down * across)


def _scale(first: Any, page: Any) -> int:
    """How much smaller a level is; 0 where that is no whole number."""
    scale = round(first.imagewidth / page.imagewidth)
    sides = ((first.imagewidth, page.imagewidth), (first.imagelength, page.imagelength))
    return scale if all(small in (large // scale, -(-large // scale)) for large, small in sides) else 0


def _level(scale: int, page: Any) -> dict[str, Any]:
    return {
        "downsample": scale,
        "width": page.imagewidth,
        "height": page.imagelength,
        "chunkWidth": page.tilewidth,
        "chunkHeight": page.tilelength,
        "fieldsPerChunk": 1,
    }


def _tables(page: Any) -> dict[str, Any]:
    tables = base64.b64encode(page.jpegtables or b"").decode()
    return {"tables": tables, "transform": 0 if page.photometric == RGB else 1}


def _places(page: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.array(page.dataoffsets, np.int64), np.array(page.databytecounts, np.int64)
