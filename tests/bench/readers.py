"""Fifty people read while a night runs: how long they wait for a part of a picture, and what the night loses.

One laboratory of real processes. Each round runs two nights of the simulated scanner in it, at a pace at
which the scanner is what the night waits for, as a real one is: one while nobody reads, one while fifty do.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median, quantiles

import psutil

from config.lab.environment import environment
from tests.bench.measure import Figure, Subject
from tests.bench.slides import PAPER, Scale, make_fields, publish
from tests.bench.viewing import Viewer
from tests.system.laboratory import Laboratory, given
from tests.system.person import Person

FIGURES = {
    "tile_p95": Figure("ms for a batch of stored tiles", higher_is_better=False, target={"ours": 150.0}),
    "tile": Figure("ms for a batch of stored tiles", higher_is_better=False),
    "errors": Figure("requests that failed", higher_is_better=False, target={"ours": 0.0}),
    "night": Figure("% that the night is slower", higher_is_better=False, target={"ours": 10.0}),
    "views": Figure("views/s of all readers together"),
    "moved": Figure("MB/s of all readers together"),
    "web": Figure("% of a core for the web server", higher_is_better=False),
    "pace": Figure("slides/h of the night while nobody reads"),
}


@dataclass(frozen=True)
class Size:
    readers: int
    slides: int  # of a night
    read: int  # slides that are read
    grid: tuple[int, int]  # fields of each of them
    pace: float  # of the instrument's own time


WHOLE = Size(readers=50, slides=12, read=4, grid=(8, 9), pace=0.2)
SMALL = Size(readers=3, slides=1, read=1, grid=(2, 3), pace=0.02)


def readers(scale: Scale, kept: Path) -> Subject:
    size = WHOLE if scale.judge else SMALL
    fields = make_fields("fluorescence", PAPER, size.grid, min(4, scale.distinct), 4)
    files = [publish(fields, kept / f"slide-{number}") for number in range(size.read)]
    turn = iter(range(1000))
    return Subject(FIGURES, lambda folder: _round(folder, files, size, next(turn)))


def _round(folder: Path, files: Sequence[Path], size: Size, number: int) -> Mapping[str, float]:
    settings = {
        "SCANNER_TIME_SCALE": str(size.pace),
        "SCANNER_FAILURE_RATE": "0",
        "SIMULATED_FLAW_EVERY": "0",
    }
    laboratory = Laboratory(folder / "var", **settings)
    try:
        laboratory.up()
        slides = _registered(laboratory, files)
        _night(laboratory, "WARM", 1)
        alone = partial(_night, laboratory, f"ALONE-{number}", size.slides)
        beside = partial(_beside, laboratory, slides, size, f"READ-{number}")
        if number % 2:
            found, quiet = beside(), alone()
        else:
            quiet, found = alone(), beside()
    finally:
        laboratory.down()
    return {
        **{name: value for name, value in found.items() if name != "seconds"},
        "night": 100 * (found["seconds"] / quiet - 1),
        "pace": 3600 * size.slides / quiet,
    }


def _registered(laboratory: Laboratory, files: Sequence[Path]) -> list[str]:
    """The uids of slides whose files are now among the laboratory's."""
    said = laboratory.var / "registered.json"
    command = [sys.executable, "-m", "tests.bench.within_django", "tests.bench.registering:main"]
    own = environment(laboratory.lab, given(**laboratory.settings))
    subprocess.run([*command, str(said), *map(str, files)], env=own, check=True)
    uids: list[str] = json.loads(said.read_text(encoding="utf-8"))
    return uids


def _night(laboratory: Laboratory, name: str, slides: int) -> float:
    """Seconds from the first slide under the lens to the last published."""
    outcome = laboratory.morning(laboratory.night(name, slides), timeout_s=900)
    assert outcome["published"] == slides, outcome
    ((seconds,),) = laboratory.ask(
        "SELECT (julianday(MAX(a.ended_at)) - julianday(MIN(a.started_at))) * 86400 FROM scanning_attempt a"
        " JOIN lims_slide s ON s.id = a.slide_id WHERE s.barcode LIKE ?",
        f"{name}-%",
    )
    return float(seconds)


def _beside(laboratory: Laboratory, slides: Sequence[str], size: Size, name: str) -> dict[str, float]:
    web = psutil.Process(laboratory.pid("web"))
    before, began = _spent(web), time.monotonic()
    with _reading(laboratory, slides, size.readers) as viewers:
        seconds = _night(laboratory, name, size.slides)
    read_s, cpu = time.monotonic() - began, _spent(web) - before
    ms = [one for viewer in viewers for one in viewer.seen.ms]
    errors = [error for viewer in viewers for error in viewer.seen.errors]
    for error in errors[:5]:
        sys.stderr.write(f"readers: {error}\n")
    return {
        "seconds": seconds,
        "tile": median(ms),
        "tile_p95": quantiles(ms, n=20)[-1],
        "errors": len(errors),
        "views": sum(viewer.seen.views for viewer in viewers) / read_s,
        "moved": sum(viewer.seen.bytes for viewer in viewers) / 1e6 / read_s,
        "web": 100 * cpu / read_s,
    }


@contextmanager
def _reading(laboratory: Laboratory, slides: Sequence[str], count: int) -> Iterator[list[Viewer]]:
    cookie = Person(laboratory, "mara").cookie
    port = laboratory.lab.web_port
    viewers = [Viewer(port, cookie, slides, seed) for seed in range(count)]
    for viewer in viewers:
        viewer.start()
    try:
        yield viewers
    finally:
        for viewer in viewers:
            viewer.leave()
        for viewer in viewers:
            viewer.join(60)


def _spent(process: psutil.Process) -> float:
    """Processor seconds of a process and those below it."""
    family = [process, *process.children(recursive=True)]
    return sum(sum(one.cpu_times()[:2]) for one in family)
