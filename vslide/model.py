"""What a virtual slide is made of: header, channels, fields of view and colour planes.

Everything here is frozen data. Text that reaches a pixel file is short and comes from the instrument;
whatever could name a person (a date, a long number, "Last, First", an address) raises IdentityRefused before
it is stored.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

import msgspec

from vslide.errors import IdentityRefused, InvalidHeader

Modality = Literal["brightfield", "fluorescence"]
PixelType = Literal["uint8", "uint16"]
Encoding = Literal["blosc", "jpeg"]
PlaneId = tuple[int, int, int, int, int]
"""r, c, z, t, channel: which colour field of view."""

FORMAT = "nocturne-slide"
FORMAT_VERSION = 1
ZOOM_LAYERS = (4, 8, 16, 32)
"""Downsampling factors that are stored beside the pixels of the camera."""

TEXT_LIMIT = 64
MAX_CHANNELS = 64
MAX_FIELD_SIDE = 65_536
MAX_JPEG_SIDE = 65_000  # a group of eight fields at layer 8 is one picture, and libjpeg takes 65,500 px

_UUID4 = re.compile(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}")
_TEXT = re.compile(r"[A-Za-z0-9 .:+\-_/()&%*#µ×αβγδεκλ²°]*")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_KEY_ID = re.compile(r"[0-9a-f]{16}")
_LONG_NUMBER = re.compile(r"\d{7,}")
_DATE = re.compile(r"(?<!\d)(\d{1,4}[-/]\d{1,2}[-/]\d{1,4}|\d{1,2}\.\d{1,2}\.\d{4})(?!\d)")


def refuse_identity(name: str, text: str, limit: int = TEXT_LIMIT) -> None:
    """Raise IdentityRefused unless `text` is a short instrument text: no dates, long numbers, commas, @ or
    ^.
    """
    if len(text) > limit:
        raise IdentityRefused(f"{name}: {len(text)} characters, at most {limit} are stored")
    if not _TEXT.fullmatch(text):
        raise IdentityRefused(f"{name}: holds characters that instrument texts do not need")
    if _LONG_NUMBER.search(text) or _DATE.search(text):
        raise IdentityRefused(f"{name}: looks like a date or a record number")


def _require_random_id(name: str, value: str) -> None:
    if not _UUID4.fullmatch(value):
        raise IdentityRefused(f"{name} must be a random uuid4 in 32 lower-case hex digits")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise InvalidHeader(message)


@dataclass(frozen=True, slots=True)
class Channel:
    """One colour. Wavelengths in nm, exposure in ms, `black_level` in grey values; `colour` as #rrggbb.

    `offset` was subtracted (modulo 2^16) from every pixel before it was compressed: bright 16-bit pictures
    pack better when their values do not straddle a byte. Readers add it again.
    """

    name: str
    colour: str = "#ffffff"
    excitation_nm: float | None = None
    emission_nm: float | None = None
    exposure_ms: float | None = None
    black_level: int = 0
    offset: int = 0

    def __post_init__(self) -> None:
        refuse_identity("channel name", self.name, 32)
        _require(bool(self.name), "a channel needs a name")
        _require(bool(_COLOUR.fullmatch(self.colour)), f"channel colour {self.colour!r} is not #rrggbb")
        _require(0 <= self.black_level <= 65_535, "black level outside 0..65535")
        _require(0 <= self.offset <= 65_535, "offset outside 0..65535")


RGB = (Channel("red", "#ff0000"), Channel("green", "#00ff00"), Channel("blue", "#0000ff"))
"""The three channels of a brightfield slide, stored planar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlideHeader:
    """What is true of the whole slide. Sizes in px, `pixel_size_um` in µm per px, `rows` x `columns` the
    planned grid. `encoding` is lossless Blosc or JPEG, `key_id` names the key of a slide that is sealed at
    rest.

    Raises InvalidHeader when it contradicts itself and IdentityRefused when a text could name a person.
    """

    slide_id: str
    run_id: str
    modality: Modality
    field_width: int
    field_height: int
    dtype: PixelType
    channels: tuple[Channel, ...]
    pixel_size_um: float
    magnification: float
    rows: int
    columns: int
    layers: int = 1
    times: int = 1
    chunk_width: int
    chunk_height: int
    encoding: Encoding = "blosc"
    key_id: str = ""
    scanner: str = ""
    driver: str = ""
    objective: str = ""
    software: str = ""
    stain: str = ""

    def __post_init__(self) -> None:
        _require_random_id("slide_id", self.slide_id)
        _require_random_id("run_id", self.run_id)
        for name in ("scanner", "driver", "objective", "software", "stain"):
            refuse_identity(name, getattr(self, name))
        _require(self.modality in get_args(Modality), f"unknown modality {self.modality!r}")
        _require(self.dtype in get_args(PixelType), f"unknown dtype {self.dtype!r}")
        _require(0 < len(self.channels) <= MAX_CHANNELS, f"1 to {MAX_CHANNELS} channels")
        _require(0 < self.pixel_size_um < 1000 and self.magnification > 0, "pixel size or magnification")
        _require(
            min(self.rows, self.columns, self.layers, self.times) > 0, "rows, columns, layers, times > 0"
        )
        self._check_sizes()
        self._check_encoding()

    def _check_sizes(self) -> None:
        for size, chunk in ((self.field_width, self.chunk_width), (self.field_height, self.chunk_height)):
            _require(0 < size <= MAX_FIELD_SIDE, f"field side {size} outside 1..{MAX_FIELD_SIDE}")
            _require(0 < chunk <= size and size % chunk == 0, f"chunk side {chunk} does not divide {size}")

    def _check_encoding(self) -> None:
        _require(self.encoding in get_args(Encoding), f"unknown encoding {self.encoding!r}")
        _require(not self.key_id or bool(_KEY_ID.fullmatch(self.key_id)), "a key id is 16 hex digits")
        jpeg = self.encoding == "jpeg"
        _require(not jpeg or (self.channels == RGB and self.dtype == "uint8"), "JPEG is for 8-bit RGB")
        _require(not jpeg or max(self.field_shape) <= MAX_JPEG_SIDE, f"JPEG: a side above {MAX_JPEG_SIDE}")
        shifted = any(channel.offset for channel in self.channels)
        _require(not shifted or self.dtype == "uint16", "an offset is for 16-bit pixels")

    @property
    def planes(self) -> int:
        """Planes that a field arrives in: one for each colour; a JPEG holds all three."""
        return 1 if self.encoding == "jpeg" else len(self.channels)

    @property
    def field_shape(self) -> tuple[int, int]:
        """(height, width) of a field in px."""
        return self.field_height, self.field_width

    @property
    def chunk_shape(self) -> tuple[int, int]:
        """(height, width) of a chunk in px."""
        return self.chunk_height, self.chunk_width

    @property
    def chunk_counts(self) -> tuple[int, int]:
        """(rows, columns) of chunks in a field."""
        return self.field_height // self.chunk_height, self.field_width // self.chunk_width

    @property
    def background(self) -> int:
        """Grey value where nothing was scanned: white glass in brightfield, darkness in fluorescence."""
        return 255 if self.modality == "brightfield" else 0


