"""Driving one scan: carries out what `orchestration` commands, and tells it what happened."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from core import jobs
from core.leaving import leaving
from lims.models import Batch
from lims.services import advance
from lims.states import FailureReason, State
from microscope import MicroscopeError, ScannerInfo
from microscope.client import ScannerClient
from microscope.messages import JobStatus
from scanning import orchestration as flow
from scanning.clients import fault_of, scanner_client, slide_service
from scanning.models import Attempt, Night
from scanning.services.attempts import (
    MOST_LOST_DRIVERS,
    abort_run,
    end_stray,
    fail_attempt,
    give_up,
    may_defer,
    set_aside,
    stop_attempt,
)
from scanning.services.controls import wish_of
from scanning.services.leases import beat, lease
from scanning.services.nights import end_night_if_done, may_work, next_attempt
from scanning.services.preparing import header_of, plan_of
from vslide import SlideError
from vslide.client import SlideService
from wire import RemoteError, WireError

log = structlog.get_logger(__name__)
LOOK_S = 0.15
SAVE_S = 0.5
SETTLE_S = 5.0  # a stopped job finishes its field and takes the glass out
SHIFT_S = 240.0  # then the next driver goes on: no task may be near Celery's time limit

# what the board says of an attempt while nobody can go on with it
WAITS_FOR = {
    "scanner_lost": "waits for the scanner, which does not answer",
    "slide_service": "waits for the slide service, which does not answer",
    "disk_full": "waits for room on the disk",
    "busy": "waits for the scanner, which is busy with something else",
}


def drive(*, night: Night) -> None:
    """Work on the next slide of a night, then ring again. Returns at once when there is nothing to do.

    A slide that is under way is brought to its end also in a night that is paused or locked.
    """
    night = Night.objects.select_related("scanner", "batch").get(pk=night.pk)
    if night.batch.phase != Batch.Phase.NIGHT or not _has_work(night):
        return
    with lease(night.scanner) as owner:
        attempt = next_attempt(night)
        if attempt is not None and attempt.lost_drivers >= MOST_LOST_DRIVERS:
            give_up(attempt)
        elif attempt is not None and not set_aside(attempt):
            _Drive(attempt, owner).run()
    if _has_work(night):
        jobs.enqueue("scanning.drive", queue=night.scanner.queue, night_id=night.pk)
    elif next_attempt(night) is None:
        end_night_if_done(night=night)


def _has_work(night: Night) -> bool:
    """A slide under way, or one in the queue that may be begun."""
    night.refresh_from_db(fields=["paused"])
    night.scanner.refresh_from_db(fields=["locked_by"])
    attempt = next_attempt(night)
    return attempt is not None and may_work(night, attempt)


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
                    before = self.state
                    self.state, command = flow.step(before, event, self.clock())
                    self._note(before, self.state)
            except jobs.HandOver:
                self._leave()
                raise

    def _begin(self) -> flow.Command | None:
        """Every driver counts as lost until it has brought a new plane or has left in good order."""
        attempt, first = self.attempt, may_defer(self.attempt)
        ours = Attempt.objects.filter(pk=attempt.pk)
        with transaction.atomic():
            ours.filter(state=Attempt.State.QUEUED).update(
                state=Attempt.State.RUNNING, started_at=timezone.now()
            )
            adopted = ours.filter(handed_over=True).update(handed_over=False)
            ours.update(lost_drivers=F("lost_drivers") + 1)
            if attempt.slide.state == State.READY:
                note = f"attempt {attempt.number}, slot {attempt.slot}"
                advance(slide=attempt.slide, to=State.SCANNING, note=note)
        now = self.clock()
        if adopted:
            self.state, command = flow.adopt(now, attempt.done_planes, may_defer=first)
        else:
            self.state, command = flow.begin(now, may_defer=first)
        return command

    def _leave(self) -> None:
        """The next driver takes the scan over as it is, where the scanner is at work."""
        facts: dict[str, Any] = {"handed_over": self.state.phase == "scanning"}
        if not (self.fruitful or self.state.in_vain):
            facts["lost_drivers"] = F("lost_drivers") - 1
        Attempt.objects.filter(pk=self.attempt.pk).update(**facts)

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
                self._stop(command, scanner, service)
            case flow.Fail(reason, message):
                self._fail(reason, message, service)
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
        Attempt.objects.filter(pk=self.attempt.pk).update(fence=F("fence") + 1)
        self.attempt.refresh_from_db(fields=["fence"])
        try:
            plan = plan_of(self.attempt, self.info)
            opened = service.open_run(
                run_id=self.attempt.run.hex,
                slide_id=self.attempt.slide.uid.hex,
                fence=self.attempt.fence,
                header=header_of(self.attempt, plan, self.info),
                planned=plan.plane_count,
                while_waiting=self._beat,
            )
        except WireError as error:
            return self._slide_service_said(error)
        except (MicroscopeError, SlideError) as error:  # a plan or a header that no repetition makes better
            return flow.Ended("other", str(error), retryable=False)
        self.proxy = opened.proxy
        return flow.Opened(len(opened.durable))

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

    def _slide_service_said(self, error: WireError) -> flow.Event:
        if not isinstance(error, RemoteError):
            return flow.Lost("slide_service", str(error))
        if error.code == "stale_fence":
            self._still_ours()  # then our next fence is high enough
            return flow.Ended("stale_fence", str(error), retryable=True)
        return flow.Ended(_known(error.code, "slide_service"), str(error), error.retryable)

    def _start(self, scanner: ScannerClient) -> flow.Event:
        assert self.info is not None  # noqa: S101  opened before it is started
        slot = self.attempt.slot
        try:
            scanner.scan(
                self.attempt.run.hex,
                fence=self.attempt.fence,
                carousel=slot.carousel.number,
                slot=slot.position,
                slide_id=self.attempt.slide.uid.hex,
                plan=plan_of(self.attempt, self.info),
                proxy=self.proxy,
                attempt=self.attempt.number,
                barcode=slot.barcode,
            )
        except (WireError, MicroscopeError) as error:
            code, message, retryable = fault_of(error)
            if code == "busy":
                end_stray(scanner)
            return self._scanner_said(code, message, retryable)
        return flow.Started()

    def _scanner_said(self, code: str, message: str, retryable: bool) -> flow.Event:
        if code == "stale_fence":
            self._still_ours()
            return flow.Ended(code, message, retryable=True)
        if code == "scanner_lost":
            return flow.Lost("scanner", message)
        return flow.Ended(code, message, retryable)

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
            Attempt.objects.filter(pk=self.attempt.pk).update(done_planes=status.done)
        return self._job_says(status)

    def _job_says(self, status: JobStatus) -> flow.Event:
        match status.state:
            case "unknown":
                return flow.Lost("scanner", "the scanner was restarted")
            case "failed" | "aborted":
                return self._scanner_said(status.code or "other", status.message, status.retryable)
            case "done":
                return flow.Ended()
        return flow.Progressed(status.done)

    def _pause(self, scanner: ScannerClient, *, paused: bool) -> flow.Event:
        turn = scanner.pause if paused else scanner.resume
        try:
            return self._job_says(turn(self.attempt.run.hex))
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
            return self._slide_service_said(error)
        with transaction.atomic():
            Attempt.objects.filter(pk=self.attempt.pk, state=Attempt.State.RUNNING).update(
                state=Attempt.State.ACQUIRED, acquired_at=timezone.now(), done_planes=F("planned_planes")
            )
            jobs.enqueue("scanning.collect", attempt_id=self.attempt.pk)
        return flow.Finished()

    def _stop(self, command: flow.StopScan, scanner: ScannerClient, service: SlideService) -> None:
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
        abort_run(self.attempt, command.message, service)

    def _fail(self, reason: str, message: str, service: SlideService) -> None:
        self._still_ours()
        fail_attempt(attempt=self.attempt, reason=reason, message=message)
        abort_run(self.attempt, reason, service)

    def _note(self, before: flow.ScanState, after: flow.ScanState) -> None:
        ours = Attempt.objects.filter(pk=self.attempt.pk)
        if after.takeovers != before.takeovers:
            ours.update(takeovers=F("takeovers") + 1)
            log.warning(
                "scan_taken_over", attempt=self.attempt.pk, reason=after.reason, message=after.message
            )
        if before.phase == "scanning" and after.done > before.done and not self.fruitful:
            self.fruitful = True
            ours.update(lost_drivers=0)
        if after.waits > before.waits == 0:
            ours.update(message=WAITS_FOR.get(after.reason, "waits"))
            log.warning("scan_waits", attempt=self.attempt.pk, reason=after.reason, said=after.message)
        if before.waits > after.waits:
            ours.update(message="")


def _known(code: str, otherwise: str) -> str:
    return code if code in FailureReason.values else otherwise
