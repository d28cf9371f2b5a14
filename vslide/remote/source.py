"""A slide as its dealer tells it: what the readers of remote slides share."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vslide.errors import Damaged, NotASlide
from vslide.layout import POSITION_TYPE, fields_from_table
from vslide.model import Field, header_from_dict
from vslide.remote.ahead import ReadAhead
from vslide.remote.link import DealerLink
from vslide.remote.messages import AskChunk, AskHeader, AskThumbnail, HeaderReply, PixelsReply
from wire import Message

Pixels = NDArray[Any]
Reply = TypeVar("Reply", bound=Message)


class Source:
    """One slide behind a link. Raises NotASlide, DealerLost or whatever the dealer met while it opened it."""

    def __init__(self, link: DealerLink, slide: str, hops: int, own: bool) -> None:
        self.link, self._own = link, own
        reply, frames = link.ask(AskHeader(slide=slide, hops=hops))
        self.about = _expect(reply, HeaderReply)
        self.named: dict[str, Any] = {"slide": slide, "snapshot": self.about.snapshot, "hops": hops}
        self.header = header_from_dict(self.about.header) if self.about.header else None
        self.positions = _positions(frames)

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        return fields_from_table(self.positions)

    def pixels(self, request: Message) -> Pixels:
        """The caller's own array."""
        reply, frames = self.link.get(request)
        about = _expect(reply, PixelsReply)
        try:
            return np.frombuffer(bytearray().join(frames), about.dtype).reshape(about.shape)
        except ValueError as error:
            raise Damaged(f"the dealer sent other pixels than it said: {error}") from error

    def chunks(self, requests: Sequence[AskChunk], *, ahead: bool = False) -> list[bytes]:
        return [_only(frames) for _, frames in self.link.fetch(requests, ahead=ahead)]

    def thumbnail(self, max_size: int) -> Pixels:
        return self.pixels(AskThumbnail(max_size=max_size, **self.named))

    def counters(self, ahead: ReadAhead | None) -> dict[str, int]:
        cache = self.link.cache
        return {
            "asked": self.link.asked,
            "hits": cache.hits,
            "misses": cache.misses,
            "ahead": ahead.fetched if ahead else 0,
            "ahead_used": cache.used_ahead,
        }

    def close(self) -> None:
        if self._own:
            self.link.close()


def _expect(reply: Message, kind: type[Reply]) -> Reply:
    if not isinstance(reply, kind):
        raise NotASlide(f"the dealer answered {type(reply).__name__}")
    return reply


def _only(frames: list[bytes]) -> bytes:
    if len(frames) != 1:
        raise Damaged(f"the dealer sent a chunk in {len(frames)} frames")
    return frames[0]


def _positions(frames: list[bytes]) -> NDArray[Any]:
    try:
        return np.frombuffer(_only(frames), POSITION_TYPE)
    except ValueError as error:
        raise Damaged(f"the dealer sent no positions table: {error}") from error
