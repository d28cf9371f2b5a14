"""Which fault strikes when. A seed chooses which of them belong to its night and how often they come; all of
it ends at five, so that by seven everything must have been put right.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from django.db import OperationalError

from core import jobs
from scanning.models import Night
from tests.faults.world.broker import Broker
from tests.faults.world.database import Database
from tests.faults.world.hub import Hub, Process
from tests.faults.world.network import Wire
from tests.faults.world.scanner import Scanner
from tests.faults.world.seams import Clock
from tests.faults.world.service import SlideService
from tests.faults.world.staff import Staff
from tests.faults.world.stream import PixelWire

HOUR = 3600.0
ENDS_AT = 12 * HOUR  # five in the morning
WEATHER = "the weather"


@dataclass(frozen=True)
class Chances:
    """How often this night's small faults strike: at one of so many statements."""

    kill: float
    refuse: float
    untold: float
    freeze: float
    delay: float

    @classmethod
    def of(cls, random: Random) -> "Chances":
        def often(one_in: float) -> float:
            return random.choice((0.0, 1.0, 3.0)) / one_in

        return cls(often(1500), often(2000), often(1000), often(5000), random.choice((0.0, 0.05, 0.3)))


@dataclass(eq=False)
class Weather:
    """Big faults come one by one; small ones with every statement and message."""

    hub: Hub
    clock: Clock
    database: Database
    broker: Broker
    staff: Staff
    service: SlideService
    scanners: Sequence[Scanner]
    wires: Sequence[Wire]
    pixels: Sequence[PixelWire]
    say: Callable[[str], None]
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        random = self.random = self.hub.random
        storms: Sequence[tuple[str, Callable[[], None]]] = (
            ("F1", self._kill_writer), ("F1", self._restart_service), ("F2", self._kill_driver),
            ("F3", self._kill_worker), ("F4", self._kill_everybody), ("F5", self._database_away),
            ("F6", self._flush_broker), ("F6", self._broker_away), ("F10", self._freeze_worker),
            ("F14", self._disk_full), ("F16", self._slow_disk), ("F19", self._cut_wire),
            ("F19", self._cut_pixels), ("F22", self._restart_scanner), ("F24", self._second_driver),
            ("F26", self._set_clock), ("F27", self._deploy), ("F28", self._newer_program),
            ("F43", self._deafen),
        )  # fmt: skip
        self._storms = [storm for storm in storms if random.random() < 0.7]
        self._every_s = random.choice((10.0, 40.0, 160.0))
        self._chances = Chances.of(random)

    def begin(self) -> None:
        """From now until five."""
        random = self.random
        for wire in self.wires:
            wire.untold, wire.again = random.choice((0.0, 0.001, 0.004)), random.choice((0.0, 0.002, 0.01))
        for pixels in self.pixels:
            pixels.deaf = random.choice((0.0, 0.001, 0.01))
        broker = self.broker
        broker.late, broker.twice = random.choice((0.0, 0.05, 0.2)), random.choice((0.0, 0.05, 0.3))
        broker.tenfold, broker.lost = random.choice((0.0, 0.02)), random.choice((0.0, 0.02, 0.1))
        self.database.strike = self._at_a_statement
        self.database.strike_before_commit = self._at_a_commit
        self.database.strike_after_commit = self._after_a_commit
        self.hub.start(WEATHER, self._storm)

    def _storm(self) -> None:
        while self._storms and self.hub.now < ENDS_AT:
            self.hub.sleep(self.random.expovariate(1 / self._every_s))
            if self.hub.now > HOUR and not self.database.has_open_nights():
                break  # there is nothing left to strike
            name, strike = self.random.choice(self._storms)
            self.counts[name] += 1
            strike()
        self.hub.sleep(max(0.0, ENDS_AT - self.hub.now))
        self._clear_up()

    def _clear_up(self) -> None:
        self.database.strike = self.database.strike_before_commit = lambda: None
        self.database.strike_after_commit = lambda: None
        self.clock.off_s = 0.0
        for wire in self.wires:
            wire.untold = wire.again = 0.0
        for pixels in self.pixels:
            pixels.deaf = 0.0
        self.broker.late = self.broker.twice = self.broker.tenfold = self.broker.lost = 0.0
        self.say("the storm is over")

    # --- with every statement
    def _at_a_statement(self) -> None:
        process = self.hub.process
        chance, odds = self.random.random(), self._chances
        within = self.database.in_transaction
        if chance < odds.kill:
            self._kill_here(process)
        elif (chance := chance - odds.kill) < odds.refuse:
            self._strike("F12", "a statement is refused")
            raise OperationalError("deadlock detected")
        elif not within and (chance := chance - odds.refuse) < odds.freeze and process in self.staff.workers:
            seconds = self._stand_still()
            self._strike("F10", f"{process.name} stands still for {seconds:.0f} s")
            self.hub.freeze(process, seconds)
        elif not within and self.random.random() < odds.delay:
            self.hub.sleep(self.random.uniform(0.0, 0.5))

    def _at_a_commit(self) -> None:
        if self.random.random() < self._chances.untold:
            self._kill_here(self.hub.process)

    def _after_a_commit(self) -> None:
        """It is in the record, and whoever wrote it dies or is told that it is not."""
        chance = self.random.random()
        if chance < self._chances.untold:
            self._kill_here(self.hub.process)
        elif chance < 2 * self._chances.untold:
            self._strike("F12", "a commit is not told of")
            raise OperationalError("server closed the connection unexpectedly")

    def _kill_here(self, process: Process | None) -> None:
        """A person's request dies with the web process; they press again. Nobody kills the weather."""
        if process is None or process.name.startswith(("person", WEATHER)):
            raise OperationalError("the web process died")
        name = "F2" if "worker of" in process.name else "F3" if "worker" in process.name else "F4"
        self._strike(name, f"{process.name} is killed at a statement")
        self.hub.kill(process)

    def _strike(self, name: str, words: str) -> None:
        self.counts[name] += 1
        self.say(f"{name}: {words}")

    # --- one by one
    def _spell(self) -> float:
        return self.random.choice((1.0, 10.0, 60.0, 600.0)) * self.random.uniform(0.5, 1.2)

    def _stand_still(self) -> float:
        """Mostly about as long as a lease."""
        return self.random.choice((6.0, 14.0, 20.0, 600.0)) * self.random.uniform(0.5, 1.5)

    def _some(self, processes: Sequence[Process]) -> Process | None:
        return self.random.choice(processes) if processes else None

    def _drivers(self) -> list[Process]:
        return [process for process in self.staff.workers if "worker of" in process.name]

    def _kill_writer(self) -> None:
        runs = [run for run in self.service.runs.values() if run.result is None]
        if runs:
            run = self.random.choice(runs)
            self.say(f"F1: the writer of {run.order.run_id[:8]} is killed")
            self.service.kill_writer(run)

    def _restart_service(self) -> None:
        seconds = self.random.uniform(0.5, 30)
        self.say(f"F1: the slide service is killed and back after {seconds:.0f} s")
        self.service.restart(seconds)

    def _kill(self, name: str, process: Process | None) -> None:
        if process is not None:
            self.say(f"{name}: {process.name} is killed")
            self.hub.kill(process)

    def _kill_driver(self) -> None:
        self._kill("F2", self._some(self._drivers()))

    def _kill_worker(self) -> None:
        self._kill("F3", self._some(self.staff.workers))

    def _kill_everybody(self) -> None:
        for process in [*self.staff.workers, self.staff.relay]:
            self._kill("F4", process)

    def _database_away(self) -> None:
        seconds = self.random.uniform(1, 120)
        self.say(f"F5: the database is away for {seconds:.0f} s")
        self.database.away_until = self.hub.now + seconds

    def _flush_broker(self) -> None:
        self.say("F6: the broker has lost everything")
        self.broker.flush()

    def _broker_away(self) -> None:
        seconds = self._spell()
        self.say(f"F6: the broker is away for {seconds:.0f} s, and comes back empty")
        self.broker.flush()
        self.broker.away_until = self.hub.now + seconds

    def _freeze_worker(self) -> None:
        process = self._some(self.staff.workers)
        if process is not None:
            seconds = self._stand_still()
            self.say(f"F10: {process.name} stands still for {seconds:.0f} s")
            self.hub.freeze(process, seconds)

    def _disk_full(self) -> None:
        seconds = self._spell()
        self.say(f"F14: the disk is full for {seconds:.0f} s")
        self.service.full_until = self.hub.now + seconds

    def _slow_disk(self) -> None:
        seconds = self._spell()
        self.say(f"F16: the disk is slow for {seconds:.0f} s")
        self.service.slow_until = self.hub.now + seconds

    def _cut_wire(self) -> None:
        self._cut("F19: the laboratory hears nothing", self.random.choice(self.wires))

    def _cut_pixels(self) -> None:
        self._cut("F19: no pixels arrive", self.random.choice(self.pixels))

    def _cut(self, words: str, wire: Wire | PixelWire) -> None:
        seconds = self._spell()
        self.say(f"{words} for {seconds:.0f} s")
        wire.cut_until = self.hub.now + seconds

    def _restart_scanner(self) -> None:
        scanner, seconds = self.random.choice(self.scanners), self.random.uniform(0.5, 90)
        self.say(f"F22: {scanner.name} is restarted, back after {seconds:.0f} s")
        scanner.restart(seconds)

    def _second_driver(self) -> None:
        scanner = self.random.choice(self.scanners)
        process = self.staff.start_worker(
            f"second worker of {scanner.name}", [f"scanner.{scanner.name}"], again=False
        )
        self.say(f"F24: {process.name} begins")
        self._ring_twice()
        self.hub.later(self.random.uniform(30, 900), lambda: self.hub.kill(process))

    def _ring_twice(self) -> None:
        with suppress(OperationalError):
            for night in Night.objects.filter(ended_at=None).select_related("scanner"):
                jobs.enqueue("scanning.drive", queue=night.scanner.queue, night_id=night.pk)

    def _set_clock(self) -> None:
        """Somebody sets the clock an hour wrong; some time later it is right again."""
        self.clock.off_s = self.random.choice((-HOUR, HOUR))
        self.say(f"F26: the clock jumps by {self.clock.off_s / HOUR:+.0f} h")
        self.hub.later(self.random.uniform(60, 1800), self._set_clock_right)

    def _set_clock_right(self) -> None:
        self.clock.off_s = 0.0
        self.say("F26: the clock is right again")

    def _deploy(self) -> None:
        self.say("F27: a deploy: every worker is to leave")
        for process in list(self.staff.workers):
            self.staff.ask_to_leave(process)

    def _newer_program(self) -> None:
        """A bell with more in it than this program knows."""
        self.say("F28: a newer program rings")
        with suppress(OperationalError):
            for night in Night.objects.filter(ended_at=None).select_related("scanner"):
                jobs.enqueue("scanning.drive", queue=night.scanner.queue, night_id=night.pk, haste="great")

    def _deafen(self) -> None:
        process = self._some(self.staff.workers)
        if process is not None:
            self.say(f"F43: {process.name} hears no bell any more")
            self.staff.deafen(process)
