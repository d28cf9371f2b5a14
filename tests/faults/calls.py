"""Each call to the disk on the way from journal to slide fails once, in turn: with EIO, and a write also with
ENOSPC and with half of its bytes written before ENOSPC.

After each failure the work goes on as manager and writer do it: the error is a typed one, the next fence
takes over, what is missing is sent again, the slide is built again.
"""

import contextlib
import errno
import fnmatch
import logging
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import BinaryIO, cast

from tests.faults.inspection import Promises, planes_of_slide
from tests.faults.recording import DiskFile
from tests.faults.scan import JOURNALS, SLIDES, CheckerHere, Scan, Sent, make_sent, verifying_here
from tests.faults.tally import Tally
from vslide.build import Draft, build_recovered, check_complete, find_published, publish
from vslide.disk import Disk
from vslide.errors import NoSpace, SlideError
from vslide.fsck import fsck
from vslide.journal import Journal, Recovered
from vslide.manifest import Manifest
from vslide.orders import FORGOTTEN, ORDER_NAME, RESULT_NAME, remove_forgotten, write_order

FIELDS, CHANNELS = 2, 2
MOST_ATTEMPTS = 4
HOW = ("EIO", "ENOSPC", "half, ENOSPC")
Say = Callable[[str], None]


class FailingDisk(Disk):
    """Notes the name of each call; call number `fails_at` (from 1) fails as `how` says."""

    def __init__(self, fails_at: int = 0, how: str = "EIO") -> None:
        self.fails_at, self.how = fails_at, how
        self.calls: list[str] = []

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if len(self.calls) == self.fails_at:
            number = errno.EIO if self.how == "EIO" else errno.ENOSPC
            raise OSError(number, os.strerror(number))

    def create(self, path: Path) -> int:
        self._call("create")
        return super().create(path)

    def write(self, handle: int, buffers: Sequence[bytes | memoryview], at: int) -> int:
        if self.how == "half, ENOSPC" and len(self.calls) + 1 == self.fails_at:
            content = b"".join(buffers)
            super().write(handle, (content[: len(content) // 2],), at)
        self._call("write")
        return super().write(handle, buffers, at)

    def truncate(self, handle: int, size: int) -> None:
        self._call("truncate")
        super().truncate(handle, size)

    def sync_data(self, handle: int) -> None:
        self._call("fdatasync")
        super().sync_data(handle)

    def sync(self, handle: int) -> None:
        self._call("fsync")
        super().sync(handle)

    def link(self, source: Path, name: Path) -> None:
        self._call("link")
        super().link(source, name)

    def rename(self, source: Path, name: Path) -> None:
        self._call("rename")
        super().rename(source, name)

    def unlink(self, path: Path) -> None:
        self._call("unlink")
        super().unlink(path)

    def make_directory(self, path: Path) -> None:
        self._call("mkdir")
        super().make_directory(path)

    def remove_directory(self, path: Path) -> None:
        self._call("rmdir")
        super().remove_directory(path)

    def sync_directory(self, path: Path) -> None:
        self._call("fsync of a directory")
        super().sync_directory(path)

    def hdf5_target(self, path: Path) -> Path | BinaryIO:
        return cast("BinaryIO", DiskFile(self, path))


class _Elsewhere(Exception):
    """Something outside of journal and slide did not work; who called hears of it and tries again."""


class Night(Scan):
    """A scan whose every attempt may fail: half of the planes, a take-over, the rest, the slide."""

    largest_group = 1

    def __init__(self, root: Path, sent: Sent, disk: Disk, ledger: Promises, random: Random) -> None:
        super().__init__(root, sent, disk, ledger, random)
        self.problems: list[str] = []
        self.attempts = 0
        self._half = False

    def run(self) -> None:
        while self.attempts < MOST_ATTEMPTS:
            self.attempts += 1
            try:
                self._attempt()
            except (SlideError, _Elsewhere):
                continue
            return
        self.problems.append(f"no slide after {MOST_ATTEMPTS} attempts")

    def _attempt(self) -> None:
        planes = len(self.sent.planes)
        if not self._half:
            with self._next_fence() as journal:
                self._append_all(journal, planes // 2)
                self.leave(journal)
            self._half = True
        with self._next_fence() as journal:
            self._append_all(journal, planes)
        with self._typed():
            manifest = self._built()
        with _elsewhere():
            self._told(manifest)

    @contextmanager
    def _next_fence(self) -> Iterator[Journal]:
        self.order = replace(self.order, fence=self.order.fence + 1)
        with _elsewhere():
            write_order(self.order, self.disk)
        run, fence, planned = self.order.run_id, self.order.fence, self.order.planned
        with (
            self._typed(),
            Journal.create(self.directory, self.order.header, run, fence, planned, self.disk) as journal,
        ):
            self.acknowledge(journal.durable())
            yield journal

    def _append_all(self, journal: Journal, until: int) -> None:
        """Where the disk was full, the same journal goes on when there is room again."""
        try:
            for group in self.groups(journal, until):
                self.append(journal, group)
        except NoSpace:
            for group in self.groups(journal, until):
                self.append(journal, group)

    def _built(self) -> Manifest:
        """As a writer that comes back: the same fence, and the draft beside the journal."""
        with Journal.resume(self.directory, self.disk) as journal:
            self.acknowledge(journal.durable())
            found = journal.recovered()
            return self._followed(found) or build_recovered(found, self.slides, disk=self.disk)

    def _followed(self, found: Recovered) -> Manifest | None:
        """As `vslide.follower` has it, here: a draft that fails is left, and the slide built afresh."""
        if published := find_published(found, self.slides, self.disk):
            return published
        with contextlib.ExitStack() as stack:
            try:
                draft = Draft(found.header, len(check_complete(found)), self.slides, self.disk)
                stack.enter_context(draft)
                draft.follow(found.planes.values())
                draft.finish()
            except SlideError:
                return None
            return publish(found, draft.path, CheckerHere(), disk=self.disk)

    @contextmanager
    def _typed(self) -> Iterator[None]:
        try:
            yield
        except SlideError:
            raise
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            self.problems.append(f"a bare {type(error).__name__}: {error}")
            raise _Elsewhere from error


@contextmanager
def _elsewhere() -> Iterator[None]:
    """The manager writes orders and results, and expects an OSError there."""
    try:
        yield
    except OSError as error:
        raise _Elsewhere from error


def campaign(*, seed: int = 1, say: Say = lambda words: None) -> Tally:
    """Every call, every way of failing."""
    tally, began = Tally(), time.monotonic()
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="nocturne-calls-", dir=memory if memory.is_dir() else None))
    # What goes wrong is written into the log, which here would be all there is to see.
    logging.disable(logging.WARNING)
    try:
        with verifying_here(later=True):
            names = _one(folder / "sound", FailingDisk(), seed, tally)
            for number, name in enumerate(names, start=1):
                for how in HOW if name == "write" else HOW[:1]:
                    before = len(tally.problems)
                    _one(folder / f"{number}", FailingDisk(number, how), seed, tally)
                    for problem in tally.problems[before:]:
                        say(f"call {number} ({name}, {how}): {problem}")
            for name, count in Counter(names).items():
                tally.count(name, count)
    finally:
        logging.disable(logging.NOTSET)
        shutil.rmtree(folder)
    tally.tried -= 1  # the sound one
    tally.seconds = time.monotonic() - began
    return tally


def _one(root: Path, disk: FailingDisk, seed: int, tally: Tally) -> list[str]:
    """A whole night with one failure, and what came of it. Returns the calls that were made."""
    for name in (JOURNALS, SLIDES):
        (root / name).mkdir(parents=True)
    random, promises = Random(seed), Promises()
    sent = make_sent(random, FIELDS, CHANNELS)
    night = Night(root, sent, disk, promises, random)
    night.run()
    tally.tried += 1
    tally.problems += night.problems
    found = list(fsck(root, repair=True))
    tally.unreadable += sum(finding.fault for finding in found if finding.path.suffix == ".h5")
    tally.problems += [f"fsck: {finding.text}" for finding in found if finding.fault]
    _expect(root, ORDER_NAME, RESULT_NAME, "*.journal", "*.sealed", "*.h5", "*.manifest.json", tally=tally)
    _forget(night)
    _expect(root, "*.h5", "*.manifest.json", tally=tally)
    _compare(root, sent, promises, tally)
    shutil.rmtree(root)
    return disk.calls


def _expect(root: Path, *patterns: str, tally: Tally) -> None:
    """Nothing else is there, and no draft."""
    names = [path.name for path in root.rglob("*") if path.is_file()]
    left = [
        name
        for name in names
        if name.startswith(".") or not any(fnmatch.fnmatch(name, pattern) for pattern in patterns)
    ]
    tally.problems += [f"left over: {', '.join(left)}"] if left else []


def _forget(night: Night) -> None:
    """As the manager does when it is asked again, or finds what was left after a restart."""
    for _ in range(2):
        with contextlib.suppress(OSError):
            for left_over in night.directory.parent.glob(f"{FORGOTTEN}*"):
                remove_forgotten(left_over, night.disk)
            if night.directory.exists():
                night.forget()


def _compare(root: Path, sent: Sent, promises: Promises, tally: Tally) -> None:
    """The slide, which fsck has verified, with what was sent."""
    found = planes_of_slide(sent, root / SLIDES / sent.header.slide_id)
    lost, missing = promises.acknowledged - found.planes, set(sent.planes) - found.planes - found.wrong
    tally.lost += len(lost)
    tally.silent += len(found.wrong)
    tally.problems += [f"{len(missing)} planes are not in the slide"] if missing else []
