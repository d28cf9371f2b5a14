"""Crash states, one after the other: the real writer is filmed, the film is stopped at every place, and the
real recovery is asked what is left.
"""

import multiprocessing
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.faults.inspection import Inspector, Promises, Verdict
from tests.faults.medium import Image, Medium
from tests.faults.mortal import Killed, MortalDisk
from tests.faults.recording import (
    Mark,
    Names,
    Operation,
    Sync,
    SyncNames,
    Truncate,
    Write,
)
from tests.faults.scan import JOURNALS, SLIDES, Scan, Sent, make_sent, verifying_here
from tests.faults.tally import Tally

PER_FILM = 6000
AROUND_NAMES, AROUND_RECORDS, AROUND_DRAFTS = 40, 8, 1
"""Power cuts tried at each operation: most where names change, fewest in a draft that nobody will open."""
MOST_STEPS, MOST_STEPS_OF_AN_END = 100, 30
GO_ON_SHARE = 1 / 300
MOST_PROBLEMS = 20
Say = Callable[[str], None]


@dataclass(frozen=True)
class Setting:
    """What a film is made with. `recorder` and `acknowledge_early` may be mistakes, for the proof that they
    are seen; `dies_in` says when its process is killed (else chance does).
    """

    fields: int = 200
    recorder: type[MortalDisk] = MortalDisk
    acknowledge_early: bool = False
    dies_in: int | None = None


@dataclass
class Figures:
    """What one film has come to."""

    tried: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    unreadable: int = 0
    silent: int = 0
    looked: int = 0
    problems: list[str] = field(default_factory=list)

    def take(self, model: str, verdict: Verdict, where: str) -> None:
        self.tried[model] += 1
        self.lost += verdict.lost
        self.unreadable += verdict.unreadable
        self.silent += verdict.silent
        if verdict.problems and len(self.problems) < MOST_PROBLEMS:
            self.problems.append(f"{where}, {model}: {'; '.join(verdict.problems[:3])}")


@dataclass(frozen=True, slots=True)
class Moment:
    """One state: the film is stopped before operation `number`; `cut` is how much of it has happened."""

    number: int
    model: str
    cut: float = 0.0


def campaign(
    *, n: int, seed: int = 1, setting: Setting = Setting(), jobs: int = 2, say: Say = lambda words: None
) -> Tally:
    """`n` states of as many films as that takes, in `jobs` processes."""
    tally, began = Tally(), time.monotonic()
    parts = max(jobs, -(-n // PER_FILM))
    budgets = [n // parts + (part < n % parts) for part in range(parts)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context) as pool:
        films = [pool.submit(film, seed + part, size, setting) for part, size in enumerate(budgets) if size]
        for done in as_completed(films):
            try:
                _add(tally, done.result())
            except BrokenProcessPool as error:
                tally.unreadable += 1
                tally.problems.append(f"recovery took its process with it: {error}")
                break
            say(f"{tally.tried} of {n} states, {time.monotonic() - began:.0f} s")
    tally.seconds = time.monotonic() - began
    return tally


def _add(tally: Tally, figures: Figures) -> None:
    tally.tried += figures.tried["kill"] + figures.tried["power"]
    tally.lost += figures.lost
    tally.unreadable += figures.unreadable
    tally.silent += figures.silent
    tally.problems += figures.problems
    tally.count("films", 1)
    tally.count("recoveries", figures.looked)
    for model, number in figures.tried.items():
        tally.count(f"states_{model}" if model != "going on" else "went_on", number)


def film(seed: int, states: int, setting: Setting) -> Figures:
    """Make one film and look at so many of its states, spread over all of it."""
    random, figures = Random(seed), Figures()
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="nocturne-states-", dir=memory if memory.is_dir() else None))
    try:
        with verifying_here():
            sent, disk = record(folder / "real", random, setting)
            stops = stops_of(disk.film, states, random)
            look_at(disk, stops, sent, folder / "scratch", random, figures, f"film {seed}")
    finally:
        shutil.rmtree(folder)
    return figures


def record(root: Path, random: Random, setting: Setting) -> tuple[Sent, MortalDisk]:
    """A film of one slide's whole way, in an empty directory."""
    root.mkdir()
    disk = setting.recorder(root)
    for name in (JOURNALS, SLIDES):
        disk.make_directory(root / name)
    disk.sync_directory(root)
    sent = make_sent(random, setting.fields, channels=random.randint(1, 2))
    scan = Scan(root, sent, disk, disk, random, acknowledge_early=setting.acknowledge_early)
    disk.fails_in = random.choice((0, random.randint(1, 10)))
    if setting.dies_in:
        disk.dies_in = setting.dies_in
    elif random.random() < 0.5:
        disk.dies_in = random.randint(1, MOST_STEPS)
    else:
        disk.dies_after_mark = ("finishing", random.randint(1, MOST_STEPS_OF_AN_END))
    try:
        scan.run()
    except Killed:
        disk.revive()
        scan.go_on()
    return sent, disk


def stops_of(operations: Sequence[Operation], most: int, random: Random) -> list[Moment]:
    """Every place to stop, or a fair draw of them when there are more than `most`; drawn again when there
    are fewer.
    """
    drafts = {
        number
        for operation in operations
        if isinstance(operation, Names)
        for name, number in operation.entries
        if number is not None and name.endswith(".h5")
    }
    every = [
        moment
        for number, operation in enumerate(operations)
        for moment in _at(number, operation, drafts, random)
    ]
    every.append(Moment(len(operations), "kill"))
    if len(every) >= most:
        return sorted(random.sample(every, most), key=lambda moment: moment.number)
    power = [moment for moment in every if moment.model == "power"]
    return sorted([*every, *random.choices(power, k=most - len(every))], key=lambda moment: moment.number)


def _at(number: int, operation: Operation, drafts: set[int], random: Random) -> Iterator[Moment]:
    yield Moment(number, "kill")
    power = AROUND_RECORDS
    match operation:
        case Write(file=file, data=data):
            if len(data) > 1:
                yield Moment(number, "kill", random.random())
            power = AROUND_DRAFTS if file in drafts else AROUND_RECORDS
        case Names() | SyncNames():
            power = AROUND_NAMES
        case Truncate() | Sync() | Mark():
            pass
    for _ in range(power):
        yield Moment(number, "power", random.random())


def look_at(
    disk: MortalDisk, stops: Sequence[Moment], sent: Sent, scratch: Path, random: Random,
    figures: Figures, name: str = "film",
) -> None:  # fmt: skip
    """Play the film and judge each state where it stops."""
    inspector = Inspector(sent, scratch)
    medium, promises = Medium(disk.folders), Promises()
    waiting = iter(stops)
    stop = next(waiting, None)
    for number in range(len(disk.film) + 1):
        operation = disk.film[number] if number < len(disk.film) else None
        while stop is not None and stop.number == number:
            image, where = _image(medium, stop, operation, random), f"{name}, operation {number}"
            figures.take(stop.model, inspector.judge(image, promises), where)
            if random.random() < GO_ON_SHARE:
                figures.take("going on", inspector.go_on(image, promises, random), where)
            stop = next(waiting, None)
        if isinstance(operation, Mark):
            promises.hear(operation)
        elif operation is not None:
            medium.play(operation)
    figures.looked = inspector.looked


def _image(medium: Medium, stop: Moment, operation: Operation | None, random: Random) -> Image:
    if stop.model == "power":
        return medium.power_lost(random, operation if stop.cut < 0.5 else None)
    if isinstance(operation, Write) and stop.cut:
        return medium.killed((operation, max(1, int(stop.cut * len(operation.data)))))
    return medium.killed()
