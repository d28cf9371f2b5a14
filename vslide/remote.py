"""A slide on another machine, read like one that is here."""

import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Literal, NoReturn, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from vslide import errors
from vslide.errors import NotASlide, SlideError
from vslide.model import Channel, Field, SlideHeader, header_from_dict
from vslide.remote_messages import (
    REPLIES,
    AskChunk,
    AskHeader,
    AskPlane,
    AskRegion,
    AskThumbnail,
    ChunkReply,
    HeaderReply,
    PixelsReply,
)
from wire import Client, Message, RemoteError, Security

Pixels = NDArray[Any]
Reply = TypeVar("Reply", bound=Message)
_KINDS = {
    kind.code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, SlideError)
}


class RemoteSlide:
    """``tcp://host:port#path below the dealer's root``. Thread-safe: threads take turns on one connection.

    Raises what a local reader raises, ``wire.Timeout`` when the dealer does not answer.
    """

    def __init__(self, source: str, *, security: Security | None = None) -> None:
        endpoint, _, self._slide = source.partition("#")
        if not self._slide:
            raise NotASlide(f"{source}: a remote slide is ENDPOINT#SLIDE")
        self._lock = threading.Lock()
        self._client = Client(endpoint, REPLIES, security=security)
        try:
            about, _ = self._ask(AskHeader(slide=self._slide), HeaderReply)
        except BaseException:
            self._client.close()
            raise
        self._about = about
        self.header: SlideHeader | None = header_from_dict(about.header) if about.header else None
        self.kind: Literal["mosaic", "vendor"] = about.kind
        self.size = about.size
        self.pixel_size_um = about.pixel_size_um
        self.magnification = about.magnification
        self.dtype = np.dtype(about.dtype)
        self.channels: tuple[Channel, ...] = about.channels
        self.levels = about.levels
        self.fields: tuple[Field, ...] = about.fields
        self.layers = about.layers

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._client.close()

    def info(self) -> dict[str, Any]:
        """A JSON-able summary."""
        return dict(self._about.info)

    def chunk(self, index: int, channel: int, row: int, column: int, *, level: int = 1) -> bytes:
        """Stored bytes of one chunk, unchanged."""
        ask = AskChunk(slide=self._slide, index=index, channel=channel, row=row, column=column, level=level)
        _, frames = self._ask(ask, ChunkReply)
        return frames[0]

    def plane(self, index: int, channel: int, *, level: int = 1) -> Pixels:
        """One colour field (h, w)."""
        return self._pixels(AskPlane(slide=self._slide, index=index, channel=channel, level=level))

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
    ) -> Pixels:
        """(C, height, width); x, y, width, height in px of ``level``. Outside: 0, or 255 in brightfield."""
        wanted = None if channels is None else tuple(channels)
        return self._pixels(
            AskRegion(
                slide=self._slide, x=x, y=y, width=width, height=height, level=level, channels=wanted, z=z
            )
        )

    def thumbnail(self, max_size: int = 512) -> Pixels:
        """(C, h, w) of the whole slide, no side longer than ``max_size`` px."""
        return self._pixels(AskThumbnail(slide=self._slide, max_size=max_size))

    def _pixels(self, request: Message) -> Pixels:
        reply, frames = self._ask(request, PixelsReply)
        return np.frombuffer(bytearray().join(frames), reply.dtype).reshape(reply.shape)

    def _ask(self, request: Message, kind: type[Reply]) -> tuple[Reply, list[bytes]]:
        try:
            with self._lock:
                reply, frames = self._client.call(request)
        except RemoteError as error:
            _raise_as_local(error)
        if not isinstance(reply, kind):
            raise NotASlide(f"the dealer answered {type(reply).__name__}")
        return reply, frames


def _raise_as_local(error: RemoteError) -> NoReturn:
    """The dealer's SlideError as the same SlideError here."""
    kind = _KINDS.get(error.code)
    if kind is None:
        raise error
    raise kind(str(error)) from error
