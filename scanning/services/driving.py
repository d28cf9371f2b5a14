"""Driving one scan: carries out what `orchestration` commands, and tells it what happened."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from core import jobs
from core.leaving import leaving
from lims.models import Batch
from microscope import MicroscopeError, ScannerInfo, ScanPlan
from microscope.client import ScannerClient
from scanning import orchestration as flow
from scanning.clients import fault_of, scanner_client, slide_service
from scanning.models import Attempt, Night
from scanning.services import hearing, logbook
from scanning.services.attempts import (
    MOST_LOST_DRIVERS,
    end_stray,
    fail_attempt,
    give_up,
    may_defer,
    set_aside,
    stop_attempt,
)
from scanning.services.controls import wish_of
from scanning.services.leases import LeaseLost, beat, lease
from scanning.services.nights import end_night_if_done, may_work, next_attempt
from scanning.services.preparing import header_of, plan_of
from vslide import SlideError
from vslide.client import SlideService
from wire import WireError

log = structlog.get_logger(__name__)
LOOK_S = 0.15
SAVE_S = 0.5
SETTLE_S = 5.0  # a stopped job finishes its field and takes the glass out
SHIFT_S = 240.0  # then the next driver goes on: no task may be near Celery's time limit


def drive(*, night: Night) -> None:
    """Work on the next slide of a night, then ring again. Returns at once when there is nothing to do.

    A slide that is under way is brought to its end also in a night that is paused or locked.
    """
    night = Night.objects.select_related("scanner", "batch").get(pk=night.pk)
    waiting = next_attempt(night)
    if night.batch.phase != Batch.Phase.NIGHT or waiting is None or not may_work(waiting):
        return
    with lease(night.scanner) as owner:
        attempt = next_attempt(night)
        if attempt is not None and attempt.lost_drivers >= MOST_LOST_DRIVERS:
            give_up(attempt)
        elif attempt is not None and not set_aside(attempt):
            _Drive(attempt, owner).run()
    waiting = next_attempt(night)
    if waiting is None:
        end_night_if_done(night=night)
    elif may_work(waiting):
        jobs.enqueue("scanning.drive", queue=night.scanner.queue, night_id=night.pk)


@dataclass
class _Drive:
    """One attempt under one lease."""

    attempt: Attempt
    owner: uuid.UUID
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    looked_at: float = 0.0
    proxy: str = ""
    info: ScannerInfo | None = None
    plan: ScanPlan | None = None
    began: float = 0.0
    state: flow.ScanState = field(default_factory=flow.ScanState)
    fruitful: bool = False  # has brought a new plane

    def run(self) -> None:
        """Raises LeaseLost when another worker has replaced us, HandOver when the next is to go on."""
        name, self.began = self.attempt.night.scanner.name, self.clock()
        command = self._begin()
        with scanner_client(name) as scanner, slide_service() as service:
            try:
                while command is not None:
                    event = self._carry_out(command, scanner, service)
                    if event is None:
                        return
                    if hearing.is_refused(event):
                        self._still_ours()  # then our next fence is high enough
                    before = self.state
                    self.state, command = flow.step(before, event, self.clock())
                    self._note(before, self.state)
            except jobs.HandOver:
                self._leave()
                raise

    def _begin(self) -> flow.Command | None:
        attempt, first = self.attempt, may_defer(self.attempt)
        adopted, now = logbook.begun(attempt), self.clock()
        if adopted:
            self.state, command = flow.adopt(now, attempt.done_planes, may_defer=first)
        else:
            self.state, command = flow.begin(now, may_defer=first)
        return command

    def _leave(self) -> None:
        innocent = not (self.fruitful or self.state.in_vain)
        logbook.left(self.attempt, under_way=self.state.phase == "scanning", in_good_order=innocent)

    def _carry_out(
        self, command: flow.Command, scanner: ScannerClient, service: SlideService
    ) -> flow.Event | None:
        match command:
            case flow.OpenRun():
                return self._open(scanner, service)
            case flow.StartScan():
                return self._start(scanner)
            case flow.Watch():
                return self._watch(scanner)
            case flow.PauseScan(paused):
                return self._pause(scanner, paused=paused)
            case flow.Wait(seconds):
                return self._wait(seconds)
            case flow.FinishRun():
                return self._finish(service)
            case flow.StopScan():
                self._stop(command, scanner)
            case flow.Fail(reason, message):
                self._fail(reason, message)
        return None

    def _open(self, scanner: ScannerClient, service: SlideService) -> flow.Event:
        """Take the next fence, so that whoever drove before us is refused from now on."""
        wanted = self._wanted()
        if wanted is not None:
            return wanted
        try:
            self.info = scanner.describe()
        except WireError as error:
            return flow.Lost("scanner", str(error))
        logbook.next_fence(self.attempt)
        try:
            plan = self.plan = plan_of(self.attempt, self.info)
            opened = service.open_run(
                run_id=self.attempt.run.hex,
                slide_id=self.attempt.slide.uid.hex,
                fence=self.attempt.fence,
                header=header_of(self.attempt, plan, self.info),
                planned=plan.plane_count,
                while_waiting=self._beat,
            )
        except WireError as error:
            return hearing.of_slide_service(error)
        except (MicroscopeError, SlideError) as error:  # a plan or a header that no repetition makes better
            return flow.Ended("other", str(error), retryable=False)
        if not logbook.holds(self.attempt):
            self._close(service)
            raise LeaseLost(f"{self.attempt} has ended, or goes on elsewhere.")
        self.proxy = opened.proxy
        return flow.Opened(len(opened.durable))

    def _close(self, service: SlideService) -> None:
        """We stood still before we asked, and opened a run that nobody else will end."""
        try:
            service.abort(self.attempt.run.hex, self.attempt.fence, "its scan has ended")
        except WireError as error:  # another driver has opened it under a higher fence by now
            log.warning("run_not_closed", attempt=self.attempt.pk, error=str(error))

    def _still_ours(self) -> None:
        """Raises LeaseLost when another worker has replaced us."""
        beat(self.attempt.night.scanner, self.owner)

    def _beat(self) -> None:
        """Keep the scanner; raises HandOver when the worker is being stopped or our shift is over."""
        self._still_ours()
        if leaving() or self.clock() - self.began > SHIFT_S:
            raise jobs.HandOver(f"{self.attempt} goes on with the next driver.")

    def _wanted(self) -> flow.Event | None:
        """Beat, and look what people want."""
        self._beat()
        wish = wish_of(self.attempt)
        if wish.fate is not None:
            return flow.Stopped(wish.fate, wish.message)
        return flow.Paused(wish.paused) if wish.paused != self.state.paused else None

    def _start(self, scanner: ScannerClient) -> flow.Event:
        assert self.plan is not None  # noqa: S101  opened before it is started
        slot = self.attempt.slot
        try:
            scanner.scan(
                self.attempt.run.hex,
                fence=self.attempt.fence,
                carousel=slot.carousel.number,
                slot=slot.position,
                slide_id=self.attempt.slide.uid.hex,
                plan=self.plan,
                proxy=self.proxy,
                attempt=self.attempt.number,
                barcode=slot.barcode,
            )
        except (WireError, MicroscopeError) as error:
            code, message, retryable = fault_of(error)
            if code == "busy":
                end_stray(scanner)
            return hearing.of_scanner(code, message, retryable)
        return flow.Started()

    def _watch(self, scanner: ScannerClient) -> flow.Event:
        self.sleep(LOOK_S)
        due = self.clock() - self.looked_at >= SAVE_S  # not more often than the database likes
        if due:
            self.looked_at = self.clock()
            wanted = self._wanted()
            if wanted is not None:
                return wanted
        try:
            status = scanner.job(self.attempt.run.hex)
        except WireError as error:
            return flow.Lost("scanner", str(error))
        if due and status.state == "running":
            logbook.advanced(self.attempt, status.done)
        return hearing.of_job(status)

    def _pause(self, scanner: ScannerClient, *, paused: bool) -> flow.Event:
        turn = scanner.pause if paused else scanner.resume
        try:
            return hearing.of_job(turn(self.attempt.run.hex))
        except WireError as error:
            return flow.Lost("scanner", str(error))

    def _wait(self, seconds: float) -> flow.Event:
        until = self.clock() + seconds
        while self.clock() < until:
            wanted = self._wanted()
            if isinstance(wanted, flow.Stopped):
                return wanted
            self.sleep(min(1.0, max(0.0, until - self.clock())))
        return flow.Waited()

    def _finish(self, service: SlideService) -> flow.Event:
        """The scanner is free again; the writer builds the slide while the next glass is on its way."""
        try:
            service.finish(self.attempt.run.hex, self.attempt.fence)
        except WireError as error:
            return hearing.of_slide_service(error)
        logbook.acquired(self.attempt)
        return flow.Finished()

    def _stop(self, command: flow.StopScan, scanner: ScannerClient) -> None:
        """The stage finishes its field and is free; a scanner that does not hear it parks by itself."""
        self._still_ours()
        job_id, until = self.attempt.run.hex, self.clock() + SETTLE_S
        try:
            status = scanner.abort(job_id, command.message)
            while status.state == "running" and self.clock() < until:
                self.sleep(LOOK_S)
                status = scanner.job(job_id)
        except WireError as error:
            log.warning("stop_not_heard", attempt=self.attempt.pk, error=str(error))
        self._still_ours()
        stop_attempt(attempt=self.attempt, fate=command.fate, message=command.message, reason=command.reason)

    def _fail(self, reason: str, message: str) -> None:
        self._still_ours()
        fail_attempt(attempt=self.attempt, reason=reason, message=message)

    def _note(self, before: flow.ScanState, after: flow.ScanState) -> None:
        if before.phase == "scanning" and after.done > before.done and not self.fruitful:
            self.fruitful = True
            logbook.fruitful(self.attempt)
        logbook.stepped(self.attempt, before, after)
