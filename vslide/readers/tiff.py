"""OME-TIFF and other TIFF pictures, with or without a pyramid, through tifffile: only the tiles that are
needed.
"""

import os
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from vslide.errors import Damaged, NotASlide
from vslide.model import RGB, Channel
from vslide.readers.base import PixelCache
from vslide.readers.vendor import Pixels, VendorReader, named_channel

_SIZE = re.compile(r'PhysicalSizeX="([0-9.eE+-]+)"')
_UNIT = re.compile(r'PhysicalSizeXUnit="([^"]{1,8})"')
_CHANNEL = re.compile(r'<Channel\b[^>]*?\bName="([^"]{0,200})"')
_POWER = re.compile(r'NominalMagnification="([0-9.eE+-]+)"')
_IN_UM = {"µm": 1.0, "um": 1.0, "nm": 1e-3, "mm": 1e3, "cm": 1e4, "m": 1e6}
_FAILURES = (OSError, ValueError, KeyError, IndexError, RuntimeError, TypeError, ZeroDivisionError)
_OME_TEXT = 1 << 20
_ICC = 34675
_COARSEST_UM = 50.0
"""Coarser than any slide scanner: a printer's resolution, not a microscope's."""
_UNSIGNED = {"uint8": "uint8", "uint16": "uint16", "int8": "uint8", "int16": "uint16"}


class TiffSlide(VendorReader):
    """Planes of 8 or 16 bits with axes out of Y, X and C or S, and Z. Thread-safe. Raises NotASlide.

    Signed pixels are moved up by half of their range, so that the order of grey values is kept.
    """

    background = 0

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._tiff = tifffile.TiffFile(path)
        except (*_FAILURES, tifffile.TiffFileError) as error:
            raise NotASlide(f"{path.name}: {error}") from error
        self._handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._cache = PixelCache()
        try:
            self._describe()
        except (*_FAILURES, tifffile.TiffFileError) as error:
            self.close()
            raise NotASlide(f"{path.name}: not a TIFF that shows a slide: {error}") from error
        except NotASlide:
            self.close()
            raise

    def _describe(self) -> None:
        series = self._tiff.series[0]
        shape = dict(zip(series.axes, series.shape, strict=True))
        others = {axis: count for axis, count in shape.items() if axis not in "YXCSZ" and count > 1}
        if others or not {"Y", "X"} <= set(shape) or series.dtype.name not in _UNSIGNED:
            raise NotASlide(f"{self.path.name}: axes {series.axes}, {series.dtype} is not a slide")
        self._levels = list(series.levels)
        self._page_axes = [
            (axis, count) for axis, count in zip(series.axes, series.shape, strict=True) if axis in "CZ"
        ]
        self._samples = shape.get("S", 1)
        self.size = (shape["X"], shape["Y"])
        self.levels = tuple(
            shape["X"] / dict(zip(one.axes, one.shape, strict=True))["X"] for one in self._levels
        )
        self.dtype = np.dtype(_UNSIGNED[series.dtype.name])
        self.layers = shape.get("Z", 1)
        self.vendor = "ome" if self._tiff.is_ome else "tiff"
        text = (self._tiff.ome_metadata or "")[:_OME_TEXT] if self._tiff.is_ome else ""
        self.channels = _channels(text, shape.get("C", 1), self._samples)
        self.background = 255 if self.channels == RGB and self.dtype == np.uint8 else 0
        self.pixel_size_um = _pixel_size(text, self._levels[0].keyframe)
        found = _POWER.search(text)
        self.magnification = float(found[1]) if found else 0.0
        self.icc = self._levels[0].keyframe.tags.valueof(_ICC)

    def close(self) -> None:
        self._tiff.close()
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def read_level(
        self, number: int, box: tuple[int, int, int, int], channels: tuple[int, ...], z: int
    ) -> Pixels:
        x, y, width, height = box
        canvas = np.full((len(channels), height, width), self.background, self.dtype)
        for place, channel in enumerate(channels):
            page, sample = self._page(number, channel, z)
            for top, left, pixels in self._parts(page, sample, box):
                shown = pixels[max(0, y - top) : y + height - top, max(0, x - left) : x + width - left]
                if shown.size:
                    to_y, to_x = max(0, top - y), max(0, left - x)
                    canvas[place, to_y : to_y + shown.shape[0], to_x : to_x + shown.shape[1]] = shown
        return canvas

    def _page(self, number: int, channel: int, z: int) -> tuple[Any, int]:
        at = {"C": channel // self._samples, "Z": z}
        page_number = 0
        for axis, count in self._page_axes:
            page_number = page_number * count + at[axis]
        return self._levels[number].pages[page_number], channel % self._samples

    def _parts(
        self, page: Any, sample: int, box: tuple[int, int, int, int]
    ) -> Iterator[tuple[int, int, Pixels]]:
        key = page.keyframe
        tall = key.tilelength if key.is_tiled else key.rowsperstrip
        wide = key.tilewidth if key.is_tiled else key.imagewidth
        columns, rows = -(-key.imagewidth // wide), -(-key.imagelength // tall)
        separate = key.samplesperpixel > 1 and key.planarconfig == tifffile.PLANARCONFIG.SEPARATE
        x, y, width, height = box
        for row in range(max(0, y // tall), min(rows, -(-(y + height) // tall))):
            for column in range(max(0, x // wide), min(columns, -(-(x + width) // wide))):
                number = row * columns + column + (sample * rows * columns if separate else 0)
                pixels = self._cache.get((page.index, number), partial(self._decode, page, number))
                shown = pixels[: key.imagelength - row * tall, : key.imagewidth - column * wide]
                yield row * tall, column * wide, shown[..., 0 if separate else sample]

    def _decode(self, page: Any, number: int) -> Pixels:
        key = page.keyframe
        try:
            data = os.pread(self._handle, page.databytecounts[number], page.dataoffsets[number])
            pixels = key.decode(data, number, jpegtables=key.jpegtables)[0]
        except (*_FAILURES, tifffile.TiffFileError) as error:
            raise Damaged(f"{self.path.name}: tile {number} does not decode: {error}") from error
        if pixels is None:
            tall, wide = (
                (key.tilelength, key.tilewidth) if key.is_tiled else (key.rowsperstrip, key.imagewidth)
            )
            return np.full((tall, wide, key.samplesperpixel), self.background, self.dtype)
        if pixels.dtype.kind == "i":
            pixels = np.bitwise_xor(pixels.view(self.dtype), 1 << (8 * self.dtype.itemsize - 1))
        return np.asarray(pixels[0], self.dtype)


def _channels(text: str, colours: int, samples: int) -> tuple[Channel, ...]:
    if colours == 1 and samples == 3:
        return RGB
    names = _CHANNEL.findall(text)
    names += [""] * (colours * samples - len(names))
    return tuple(named_channel(number, names[number]) for number in range(colours * samples))


def _pixel_size(text: str, page: Any) -> float:
    if found := _SIZE.search(text):
        unit = _UNIT.search(text)
        return float(found[1]) * _IN_UM.get(unit[1] if unit else "µm", 1.0)
    resolution = page.tags.get("XResolution")
    per_unit = {2: 25_400.0, 3: 10_000.0}.get(
        int(page.tags["ResolutionUnit"].value) if "ResolutionUnit" in page.tags else 0
    )
    if resolution is None or per_unit is None or not resolution.value[0]:
        return 0.0
    size: float = per_unit * resolution.value[1] / resolution.value[0]
    return size if size < _COARSEST_UM else 0.0
