"""Names, shapes and typed attributes of the HDF5 file: the one list of what format 1 may hold.

docs/format.md describes the same in words. Anything that is not listed here is refused by `write_header` and
reported by `verify`, so that nothing personal finds a place in the file.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from vslide.errors import Damaged, InvalidHeader, NotASlide
from vslide.geometry import divide_up
from vslide.model import (
    FORMAT,
    FORMAT_VERSION,
    ZOOM_LAYERS,
    Channel,
    Field,
    FieldKey,
    SlideHeader,
    header_as_dict,
    header_from_dict,
)

FIELDS, POSITIONS, CHECKSUMS, INDEX = "fields", "positions", "checksums", "index"
OVERVIEW = "overview"
GROUPED = (8, 16, 32)
"""Layers whose chunk holds `FIELDS_PER_CHUNK` fields of one colour."""
FIELDS_PER_CHUNK = 8
OVERVIEW_SIDE = 2048
SHA256_BYTES = 32
BLOSC_FILTER, JPEG_FILTER, SEAL_FILTER = 32001, 32019, 33305
"""HDF5 filter numbers: Blosc 1, JPEG (both registered), AES-GCM (of the range for private use, 32768 up)."""

TEXTS = (
    "slide_id",
    "run_id",
    "modality",
    "dtype",
    "encoding",
    "key_id",
    "scanner",
    "driver",
    "objective",
    "software",
    "stain",
)
INTEGERS = (
    "field_width",
    "field_height",
    "rows",
    "columns",
    "layers",
    "times",
    "chunk_width",
    "chunk_height",
)
FLOATS = ("pixel_size_um", "magnification")
CHANNEL_TEXTS = ("name", "colour")
CHANNEL_FLOATS = ("excitation_nm", "emission_nm", "exposure_ms")
CHANNEL_INTEGERS = ("black_level", "offset")
OWN = ("format", "format_version", "digest")
CHANNEL_ATTRIBUTES = tuple(f"channel_{name}" for name in (*CHANNEL_TEXTS, *CHANNEL_FLOATS, *CHANNEL_INTEGERS))
ROOT_ATTRIBUTES = frozenset((*OWN, *TEXTS, *INTEGERS, *FLOATS, *CHANNEL_ATTRIBUTES))
OVERVIEW_ATTRIBUTES = frozenset(("level", "z", "t"))

POSITION_TYPE = np.dtype(
    [
        ("r", "<i4"),
        ("c", "<i4"),
        ("z", "<i4"),
        ("t", "<i4"),
        ("x_um", "<f8"),
        ("y_um", "<f8"),
        ("z_um", "<f8"),
        ("registered_x_um", "<f8"),
        ("registered_y_um", "<f8"),
    ]
)


def fields_name(level: int) -> str:
    """Dataset of the pixels at `level`."""
    return f"{FIELDS}/{level}"


def checksums_name(level: int) -> str:
    """Dataset of the chunk checksums at `level` (0 is the overview)."""
    return f"{CHECKSUMS}/{level}" if level else f"{CHECKSUMS}/{OVERVIEW}"


def index_name(level: int) -> str:
    """Dataset of the places of the chunks at `level` (0 is the overview)."""
    return f"{INDEX}/{level}" if level else f"{INDEX}/{OVERVIEW}"


def pixel_shapes(header: SlideHeader, count: int, level: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(shape, chunks) of the dataset that holds `count` fields (N, C, h, w) at `level`."""
    colours = len(header.channels)
    each = colours // header.planes
    if level == 1:
        return (count, colours, *header.field_shape), (1, each, *header.chunk_shape)
    height, width = (divide_up(side, level) for side in header.field_shape)
    run = min(FIELDS_PER_CHUNK, count) if level in GROUPED else 1
    return (count, colours, height, width), (run, each, height, width)


def filters(header: SlideHeader) -> list[int]:
    """HDF5 filter numbers of every pixel dataset, in the order in which they are applied to pixels."""
    first = JPEG_FILTER if header.encoding == "jpeg" else BLOSC_FILTER
    return [first, SEAL_FILTER] if header.key_id else [first]


def chunk_counts(shape: Sequence[int], chunks: Sequence[int]) -> tuple[int, ...]:
    """Number of chunks along each axis."""
    return tuple(math.ceil(side / chunk) for side, chunk in zip(shape, chunks, strict=True))


def pixel_type(header: SlideHeader) -> np.dtype[Any]:
    """Little-endian numpy type of the camera's pixels."""
    return np.dtype(header.dtype).newbyteorder("<")


