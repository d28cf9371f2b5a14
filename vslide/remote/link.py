"""A connection to a tile dealer, for any number of slides and threads: typed errors, a cache, a fuse."""

import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import NoReturn, Self

from vslide import errors
from vslide.errors import DealerLost, NotASlide, SlideError
from vslide.remote.cache import Reply, ReplyCache
from vslide.remote.messages import REPLIES
from wire import Insecure, Message, PeerLost, Pending, Pipeline, RemoteError, Security, Timeout, parse_address

CACHE_BYTES = 128 << 20
UNDER_WAY = 16
"""Requests that one caller has under way at once: enough to fill a gigabit at 1 ms and 170 kB a chunk."""
FUSE_S = 1.0
AT_ONCE = 8
"""Threads of a dealer that may wait for one dealer behind it."""
_KINDS = {
    kind.code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, SlideError)
}


class DealerLink:
    """Ask a dealer. Thread-safe. Every call raises what a local reader raises, `DealerLost` when nobody
    answers.

    After that the fuse is blown: for `FUSE_S` at a time whatever is asked fails at once, but for one request
    that finds out whether the dealer is back. `room` is for a dealer in front: who waits for this one
    takes a place there, so that a dead one never holds up all of its threads.

    `cache_bytes` should hold at least what one look at a mosaic needs; what does not fit is asked for twice.
    """

    def __init__(
        self,
        address: str,
        *,
        security: Security | None = None,
        timeout_s: float = 5.0,
        retries: int = 2,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        try:
            self.endpoint, named = parse_address(address)
        except Insecure as error:
            raise NotASlide(str(error)) from error
        self._pipeline = Pipeline(
            self.endpoint, REPLIES, timeout_s=timeout_s, retries=retries, security=security or named
        )
        self.cache = ReplyCache(cache_bytes)
        self.room = threading.BoundedSemaphore(AT_ONCE)
        self._lock = threading.Lock()
        self._blown_until = 0.0
        self.asked = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        self._pipeline.close()

    def ask(self, request: Message) -> Reply:
        """The reply and its raw frames, asked now."""
        return next(self._replies([request]))

    def get(self, request: Message) -> Reply:
        """The reply and its raw frames, kept for the next time."""
        return next(self.fetch([request]))

    def fetch(self, requests: Sequence[Message], *, ahead: bool = False) -> Iterator[Reply]:
        """The reply to each request in turn, from the cache or asked for, up to `UNDER_WAY` at a time."""
        known = [self.cache.get(request) for request in requests]
        missing = [request for request, reply in zip(requests, known, strict=True) if reply is None]
        asked = self._replies(missing)
        for request, reply in zip(requests, known, strict=True):
            if reply is None:
                reply = next(asked)
                self.cache.put(request, reply, ahead=ahead)
            yield reply

    def _replies(self, requests: Sequence[Message]) -> Iterator[Reply]:
        self._try_fuse()
        began = time.monotonic()
        waiting: deque[Pending] = deque()
        try:
            for request in requests:
                if len(waiting) == UNDER_WAY:
                    yield self._result(waiting.popleft(), began)
                waiting.append(self._pipeline.ask(request))
                self.asked += 1
            while waiting:
                yield self._result(waiting.popleft(), began)
        finally:
            for pending in waiting:
                self._pipeline.forget(pending)

    def _result(self, pending: Pending, began: float) -> Reply:
        try:
            reply = self._pipeline.result(pending)
        except RemoteError as error:
            self._blown_until = 0.0
            _raise_as_local(error)
        except (Timeout, PeerLost) as error:
            if self._pipeline.heard_at < began:  # else it lives, and only this takes long
                self._blown_until = time.monotonic() + FUSE_S
            raise DealerLost(str(error)) from error
        self._blown_until = 0.0
        return reply

    def _try_fuse(self) -> None:
        with self._lock:
            now = time.monotonic()
            if now < self._blown_until:
                raise DealerLost(f"{self.endpoint} did not answer a moment ago")
            if self._blown_until:  # this one finds out; nobody else until it knows
                self._blown_until = now + self._pipeline.patience_s


def _raise_as_local(error: RemoteError) -> NoReturn:
    """The dealer's SlideError as the same SlideError here."""
    kind = _KINDS.get(error.code)
    if kind is None:
        raise error
    raise kind(str(error)) from error
