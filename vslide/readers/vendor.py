"""Vendor whole-slide files (.svs, .ndpi, .mrxs, .dcm, …) through OpenSlide."""

import math
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
import openslide
from numpy.typing import NDArray

from vslide.errors import Damaged, IdentityRefused, NoSuchField, NotASlide
from vslide.layers import resample
from vslide.layout import channels_as_dicts
from vslide.model import RGB, Channel, Field, SlideHeader
from vslide.readers.base import InMicrometres, check_region, shrink_to, wanted_channels

Pixels = NDArray[Any]


class VendorReader(InMicrometres):
    """What the readers of vendor files share. Subclasses fill the attributes and read one stored level."""

    kind: Literal["mosaic", "vendor"] = "vendor"
    header: SlideHeader | None = None
    fields: tuple[Field, ...] = ()
    layers: int = 1
    times: int = 1
    size: tuple[int, int]
    pixel_size_um: float
    magnification: float
    dtype: np.dtype[Any]
    channels: tuple[Channel, ...]
    levels: tuple[float, ...]
    vendor: str
    background: int

    def read_level(
        self, number: int, box: tuple[int, int, int, int], channels: tuple[int, ...], z: int
    ) -> Pixels:
        """(C, height, width) of box (x, y, width, height) in px of the stored level `number`."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def info(self) -> dict[str, Any]:
        """A JSON-able summary. It names no text of the vendor's but the maker."""
        return {
            "kind": self.kind,
            "vendor": self.vendor,
            "width": self.size[0],
            "height": self.size[1],
            "levels": list(self.levels),
            "pixel_size_um": self.pixel_size_um,
            "magnification": self.magnification,
            "dtype": self.dtype.name,
            "layers": self.layers,
            "fields": 0,
            "channels": channels_as_dicts(self.channels),
        }

    def plane(self, index: int, channel: int, *, level: int = 1) -> Pixels:
        raise NoSuchField("a vendor file keeps no single fields of view")

    def chunk(self, index: int, channel: int, row: int, column: int, *, level: int = 1) -> bytes:
        raise NoSuchField("a vendor file keeps no single fields of view")

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
        """(C, height, width); x, y, width, height in px of `level`, which need not be stored. Outside:
        background.
        """
        wanted = wanted_channels(self, channels, level, z, t)
        check_region(width, height, len(wanted), (x, y))
        number = max((n for n, one in enumerate(self.levels) if one <= level * (1 + 1e-3)), default=0)
        scale = level / self.levels[number]
        if abs(scale - 1) < 1e-3:
            return self.read_level(number, (x, y, width, height), wanted, z)
        left, top = math.floor(x * scale), math.floor(y * scale)
        right, bottom = math.ceil((x + width) * scale), math.ceil((y + height) * scale)
        check_region(right - left, bottom - top, len(wanted))
        source = self.read_level(number, (left, top, right - left, bottom - top), wanted, z)
        return resample(source, (y * scale - top, x * scale - left), scale, (height, width))

    def field_at(self, x: int, y: int, *, z: int = 0, t: int = 0) -> Field | None:
        """A vendor file keeps no single fields of view: None."""
        return None

    def thumbnail(self, max_size: int = 512) -> Pixels:
        """(C, h, w) of the whole slide, no side longer than `max_size` px."""
        factor = max(1.0, max(self.size) / max_size)
        numbers = [n for n, one in enumerate(self.levels) if one <= factor * (1 + 1e-3)]
        level = self.levels[max(numbers, default=0)]
        width, height = (max(1, round(side / level)) for side in self.size)
        return shrink_to(self.region(0, 0, width, height, level=level), max_size)


class OpenSlideFile(VendorReader):
    """RGB slides of any vendor that OpenSlide knows. Transparent and outside pixels are white.
    Thread-safe.
    """

    background = 255

    def __init__(self, path: Path) -> None:
        try:
            self._slide = openslide.OpenSlide(str(path))
        except (openslide.OpenSlideError, OSError) as error:
            raise NotASlide(f"{path.name}: {error}") from error
        properties = self._slide.properties
        self.path = path
        self.size = self._slide.dimensions
        self.levels = tuple(float(one) for one in self._slide.level_downsamples)
        self.dtype = np.dtype(np.uint8)
        self.channels = RGB
        self.vendor = str(properties.get("openslide.vendor", ""))
        self.pixel_size_um = _number(properties.get("openslide.mpp-x"))
        self.magnification = _number(properties.get("openslide.objective-power"))
        profile = self._slide.color_profile
        self.icc = profile.tobytes() if profile else None

    def close(self) -> None:
        self._slide.close()

    def read_level(
        self, number: int, box: tuple[int, int, int, int], channels: tuple[int, ...], z: int
    ) -> Pixels:
        x, y, width, height = box
        downsample = self.levels[number]
        try:
            picture = self._slide.read_region(
                (round(x * downsample), round(y * downsample)), number, (width, height)
            )
        except openslide.OpenSlideError as error:
            raise Damaged(f"{self.path.name}: {error}") from error
        pixels = np.asarray(picture)
        shown = np.where(pixels[..., 3:] > 0, pixels[..., :3], np.uint8(self.background))
        return np.ascontiguousarray(np.moveaxis(shown, -1, 0)[list(channels)])


_COLOURS = ("#3366ff", "#33ff66", "#ff3333", "#ff33ff", "#ffff33", "#33ffff", "#ffffff", "#ff9933")


def named_channel(
    number: int, name: str, excitation_nm: float | None = None, emission_nm: float | None = None
) -> Channel:
    """Channel `number` with a colour for the screen. A name that could be a person's is not taken."""
    colour = _COLOURS[number % len(_COLOURS)]
    try:
        return Channel(name or f"channel {number + 1}", colour, excitation_nm, emission_nm)
    except IdentityRefused:
        return Channel(f"channel {number + 1}", colour, excitation_nm, emission_nm)


def _number(text: str | None) -> float:
    try:
        value = float(text or 0)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) and value > 0 else 0.0


def detect(path: Path) -> str | None:
    """OpenSlide's name of the vendor, or None when it does not know the file."""
    vendor: str | None = openslide.OpenSlide.detect_format(str(path))
    return vendor
