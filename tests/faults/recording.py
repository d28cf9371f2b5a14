"""A disk that works as the real one and keeps what was asked of it: the film that crash states are cut from.

Files and directories have numbers, names are entries of a directory, as in a file system: so a state of the
disk can be put together later from any part of the film (`tests.faults.medium`).
"""

import io
import itertools
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from vslide.disk import Disk

ROOT = 0
"""Number of the directory that the film plays in."""


@dataclass(frozen=True, slots=True)
class Write:
    file: int
    at: int
    data: bytes

    @property
    def start(self) -> int:
        return self.at

    @property
    def stop(self) -> int:
        return self.at + len(self.data)

    def length(self, before: int) -> int:
        return max(before, self.stop)

    def apply(self, content: bytearray) -> None:
        content.extend(bytes(max(0, self.at - len(content))))
        content[self.at : self.stop] = self.data


@dataclass(frozen=True, slots=True)
class Truncate:
    file: int
    size: int

    @property
    def start(self) -> int:
        return self.size

    @property
    def stop(self) -> None:
        """Whatever lies behind is concerned."""

    def length(self, before: int) -> int:
        return self.size

    def apply(self, content: bytearray) -> None:
        del content[self.size :]
        content.extend(bytes(self.size - len(content)))


@dataclass(frozen=True, slots=True)
class Sync:
    """fsync or fdatasync. One that `failed` leaves the bytes to be seen and never to be written: the kernel
    takes them for clean (the fsync of PostgreSQL's fame, lwn.net/Articles/752063).
    """

    file: int
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Names:
    """One atomic change of a directory: each name gets a file or directory, or goes (None)."""

    folder: int
    entries: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class SyncNames:
    folder: int


@dataclass(frozen=True, slots=True)
class Mark:
    """What the program was told, or said, at this point of the film."""

    what: str
    told: frozenset[object] = frozenset()


Operation = Write | Truncate | Sync | Names | SyncNames | Mark


class RecordingDisk(Disk):
    """Everything happens in the real directory `root` and is kept in `film`. Safe in several threads."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.film: list[Operation] = []
        self.folders = {ROOT}
        self._numbers = {root: ROOT}
        self._handles: dict[int, int] = {}
        self._next = itertools.count(ROOT + 1)
        self._lock = threading.RLock()

    def mark(self, what: str, told: frozenset[object] = frozenset()) -> None:
        with self._lock:
            self.film.append(Mark(what, told))

    # --- files
    def create(self, path: Path) -> int:
        with self._lock:
            handle = super().create(path)
            self._handles[handle] = self._enter(path)
            return handle

    def open(self, path: Path) -> int:
        with self._lock:
            handle = super().open(path)
            self._handles[handle] = self._numbers[path]
            return handle

    def close(self, handle: int) -> None:
        with self._lock:
            self._handles.pop(handle, None)
            super().close(handle)

    def write(self, handle: int, buffers: Sequence[bytes | memoryview], at: int) -> int:
        with self._lock:
            end = super().write(handle, buffers, at)
            self.film.append(Write(self._handles[handle], at, b"".join(buffers)))
            return end

    def truncate(self, handle: int, size: int) -> None:
        with self._lock:
            super().truncate(handle, size)
            self.film.append(Truncate(self._handles[handle], size))

    def sync_data(self, handle: int) -> None:
        with self._lock:
            super().sync_data(handle)
            self.film.append(Sync(self._handles[handle]))

    def sync(self, handle: int) -> None:
        with self._lock:
            super().sync(handle)
            self.film.append(Sync(self._handles[handle]))

    def hdf5_target(self, path: Path) -> Path | BinaryIO:
        return cast("BinaryIO", DiskFile(self, path))

    # --- names
    def link(self, source: Path, name: Path) -> None:
        with self._lock:
            super().link(source, name)
            self._numbers[name] = self._numbers[source]
            self._name(name.parent, (name.name, self._numbers[source]))

    def rename(self, source: Path, name: Path) -> None:
        with self._lock:
            super().rename(source, name)
            self._name(name.parent, (source.name, None), (name.name, self._numbers[source]))
            self._numbers.pop(name, None)
            self._numbers = {_moved(path, source, name): number for path, number in self._numbers.items()}

    def unlink(self, path: Path) -> None:
        with self._lock:
            super().unlink(path)
            self._leave(path)

    def make_directory(self, path: Path) -> None:
        with self._lock:
            missing = [folder for folder in (path, *path.parents) if not folder.exists()]
            super().make_directory(path)
            for folder in reversed(missing):
                self.folders.add(self._enter(folder))

    def remove_directory(self, path: Path) -> None:
        with self._lock:
            super().remove_directory(path)
            self._leave(path)

    def sync_directory(self, path: Path) -> None:
        with self._lock:
            super().sync_directory(path)
            self.film.append(SyncNames(self._numbers[path]))

    def _enter(self, path: Path) -> int:
        number = self._numbers[path] = next(self._next)
        self._name(path.parent, (path.name, number))
        return number

    def _leave(self, path: Path) -> None:
        if self._numbers.pop(path, None) is not None:
            self._name(path.parent, (path.name, None))

    def _name(self, folder: Path, *entries: tuple[str, int | None]) -> None:
        self.film.append(Names(self._numbers[folder], entries))


def _moved(path: Path, source: Path, name: Path) -> Path:
    return name / path.relative_to(source) if path.is_relative_to(source) else path


class DiskFile(io.RawIOBase):
    """What HDF5 writes a new file through, so that the disk sees each of its writes."""

    def __init__(self, disk: Disk, path: Path) -> None:
        self._disk = disk
        self._handle = disk.create(path)
        self._at = 0
        self._failed: OSError | None = None

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = (0, self._at, os.fstat(self._handle).st_size)[whence]
        self._at = start + offset
        return self._at

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = os.pread(self._handle, len(view), self._at)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def write(self, data: object) -> int:
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        self._at = self._disk.write(self._handle, (bytes(view),), self._at)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        size = self._at if size is None else size
        try:
            self._disk.truncate(self._handle, size)
        except OSError as error:
            # HDF5 flushes whatever came of this, and Python finds no method while an error is on its way.
            self._failed = error
        return size

    def flush(self) -> None:
        if self._failed is not None:
            error, self._failed = self._failed, None
            raise error

    def close(self) -> None:
        if not self.closed:
            self._disk.close(self._handle)
        super().close()
