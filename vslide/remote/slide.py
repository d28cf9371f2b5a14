"""A remote slide whose pixels the dealer puts together."""

import math
from collections.abc import Sequence
from functools import cached_property
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from vslide.geometry import Placement, place
from vslide.model import Channel, Field, SlideHeader
from vslide.readers.base import InMicrometres
from vslide.remote.ahead import Look, ReadAhead
from vslide.remote.messages import AskChunk, AskPlane, AskRegion
from vslide.remote.source import Source

Pixels = NDArray[Any]


class RemoteSlide(InMicrometres):
    """A vendor file, a live journal, or a mosaic whose pixels the dealer puts together. Thread-safe.

    Raises what a local reader raises; DealerLost (retryable) when the dealer does not answer, Outdated
    (retryable) when a journal has grown.
    """

    def __init__(self, source: Source, *, read_ahead: bool = True) -> None:
        self._source, about = source, source.about
        self.header: SlideHeader | None = source.header
        self.kind: Literal["mosaic", "vendor"] = about.kind
        self.size = about.size
        self.pixel_size_um = about.pixel_size_um
        self.magnification = about.magnification
        self.dtype = np.dtype(about.dtype)
        self.channels: tuple[Channel, ...] = about.channels
        self.levels = about.levels
        self.fields = source.fields
        self.layers = about.layers
        self.times = self.header.times if self.header else 1
        self.link = source.link
        self._ahead = ReadAhead(self._fetch_ahead) if read_ahead else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._ahead:
            self._ahead.close()
        self._source.close()

    def info(self) -> dict[str, Any]:
        """A JSON-able summary."""
        return dict(self._source.about.info)

    def counters(self) -> dict[str, int]:
        """What this slide's link has asked, kept and read ahead so far."""
        return self._source.counters(self._ahead)

    def chunk(self, index: int, channel: int, row: int, column: int, *, level: int = 1) -> bytes:
        """Stored bytes of one chunk, unchanged."""
        ask = AskChunk(
            index=index, channel=channel, row=row, column=column, level=level, **self._source.named
        )
        return self._source.chunks([ask])[0]

    def plane(self, index: int, channel: int, *, level: int = 1) -> Pixels:
        """One colour field (h, w)."""
        return self._source.pixels(AskPlane(index=index, channel=channel, level=level, **self._source.named))

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
        """(C, height, width); x, y, width, height in px of ``level``. Outside: 0, or 255 in brightfield."""
        look = Look(x, y, width, height, level, None if channels is None else tuple(channels), z, t)
        found = self._source.pixels(self._ask(look))
        if self._ahead:
            self._ahead.look(look)
        return found

    def field_at(self, x: int, y: int, *, z: int = 0, t: int = 0) -> Field | None:
        """The field that shows at a px of level 1; None where nothing was scanned, and for vendor files."""
        if self._placement is None:
            return None
        found = self._placement.inside((x, y, 1, 1), 1, z, t)
        return self.fields[found[-1]] if found else None

    @cached_property
    def _placement(self) -> Placement | None:
        if self.header is None:
            return None
        return place(self.fields, self.header.pixel_size_um, self.header.field_shape)

    def thumbnail(self, max_size: int = 512) -> Pixels:
        """(C, h, w) of the whole slide, no side longer than ``max_size`` px."""
        return self._source.thumbnail(max_size)

    def _ask(self, look: Look) -> AskRegion:
        return AskRegion(
            x=look.x,
            y=look.y,
            width=look.width,
            height=look.height,
            level=look.level,
            channels=look.channels,
            z=look.z,
            t=look.t,
            **self._source.named,
        )

    def _fetch_ahead(self, look: Look) -> None:
        width, height = (math.ceil(side / look.level) for side in self.size)
        if look.x + look.width > 0 and look.y + look.height > 0 and look.x < width and look.y < height:
            for _ in self.link.fetch([self._ask(look)], ahead=True):
                pass
