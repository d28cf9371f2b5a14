"""Simulated nights: each seed one night of 400 slides in virtual time (tests.faults.world), told by the
processes that live them, and added up here.
"""

import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.tally import Tally

Say = Callable[[str], None]
COUNTED = ("published", "failed", "skipped", "unknown", "duplicates")
HERE = Path(__file__).resolve().parents[2]
PROGRAM = "tests.faults.world"


@dataclass(frozen=True)
class Nights:
    """Which nights: seeds from `first` on, so many slides in each; `without` one of the safeguards."""

    first: int = 1
    seeds: int = 100
    slides: int = 400
    jobs: int = 2
    without: str = ""

    def arguments(self, job: int) -> list[str]:
        chosen = ["--first", f"{self.first + job}", "--step", f"{self.jobs}", "--slides", f"{self.slides}"]
        mine = len(range(job, self.seeds, self.jobs))
        return [*chosen, "--seeds", f"{mine}", *(["--without", self.without] if self.without else [])]


def campaign(nights: Nights, *, say: Say = lambda words: None) -> Tally:
    """Live them all. What one seed has shown, the same seed shows again."""
    began, tally, found = time.monotonic(), Tally(), []
    for night in _lived(nights):
        found.append(night)
        _add(tally, night)
        say(_line(night, len(found), nights.seeds))
    lived = {night["seed"] for night in found}
    asked = range(nights.first, nights.first + nights.seeds)
    tally.problems += [
        f"seed {seed}: its night was not lived to the end" for seed in asked if seed not in lived
    ]
    tally.count("slides", nights.slides * len(found))
    for name in COUNTED:
        tally.count(name, sum(night[name] for night in found))
    tally.facts["faults"] = dict(
        sorted(sum((Counter(night["faults"]) for night in found), Counter()).items())
    )
    tally.facts["reasons"] = dict(
        sum((Counter(night["failures"]) for night in found), Counter()).most_common()
    )
    failed = sorted(night["seed"] for night in found if not night["held"])
    tally.facts["seeds_failed"] = [*failed, *(seed for seed in asked if seed not in lived)]
    tally.facts["slowest_s"] = max((night["seconds"] for night in found), default=0.0)
    tally.seconds = time.monotonic() - began
    return tally


def _add(tally: Tally, night: Mapping[str, Any]) -> None:
    tally.tried += 1
    tally.lost += night["lost"]
    tally.unreadable += night["unreadable"]
    tally.silent += night["silent"]
    tally.problems += [f"seed {night['seed']}: {problem}" for problem in night["problems"]]


def _line(night: Mapping[str, Any], number: int, of: int) -> str:
    counted = ", ".join(f"{night[name]} {name}" for name in COUNTED)
    verdict = "held" if night["held"] else "NOT held"
    faults = sum(night["faults"].values())
    return (
        f"{number}/{of} seed {night['seed']}: {counted}; {faults} faults, {night['seconds']:.0f} s: {verdict}"
    )


def _lived(nights: Nights) -> Iterator[dict[str, Any]]:
    """What the processes tell, as they tell it. One that dies is missed by its seeds."""
    told: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    with tempfile.TemporaryDirectory(prefix="nocturne-nights-", dir=_memory()) as folder:
        processes = [_process(nights.arguments(job), Path(folder) / f"{job}") for job in range(nights.jobs)]
        threads = [threading.Thread(target=_listen, args=(process, told)) for process in processes]
        for thread in threads:
            thread.start()
        try:
            left = len(threads)
            while left:
                word = told.get()
                left -= word is None
                if word is not None:
                    yield word
        finally:
            for process, thread in zip(processes, threads, strict=True):
                process.kill()
                thread.join()
                process.wait()


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def environment(folder: Path) -> dict[str, str]:
    """A laboratory of its own, whatever this process was started with."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_URL", "VAULT_"))
    }
    own = {
        "NOCTURNE_VAR": str(folder / "var"),
        "TMPDIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    return {**kept, **own}


def _process(arguments: Sequence[str], folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", PROGRAM, *arguments]
    return subprocess.Popen(command, cwd=HERE, env=environment(folder), stdout=subprocess.PIPE, text=True)


def _listen(process: "subprocess.Popen[str]", told: "queue.SimpleQueue[dict[str, Any] | None]") -> None:
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            told.put(json.loads(line))
    told.put(None)


def trace(seed: int, slides: int) -> int:
    """Tell one night's story on standard output."""
    folder = Path(tempfile.mkdtemp(prefix="nocturne-nights-", dir=_memory()))
    command = [sys.executable, "-m", PROGRAM, "--first", f"{seed}", "--slides", f"{slides}", "--trace"]
    try:
        return subprocess.run(command, cwd=HERE, env=environment(folder), check=False).returncode
    finally:
        shutil.rmtree(folder)
