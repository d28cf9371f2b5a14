"""A recording disk whose process dies once in the middle, and whose medium refuses a sync once.

What comes after such a moment is on the same film: a kill, then going on, then a power cut.
"""

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from tests.faults.recording import RecordingDisk, Sync


class Killed(BaseException):
    """The process has gone; nothing that it still tries to do happens."""


class MortalDisk(RecordingDisk):
    """It dies `dies_in` steps (changes of names, and syncs) from now or, `dies_after_mark`, so many after a
    mark; a sync of data fails `fails_in` from now. 0 is never.
    """

    dies_in = 0
    dies_after_mark: tuple[str, int] | None = None
    fails_in = 0
    _dead = False

    def revive(self) -> None:
        """Another process goes on."""
        self._dead = False

    def _lives(self) -> bool:
        if self._dead:
            return False
        self.dies_in -= 1
        if self.dies_in == 0:
            self._dead = True
            raise Killed
        return True

    def mark(self, what: str, told: frozenset[object] = frozenset()) -> None:
        if not self._dead:
            super().mark(what, told)
        if self.dies_after_mark and self.dies_after_mark[0] == what:
            self.dies_in, self.dies_after_mark = self.dies_after_mark[1], None

    # --- files
    def create(self, path: Path) -> int:
        return super().create(path) if self._lives() else os.open(os.devnull, os.O_RDWR)

    def open(self, path: Path) -> int:
        return os.open(os.devnull, os.O_RDWR) if self._dead else super().open(path)

    def write(self, handle: int, buffers: Sequence[bytes | memoryview], at: int) -> int:
        return at + sum(map(len, buffers)) if self._dead else super().write(handle, buffers, at)

    def truncate(self, handle: int, size: int) -> None:
        if not self._dead:
            super().truncate(handle, size)

    def sync_data(self, handle: int) -> None:
        if not self._lives():
            return
        self.fails_in -= 1
        if self.fails_in == 0:
            self.film.append(Sync(self._handles[handle], failed=True))
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().sync_data(handle)

    def sync(self, handle: int) -> None:
        if self._lives():
            super().sync(handle)

    # --- names
    def link(self, source: Path, name: Path) -> None:
        if self._lives():
            super().link(source, name)

    def rename(self, source: Path, name: Path) -> None:
        if self._lives():
            super().rename(source, name)

    def unlink(self, path: Path) -> None:
        if self._lives():
            super().unlink(path)

    def make_directory(self, path: Path) -> None:
        if self._lives():
            super().make_directory(path)

    def remove_directory(self, path: Path) -> None:
        if self._lives():
            super().remove_directory(path)

    def sync_directory(self, path: Path) -> None:
        if self._lives():
            super().sync_directory(path)
