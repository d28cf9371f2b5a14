"""The open virtual slides of this process: a few, shared by all threads, closed when nobody uses them."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import vslide
from vslide import SlideReader

CAPACITY = 8


@dataclass(slots=True)
class _Open:
    reader: SlideReader
    users: int = 0
    evicted: bool = False


class OpenSlides:
    """At most `capacity` idle readers; a reader that a thread still uses is closed by its last user."""

    def __init__(self, open_slide: Callable[[Path], SlideReader], capacity: int = CAPACITY) -> None:
        self._open_slide = open_slide
        self._capacity = capacity
        self._slides: OrderedDict[tuple[Path, str], _Open] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def lease(self, path: Path, version: str) -> Iterator[SlideReader]:
        """The reader of a file, for the length of a `with` block. `version` is the file's hash."""
        slide = self._take((path, version))
        try:
            yield slide.reader
        finally:
            self._give_back(slide)

    def _take(self, key: tuple[Path, str]) -> _Open:
        with self._lock:
            slide = self._slides.get(key)
            if slide is not None:
                slide.users += 1
                self._slides.move_to_end(key)
                return slide
        opened = _Open(self._open_slide(key[0]))  # outside the lock: a slow disk must not hold the others up
        with self._lock:
            slide = self._slides.setdefault(key, opened)
            slide.users += 1
            self._slides.move_to_end(key)
            surplus = [self._slides.popitem(last=False)[1] for _ in range(len(self._slides) - self._capacity)]
            for old in surplus:
                old.evicted = True
            idle = [old for old in surplus if not old.users]
        if slide is not opened:
            opened.reader.close()
        for old in idle:
            old.reader.close()
        return slide

    def _give_back(self, slide: _Open) -> None:
        with self._lock:
            slide.users -= 1
            close = slide.evicted and not slide.users
        if close:
            slide.reader.close()

    def close(self) -> None:
        """Close what is idle; what is in use closes when it is given back."""
        with self._lock:
            slides = list(self._slides.values())
            self._slides.clear()
            for slide in slides:
                slide.evicted = True
            idle = [slide for slide in slides if not slide.users]
        for slide in idle:
            slide.reader.close()


open_slides = OpenSlides(vslide.open)
