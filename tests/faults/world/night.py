"""One seed, one night: 400 glasses from five in the afternoon to the account at seven, then the rescan."""

import hashlib
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from time import process_time

import structlog
from celery import Celery

from lims.models import Batch, SlideEvent
from microscope.messages import Scan, Snap
from tests.faults.world import account, seams
from tests.faults.world.account import Account
from tests.faults.world.broker import Broker
from tests.faults.world.database import Database
from tests.faults.world.hub import Hub
from tests.faults.world.load import Records, glasses_of, places, slides_in
from tests.faults.world.network import Network, Wire
from tests.faults.world.people import People, cast_of_the_night
from tests.faults.world.queries.chains import queries_prepared
from tests.faults.world.sabotage import SABOTAGES
from tests.faults.world.scanner import Glass, Scanner
from tests.faults.world.service import SlideService
from tests.faults.world.staff import Staff
from tests.faults.world.stream import Ledger, PixelWire
from tests.faults.world.weather import ENDS_AT, HOUR, Weather
from vslide.messages import AskRun
from vslide.quality import Measures, PlaceScore
from wire import Message

Say = Callable[[str], None]
SEVEN, NOON = 14 * HOUR, 19 * HOUR


@dataclass(frozen=True)
class Lived:
    """What one seed has shown."""

    seed: int
    account: Account
    faults: Counter[str]
    fingerprint: str
    seconds: float
    statements: int
    sabotage: str


