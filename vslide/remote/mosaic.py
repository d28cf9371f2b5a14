"""A remote mosaic that is put together here, out of stored chunks."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from vslide.coding import Coding, camera_chunk
from vslide.geometry import place_table
from vslide.model import Field, FieldKey, SlideHeader
from vslide.readers.base import PixelCache, Pixels
from vslide.readers.chunked import ChunkedReader, ChunkPlace
from vslide.remote.ahead import Look, ReadAhead
from vslide.remote.messages import AskChunk
from vslide.remote.source import Source


class RemoteMosaic(ChunkedReader):
    """A finished mosaic, put together here out of stored chunks. Thread-safe; raises as `RemoteSlide` does.

    The link keeps chunks as they were stored; the last few are kept decoded as well, as a local reader does.
    """

    def __init__(self, source: Source, header: SlideHeader, *, read_ahead: bool = True) -> None:
        self._source = source
        self.header = header
        self.levels = source.about.levels
        self.placement = place_table(source.positions, header.pixel_size_um, header.field_shape)
        self.link = source.link
        # What travels was opened by the dealer, if it is sealed on its disk: CURVE seals it on the way.
        self._coding = Coding(replace(header, key_id=""))
        self._decoded = PixelCache()
        self._ahead = ReadAhead(self._fetch_ahead) if read_ahead else None

    @cached_property
    def fields(self) -> tuple[Field, ...]:  # type: ignore[override]
        """Made when somebody asks: pictures need the positions alone."""
        return self._source.fields

    def close(self) -> None:
        if self._ahead:
            self._ahead.close()
        self._source.close()

    def info(self) -> dict[str, Any]:
        return dict(self._source.about.info)

    def counters(self) -> dict[str, int]:
        """What this slide's link has asked, kept and read ahead so far."""
        return self._source.counters(self._ahead)

    def chunk(self, index: int, channel: int, row: int, column: int, *, level: int = 1) -> bytes:
        """Stored bytes of one chunk, unchanged."""
        return self._source.chunks([self._ask(self.place_of(index, channel, row, column, level))])[0]

    def held(self, where: ChunkPlace) -> Pixels | None:
        return self._decoded.held(where)

    def chunk_pixels(self, where: ChunkPlace) -> Pixels:
        return self._decoded.get(where, lambda: self.passing_pixels(where))

    def passing_pixels(self, where: ChunkPlace) -> Pixels:
        level, group, plane, row, column = where
        r, c, z, t = self._source.positions[group].item()[:4]
        name = camera_chunk(FieldKey(r, c, z, t), plane, row, column) if level == 1 else where
        stored = self._source.chunks([self._ask(where)])[0]
        return self._coding.pixels(stored, self.chunk_shape(level)[0], name)

    def expect(self, places: Sequence[ChunkPlace]) -> None:
        """Asked for together, they share the way."""
        self._source.chunks([self._ask(where) for where in places])

    def plane(self, index: int, channel: int, *, level: int = 1) -> Pixels:
        self.check_plane(index, channel, level)
        (run, each, tall, wide), (_, _, height, width) = self.chunk_shape(level)
        grid = np.ndindex(-(-height // tall), -(-width // wide))
        self.expect([(level, index // run, channel // each, row, column) for row, column in grid])
        return super().plane(index, channel, level=level)

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
        found = super().region(x, y, width, height, level=level, channels=channels, z=z, t=t)
        if self._ahead:
            wanted = None if channels is None else tuple(channels)
            self._ahead.look(Look(x, y, width, height, level, wanted, z, t))
        return found

    def _fetch_ahead(self, look: Look) -> None:
        stored = max((one for one in self.levels if one <= look.level), default=1)
        scale = look.level / stored
        box = (
            math.floor(look.x * scale),
            math.floor(look.y * scale),
            math.ceil(look.width * scale) + 1,
            math.ceil(look.height * scale) + 1,
        )
        channels = range(len(self.channels)) if look.channels is None else look.channels
        places = dict.fromkeys(self.places_in(box, int(stored), channels, look.z, look.t))
        self._source.chunks([self._ask(where) for where in places], ahead=True)

    def thumbnail(self, max_size: int = 512) -> Pixels:
        """(C, h, w) of the whole mosaic, no side longer than ``max_size`` px: the dealer has the overview."""
        return self._source.thumbnail(max_size)

    def _ask(self, where: ChunkPlace) -> AskChunk:
        """The same question for all fields and colours that share a chunk."""
        level, group, plane, row, column = where
        (run, each, _, _), _ = self.chunk_shape(level)
        return AskChunk(
            index=group * run,
            channel=plane * each,
            row=row,
            column=column,
            level=level,
            **self._source.named,
        )
