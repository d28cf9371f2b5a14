"""What the manager tells a writer, and what both keep in the run's directory so that either may be killed.

run-<id>/run.json      the order as last given: whoever restarts goes on from it
run-<id>/result.json   how the run ended; its presence ends the run
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import msgspec

from vslide.errors import Damaged
from vslide.journal import sync_directory
from vslide.model import SlideHeader

FINISH = b"finish"
ABORT = b"abort"
ORDER_NAME = "run.json"
RESULT_NAME = "result.json"


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
    state: Literal["verified", "failed"]
    path: str = ""
    sha256: str = ""
    bytes: int = 0
    error: str = ""
    code: str = ""


def write_order(order: Order) -> None:
    _write(Path(order.directory) / ORDER_NAME, msgspec.json.encode(replace(order, resume=False)))


def read_order(directory: Path) -> Order:
    """Raises ``Damaged`` for what is no order."""
    try:
        return msgspec.json.decode((directory / ORDER_NAME).read_bytes(), type=Order)
    except (OSError, msgspec.MsgspecError) as error:
        raise Damaged(f"{directory.name}: no readable order ({error})") from error


def write_result(order: Order, result: Result) -> None:
    _write(Path(order.directory) / RESULT_NAME, msgspec.json.encode(result))


def read_result(directory: Path) -> Result | None:
    """How the run ended; None while it has not (a half-written file does not exist: it is renamed into
    place).
    """
    file = directory / RESULT_NAME
    if not file.exists():
        return None
    try:
        return msgspec.json.decode(file.read_bytes(), type=Result)
    except msgspec.MsgspecError as error:
        raise Damaged(f"{directory.name}: no readable result ({error})") from error


def clear_result(directory: Path) -> None:
    (directory / RESULT_NAME).unlink(missing_ok=True)


def _write(file: Path, content: bytes) -> None:
    """Atomic and durable: written aside, synced, renamed."""
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    with aside.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    aside.replace(file)
    sync_directory(file.parent)
