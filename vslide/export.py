"""Slides for other programs: OME-TIFF with a pyramid (lossless), and Aperio-style .svs (JPEG) for
brightfield.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from vslide.errors import AlreadyThere, NotASlide
from vslide.geometry import divide_up
from vslide.model import RGB
from vslide.reader import SlideReader

TILE = 256
_JPEG_QUALITY = 90
_SMALLEST_LEVEL = 256
_STEP = 4


def export(slide: SlideReader, output: Path, kind: str) -> None:
    """Write `output`, which must not exist; `kind` is "ome-tiff" or "svs".

    Layer z = 0 is written. Raises AlreadyThere, or NotASlide when the format cannot hold this slide.
    """
    if output.exists():
        raise AlreadyThere(f"{output.name} exists and is never overwritten")
    writers = {"ome-tiff": _write_ome, "svs": _write_svs}
    draft = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        writers[kind](slide, draft)
        os.link(draft, output)
    except FileExistsError as error:
        raise AlreadyThere(f"{output.name} exists and is never overwritten") from error
    finally:
        draft.unlink(missing_ok=True)


def _levels(slide: SlideReader) -> list[int]:
    levels = [1]
    while max(slide.size) / (levels[-1] * _STEP) >= _SMALLEST_LEVEL:
        levels.append(levels[-1] * _STEP)
    return levels


def _size_at(slide: SlideReader, level: int) -> tuple[int, int]:
    width, height = slide.size
    return divide_up(width, level), divide_up(height, level)


def _is_rgb(slide: SlideReader) -> bool:
    return slide.channels == RGB and slide.dtype == np.uint8


def _tiles(slide: SlideReader, level: int) -> Iterator[NDArray[Any]]:
    """Tiles in the order in which TIFF wants them: all of a picture, row by row; RGB interleaved, else per
    channel.
    """
    width, height = _size_at(slide, level)
    groups = [list(range(3))] if _is_rgb(slide) else [[channel] for channel in range(len(slide.channels))]
    for channels in groups:
        for y in range(0, height, TILE):
            for x in range(0, width, TILE):
                pixels = slide.region(x, y, TILE, TILE, level=level, channels=channels)
                yield np.ascontiguousarray(np.moveaxis(pixels, 0, -1) if len(channels) == 3 else pixels[0])


def _shape(slide: SlideReader, level: int) -> tuple[int, ...]:
    width, height = _size_at(slide, level)
    return (height, width, 3) if _is_rgb(slide) else (len(slide.channels), height, width)


def _resolution(slide: SlideReader, level: int) -> dict[str, Any]:
    if not slide.pixel_size_um:
        return {}
    per_cm = 10_000 / (slide.pixel_size_um * level)
    return {"resolution": (per_cm, per_cm), "resolutionunit": "CENTIMETER"}


def _write_ome(slide: SlideReader, draft: Path) -> None:
    levels = _levels(slide)
    rgb = _is_rgb(slide)
    metadata: dict[str, Any] = {"axes": "YXS" if rgb else "CYX"}
    if slide.pixel_size_um:
        metadata |= {f"PhysicalSize{axis}": slide.pixel_size_um for axis in "XY"}
        metadata |= {f"PhysicalSize{axis}Unit": "µm" for axis in "XY"}
    if not rgb:
        metadata["Channel"] = {"Name": [channel.name for channel in slide.channels]}
    options: dict[str, Any] = {
        "photometric": "rgb" if rgb else "minisblack",
        "tile": (TILE, TILE),
        "compression": "zlib",
    }
    with tifffile.TiffWriter(draft, bigtiff=True, ome=True) as tiff:
        for level in levels:
            first = level == levels[0]
            tiff.write(
                _tiles(slide, level),
                shape=_shape(slide, level),
                dtype=slide.dtype,
                subifds=len(levels) - 1 if first else None,
                subfiletype=0 if first else 1,
                metadata=metadata if first else None,
                **options,
                **_resolution(slide, level),
            )


def _write_svs(slide: SlideReader, draft: Path) -> None:
    if not _is_rgb(slide):
        raise NotASlide("an .svs file holds 8-bit red, green and blue; this slide goes into OME-TIFF")
    width, height = slide.size
    facts = [f"AppMag = {slide.magnification:g}", f"MPP = {slide.pixel_size_um:g}"]
    with tifffile.TiffWriter(draft, bigtiff=True) as tiff:
        for level in _levels(slide):
            wide, tall = _size_at(slide, level)
            what = (
                f"Aperio Image Library v12.0.0\n{width}x{height} -> {wide}x{tall} JPEG/RGB Q={_JPEG_QUALITY}"
            )
            tiff.write(
                _tiles(slide, level),
                shape=(tall, wide, 3),
                dtype=np.uint8,
                tile=(TILE, TILE),
                photometric="rgb",
                compression="jpeg",
                compressionargs={"level": _JPEG_QUALITY},
                description="|".join([what, *facts]),
                metadata=None,
                **_resolution(slide, level),
            )
