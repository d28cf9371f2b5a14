"""What every reader of a mosaic does alike: composing regions and thumbnails from overlapping fields."""

import math
import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from functools import cached_property
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from vslide.errors import NoSuchField
from vslide.geometry import Placement, box_of_um
from vslide.layers import resample
from vslide.layout import pixel_type
from vslide.model import Channel, Field, SlideHeader, header_as_dict
from vslide.reader import SlideReader

Pixels = NDArray[Any]
Box = tuple[int, int, int, int]
MAX_REGION_PIXELS = 1 << 28
FURTHEST = 1 << 40
"""px from the corner of a slide: beyond any, and well within 64 bits at each level."""
CACHE_BYTES = 64 << 20
_SHAPES = ("field_width", "field_height", "chunk_width", "chunk_height")


class PixelCache:
    """Least recently used arrays, at most `budget` bytes of them. Thread-safe; what is missing is made
    outside the lock.
    """

    def __init__(self, budget: int = CACHE_BYTES) -> None:
        self._budget = budget
        self._used = 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Pixels] = OrderedDict()

    def held(self, key: Hashable) -> Pixels | None:
        """The array kept under `key`, or None. Callers must not write into it."""
        with self._lock:
            pixels = self._kept.get(key)
            if pixels is not None:
                self._kept.move_to_end(key)
        return pixels

    def get(self, key: Hashable, make: Callable[[], Pixels]) -> Pixels:
        """The array kept under `key`, made by `make()` when it is not there. Callers must not write into
        it.
        """
        pixels = self.held(key)
        if pixels is not None:
            return pixels
        pixels = make()
        with self._lock:
            if key not in self._kept:
                self._kept[key] = pixels
                self._used += pixels.nbytes
            while self._used > self._budget and len(self._kept) > 1:
                self._used -= self._kept.popitem(last=False)[1].nbytes
        return pixels


def check_region(width: int, height: int, channels: int, corner: tuple[int, int] = (0, 0)) -> None:
    """Raise NoSuchField unless a region of this size and place may be asked for."""
    small = width > 0 and height > 0 and width * height * max(1, channels) <= MAX_REGION_PIXELS
    if not small or max(map(abs, corner)) > FURTHEST:
        raise NoSuchField(f"a region of {width} x {height} px in {channels} channels at {corner}")


def shrink_to(pixels: Pixels, max_size: int) -> Pixels:
    """(C, H, W) made smaller so that no side exceeds `max_size` px; never enlarged."""
    _, height, width = pixels.shape
    factor = max(height, width) / max_size
    if factor <= 1:
        return pixels
    return resample(
        pixels, (0.0, 0.0), factor, (max(1, round(height / factor)), max(1, round(width / factor)))
    )


def wanted_channels(
    slide: SlideReader, channels: Sequence[int] | None, level: float, z: int, t: int
) -> tuple[int, ...]:
    """The channels of a region, all of them if None. Raises NoSuchField unless the slide has each of them,
    the layer and the time, and `level` is one.
    """
    wanted = tuple(range(len(slide.channels))) if channels is None else tuple(channels)
    known = all(0 <= channel < len(slide.channels) for channel in wanted)
    if not (known and 0 <= z < slide.layers and 0 <= t < slide.times and 0 < level < math.inf):
        raise NoSuchField(f"no channels {wanted}, layer {z}, time {t} at level {level:g}")
    return wanted


class InMicrometres:
    """`region_um` of every reader, by its `region`; what most of them have none of."""

    icc: bytes | None = None

    def region_um(
        self: SlideReader,
        x_um: float,
        y_um: float,
        width_um: float,
        height_um: float,
        *,
        level: float = 1,
        channels: Sequence[int] | None = None,
        z: int = 0,
        t: int = 0,
    ) -> Pixels:
        """A region by µm from the top-left corner of the whole slide (of a mosaic: the smallest x and y of
        all fields' corners), to the nearest px of `level`. Raises NoSuchField, also where the size of a px is
        not known.
        """
        box = box_of_um(x_um, y_um, width_um, height_um, self.pixel_size_um * level)
        return self.region(*box, level=level, channels=channels, z=z, t=t)


