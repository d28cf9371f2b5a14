"""Open slides for many threads: the last few stay open, and none is closed while somebody reads it."""

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from vslide.reader import SlideReader

MOST_OPEN = 16


@dataclass
class _Kept:
    reader: SlideReader
    readers: int = 0
    put_away: bool = False
    closed: bool = False


class Shelf:
    """At most `most` slides, least recently read first to go. Thread-safe."""

    def __init__(self, most: int = MOST_OPEN) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()

    @contextmanager
    def lend(self, key: Hashable) -> Iterator[SlideReader | None]:
        """The slide that stands under `key`, open as long as the block lasts; None if there is none."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                kept.readers += 1
        try:
            yield kept.reader if kept else None
        finally:
            if kept is not None:
                with self._lock:
                    kept.readers -= 1
                self._close(kept)

    def put(self, key: Hashable, reader: SlideReader) -> None:
        """Keep an open slide, in place of what stood there. It is closed from here on by the shelf."""
        with self._lock:
            gone = [self._kept.pop(key)] if key in self._kept else []
            self._kept[key] = _Kept(reader)
            while len(self._kept) > self._most:
                gone.append(self._kept.popitem(last=False)[1])
        self._put_away(gone)

    def remove(self, key: Hashable) -> None:
        with self._lock:
            gone = [self._kept.pop(key)] if key in self._kept else []
        self._put_away(gone)

    def clear(self) -> None:
        with self._lock:
            gone, self._kept = list(self._kept.values()), OrderedDict()
        self._put_away(gone)

    def _put_away(self, gone: list[_Kept]) -> None:
        for kept in gone:
            with self._lock:
                kept.put_away = True
            self._close(kept)

    def _close(self, kept: _Kept) -> None:
        """Close it if it was put away and this was its last reader."""
        with self._lock:
            now = kept.put_away and not kept.readers and not kept.closed
            kept.closed |= now
        if now:
            kept.reader.close()
