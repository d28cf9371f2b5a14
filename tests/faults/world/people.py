"""People: a technician who reviews the load and starts the night, others who meddle with it, the morning."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from django.contrib.auth.models import Group
from django.db import OperationalError

from core.errors import NocturneError
from core.models import User
from core.roles import Role
from lims import services as bench
from lims.models import Batch, Slide, Slot
from lims.states import OF_THE_GLASS, FailureReason, State
from scanning import queries, services
from scanning.models import Attempt, Night, Snapshot
from scanning.models import Scanner as ScannerRow
from tests.faults.world.hub import Hub
from tests.faults.world.scanner import Glass, Scanner

Found = TypeVar("Found")
PATIENCE_S = 30.0
TRIES = 40


def cast_of_the_night() -> User:
    tess, _ = User.objects.get_or_create(username="tess")
    tess.groups.add(Group.objects.get_or_create(name=Role.TECHNICIAN)[0])
    return tess


@dataclass(eq=False)
class People:
    hub: Hub
    tess: User
    say: Callable[[str], None]
    batches: list[Batch] = field(default_factory=list)

    # --- how people use a page
    def press(self, what: str, action: Callable[[], Found]) -> Found | None:
        """A button. An error page is pressed away and the button again; what may not be is left."""
        for _ in range(TRIES):
            try:
                return action()
            except OperationalError:
                self.hub.sleep(PATIENCE_S)
            except NocturneError as error:
                self.say(f"{what}: {error.message}")
                return None
        return None

    def _until(self, what: Callable[[], bool]) -> None:
        while not self.press("a look", what):
            self.hub.sleep(PATIENCE_S)

    # --- the evening
    def night(self, batch: Batch, scanner: Scanner) -> None:
        """Snapshots, review, start; then home."""
        row = ScannerRow.objects.get_or_create(name=scanner.name)[0]
        self._press_until(
            "start of the snapshots",
            lambda: services.start_snapshots(batch=batch, scanner=row, actor=self.tess),
            lambda: self._phase(batch) != Batch.Phase.LOADING,
        )
        self._until(lambda: self._phase(batch) != Batch.Phase.SNAPSHOTS)
        self._review(batch)
        self._press_until(
            "start of the night",
            lambda: services.start_night(batch=batch, actor=self.tess),
            lambda: self._phase(batch) in {Batch.Phase.NIGHT, Batch.Phase.MORNING},
        )
        self.say(f"{batch}: the night begins")

    def _press_until(self, what: str, action: Callable[[], object], done: Callable[[], bool]) -> None:
        while not self.press("a look", done):
            self.press(what, action)
            self.hub.sleep(1.0)

    def _review(self, batch: Batch) -> None:
        """Safe ones in bulk, the others one by one; what nobody can scan fails now."""
        self.press("bulk acceptance", lambda: services.accept_safe(batch=batch, actor=self.tess))
        for snapshot in self.press("review", lambda: services.doubtful(batch)) or []:
            self.hub.sleep(self.hub.random.uniform(2, 15))
            if self.hub.random.random() < 0.1:
                self.hub.later(self.hub.random.uniform(0.5, 4) * 3600, partial(self._accept, snapshot))
            else:
                self._accept(snapshot)
        waiting = Slide.objects.filter(slots__carousel__batch=batch, state=State.SNAPPED)
        for slide in self.press("what is left", lambda: list(waiting)) or []:
            self._fail(slide)

    def _accept(self, snapshot: Snapshot) -> None:
        def accept() -> bool:
            services.accept(
                snapshot=Snapshot.objects.select_related("slide").get(pk=snapshot.pk), actor=self.tess
            )
            return True

        if not self.press("acceptance", accept):
            self._fail(snapshot.slide)

    def _fail(self, slide: Slide) -> None:
        def fail() -> None:
            fresh = Slide.objects.get(pk=slide.pk)
            reason = FailureReason.NO_FOCUS_POINTS
            bench.move_by_hand(slide=fresh, to=State.FAILED, actor=self.tess, reason=reason, note="no focus")

        self.press("failed by hand", fail)

    # --- the night
    def meddle(self, every_s: float, until: float) -> None:
        """Somebody comes by and presses buttons. What is stopped goes on after a while."""
        acts = (self._pause, self._lock, self._stop_slide, self._reorder, self._hold, self._fail_one)
        while True:
            self.hub.sleep(self.hub.random.expovariate(1 / every_s))
            if self.hub.now > until:
                return
            night = self.press("a look", self._a_night)
            if night is not None:
                self.hub.random.choice(acts)(night)

    def _a_night(self) -> Night | None:
        nights = Night.objects.filter(ended_at=None, batch__phase=Batch.Phase.NIGHT).order_by("pk")
        found = list(nights.select_related("batch", "scanner"))
        return self.hub.random.choice(found) if found else None

    def _pause(self, night: Night) -> None:
        at_once = self.hub.random.random() < 0.5
        self.say(f"people: {night} is paused{' at once' if at_once else ''}")
        self.press("pause", lambda: services.pause(night=night, actor=self.tess, at_once=at_once))
        self.hub.sleep(self.hub.random.choice((5, 30, 300)))
        self.press("resume", lambda: services.resume(night=night, actor=self.tess))

    def _lock(self, night: Night) -> None:
        self.say(f"people: {night.scanner} is locked")
        self.press("lock", lambda: services.lock(scanner=night.scanner, reason="dust", actor=self.tess))
        self.hub.sleep(self.hub.random.choice((5, 30, 300)))
        self.press("unlock", lambda: services.unlock(scanner=night.scanner, actor=self.tess))

    def _stop_slide(self, night: Night) -> None:
        under_way = Attempt.objects.filter(night=night, state=Attempt.State.RUNNING).select_related("slide")
        running = self.press("look", under_way.first)
        if running is not None:
            fate = self.hub.random.choice(Attempt.Fate.values)
            self.say(f"people: {running} is stopped ({fate})")
            stop = partial(services.abort, attempt=running, fate=fate, reason="as it looks", actor=self.tess)
            self.press("stop", stop)

    def _reorder(self, night: Night) -> None:
        waiting = Attempt.objects.filter(night=night, state=Attempt.State.QUEUED).order_by("pk")
        found = self.press("queue", lambda: list(waiting[:20]))
        if found:
            to = self.hub.random.choice(("first", "up", "down", "last"))
            attempt = self.hub.random.choice(found)
            self.press("move", lambda: services.move(attempt=attempt, to=to, actor=self.tess))

    def _some_slide(self, night: Night, *states: str) -> Slide | None:
        slides = Slide.objects.filter(slots__carousel__batch=night.batch, state__in=states).order_by("pk")
        found = self.press("slides", lambda: list(slides))
        return self.hub.random.choice(found) if found else None

    def _hold(self, night: Night) -> None:
        slide = self._some_slide(night, State.READY)
        if slide is None:
            return
        self.say(f"people: {slide} is held")
        self._move(slide, State.HELD)
        if self.hub.random.random() < 0.8:
            self.hub.sleep(self.hub.random.choice((1, 10, 100, 1000)))
            self._move(slide, State.READY)

    def _move(self, slide: Slide, to: str) -> None:
        def move() -> None:
            fresh = Slide.objects.get(pk=slide.pk)
            bench.move_by_hand(slide=fresh, to=to, actor=self.tess, note="as it looks")

        self.press(f"{to} by hand", move)

    def _fail_one(self, night: Night) -> None:
        slide = self._some_slide(night, State.READY, State.SCANNING)
        if slide is not None:
            self.say(f"people: {slide} is failed by hand")
            self._fail(slide)

    # --- the morning
    def decide(self) -> None:
        """What waits for a verdict gets one."""
        for quality in self.press("verdicts", queries.waiting_for_verdict) or []:
            if self.hub.random.random() < 0.6:
                act = partial(services.accept_scan, quality=quality, actor=self.tess)
            else:
                reason = self.hub.random.choice(OF_THE_GLASS)
                act = partial(services.refuse_scan, quality=quality, reason=reason, actor=self.tess)
            self.press("verdict", act)

    def rescan(self, batch: Batch, scanner: Scanner) -> None:
        """One click; hands fetch the right glasses and look after them. Whoever was not told looks whether it
        is there.
        """
        there = Batch.objects.filter(rescan_of=batch).order_by("pk")
        made = self.press("rescan", lambda: bench.build_rescan(batch=batch, actor=self.tess))
        made = made or self.press("a look", there.first)
        if made is None:
            return
        slots = Slot.objects.filter(carousel__batch=made).select_related("carousel").order_by("pk")
        scanner.carousels = {
            (slot.carousel.number, slot.position): Glass(slot.barcode, read=slot.barcode) for slot in slots
        }
        self.batches.append(made)
        self.night(made, scanner)

    @staticmethod
    def _phase(batch: Batch) -> str:
        return Batch.objects.values_list("phase", flat=True).get(pk=batch.pk)