@dataclass(frozen=True, slots=True, order=True)
class FieldKey:
    """Place of a field in the scan: grid row and column, focus layer, time point."""

    r: int
    c: int
    z: int = 0
    t: int = 0


@dataclass(frozen=True, slots=True)
class Field:
    """A field of view. `x_um`, `y_um` are the stage position (µm) of its top-left corner, `z_um` of the
    focus.
    """

    index: int
    key: FieldKey
    x_um: float
    y_um: float
    z_um: float
    registered_x_um: float | None = None
    registered_y_um: float | None = None


@dataclass(frozen=True, slots=True)
class Plane:
    """One colour of one field of view (of a JPEG slide: all of them), compressed: `chunks` row by row."""

    key: FieldKey
    channel: int
    x_um: float
    y_um: float
    z_um: float
    chunks: tuple[bytes, ...]


def header_as_dict(header: SlideHeader) -> dict[str, Any]:
    """The header as JSON-able values."""
    built: dict[str, Any] = msgspec.to_builtins(header)
    return built | {"channels": list(built["channels"])}


def header_from_dict(values: Mapping[str, Any]) -> SlideHeader:
    """The header from `header_as_dict`. An unknown key raises IdentityRefused: there are no free
    attributes.
    """
    known = {item.name for item in fields(SlideHeader)}
    if unknown := sorted(set(values) - known):
        raise IdentityRefused(f"the header has no attribute {', '.join(unknown)[:200]}")
    try:
        return msgspec.convert(dict(values), SlideHeader)
    except msgspec.ValidationError as error:
        raise InvalidHeader(str(error)) from error
