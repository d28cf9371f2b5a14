"""What the viewer asks: which file shows a slide, its header for the browser, histogram and chunks."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from core.errors import BadInput, NotFound, Unavailable
from lims.models import Slide
from viewer.addressing import TILE_SIZE, scale_factors
from viewer.guards import Person, require_view
from viewer.models import VirtualSlide
from viewer.profiles import colour_profile
from viewer.readers import open_slides
from viewer.tiles import Histogram, Window, histogram
from vslide import Channel, Damaged, Field, KeyMissing, KeyRefused, SlideReader
from vslide.geometry import place
from vslide.histogram import slide_histograms
from vslide.layout import pixel_shapes

MAX_CHUNKS = 1024


def visible(*, user: Person, uid: UUID) -> VirtualSlide:
    """The pixels of a slide for this person. Raises NotFound or NotAllowed before any file is touched."""
    current = VirtualSlide.objects.select_related("slide").filter(slide__uid=uid, current=True)
    virtual = current.order_by().first()
    slide = virtual.slide if virtual else Slide.objects.filter(uid=uid).first()
    if slide is None:
        raise NotFound("There is no such slide.", slide=str(uid))
    require_view(user, slide)
    if virtual is None:
        raise NotFound("This slide has no pixels yet: it has not been scanned and verified.", slide=str(uid))
    return virtual


def version_of(virtual: VirtualSlide) -> str:
    """What addresses carry so that they may be cached for ever."""
    return virtual.sha256[:16]


@contextmanager
def lease(virtual: VirtualSlide) -> Iterator[SlideReader]:
    """The open reader of a slide. Raises Unavailable when its file is not there, or the key that it is sealed
    with.
    """
    if not virtual.file.is_file():
        raise Unavailable("The file of this slide is not on its volume.", slide=str(virtual.slide.uid))
    with _unsealed(virtual.file, virtual.sha256) as reader:
        yield reader


@contextmanager
def _unsealed(file: Path, version: str) -> Iterator[SlideReader]:
    try:
        with open_slides.lease(file, version) as reader:
            yield reader
    except (KeyMissing, KeyRefused) as error:
        raise Unavailable("This slide is sealed, and its key is not here.", reason=str(error)) from error


def header(virtual: VirtualSlide) -> dict[str, Any]:
    """`SlideHeader` of viewer/static/viewer/types.js."""
    with lease(virtual) as reader:
        return header_of(reader, uid=str(virtual.slide.uid), version=version_of(virtual))


def header_of(reader: SlideReader, *, uid: str, version: str) -> dict[str, Any]:
    """The same of an open slide, which need not stand in the record."""
    width, height = reader.size
    mosaic = reader.header is not None
    return {
        "uid": uid,
        "version": version,
        "kind": reader.kind,
        "modality": reader.header.modality if reader.header else "brightfield",
        "dtype": str(np.dtype(reader.dtype).name),
        "encoding": reader.header.encoding if reader.header else "blosc",
        "width": width,
        "height": height,
        "pixelSizeUm": reader.pixel_size_um or 0,
        "magnification": reader.magnification or 0,
        "layers": reader.layers,
        "times": reader.times,
        "profile": asdict(profile) if (profile := colour_profile(reader.icc)) else None,
        "channels": [_channel(channel, reader) for channel in reader.channels],
        "levels": _levels(reader) if mosaic else [],
        "fields": _fields(reader) if mosaic else None,
        "tiles": {"size": TILE_SIZE, "downsamples": scale_factors(reader.size)},
    }


def _channel(channel: Any, reader: SlideReader) -> dict[str, Any]:
    high = 255 if np.dtype(reader.dtype) == np.uint8 else 65_535
    return {
        "name": channel.name,
        "colour": channel.colour,
        "low": channel.black_level,
        "high": high,
        "offset": channel.offset,
    }


def _levels(reader: SlideReader) -> list[dict[str, Any]]:
    found = []
    for level in reader.levels:
        if reader.header is None or level != int(level):
            continue
        shape, chunk = pixel_shapes(reader.header, len(reader.fields), int(level))
        found.append(
            {
                "downsample": int(level),
                "width": shape[3],
                "height": shape[2],
                "chunkWidth": chunk[3],
                "chunkHeight": chunk[2],
                "fieldsPerChunk": chunk[0],
            }
        )
    return found


def _fields(reader: SlideReader) -> dict[str, Any]:
    fields, slide = reader.fields, reader.header
    if slide is None:
        raise NotFound("A vendor file has no fields of view.")
    bare = [replace(field, registered_x_um=None, registered_y_um=None) for field in fields]
    stage = place(bare, reader.pixel_size_um, slide.field_shape)
    registered = place(fields, reader.pixel_size_um, slide.field_shape) if _registered(fields) else None
    return {
        "width": slide.field_width,
        "height": slide.field_height,
        "x": stage.x.tolist(),
        "y": stage.y.tolist(),
        "z": stage.z.tolist(),
        "t": stage.t.tolist(),
        "registeredX": registered.x.tolist() if registered else None,
        "registeredY": registered.y.tolist() if registered else None,
    }


def _registered(fields: Sequence[Field]) -> bool:
    return all(field.registered_x_um is not None and field.registered_y_um is not None for field in fields)


def chunks(
    virtual: VirtualSlide, *, level: int, blocks: range, channels: Sequence[int]
) -> list[bytes | None]:
    """The stored bytes of a run of blocks, block by block and channel by channel; None where nothing is.

    A block is a stored chunk seen over the channels; blocks count group by group of fields, row by row.
    """
    with lease(virtual) as reader:
        known = next((entry for entry in _levels(reader) if entry["downsample"] == level), None)
        if known is None:
            raise BadInput("The slide has no such zoom layer.", level=level)
        if any(channel >= len(reader.channels) for channel in channels):
            raise BadInput("The slide has no such channel.", channels=list(channels))
        rows, columns = -(-known["height"] // known["chunkHeight"]), -(-known["width"] // known["chunkWidth"])
        groups = -(-len(reader.fields) // known["fieldsPerChunk"])
        if blocks.start < 0 or blocks.stop > groups * rows * columns:
            raise BadInput("The slide has no such block.", blocks=groups * rows * columns)
        places = [(block // (rows * columns), block // columns % rows, block % columns) for block in blocks]
        return [
            _chunk(reader, (group * known["fieldsPerChunk"], channel, row, column), level)
            for group, row, column in places
            for channel in channels
        ]


def _chunk(reader: SlideReader, place: tuple[int, int, int, int], level: int) -> bytes | None:
    try:
        return reader.chunk(*place, level=level)
    except Damaged:
        return None


def windows(virtual: VirtualSlide) -> list[Window]:
    """How the server composes this slide: as it is in brightfield, auto-windowed in fluorescence."""
    with lease(virtual) as reader:
        channels = reader.channels
        plain = np.dtype(reader.dtype) == np.uint8
    return windows_of(channels, () if plain else histograms(virtual))


def windows_of(channels: Sequence[Channel], found: Sequence[Histogram]) -> list[Window]:
    """As the histograms of the channels say; without any as they are."""
    if not found:
        return [Window(channel.colour, 0, 255) for channel in channels]
    pairs = zip(channels, found, strict=True)
    return [Window(channel.colour, one.auto_low, one.auto_high) for channel, one in pairs]


def histograms(virtual: VirtualSlide) -> tuple[Histogram, ...]:
    """One histogram per channel, of a coarse layer of the whole slide."""
    return _histograms(virtual.file, virtual.sha256)


@lru_cache(maxsize=256)
def _histograms(file: Path, version: str) -> tuple[Histogram, ...]:
    with _unsealed(file, version) as reader:
        return histograms_of(reader)


def histograms_of(reader: SlideReader) -> tuple[Histogram, ...]:
    """One histogram per channel of an open slide."""
    dtype, counted = np.dtype(reader.dtype).name, slide_histograms(reader)
    return tuple(
        histogram(found, dtype=dtype, black_level=channel.black_level)
        for channel, found in zip(reader.channels, counted, strict=True)
    )
