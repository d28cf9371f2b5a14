"""The night's streams of server-sent events.

In each web process one watcher looks at a night for all its streams: twenty browsers cost the database as
much as one, and what has changed is drawn once.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import structlog
from asgiref.sync import sync_to_async
from django.db import DatabaseError, connections

from lims.models import Batch
from scanning import queries, sights

LOOK_S = 0.25
SIGN_OF_LIFE_S = 15.0  # without news a comment keeps proxies from closing the stream
LONGEST_S = 3600.0  # then the browser connects again: nobody who has lost their role looks for ever
MOST_WAITING = 64  # events that a slow browser is behind; then it looks at the whole page instead
THE_END = "the end"  # its watcher has died: the browser connects again

log = structlog.get_logger(__name__)
Stream = asyncio.Queue[str]
T = TypeVar("T")

# Watchers take turns in one thread: a web process holds one connection to the database for them all.
_eyes = ThreadPoolExecutor(1, thread_name_prefix="watcher")


async def in_turn(work: Callable[[], T]) -> T:
    return await sync_to_async(work, thread_sensitive=False, executor=_eyes)()


class Watcher:
    """Looks at one night while anybody listens. `streams`: whether who listens has buttons to press."""

    def __init__(self, batch_id: int) -> None:
        self.streams: dict[Stream, bool] = {}
        self._batch_id = batch_id
        self._pulse = ""
        self._sight: sights.Sight | None = None

    def join(self, stream: Stream, may: bool) -> None:
        """A browser looks at everything first, from when on it will hear of every change."""
        self.streams[stream] = may
        if self._sight:
            stream.put_nowait(sights.EVERYTHING)

    async def watch(self) -> None:
        try:
            while self.streams:
                before, now = self._sight, await in_turn(self._look)
                self._sight = now
                if now and now is not before:
                    self.tell({may: sights.changes(before, now, may=may) for may in (True, False)})
                await asyncio.sleep(LOOK_S)
        finally:
            self.tell({True: THE_END, False: THE_END})
            await in_turn(connections.close_all)

    def tell(self, said: Mapping[bool, str]) -> None:
        for stream, may in self.streams.items():
            if stream.full():
                while not stream.empty():
                    stream.get_nowait()
                stream.put_nowait(sights.EVERYTHING if said[may] != THE_END else THE_END)
            elif said[may]:
                stream.put_nowait(said[may])

    def _look(self) -> sights.Sight | None:
        """While the database is away, or nothing has moved, what was seen before."""
        try:
            pulse = queries.pulse(self._batch_id)
            seen = self._sight if pulse == self._pulse else sights.look(self._batch_id)
        except (DatabaseError, Batch.DoesNotExist) as error:
            log.warning("night_unseen", batch=self._batch_id, error=str(error))
            connections.close_all()
            return self._sight
        self._pulse = pulse
        return seen


_watchers: dict[tuple[int, int], tuple[Watcher, asyncio.Task[None]]] = {}


@contextmanager
def listening(batch_id: int, *, may: bool) -> Iterator[Stream]:
    """A stream of this night's events; the last one that leaves takes the watcher with it."""
    key = (id(asyncio.get_running_loop()), batch_id)
    if key not in _watchers or _watchers[key][1].done():
        made = Watcher(batch_id)
        _watchers[key] = made, asyncio.ensure_future(made.watch())
    watcher, _ = _watchers[key]
    stream: Stream = asyncio.Queue(MOST_WAITING)
    watcher.join(stream, may)
    try:
        yield stream
    finally:
        del watcher.streams[stream]
        if not watcher.streams and _watchers.get(key, (None,))[0] is watcher:
            del _watchers[key]


async def beats(batch_id: int, *, may: bool) -> AsyncIterator[str]:
    """What a browser is to do, from now on for an hour."""
    clock = asyncio.get_running_loop().time
    until = clock() + LONGEST_S
    with listening(batch_id, may=may) as stream:
        while clock() < until and (said := await _next(stream)) != THE_END:
            yield said


async def _next(stream: Stream) -> str:
    try:
        return await asyncio.wait_for(stream.get(), SIGN_OF_LIFE_S)
    except TimeoutError:
        return ": nothing new\n\n"
