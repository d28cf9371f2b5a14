"""What a remote reader asks a tile dealer. A slide is named by its path below the dealer's root."""

from typing import Any, Literal

from vslide.model import Channel, PixelType
from wire import Message


class Ask(Message, frozen=True):
    """`hops` counts the dealers that have passed the question on. `snapshot` is `HeaderReply.snapshot`."""

    slide: str
    snapshot: int = 0
    hops: int = 0


class AskHeader(Ask, frozen=True):
    """A live journal is looked at again each time."""


class HeaderReply(Message, frozen=True):
    """What a slide is. One raw frame follows: the positions table of docs/format.md, empty for a vendor file.

    A live journal grows: fields get other numbers, the mosaic another corner. `snapshot` (its number of
    fields, 0 for all other slides) says which state of it the reader knows.
    """

    kind: Literal["mosaic", "vendor"]
    header: dict[str, Any] | None
    size: tuple[int, int]
    pixel_size_um: float
    magnification: float
    dtype: PixelType
    channels: tuple[Channel, ...]
    levels: tuple[float, ...]
    layers: int
    info: dict[str, Any]
    snapshot: int = 0


class AskChunk(Ask, frozen=True, kw_only=True):
    """The stored bytes of one chunk come as one raw frame."""

    index: int
    channel: int
    row: int
    column: int
    level: int


class ChunkReply(Message, frozen=True):
    pass


class AskPlane(Ask, frozen=True, kw_only=True):
    index: int
    channel: int
    level: int


class AskRegion(Ask, frozen=True, kw_only=True):
    x: int
    y: int
    width: int
    height: int
    level: float
    channels: tuple[int, ...] | None
    z: int
    t: int = 0


class AskThumbnail(Ask, frozen=True, kw_only=True):
    max_size: int


class PixelsReply(Message, frozen=True):
    """Raw pixels in C order, little-endian, follow, cut into frames."""

    dtype: PixelType
    shape: tuple[int, ...]


REQUESTS: tuple[type[Message], ...] = (AskHeader, AskChunk, AskPlane, AskRegion, AskThumbnail)
REPLIES: tuple[type[Message], ...] = (HeaderReply, ChunkReply, PixelsReply)
