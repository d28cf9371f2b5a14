"""Every call that durability rests on, in one place: what a crash test records, cuts short and lets fail.

Writers take a `Disk` and touch the file system through nothing else. The order of these calls, not their
number, is what makes a slide safe; `./nocturne faults states` tries every place at which it may stop.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

_MOST_BUFFERS = 512  # of one pwritev; Linux takes 1024


class Disk:
    """The real file system. Every method raises OSError as the system call behind it does."""

    def create(self, path: Path) -> int:
        """A new file for reading and writing; FileExistsError when the name is taken."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)

    def open(self, path: Path) -> int:
        """A file that is there, for reading and writing."""
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def close(self, handle: int) -> None:
        os.close(handle)

    def write(self, handle: int, buffers: Sequence[bytes | memoryview], at: int) -> int:
        """Write all buffers one behind the other from byte `at`; returns the byte behind the last."""
        waiting = [memoryview(buffer) for buffer in buffers if len(buffer)]
        while waiting:
            written = os.pwritev(handle, waiting[:_MOST_BUFFERS], at)
            at += written
            while waiting and written >= len(waiting[0]):
                written -= len(waiting.pop(0))
            if written:
                waiting[0] = waiting[0][written:]
        return at

    def truncate(self, handle: int, size: int) -> None:
        os.ftruncate(handle, size)

    def sync_data(self, handle: int) -> None:
        """The bytes of the file, and its length, are on the medium when this returns."""
        os.fdatasync(handle)

    def sync(self, handle: int) -> None:
        os.fsync(handle)

    def link(self, source: Path, name: Path) -> None:
        """A second name; FileExistsError when it is taken. Never overwrites."""
        os.link(source, name)

    def rename(self, source: Path, name: Path) -> None:
        """Atomic; replaces what had that name."""
        source.replace(name)

    def unlink(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def make_directory(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True, mode=0o755)

    def remove_directory(self, path: Path) -> None:
        path.rmdir()

    def sync_directory(self, path: Path) -> None:
        """The names in a directory are on the medium when this returns."""
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def hdf5_target(self, path: Path) -> Path | BinaryIO:
        """What HDF5 writes a new file to: its name, or a file object that sees each write."""
        return path

    # --- what is made of them
    def write_file(self, path: Path, content: bytes) -> None:
        """A new file with its content, synced. The name is durable after `sync_directory`."""
        handle = self.create(path)
        try:
            self.write(handle, (content,), 0)
            self.sync(handle)
        finally:
            self.close(handle)

    def sync_file(self, path: Path) -> None:
        handle = self.open(path)
        try:
            self.sync(handle)
        finally:
            self.close(handle)


DISK = Disk()
