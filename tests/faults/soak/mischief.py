"""What is broken in the soak's night, dealt by a seed: every kind once, then all again in another order."""

import contextlib
import os
import shutil
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

import psutil
import redis

from tests.faults.service import writers_of
from tests.faults.soak.cable import Cable, Trouble
from tests.system.laboratory import Laboratory

Say = Callable[[str], None]
THERE_WITHIN_S = 8.0  # a writer lives for a second or two
LOOK_S = 0.02


@dataclass(frozen=True)
class Fault:
    """`strike` says whether it found its victim. `lasting`: its victim is meant to live all night."""

    name: str
    strike: Callable[[Random], bool]
    lasting: bool = False


class Mischief:
    """Strikes again and again, in a thread of its own. Once `spare` is called, processes that are meant to
    live all night are left alone: how much memory they take is measured then.
    """

    def __init__(self, faults: list[Fault], seed: int, every_s: float, say: Say) -> None:
        self._faults, self._random, self._every_s, self._say = faults, Random(seed), every_s, say
        self._done, self._spared = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="mischief", daemon=True)
        self.struck: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()

    def begin(self) -> None:
        self._thread.start()

    def spare(self) -> None:
        self._spared.set()

    def end(self) -> None:
        self._done.set()
        if self._thread.is_alive():
            self._thread.join()

    def _go_on(self) -> None:
        """Some last for seconds: the next one does not wait for them."""
        strikes: list[threading.Thread] = []
        began = time.monotonic()
        for fault in self._dealt():
            if self._done.wait(self._random.uniform(0.3, 1.7) * self._every_s):
                break
            dice = Random(self._random.random())
            strikes = [one for one in strikes if one.is_alive()]
            strikes.append(threading.Thread(target=self._strike, args=(fault, dice, began), daemon=True))
            strikes[-1].start()
        for strike in strikes:
            strike.join()

    def _strike(self, fault: Fault, dice: Random, began: float) -> None:
        found = fault.strike(dice)
        (self.struck if found else self.missed)[fault.name] += 1
        self._say(f"{time.monotonic() - began:6.0f} s  {fault.name}{'' if found else ': nobody there'}")

    def _dealt(self) -> Iterator[Fault]:
        while True:
            deck = list(self._faults)
            self._random.shuffle(deck)
            for fault in deck:
                if not (fault.lasting and self._spared.is_set()):
                    yield fault


def faults_of(laboratory: Laboratory, cable: Cable, restart: Callable[[], None] | None) -> list[Fault]:
    """Every kind there is in this laboratory. `restart` is PostgreSQL's; without it SQLite is held."""
    names = [row["name"] for row in laboratory.status()["processes"]]
    workers = [name for name in names if name.startswith("worker")]
    short = {"slide writer": _writers, "follower": _followers}
    return [
        *(Fault(f"kill -9 {name}", _killing(laboratory, name), lasting=True) for name in names),
        *(Fault(f"kill -9 {name}'s child", _killing_child(laboratory, name)) for name in workers),
        *(Fault(f"kill -9 {name}", _killing_one_of(laboratory, find)) for name, find in short.items()),
        Fault("freeze slide writer", _freezing(laboratory)),
        Fault("broker forgets everything", _flushing(laboratory)),
        Fault("broker loses its disk", _wiping(laboratory), lasting=True),
        _database(laboratory, restart),
        *(Fault(f"cable {kind}", _pulling(cable, kind)) for kind in ("cut", "deaf", "mute", "slow")),
    ]  # fmt: skip


def _database(laboratory: Laboratory, restart: Callable[[], None] | None) -> Fault:
    if restart is not None:
        return Fault("database restarted", _restarting(restart))
    return Fault("database held", _holding(laboratory))


def _kill(pids: list[int]) -> bool:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            return True
    return False


def _killing(laboratory: Laboratory, name: str) -> Callable[[Random], bool]:
    return lambda random: _kill([pid for pid in (laboratory.pid(name),) if pid])


def _killing_child(laboratory: Laboratory, name: str) -> Callable[[Random], bool]:
    def strike(random: Random) -> bool:
        with contextlib.suppress(psutil.Error):
            return _kill(
                _shuffled([child.pid for child in psutil.Process(laboratory.pid(name)).children()], random)
            )
        return False

    return strike


def _killing_one_of(
    laboratory: Laboratory, find: Callable[[Laboratory], list[int]]
) -> Callable[[Random], bool]:
    return lambda random: _kill(_shuffled(_awaited(lambda: find(laboratory)), random))


def _writers(laboratory: Laboratory) -> list[int]:
    return writers_of(laboratory.pid("slides"))


def _followers(laboratory: Laboratory) -> list[int]:
    """What a writer has forked: who builds its draft, and who will check it."""
    found: list[int] = []
    for pid in _writers(laboratory):
        with contextlib.suppress(psutil.Error):
            found += [child.pid for child in psutil.Process(pid).children()]
    return found


def _awaited(find: Callable[[], list[int]]) -> list[int]:
    until = time.monotonic() + THERE_WITHIN_S
    while not (found := find()) and time.monotonic() < until:
        time.sleep(LOOK_S)
    return found


def _shuffled(pids: list[int], random: Random) -> list[int]:
    return random.sample(sorted(pids), len(pids))


def _freezing(laboratory: Laboratory) -> Callable[[Random], bool]:
    """A zombie: it stands still for longer than anybody waits for it, then goes on as if nothing had been."""

    def strike(random: Random) -> bool:
        pids = _shuffled(_awaited(lambda: _writers(laboratory)), random)[:1]
        for number in (signal.SIGSTOP, signal.SIGCONT):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            if number == signal.SIGSTOP:
                time.sleep(random.uniform(1.0, 10.0))
        return bool(pids)

    return strike


def _flushing(laboratory: Laboratory) -> Callable[[Random], bool]:
    def strike(random: Random) -> bool:
        with (
            contextlib.suppress(redis.RedisError),
            redis.Redis(unix_socket_path=str(laboratory.lab.broker_socket)) as broker,
        ):
            return bool(broker.flushall())
        return False

    return strike


def _wiping(laboratory: Laboratory) -> Callable[[Random], bool]:
    def strike(random: Random) -> bool:
        killed = _kill([pid for pid in (laboratory.pid("broker"),) if pid])
        for written in (laboratory.var / "broker").iterdir():
            shutil.rmtree(written, ignore_errors=True)
        return killed

    return strike


def _holding(laboratory: Laboratory) -> Callable[[Random], bool]:
    """Somebody else writes, and takes his time."""

    def strike(random: Random) -> bool:
        file = laboratory.var / "nocturne.sqlite3"
        with contextlib.closing(sqlite3.connect(file, timeout=20, isolation_level=None)) as record:
            record.execute("BEGIN IMMEDIATE")
            time.sleep(random.uniform(1.0, 8.0))
            record.execute("ROLLBACK")
        return True

    return strike


def _restarting(restart: Callable[[], None]) -> Callable[[Random], bool]:
    def strike(random: Random) -> bool:
        restart()
        return True

    return strike


def _pulling(cable: Cable, kind: Trouble) -> Callable[[Random], bool]:
    def strike(random: Random) -> bool:
        cable.trouble(kind, random.choice((0.5, 2.0, 6.0, 15.0)))
        return True

    return strike
