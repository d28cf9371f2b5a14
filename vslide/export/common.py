"""What every export shares: levels and pixels in bounded memory, work in order, a name only when complete."""

import os
import shutil
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vslide.errors import AlreadyThere, NotASlide
from vslide.geometry import divide_up
from vslide.model import RGB
from vslide.reader import SlideReader
from vslide.readers.base import MosaicReader

Pixels = NDArray[Any]
Progress = Callable[[int, int], None]
Job = TypeVar("Job")
Done = TypeVar("Done")

JPEG_QUALITY = 90
_SMALLEST_LEVEL = 256
_STEP = 4
_READ_SIDE = 1024
"""Longest side in px of what one read takes from a stored level: area means of it need some 100 MB."""
_WORKERS = max(1, min(4, os.cpu_count() or 1))


def no_progress(done: int, total: int) -> None:
    """Nobody is watching."""


@dataclass(frozen=True, slots=True)
class Options:
    """`lossless`: DICOM of brightfield without JPEG. `url`: where a reference finds the slide's file."""

    lossless: bool = False
    url: str = ""


class Source:
    """A slide as an export sees it: a pyramid in steps of four, read tile by tile. Thread-safe.

    `slide_id` is the slide's own random id, or a new one for a vendor file.
    """

    def __init__(self, slide: SlideReader, options: Options, progress: Progress = no_progress) -> None:
        header = slide.header
        self.slide, self.options = slide, options
        self.slide_id = header.slide_id if header else uuid.uuid4().hex
        self.times = header.times if header else 1
        if self.times > 1 and not isinstance(slide, MosaicReader):
            raise NotASlide("only a local slide hands out its time points")
        self.layers = slide.layers
        self.levels = _levels(slide.size)
        self.is_rgb = slide.channels == RGB and slide.dtype == np.uint8
        self._progress, self._done, self._lock = progress, 0, threading.Lock()
        self.planes = self.layers * self.times
        """How many planes of each channel the format takes: what progress is measured against."""

    def size(self, level: int) -> tuple[int, int]:
        """(width, height) at `level` in px."""
        width, height = self.slide.size
        return divide_up(width, level), divide_up(height, level)

    def corners(self, level: int, side: int) -> list[tuple[int, int]]:
        """(x, y) of the tiles of `side` px at `level`, row by row."""
        width, height = self.size(level)
        return [(x, y) for y in range(0, height, side) for x in range(0, width, side)]

    def tile(
        self, corner: tuple[int, int], side: int, level: int, channels: Sequence[int] | None, z: int, t: int
    ) -> Pixels:
        """(C, side, side) at `corner`; counts as progress."""
        pixels = self.read(*corner, side, side, level=level, channels=channels, z=z, t=t)
        width, height = self.size(level)
        shown = min(side, width - corner[0]) * min(side, height - corner[1])
        with self._lock:
            self._done += shown * len(pixels)
            done = self._done
        area = sum(wide * tall for wide, tall in map(self.size, self.levels))
        self._progress(done, area * len(self.slide.channels) * self.planes)
        return pixels

    def read(
        self,
        x: int,
        y: int,
        width: int,
        height: int,
        *,
        level: int,
        channels: Sequence[int] | None = None,
        z: int = 0,
        t: int = 0,
    ) -> Pixels:
        """(C, height, width) in px of `level`; what needs many stored px for one is read in parts."""
        stored = max((one for one in self.slide.levels if one <= level * (1 + 1e-3)), default=1.0)
        longest = max(width, height)
        if longest == 1 or longest * level / stored <= _READ_SIDE:
            return self._region((x, y, width, height), level, channels, z, t)
        if width >= height:
            half = width // 2
            boxes, axis = ((x, y, half, height), (x + half, y, width - half, height)), 2
        else:
            half = height // 2
            boxes, axis = ((x, y, width, half), (x, y + half, width, height - half)), 1
        parts = [self.read(*box, level=level, channels=channels, z=z, t=t) for box in boxes]
        return np.concatenate(parts, axis=axis)

    def _region(
        self, box: tuple[int, int, int, int], level: int, channels: Sequence[int] | None, z: int, t: int
    ) -> Pixels:
        if isinstance(self.slide, MosaicReader):
            return self.slide.region(*box, level=level, channels=channels, z=z, t=t)
        return self.slide.region(*box, level=level, channels=channels, z=z)


def _levels(size: tuple[int, int]) -> tuple[int, ...]:
    levels = [1]
    while max(size) / (levels[-1] * _STEP) >= _SMALLEST_LEVEL:
        levels.append(levels[-1] * _STEP)
    return tuple(levels)


def focus_step_um(slide: SlideReader) -> float:
    """Distance of neighbouring focus layers in µm; 0 where there is one only or nobody knows."""
    focus: dict[int, list[float]] = {}
    for field in slide.fields:
        focus.setdefault(field.key.z, []).append(field.z_um)
    means = [sum(focus[z]) / len(focus[z]) for z in sorted(focus)]
    return abs(means[-1] - means[0]) / (len(means) - 1) if len(means) > 1 else 0.0


def interleaved(pixels: Pixels) -> Pixels:
    """(H, W, 3) of three planar channels, (H, W) of one."""
    return np.ascontiguousarray(np.moveaxis(pixels, 0, -1)) if len(pixels) == 3 else pixels[0]


def in_order(work: Callable[[Job], Done], jobs: Iterable[Job]) -> Iterator[Done]:
    """`work(job)` of each job, in order, from a few threads that are never far ahead of the consumer."""
    waiting: deque[Future[Done]] = deque()
    with ThreadPoolExecutor(_WORKERS) as pool:
        try:
            for job in jobs:
                waiting.append(pool.submit(work, job))
                if len(waiting) > 2 * _WORKERS:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def published(output: Path) -> Iterator[Path]:
    """A hidden path beside `output` to write to; on success it is on the disk and gets its name.

    Raises AlreadyThere: what stands is never overwritten.
    """
    taken = AlreadyThere(f"{output.name} exists and is never overwritten")
    if os.path.lexists(output):
        raise taken
    draft = output.with_name(f".{output.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        yield draft
        _sync(draft)
        try:
            _give_name(draft, output)
        except FileExistsError as error:
            raise taken from error
        _sync_directory(output.parent)
    finally:
        if draft.is_dir():
            shutil.rmtree(draft)
        draft.unlink(missing_ok=True)


def _give_name(draft: Path, output: Path) -> None:
    if not draft.is_dir():
        os.link(draft, output)
        return
    # A directory cannot be linked, and a rename replaces an empty directory only: mkdir takes the name first.
    output.mkdir()
    try:
        draft.rename(output)
    except OSError:
        output.rmdir()
        raise


def _sync(path: Path) -> None:
    for file in path.rglob("*") if path.is_dir() else (path,):
        if file.is_dir():
            _sync_directory(file)
        else:
            with file.open("rb") as stream:
                os.fsync(stream.fileno())
    if path.is_dir():
        _sync_directory(path)


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
