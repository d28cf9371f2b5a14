"""What the manager tells a writer, and what both keep in the run's directory so that either may be killed.

run-<id>/run.json      the order as last given: whoever restarts goes on from it
run-<id>/result.json   how the run ended under one fence; its presence ends the run for that fence
run-<id>/.lock         held by the one writer that may touch the journal; the kernel frees it when that
writer dies
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import msgspec

from vslide.disk import DISK, Disk
from vslide.errors import Damaged
from vslide.model import PlaneId, SlideHeader

FINISH = b"finish"
ORDER_NAME = "run.json"
RESULT_NAME = "result.json"
LOCK_NAME = ".lock"
FORGOTTEN = ".forgotten-"


@dataclass(frozen=True, slots=True)
class Order:
    """One writer's work. ``endpoint`` is a wildcard at first and the real proxy afterwards, so that a
    writer that comes back is found where it was. ``resume`` goes on with the newest segment; ``finish``
    goes straight to building.
    """

    run_id: str
    slide_id: str
    fence: int
    planned: int
    header: SlideHeader
    directory: str
    slides: str
    endpoint: str
    resume: bool = False
    finish: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended under ``fence``. ``missing`` names the first of the planes that are not there."""

    fence: int
    state: Literal["verified", "failed"]
    received: int = 0
    path: str = ""
    sha256: str = ""
    bytes: int = 0
    error: str = ""
    code: str = ""
    missing: tuple[PlaneId, ...] = ()


def write_order(order: Order, disk: Disk = DISK) -> None:
    _write(Path(order.directory) / ORDER_NAME, msgspec.json.encode(replace(order, resume=False)), disk)


def read_order(directory: Path) -> Order:
    """Raises ``Damaged`` for what is no order."""
    try:
        return msgspec.json.decode((directory / ORDER_NAME).read_bytes(), type=Order)
    except (OSError, msgspec.MsgspecError) as error:
        raise Damaged(f"{directory.name}: no readable order ({error})") from error


def write_result(directory: Path, result: Result, disk: Disk = DISK) -> None:
    _write(directory / RESULT_NAME, msgspec.json.encode(result), disk)


def read_result(directory: Path, fence: int) -> Result | None:
    """How the run ended under this fence (or a higher one); None while it has not. What a writer of an
    older fence left behind counts for nothing. A half-written file does not exist: it is renamed into
    place.
    """
    try:
        result = msgspec.json.decode((directory / RESULT_NAME).read_bytes(), type=Result)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise Damaged(f"{directory.name}: no readable result ({error})") from error
    return result if result.fence >= fence else None


def forget_run(directory: Path, disk: Disk = DISK) -> None:
    """Remove a run's directory with its journal. It loses its name first, in one step: a run that is half
    removed must not come back to life.
    """
    aside = directory.with_name(f"{FORGOTTEN}{directory.name}")
    disk.rename(directory, aside)
    remove_forgotten(aside, disk)


def remove_forgotten(aside: Path, disk: Disk = DISK) -> None:
    """Finish what `forget_run` began, perhaps in a process that was killed since."""
    disk.sync_directory(aside.parent)
    for file in aside.iterdir():
        disk.unlink(file)
    disk.remove_directory(aside)


@contextmanager
def locked(file: Path) -> Iterator[bool]:
    """Whether this process now holds the lock of that file; it does not wait. A process that dies frees
    it.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)


def _write(file: Path, content: bytes, disk: Disk) -> None:
    """Atomic and durable: written aside, synced, renamed."""
    disk.make_directory(file.parent)
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    disk.unlink(aside)
    disk.write_file(aside, content)
    disk.rename(aside, file)
    disk.sync_directory(file.parent)