@dataclass(eq=False)
class World:
    """The laboratory and everything around it, wired up."""

    seed: int
    folder: Path
    records: Records
    app: Celery
    sabotage: str = ""
    tell: Say | None = None
    story: list[str] = field(default_factory=list)
    glasses: dict[str, Glass] = field(default_factory=dict)
    sound: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        hub = self.hub = Hub(self.seed)
        random = hub.random
        self.clock, self.ledger, self.network = seams.Clock(hub), Ledger(), Network()
        names = [f"scanner-{number}" for number in range(1, 1 + random.choice((1, 1, 2)))]
        self.database, self.broker = Database(hub, self.records.of(len(names))), Broker(hub)
        self.staff = Staff(hub, self.broker, self.database, self.app)
        build_s = random.choice((1.0, 4.0, 30.0))
        self.service = SlideService(
            hub, self.folder / "slides", build_s, hasty=self.sabotage == "acknowledged"
        )
        field_s = random.choice((0.1, 0.3)) * len(names)
        self.pixels = [PixelWire(hub, self.service, self.ledger) for _ in names]
        self.scanners = [Scanner(hub, *one, field_s) for one in zip(names, self.pixels, strict=True)]
        self._wire_up()
        wires = list(self.network.wires.values())
        self.weather = Weather(
            hub, self.clock, self.database, self.broker, self.staff, self.service, self.scanners, wires,
            self.pixels, self.say,
        )  # fmt: skip
        self._scans: dict[str, list[str]] = {}

    def _wire_up(self) -> None:
        wires = self.network.wires
        wires[seams.SLIDE_SERVICE] = Wire(self.hub, self.service, before=self._asked_of_the_service)
        for scanner in self.scanners:
            before = partial(self._asked_of, scanner)
            wires[seams.endpoint(scanner.name)] = Wire(self.hub, scanner, before=before)

    def say(self, words: str) -> None:
        line = f"{seams.EVENING + timedelta(seconds=self.hub.now):%d %H:%M:%S.%f} {words}"
        self.story.append(line)
        if self.tell is not None:
            self.tell(line)

    def note(self, logger: object, method: str, event: structlog.typing.EventDict) -> str:
        """What the laboratory writes into its log."""
        process = self.hub.process
        rest = " ".join(f"{key}={value}" for key, value in sorted(event.items()) if key != "event")
        self.say(f"    {process.name if process else 'world'}: {event['event']} {rest}")
        raise structlog.DropEvent

    def measure(self, path: Path) -> Measures:
        """How sharp a file is: its glass says so, and which of the slide's scans this is."""
        runs = self._scans.setdefault(path.parent.name, [])
        if path.stem not in runs:
            runs.append(path.stem)
        flaw = self.glasses[path.parent.name].struck(1 + runs.index(path.stem))
        score = 0.2 if flaw == "blurred" else 0.9
        places = tuple(PlaceScore(0, c, c, score) for c in range(8))
        return Measures(places, missing=0, saturated=(0.0,), outside=0.0, seam_um=1.0)

    def _asked_of(self, scanner: Scanner, request: Message) -> None:
        if isinstance(request, Snap | Scan):
            glass = scanner.carousels.get((request.carousel, request.slot))
            self._poisoned(glass, "snap" if isinstance(request, Snap) else "scan")

    def _asked_of_the_service(self, request: Message) -> None:
        if isinstance(request, AskRun) and request.run_id in self.service.runs:
            glass = self.glasses[self.service.runs[request.run_id].order.slide_id]
            self._poisoned(glass, "collect")

    def _poisoned(self, glass: Glass | None, step: str) -> None:
        """F11: whoever works on such a slide dies of it."""
        process = self.hub.process
        if glass is not None and glass.poison == step and process in self.staff.workers:
            self.say(f"F11: {process.name} dies of {glass.barcode} ({step})")
            self.weather.counts["F11"] += 1
            self.hub.kill(process)

    # --- the night
    def live(self) -> Account:
        found, hub, random = Account(), self.hub, self.hub.random
        people = People(hub, cast_of_the_night(), self.say)
        nights = self._load(people)
        self.staff.hire([scanner.name for scanner in self.scanners])
        hub.later(900, self.weather.begin)
        for batch, scanner in nights:
            hub.start(f"person at {scanner.name}", partial(people.night, batch, scanner), after=600)
        every_s = random.choice((0.0, 60.0, 300.0))
        if every_s:
            hub.start("person who meddles", partial(people.meddle, every_s, ENDS_AT), after=1200)
        hub.run(until=SEVEN)
        account.at_seven(found, people.batches)
        self._morning(people, nights)
        account.at_seven(again := Account(), people.batches)
        found.problems += [f"in the end: {problem}" for problem in again.problems]
        found.problems += hub.crashes
        account.in_the_end(found, self.service, self.ledger, self.sound)
        return found

    def _load(self, people: People) -> list[tuple[Batch, Scanner]]:
        """What hands have put into the slots, whatever the record believes."""
        people.batches = list(Batch.objects.order_by("pk"))
        for batch, scanner in zip(people.batches, self.scanners, strict=True):
            slides = slides_in(batch)
            glasses = glasses_of(slides, self.hub.random)
            scanner.carousels = dict(zip(places(slides), glasses, strict=True))
            for slide, glass in zip(slides, glasses, strict=True):
                self.glasses[slide.uid.hex] = glass
                if glass.is_good and glass.barcode == slide.barcode:
                    self.sound.add(slide.barcode)
        return list(zip(people.batches, self.scanners, strict=True))

    def _morning(self, people: People, nights: list[tuple[Batch, Scanner]]) -> None:
        """The technicians come back: verdicts, then one click for the rescan."""
        for glass in self.glasses.values():
            glass.poison = glass.flaw = ""
        self.hub.start("person in the morning", people.decide)
        self.hub.run(until=SEVEN + 600)
        for batch, scanner in nights:
            work = partial(people.rescan, batch, scanner)
            self.hub.start(f"person at {scanner.name}", work)
        self.hub.run(until=NOON)

    def fingerprint(self) -> str:
        """Of the whole story and of every step of every slide."""
        steps = SlideEvent.objects.order_by("id").values_list(
            "slide", "source", "target", "reason", "note", "at"
        )
        seals = hashlib.sha256("\n".join(self.story).encode())
        for step in steps:
            seals.update(repr(step).encode())
        return seals.hexdigest()


def live(
    seed: int,
    *,
    folder: Path,
    records: Records,
    app: Celery,
    sabotage: str = "",
    plain: bool = False,
    tell: Say | None = None,
) -> Lived:
    """One night. The folder is used for this night alone."""
    began = process_time()
    world = World(seed, folder, records, app, sabotage, tell)
    names = [scanner.name for scanner in world.scanners]
    what = seams.replacements(world.hub, world.clock, world.network, world.measure)
    structlog.configure(processors=[world.note])
    with ExitStack() as stack:
        stack.callback(structlog.reset_defaults)
        stack.enter_context(seams.replaced(what, folder, names))
        stack.enter_context(SABOTAGES[sabotage]())
        stack.enter_context(nullcontext() if plain else queries_prepared())
        stack.enter_context(world.database.in_use())
        stack.callback(world.hub.close)
        found = world.live()
        fingerprint = world.fingerprint()
    return Lived(
        seed, found, world.weather.counts, fingerprint, process_time() - began, world.database.statements,
        sabotage,
    )  # fmt: skip
