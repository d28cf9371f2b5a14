"""Every name of the laboratory's that this world replaces, in one place."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache, partial
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, Self
from unittest.mock import patch

import numpy as np
from django.test import override_settings
from django.utils import timezone
from numpy.typing import NDArray

import microscope.client
import vslide
import vslide.client
from core import jobs
from microscope.focus import Proposal, find_tissue, propose
from scanning.models import Snapshot
from scanning.services import collecting, driving, quality, snapshots
from tests.faults.world import cleaning
from tests.faults.world.hub import Hub, Thread
from tests.faults.world.network import Network
from vslide.model import Channel
from vslide.quality import Measures, Tissue

Picture = NDArray[np.uint8]
Measure = Callable[[Path], Measures]
SLIDE_SERVICE = "tcp://slides:1"
EVENING = datetime(2026, 3, 27, 17, 0, tzinfo=UTC)
JOIN_LOOK_S = 0.05
LOOK_S = 5.0  # a driver looks less often here than it does, but beats well within its lease


@dataclass
class Clock:
    """Wall time: the hub's, as far as nobody has set it wrong."""

    hub: Hub
    off_s: float = 0.0

    def now(self, tz: tzinfo | None = None) -> datetime:
        return EVENING + timedelta(seconds=self.hub.now + self.off_s)


class _WallClock(type):
    """Django asks of every datetime whether it is one of these."""

    def __instancecheck__(cls, found: object) -> bool:
        return isinstance(found, datetime)


def _wall(now: Callable[..., datetime]) -> type:
    return _WallClock("datetime", (), {"now": staticmethod(now)})


@contextmanager
def in_the_afternoon() -> Iterator[None]:
    """The load is registered the same way in every process: at four, by the same chance."""
    four, chance = EVENING - timedelta(hours=1), Random(4)
    with (
        patch.object(timezone, "datetime", _wall(lambda tz=None: four)),
        patch.object(uuid, "os", SimpleNamespace(urandom=chance.randbytes)),
    ):
        yield


class _Event:
    """`threading.Event` for the threads of one process of this world."""

    def __init__(self, hub: Hub) -> None:
        self._hub, self._set = hub, False
        self._waiting: list[Thread] = []

    def set(self) -> None:
        self._set = True
        for thread in self._waiting:
            self._hub.wake(thread)

    def wait(self, timeout: float) -> bool:
        thread = self._hub.thread
        if not self._set and thread is not None:
            self._waiting.append(thread)
            self._hub.sleep(timeout)
            self._waiting.remove(thread)
        return self._set


class _Keeper:
    """`threading.Thread` for the same."""

    def __init__(self, hub: Hub, *, target: Callable[[], None], name: str, daemon: bool) -> None:
        self._hub, self._target = hub, target
        self._thread: Thread | None = None

    def start(self) -> None:
        process = self._hub.process
        assert process is not None
        self._thread = self._hub.start_thread(process, self._target)

    def join(self) -> None:
        while self._thread is not None and not self._thread.done:
            self._hub.sleep(JOIN_LOOK_S)


class _Published:
    """A finished file as its readers open it; what is in it is for `account` to judge."""

    size, channels, fields, pixel_size_um = (4096, 4096), [Channel("red")], range(20), 5.0

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Nothing is held."""


_really_decode = snapshots._decode


@cache
def _decode(image: bytes) -> Picture:
    return _really_decode(image)


_PROPOSED: dict[tuple[object, ...], Proposal] = {}


def _propose(picture: Picture, *where: Any, **more: Any) -> Proposal:
    """The real one, once for each picture."""
    key = (picture.tobytes(), repr(where), repr(more))
    if key not in _PROPOSED:
        _PROPOSED[key] = propose(picture, *where, **more)
    return _PROPOSED[key]


@cache
def _tissue_on(image: bytes, um_per_px: float, origin: tuple[float, float]) -> Tissue:
    return Tissue(find_tissue(_decode(image)), um_per_px, origin)


def _tissue_of(snapshot: Snapshot | None) -> Tissue | None:
    if snapshot is None or not snapshot.macro_file.is_file():
        return None
    origin = snapshot.origin_x_um, snapshot.origin_y_um
    return _tissue_on(snapshot.macro_file.read_bytes(), snapshot.um_per_px, origin)


def replacements(
    hub: Hub, clock: Clock, network: Network, measure: Measure
) -> Sequence[tuple[object, str, Any]]:
    """(where, name, what stands there): time, chance, the network, and pictures that need no second look."""
    time = SimpleNamespace(monotonic=lambda: hub.now, sleep=hub.sleep, perf_counter=lambda: hub.now)

    def look(seconds: float) -> None:
        hub.sleep(max(seconds, LOOK_S))

    readers = SimpleNamespace(open=_Published, SlideError=vslide.SlideError)
    return (
        (timezone, "datetime", _wall(clock.now)),
        (uuid, "os", SimpleNamespace(urandom=Random(hub.random.random()).randbytes)),
        (microscope.client, "Client", network.client),
        (microscope.client, "time", time),
        (vslide.client, "Client", network.client),
        (vslide.client, "time", time),
        (jobs, "threading", SimpleNamespace(Thread=partial(_Keeper, hub), Event=partial(_Event, hub))),
        (driving, "_Drive", partial(driving._Drive, clock=time.monotonic, sleep=look)),
        (driving, "leaving", lambda: hub.process is not None and hub.process.leaving),
        (collecting, "time", time),
        (collecting, "vslide", readers),
        (quality, "time", time),
        (quality, "vslide", readers),
        (quality, "measure", lambda slide, tissue=None: measure(slide.path)),
        (quality, "tissue_of", _tissue_of),
        (snapshots, "_decode", _decode),
        (snapshots, "propose", _propose),
    )


@contextmanager
def replaced(
    what: Sequence[tuple[object, str, Any]], folder: Path, scanners: Sequence[str]
) -> Iterator[None]:
    """The laboratory in this world, for as long as it is looked at."""
    at_home = override_settings(
        SLIDE_ROOT=folder / "slides",
        SNAPSHOT_ROOT=folder / "snapshots",
        SLIDE_SERVICE_ENDPOINT=SLIDE_SERVICE,
        SCANNER_ENDPOINTS={name: (endpoint(name), "tcp://nobody:1") for name in scanners},
        PIPELINE=f"{cleaning.__name__}.FOLLOWS",
        BESIDE=f"{cleaning.__name__}.BESIDE",
    )
    with ExitStack() as stack:
        for owner, name, value in what:
            stack.enter_context(patch.object(owner, name, value))
        stack.enter_context(at_home)
        yield


def endpoint(scanner: str) -> str:
    return f"tcp://{scanner}:1"
