"""A laboratory that photographs many glasses, one job after the other as a worker does it. Writes what each
slide took as JSON: {"overhead": [ms], "instrument": [ms]}.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.models import Group

from core.models import Job, User
from core.roles import Role
from lims.models import Slide
from lims.services import Accession, Placement, create_batch, load, register
from lims.states import State
from microscope.clock import ScaledClock
from microscope.drivers.simulated import SimulatedDriver
from microscope.server import ScannerServer
from scanning import tasks
from scanning.models import Scanner
from scanning.services import start_snapshots

SCANNER = "bench"
STAINS = ("H&E", "IHC Ki-67", "IF DAPI/FITC/TRITC/Cy5")
SLOTS = 10
_INSTRUMENT = ("place", "load", "snapshot", "autofocus", "unload")


class Timed:
    """The simulated instrument at instant speed, and how long it was at work: what a real one does in glass
    and light, it does in arithmetic.
    """

    def __init__(self, state: Path) -> None:
        self._driver = SimulatedDriver(1, ScaledClock(), state, failure_rate=0.0, name=SCANNER)
        self.spent_s = 0.0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._driver, name)
        return self._timed(found) if name in _INSTRUMENT else found

    def _timed(self, work: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(work)
        def timed(*given: Any, **more: Any) -> Any:
            began = time.perf_counter()
            try:
                return work(*given, **more)
            finally:
                self.spent_s += time.perf_counter() - began

        return timed


def main(arguments: Sequence[str]) -> int:
    """COUNT FOLDER FILE: so many slides, their files below the folder, the figures into the file."""
    count, folder, file = int(arguments[0]), Path(arguments[1]), Path(arguments[2])
    driver = Timed(folder / "glass")
    with _serving(driver):
        found = _snap(driver, _jobs(count))
    missing = Slide.objects.exclude(state__in=[State.SNAPPED, State.REVIEW]).count()
    if missing:
        raise RuntimeError(f"{missing} of {count} slides were not snapped")
    file.write_text(json.dumps(found), encoding="utf-8")
    return 0


@contextmanager
def _serving(driver: Timed) -> Iterator[None]:
    def no_sink(command: object) -> Any:
        raise RuntimeError("nothing is scanned here")

    instrument = cast(SimulatedDriver, driver)
    server = ScannerServer(instrument, "tcp://127.0.0.1:*", "tcp://127.0.0.1:*", no_sink, hands=instrument)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    settings.SCANNER_ENDPOINTS = {SCANNER: (server.endpoint, server.events_endpoint)}
    try:
        yield
    finally:
        server.stop()
        thread.join()


def _jobs(count: int) -> list[Job]:
    """A loaded batch whose snapshots have been started: one job for each slide."""
    technician = User.objects.create_user("technician")
    technician.groups.add(Group.objects.get_or_create(name=Role.TECHNICIAN)[0])
    batch = create_batch(name="Snapshots", actor=technician)
    places = []
    for number in range(count):
        facts = Accession(
            barcode=f"SNAP-{number}", accession=f"S26-{number:05d}", mrn=str(number), family_name="Nakamura",
            stain=STAINS[number % len(STAINS)],
        )  # fmt: skip
        register(entry=facts, actor=technician)
        places.append(Placement(1 + number // SLOTS, 1 + number % SLOTS, facts.barcode))
    load(batch=batch, placements=places, actor=technician)
    start_snapshots(batch=batch, scanner=Scanner.objects.create(name=SCANNER), actor=technician)
    return list(Job.objects.filter(task="scanning.snap").order_by("pk"))


def _snap(driver: Timed, jobs: Sequence[Job]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {"overhead": [], "instrument": []}
    for job in jobs:
        before, began = driver.spent_s, time.perf_counter()
        tasks.snap(job.pk)
        whole, instrument = time.perf_counter() - began, driver.spent_s - before
        found["overhead"].append(1e3 * (whole - instrument))
        found["instrument"].append(1e3 * instrument)
    return found
