"""DICOM whole slide images: one instance, or the directory of a series whose instances are its levels.

Only the frames that are needed are read and decoded, by imagecodecs, after their own headers have been
compared with the file's. Labels and overviews in the directory are passed over: they may show a name.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np

from vslide import dicom_file as tags
from vslide.dicom_file import is_dicom, items, text
from vslide.dicom_image import WHOLE_SLIDE, DicomImage, Tiles, check_stream, decimal, describe_image
from vslide.errors import Damaged, NotASlide
from vslide.geometry import overlap
from vslide.model import RGB, Channel
from vslide.readers.base import PixelCache
from vslide.readers.vendor import Pixels, VendorReader, named_channel

_FAILURES = (ValueError, RuntimeError, TypeError)
_VOLUME = "VOLUME"


class DicomSlide(VendorReader):
    """Brightfield in 8 bits, or optical paths of 8 or 16 bits; focus planes. Thread-safe.

    Raises NotASlide, Damaged or Truncated while opening, Damaged when a frame does not decode.
    """

    vendor = "dicom"

    def __init__(self, path: Path) -> None:
        self.path = path
        self._cache = PixelCache()
        self._handles: list[int] = []
        self._describe(list(_slides(path)))
        try:
            for image in self._images:
                self._handles.append(os.open(image.path, os.O_RDONLY | os.O_CLOEXEC))
        except OSError:
            self.close()
            raise

    def _describe(self, images: list[DicomImage]) -> None:
        if not images:
            raise NotASlide(f"{self.path.name}: no DICOM whole slide image")
        if len({text(image.elements, tags.SERIES) for image in images}) > 1:
            raise NotASlide(f"{self.path.name}: instances of several series; open one of them")
        self._images = sorted(images, key=lambda image: image.size, reverse=True)
        base = self._images[0]
        if len({(one.samples, one.bits, one.layers) for one in images}) > 1:
            raise NotASlide(f"{self.path.name}: the levels differ in samples, bits or focus planes")
        sizes = list(dict.fromkeys(image.size for image in self._images))
        self._levels = [
            [number for number, image in enumerate(self._images) if image.size == size] for size in sizes
        ]
        self.size = base.size
        self.levels = tuple(base.size[0] / width for width, _ in sizes)
        self.layers = base.layers
        self.dtype = np.dtype(np.uint8 if base.bits == 8 else np.uint16)
        self._paths, self.channels = self._optical_paths()
        self.background = 255 if base.samples == 3 else 0
        self.pixel_size_um = _spacing_mm(base) * 1000
        described = items(base.elements, tags.OPTICAL_PATHS)
        self.magnification = max(0.0, decimal(described[0], tags.LENS_POWER)) if described else 0.0

    def _optical_paths(self) -> tuple[list[str], tuple[Channel, ...]]:
        """The identifiers behind the channels, and the channels."""
        found: dict[str, Channel] = {}
        for number in self._levels[0]:
            image = self._images[number]
            described = {text(one, tags.PATH_ID): one for one in items(image.elements, tags.OPTICAL_PATHS)}
            for path in image.paths:
                about = described.get(path, {})
                found.setdefault(
                    path,
                    named_channel(
                        len(found),
                        text(about, tags.PATH_NAME),
                        excitation_nm=tags.real(about, tags.EXCITATION),
                        emission_nm=float(tags.number(about, tags.EMISSION)) or None,
                    ),
                )
        if self._images[0].samples == 1:
            return list(found), tuple(found.values())
        if len(found) > 1:
            raise NotASlide(f"{self.path.name}: {len(found)} optical paths in colour")
        return list(found) * 3, RGB

    def close(self) -> None:
        while self._handles:
            os.close(self._handles.pop())

    def read_level(
        self, number: int, box: tuple[int, int, int, int], channels: tuple[int, ...], z: int
    ) -> Pixels:
        canvas = np.full((len(channels), box[3], box[2]), self.background, self.dtype)
        for place, channel in enumerate(channels):
            sample = channel if self._images[0].samples == 3 else 0
            for one in self._levels[number]:
                tiles = self._images[one].tiles.get((self._paths[channel], z))
                if tiles is not None:
                    self._paint(canvas[place], one, tiles, box, sample)
        return canvas

    def _paint(
        self, canvas: Pixels, number: int, tiles: Tiles, box: tuple[int, int, int, int], sample: int
    ) -> None:
        image, (left, top, width, height) = self._images[number], box
        tall, wide = image.frame_shape
        inside = (tiles.x < left + width) & (tiles.x + wide > left)
        inside &= (tiles.y < top + height) & (tiles.y + tall > top)
        for at in np.flatnonzero(inside).tolist():
            x, y = int(tiles.x[at]), int(tiles.y[at])
            # The last column and row of tiles reach beyond the picture.
            from_x, to_x = overlap(x, min(wide, image.size[0] - x), left, width)
            from_y, to_y = overlap(y, min(tall, image.size[1] - y), top, height)
            if from_x.stop > from_x.start and from_y.stop > from_y.start:
                canvas[to_y, to_x] = self._frame(number, int(tiles.frame[at]))[sample, from_y, from_x]

    def _frame(self, number: int, frame: int) -> Pixels:
        return self._cache.get((number, frame), lambda: self._decode(number, frame))

    def _decode(self, number: int, frame: int) -> Pixels:
        """A frame (samples, height, width)."""
        image, handle = self._images[number], self._handles[number]
        first, last = image.fragments.first[frame : frame + 2].tolist()
        data = b"".join(
            os.pread(handle, int(image.fragments.sizes[one]), int(image.fragments.offsets[one]))
            for one in range(first, last)
        )
        try:
            pixels = _decoded(image, data)
        except _FAILURES as error:
            raise Damaged(f"{image.path.name}: frame {frame} does not decode: {error}") from error
        shape = (*image.frame_shape, image.samples)
        if pixels.size != np.prod(shape) or pixels.dtype != self.dtype:
            raise Damaged(f"{image.path.name}: frame {frame} has another shape or type")
        return np.moveaxis(pixels.reshape(shape), -1, 0)


def _decoded(image: DicomImage, data: bytes) -> Pixels:
    if image.encoding == "raw":
        return _raw(image, data)
    check_stream(image, data)
    decoded: Any
    if image.encoding == "jpeg-ls":
        decoded = imagecodecs.jpegls_decode(data)
    elif image.encoding == "jpeg2000":
        decoded = imagecodecs.jpeg2k_decode(data)
    elif image.samples == 1:
        decoded = imagecodecs.jpeg8_decode(data)
    else:
        stored = "RGB" if image.photometric == "RGB" else "YCBCR"
        decoded = imagecodecs.jpeg8_decode(data, colorspace=stored, outcolorspace="RGB")
    return np.asarray(decoded)


def _raw(image: DicomImage, data: bytes) -> Pixels:
    pixels = np.frombuffer(data, np.uint8 if image.bits == 8 else np.dtype("<u2"))
    if image.samples == 3 and tags.number(image.elements, tags.PLANAR):
        return np.ascontiguousarray(np.moveaxis(pixels.reshape(3, *image.frame_shape), 0, -1))
    return pixels


def _slides(path: Path) -> Iterator[DicomImage]:
    """The instances that are levels of a slide; what else lies in the directory is passed over."""
    for instance in sorted(path.iterdir()) if path.is_dir() else (path,):
        if not (instance.is_file() and is_dicom(instance)):
            continue
        file = tags.read_dicom(instance)
        kind = text(file.elements, tags.IMAGE_TYPE).split("\\")
        if text(file.elements, tags.SOP_CLASS) == WHOLE_SLIDE and _VOLUME in kind:
            yield describe_image(instance, file)


def _spacing_mm(image: DicomImage) -> float:
    """Size of a pixel in mm; 0 where the file does not say."""
    groups = items(image.elements, tags.SHARED) + items(image.elements, tags.PER_FRAME)[:1]
    measured = (decimal(one, tags.SPACING) for group in groups for one in items(group, tags.MEASURES))
    return next((size for size in measured if size > 0), 0.0)