class MosaicReader(InMicrometres, ABC):
    """A slide that is a mosaic of fields. Subclasses say how to get its planes and parts of the mosaic."""

    kind: Literal["mosaic", "vendor"] = "mosaic"
    header: SlideHeader
    fields: tuple[Field, ...]
    levels: tuple[float, ...]
    placement: Placement

    @abstractmethod
    def plane(self, index: int, channel: int, *, level: int = 1) -> Pixels:
        """One colour field (h, w) at a stored level. Raises NoSuchField."""

    @abstractmethod
    def _compose(self, box: Box, level: int, channels: tuple[int, ...], z: int, t: int) -> Pixels:
        """(C, height, width) of box (x, y, width, height) in px of a stored level."""

    @abstractmethod
    def chunk(self, index: int, channel: int, row: int, column: int, *, level: int = 1) -> bytes:
        """The stored bytes of one chunk, unchanged."""

    @abstractmethod
    def close(self) -> None:
        """Give file handles and sockets back."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the whole mosaic at level 1 in px."""
        return self.placement.size

    @property
    def pixel_size_um(self) -> float:
        return self.header.pixel_size_um

    @property
    def magnification(self) -> float:
        return self.header.magnification

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        return pixel_type(self.header)

    @property
    def channels(self) -> tuple[Channel, ...]:
        return self.header.channels

    @property
    def layers(self) -> int:
        """Number of focus layers (z)."""
        return self.header.layers

    @property
    def times(self) -> int:
        """Number of time points (t)."""
        return self.header.times

    def info(self) -> dict[str, Any]:
        """A JSON-able summary."""
        header = self.header
        about = {name: value for name, value in header_as_dict(header).items() if name not in _SHAPES}
        return about | {
            "kind": self.kind,
            "width": self.size[0],
            "height": self.size[1],
            "levels": list(self.levels),
            "fields": len(self.placement.x),
            "field": {"width": header.field_width, "height": header.field_height},
            "chunk": {"width": header.chunk_width, "height": header.chunk_height},
        }

    def check_plane(self, index: int, channel: int, level: float) -> None:
        """Raise NoSuchField unless the slide has this plane at this level."""
        known = 0 <= index < len(self.placement.x) and 0 <= channel < len(self.channels)
        if not (known and level in self.levels):
            raise NoSuchField(f"no field {index}, channel {channel} at level {level:g}")

    def region(
        self,
        x: int,
        y: int,
        width: int,
        height: int,
        *,
        level: float = 1,
        channels: Sequence[int] | None = None,
        z: int = 0,
        t: int = 0,
    ) -> Pixels:
        """(C, height, width) of the mosaic; x, y, width, height in px of `level`, which need not be a stored
        one.

        Later fields lie on top. Outside every field: 0, or 255 in brightfield. Raises NoSuchField.
        """
        wanted = wanted_channels(self, channels, level, z, t)
        check_region(width, height, len(wanted), (x, y))
        stored = int(max((one for one in self.levels if one <= level), default=1))
        if stored == level:
            return self._compose((x, y, width, height), stored, wanted, z, t)
        scale = level / stored
        left, top = math.floor(x * scale), math.floor(y * scale)
        right, bottom = math.ceil((x + width) * scale), math.ceil((y + height) * scale)
        check_region(right - left, bottom - top, len(wanted))
        source = self._compose((left, top, right - left, bottom - top), stored, wanted, z, t)
        return resample(source, (y * scale - top, x * scale - left), scale, (height, width))

    def field_at(self, x: int, y: int, *, z: int = 0, t: int = 0) -> Field | None:
        """The field that shows at a px of level 1; None where nothing was scanned."""
        found = self.placement.inside((x, y, 1, 1), 1, z, t)
        return self.fields[found[-1]] if found else None

    def thumbnail(self, max_size: int = 512) -> Pixels:
        """(C, h, w) of the whole mosaic, no side longer than `max_size` px."""
        level = self.levels[-1]
        width, height = self.placement.size_at(int(level))
        return shrink_to(self.region(0, 0, width, height, level=level, z=self.layers // 2), max_size)
