"""What a remote reader asks a tile dealer. A slide is named by its path below the dealer's root."""

from typing import Any, Literal

from vslide.model import Channel, Field
from wire import Message


class AskHeader(Message, frozen=True):
    slide: str


class HeaderReply(Message, frozen=True):
    kind: Literal["mosaic", "vendor"]
    header: dict[str, Any] | None
    size: tuple[int, int]
    pixel_size_um: float
    magnification: float
    dtype: str
    channels: tuple[Channel, ...]
    levels: tuple[float, ...]
    fields: tuple[Field, ...]
    layers: int
    info: dict[str, Any]


class AskChunk(Message, frozen=True):
    """The stored bytes of one chunk come as one raw frame."""

    slide: str
    index: int
    channel: int
    row: int
    column: int
    level: int


class ChunkReply(Message, frozen=True):
    pass


class AskPlane(Message, frozen=True):
    slide: str
    index: int
    channel: int
    level: int


class AskRegion(Message, frozen=True):
    slide: str
    x: int
    y: int
    width: int
    height: int
    level: float
    channels: tuple[int, ...] | None
    z: int


class AskThumbnail(Message, frozen=True):
    slide: str
    max_size: int


class PixelsReply(Message, frozen=True):
    """Raw pixels in C order follow, cut into frames."""

    dtype: str
    shape: tuple[int, ...]


REQUESTS: tuple[type[Message], ...] = (AskHeader, AskChunk, AskPlane, AskRegion, AskThumbnail)
REPLIES: tuple[type[Message], ...] = (HeaderReply, ChunkReply, PixelsReply)
