"""The soak as a campaign: a laboratory is started, lived in, broken, watched, stopped and counted."""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.lab.environment import environment
from config.lab.layout import CHECKOUT, open_lab
from tests.faults.soak.browsers import Browser, Change, board
from tests.faults.soak.cable import SCANNERS_SEE, WRITERS_AT, Cable
from tests.faults.soak.mischief import Mischief, faults_of
from tests.faults.soak.probe import Probe
from tests.faults.tally import Tally
from tests.postgres.server import Server, postgres_server
from tests.system.laboratory import Laboratory, given
from tests.system.person import Person

Say = Callable[[str], None]
NEEDED_PER_HOUR = 57.0  # 400 slides in seven hours
BOARD_P95_MS = 500.0
GROWTH_MB = 7.0  # over a night of 400 slides: 1 MB/h for seven hours
MORE_FILES = 16
FEWEST_FIELDS = 50
JUDGED_FROM = 100  # slides, before which memory and speed mean nothing
FAILED_OF_OURS = 0.01  # of the slides may fail of what we do to the house, with a reason
NAME = "SOAK"
SAY_EVERY_S = 10.0
TOLD = (
    "reasons", "failed_of_ours", "attempts", "takeovers", "jobs_given_up", "journals_kept", "fewest_fields",
    "deidentified", "quarantined", "seconds_by_phase", "snapshot_ms",
)  # fmt: skip


@dataclass(frozen=True)
class Soak:
    slides: int = 400
    seed: int = 1
    scanners: int = 2
    watchers: int = 20
    postgres: bool = False
    every_s: float = 10.0  # between two faults: what is killed needs processor time to come back


def campaign(soak: Soak, *, say: Say = lambda words: None) -> Tally:
    began, tally = time.monotonic(), Tally()
    with tempfile.TemporaryDirectory(prefix="nocturne-soak-") as folder, ExitStack() as stack:
        server = stack.enter_context(postgres_server("nocturne", "vault")) if soak.postgres else None
        var = Path(folder) / "var"
        laboratory = Laboratory(var, **_settings(Path(folder), server))
        open_lab(var, scanners=soak.scanners)
        try:
            laboratory.up()
            say(f"{laboratory.lab.web_url} is up after {time.monotonic() - began:.0f} s")
            with Cable() as cable, Probe(laboratory) as probe:
                _live(soak, laboratory, cable, probe, server, tally, say)
        except AssertionError as error:
            tally.problems.append(f"{error}{laboratory.logs()}")
        finally:
            try:
                laboratory.down()
            except AssertionError as error:
                tally.problems.append(str(error))
        left = [str(path.relative_to(folder)) for path in _left_over(Path(folder))]
        tally.facts["left_over"] = left
        tally.problems += [f"left over: {name}" for name in left[:20]]
    tally.seconds = time.monotonic() - began
    return tally


def _settings(folder: Path, server: Server | None) -> dict[str, str]:
    (folder / "tmp").mkdir()
    settings = {
        "SCANNER_FAILURE_RATE": "0.02",
        "SIMULATED_FLAW_EVERY": "0",
        "SCANNER_FIELD": "128x128",
        "SLIDE_PROXIES": f"tcp://{WRITERS_AT}:*",
        "SLIDE_PROXY_HOST": SCANNERS_SEE,
        "TMPDIR": str(folder / "tmp"),
    }
    if server is not None:
        settings |= {"DATABASE_URL": server.url("nocturne"), "VAULT_DATABASE_URL": server.url("vault")}
    return settings


def _live(
    soak: Soak,
    laboratory: Laboratory,
    cable: Cable,
    probe: Probe,
    server: Server | None,
    tally: Tally,
    say: Say,
) -> None:
    """The nights themselves, and their account."""
    faults = faults_of(laboratory, cable, server.restart if server else None)
    mischief = Mischief(faults, soak.seed, soak.every_s, say)
    night = _Night(soak, mischief, laboratory.lab.web_port, Person(laboratory, "mara").cookie, say)
    out = laboratory.var / "account.json"
    with _people(laboratory, soak.slides, out) as people:
        try:
            for word in _words(people):
                night.hear(word)
        finally:
            night.end()
    if not out.exists():
        tally.problems.append(f"no account: {(laboratory.var / 'people.log').read_text()[-2000:]}")
        return
    account = json.loads(out.read_text(encoding="utf-8"))
    tally.facts["faults"] = dict(sorted(mischief.struck.items()))
    tally.facts["faults_missed"] = dict(sorted(mischief.missed.items()))
    judge_account(tally, soak, account)
    changes = {
        int(batch): [Change(at, slot, frozenset(labels)) for at, slot, labels in rows]
        for batch, rows in account["changes"].items()
    }
    hours = account["seconds_by_phase"].get("all", 0.0) / 3600 / soak.slides
    judge_watching(
        tally, soak, board(night.browsers, changes), probe.figures(night.half_at, night.morning_at, hours)
    )