def _attribute_values(header: SlideHeader) -> dict[str, NDArray[Any]]:
    values = header_as_dict(header)
    channels = values["channels"]
    table = {"format": _texts(FORMAT), "format_version": np.array(FORMAT_VERSION, "<i4")}
    table |= {name: _texts(values[name]) for name in TEXTS}
    table |= {name: np.array(values[name], "<i4") for name in INTEGERS}
    table |= {name: np.array(values[name], "<f8") for name in FLOATS}
    for name in CHANNEL_TEXTS:
        table[f"channel_{name}"] = _texts(*(channel[name] for channel in channels))
    for name in CHANNEL_FLOATS:
        known = [math.nan if channel[name] is None else channel[name] for channel in channels]
        table[f"channel_{name}"] = np.array(known, "<f8")
    for name in CHANNEL_INTEGERS:
        table[f"channel_{name}"] = np.array([channel[name] for channel in channels], "<i4")
    return table


def _texts(*values: str) -> NDArray[Any]:
    raw = [value.encode() for value in values]
    kind = h5py.string_dtype("utf-8", max(1, *map(len, raw)))
    return np.array(raw if len(raw) != 1 else raw[0], dtype=kind)


def write_header(attributes: Any, header: SlideHeader) -> None:
    """Write the header as typed attributes of the root group."""
    for name, value in _attribute_values(header).items():
        attributes[name] = np.atleast_1d(value) if name.startswith("channel_") else value


def read_header(attributes: Mapping[str, Any]) -> SlideHeader:
    """The header of an open file. Raises NotASlide, InvalidHeader, IdentityRefused or Damaged."""
    if "format" not in attributes or _plain(attributes["format"]) != FORMAT:
        raise NotASlide("the HDF5 file does not say that it is a virtual slide")
    try:
        version = int(attributes["format_version"])
        if version != FORMAT_VERSION:
            raise NotASlide(f"format version {version}; this program reads {FORMAT_VERSION}")
        values: dict[str, Any] = {name: str(_plain(attributes[name])) for name in TEXTS}
        values |= {name: int(attributes[name]) for name in INTEGERS}
        values |= {name: float(attributes[name]) for name in FLOATS}
        values["channels"] = _read_channels(attributes)
        return header_from_dict(values)
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise Damaged(f"the header does not read: {error}") from error


def _plain(value: Any) -> Any:
    return bytes(value).decode() if isinstance(value, (bytes, np.bytes_)) else value


def _read_channels(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    columns: dict[str, list[Any]] = {}
    for name in CHANNEL_TEXTS:
        columns[name] = [_plain(value) for value in attributes[f"channel_{name}"]]
    for name in CHANNEL_FLOATS:
        numbers = [float(value) for value in attributes[f"channel_{name}"]]
        columns[name] = [None if math.isnan(number) else number for number in numbers]
    for name in CHANNEL_INTEGERS:
        columns[name] = [int(value) for value in attributes[f"channel_{name}"]]
    if len({len(column) for column in columns.values()}) != 1:
        raise InvalidHeader("the channel attributes have different lengths")
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def channels_as_dicts(channels: Sequence[Channel]) -> list[dict[str, Any]]:
    """Channels as JSON-able values."""
    names = (*CHANNEL_TEXTS, *CHANNEL_FLOATS, *CHANNEL_INTEGERS)
    return [{name: getattr(channel, name) for name in names} for channel in channels]


def positions_table(fields: Sequence[Field]) -> NDArray[Any]:
    """The positions table, one row per field in acquisition order; NaN where nothing was registered."""
    rows = [
        (
            f.key.r,
            f.key.c,
            f.key.z,
            f.key.t,
            f.x_um,
            f.y_um,
            f.z_um,
            _or_nan(f.registered_x_um),
            _or_nan(f.registered_y_um),
        )
        for f in fields
    ]
    return np.array(rows, dtype=POSITION_TYPE)


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def fields_from_table(table: NDArray[Any]) -> tuple[Field, ...]:
    """Fields from the positions table."""
    found = []
    for index, (r, c, z, t, x, y, focus, registered_x, registered_y) in enumerate(table.tolist()):
        known = not (math.isnan(registered_x) or math.isnan(registered_y))
        key = FieldKey(r, c, z, t)
        found.append(
            Field(index, key, x, y, focus, registered_x if known else None, registered_y if known else None)
        )
    return tuple(found)


def digest(header: SlideHeader, positions: NDArray[Any], tables: Sequence[NDArray[Any]]) -> str:
    """sha256 over header, positions, checksum and index tables: what guards the parts that are no chunks.

    Attributes come in the order of their names: name, a zero byte, then each text as UTF-8 with a zero byte
    behind it, or the numbers as stored.
    """
    total = hashlib.sha256()
    for name, value in sorted(_attribute_values(header).items()):
        total.update(name.encode() + b"\0")
        texts = value.dtype.kind == "S"
        total.update(b"".join(bytes(text) + b"\0" for text in np.ravel(value)) if texts else value.tobytes())
    for table in (positions, *tables):
        total.update(np.ascontiguousarray(table).tobytes())
    return total.hexdigest()


LEVELS = (1, *ZOOM_LAYERS)
"""Levels that a finished slide stores per field."""
