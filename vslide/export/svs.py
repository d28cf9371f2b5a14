"""Aperio-style .svs: a JPEG pyramid of a brightfield slide that the viewers of pathology open.

Its middle focus layer at the first time point is shown. The order of pictures is Aperio's: the slide, a
thumbnail, the coarser levels; there is no label and no macro photograph, and the description holds sizes and
scales only.
"""

from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from vslide.errors import NotASlide
from vslide.export.common import JPEG_QUALITY, Source, interleaved
from vslide.export.tiff import resolution, tiles
from vslide.readers.base import shrink_to

_TILE = 256
_THUMBNAIL = 768


def write(source: Source, draft: Path) -> None:
    """Raises NotASlide unless the slide is 8-bit red, green and blue."""
    if not source.is_rgb:
        raise NotASlide("an .svs file holds 8-bit red, green and blue; this slide goes into OME-TIFF")
    source.planes = 1
    with tifffile.TiffWriter(draft, bigtiff=True) as tiff:
        for level in source.levels:
            wide, tall = source.size(level)
            plane = ((0, 1, 2), source.layers // 2, 0)
            tiff.write(
                tiles(source, level, _TILE, [plane]),
                shape=(tall, wide, 3),
                dtype=np.uint8,
                tile=(_TILE, _TILE),
                description=_description(source, wide, tall, f"JPEG/RGB Q={JPEG_QUALITY}"),
                **_OPTIONS,
                **resolution(source, level),
            )
            if level == 1:
                _write_thumbnail(source, tiff)


_OPTIONS: dict[str, Any] = {
    "photometric": "rgb",
    "compression": "jpeg",
    "compressionargs": {"level": JPEG_QUALITY},
    "metadata": None,
    "software": False,
}


def _write_thumbnail(source: Source, tiff: tifffile.TiffWriter) -> None:
    coarsest = source.levels[-1]
    whole = source.read(0, 0, *source.size(coarsest), level=coarsest, z=source.layers // 2)
    picture = interleaved(shrink_to(whole, _THUMBNAIL))
    tall, wide, _ = picture.shape
    tiff.write(picture, rowsperstrip=tall, description=_description(source, wide, tall, "-"), **_OPTIONS)


def _description(source: Source, wide: int, tall: int, how: str) -> str:
    width, height = source.slide.size
    facts = [f"Aperio Image Library v12.0.0\n{width}x{height} -> {wide}x{tall} {how}"]
    if source.slide.magnification:
        facts.append(f"AppMag = {source.slide.magnification:g}")
    if source.slide.pixel_size_um:
        facts.append(f"MPP = {source.slide.pixel_size_um:.6g}")
    return "|".join(facts)
