"""The benchmarks by name. Each is loaded when it is asked for: a peer's library that one needs is not
another's business.
"""

import importlib.util
import os
import pkgutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

from tests.bench.measure import Subject
from tests.bench.slides import Scale

Maker = Callable[[Scale, Path], Subject]
"""Makes a subject; the folder lasts as long as the subject is measured."""

SUBJECTS = {
    "ingest": "tests.bench.ingest:ingest",
    "write": "tests.bench.write:write",
    "read": "tests.bench.read:read",
    "tiles": "tests.bench.tiles:tiles",
    "headline": "tests.bench.headline:headline",
    "remote": "tests.bench.remote:remote",
    "layouts": "tests.bench.layouts:layouts",
    "focus": "tests.bench.focus:focus",
    "snapshots": "tests.bench.snapshots:snapshots",
    "quality": "tests.bench.quality:quality",
    "board": "tests.bench.board:board",
    "viewer": "tests.bench.viewer:viewer",
    "readers": "tests.bench.readers:readers",
    "assignment": "tests.bench.assignment:assignment",
    "reports": "tests.bench.reports:reports",
    "search": "tests.bench.search:search",
    "deidentify": "tests.bench.deidentifying:deidentify",
}


def maker(name: str) -> Maker:
    return cast(Maker, pkgutil.resolve_name(SUBJECTS[name]))


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def sync(path: Path) -> None:
    """A peer's file, or each file of its folder, counts when the disk has it, as ours does."""
    for one in (path, *path.rglob("*")) if path.is_dir() else (path,):
        handle = os.open(one, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def forget(path: Path) -> None:
    """Drop a file from the page cache, as far as the system lets go of it. (The disk of a virtual machine may
    still be in its host's memory.)
    """
    if hasattr(os, "posix_fadvise"):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)


@contextmanager
def one_core() -> Iterator[None]:
    """Hold every thread of this process to one core: "per thread" then means the same for a library that
    shares work among threads of its own. Only where the system can (Linux).
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    _hold({min(cores)})
    try:
        yield
    finally:
        _hold(cores)


def _hold(cores: set[int]) -> None:
    for thread in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.sched_setaffinity(int(thread.name), cores)


def absent(*packages: str) -> dict[str, str]:
    """Those of these Python packages that are not here."""
    return {name: "not installed" for name in packages if importlib.util.find_spec(name) is None}