@dataclass
class _Night:
    """What follows from what people say of it."""

    soak: Soak
    mischief: Mischief
    port: int
    cookie: str
    say: Say
    browsers: list[Browser] = field(default_factory=list)
    half_at: float = 0.0
    morning_at: float = float("inf")
    said_at: float = 0.0

    def hear(self, word: Mapping[str, Any]) -> None:
        if "begun" in word:
            batches = [int(batch) for batch in word["begun"]]
            numbers = range(self.soak.watchers)
            self.browsers = [Browser(self.port, batches[n % len(batches)], self.cookie) for n in numbers]
            self.mischief.begin()
        if not self.half_at and word.get("scanned", 0) * 2 >= self.soak.slides >= JUDGED_FROM:
            self.half_at = time.time()
            self.mischief.spare()
        if "morning" in word:
            self.mischief.end()
            self.morning_at = time.time()
        if "place" in word and time.monotonic() - self.said_at > SAY_EVERY_S:
            self.said_at = time.monotonic()
            self.say(f"        {word['ended']} of {self.soak.slides} ended: {word['place']}")

    def end(self) -> None:
        self.mischief.end()
        for browser in self.browsers:
            browser.leave()


@contextlib.contextmanager
def _people(laboratory: Laboratory, slides: int, out: Path) -> Iterator["subprocess.Popen[str]"]:
    argv = [sys.executable, "-m", "tests.faults.soak.people", NAME, str(slides), str(out)]
    own = environment(laboratory.lab, given(**laboratory.settings))
    with (laboratory.var / "people.log").open("wb") as log:
        people = subprocess.Popen(argv, env=own, cwd=CHECKOUT, text=True, stdout=subprocess.PIPE, stderr=log)
        try:
            yield people
            people.wait(60)
        finally:
            people.kill()
            people.wait()


def _words(people: "subprocess.Popen[str]") -> Iterator[dict[str, Any]]:
    assert people.stdout is not None
    with people.stdout:
        for line in people.stdout:
            yield json.loads(line)


def judge_account(tally: Tally, soak: Soak, account: Mapping[str, Any]) -> None:
    """What became of the slides."""
    tally.tried = account["slides"]
    tally.lost, tally.silent, tally.unreadable = account["lost"], account["silent"], account["unreadable"]
    for name in ("published", "failed", "skipped", "unknown"):
        tally.count(name, account[name])
    duplicates = sum(account["duplicates"].values())
    tally.count("duplicates", duplicates)
    tally.facts |= {name: account[name] for name in TOLD}
    tally.problems += [account["standstill"]] if account["standstill"] else []
    tally.problems += [f"{account['unknown']} slides are not accounted for"] if account["unknown"] else []
    tally.problems += [f"twice: {account['duplicates']}"] if duplicates else []
    tally.problems += account["faults"]
    for name in ("files_without_a_row", "journals_left"):
        tally.problems += [f"{name.replace('_', ' ')}: {one}" for one in account[name][:20]]
    if account["open"]:
        tally.problems.append(f"{account['open']} attempts are still open")
    if account["slides"] != soak.slides or account["fewest_fields"] < FEWEST_FIELDS:
        tally.problems.append(f"{account['slides']} slides of {account['fewest_fields']} fields and more")
    if account["failed_of_ours"] > max(1, FAILED_OF_OURS * soak.slides):
        tally.problems.append(f"{account['failed_of_ours']} slides failed of what was done to the house")
    whole = account["seconds_by_phase"].get("all")
    per_hour = round(3600 * account["slides"] / whole, 1) if whole else 0.0
    tally.facts["slides_per_hour"] = per_hour
    if per_hour < NEEDED_PER_HOUR:
        tally.problems.append(f"{per_hour} slides an hour: {NEEDED_PER_HOUR:g} are needed")


def judge_watching(
    tally: Tally, soak: Soak, seen: Mapping[str, float], memory: Mapping[str, Mapping[str, float]]
) -> None:
    """What browsers were told, and how the processes grew."""
    tally.facts |= {"board": seen, "memory": memory}
    if soak.slides < JUDGED_FROM:
        return
    if seen.get("p95_ms", 0.0) > BOARD_P95_MS or seen["lost"]:
        tally.problems.append(f"the board: p95 {seen.get('p95_ms')} ms, {seen['lost']:.0f} changes not told")
    for name, of in memory.items():
        if of["mb_per_night"] - of["doubt_mb_per_night"] > GROWTH_MB:
            tally.problems.append(f"{name} grows by {of['mb_per_night']} MB a night")
        if of["fds_more"] > MORE_FILES:
            tally.problems.append(f"{name} has {of['fds_more']} more files open than at first")


def _left_over(folder: Path) -> Iterator[Path]:
    """Temporary files of whatever was killed in the middle of writing one."""
    yield from (folder / "tmp").iterdir()
    for pattern in ("*.part*", ".building-*", ".forgotten-*", "*.new", "*.tmp"):
        yield from (folder / "var").rglob(pattern)
