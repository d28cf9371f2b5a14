"""Driving one scan: carries out what `orchestration` commands, and tells it what happened."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from core import jobs
from lims.models import Batch
from lims.services import advance
from lims.states import FailureReason, State
from microscope import MicroscopeError, ScannerInfo, ScanPlan
from microscope.client import ScannerClient
from scanning import orchestration as flow
from scanning.clients import fault_of, scanner_client, slide_service
from scanning.models import Attempt, Night, Snapshot
from scanning.plans import plan_for
from scanning.services.leases import beat, lease
from scanning.services.nights import end_night_if_done, next_attempt
from vslide import SlideError, SlideHeader
from vslide.client import SlideService
from vslide.codec import chunk_grid
from wire import RemoteError, WireError

log = structlog.get_logger(__name__)
LOOK_S = 0.15
SAVE_S = 0.5
MOST_FENCES = 12  # a slide that kills whoever drives it is given up, and the night goes on


def drive(*, night: Night) -> None:
    """Work on the next slide of a night, then ring again. Returns at once when there is nothing to do."""
    night = Night.objects.select_related("scanner", "batch").get(pk=night.pk)
    if night.paused or night.scanner.locked_by or night.batch.phase != Batch.Phase.NIGHT:
        return
    with lease(night.scanner) as owner:
        attempt = next_attempt(night)
        if attempt is not None and attempt.fence >= MOST_FENCES:
            _give_up(attempt)
        elif attempt is not None and not _set_aside(attempt):
            _Drive(attempt, owner).run()
    if next_attempt(night) is not None:
        jobs.enqueue("scanning.drive", queue=night.scanner.queue, night_id=night.pk)
    else:
        end_night_if_done(night=night)


def _give_up(attempt: Attempt) -> None:
    message = f"its driver was lost {attempt.fence} times"
    fail_attempt(attempt=attempt, reason=FailureReason.ATTEMPTS_EXHAUSTED, message=message)
    with slide_service() as service:
        _abort_run(attempt, FailureReason.ATTEMPTS_EXHAUSTED, service)


def _set_aside(attempt: Attempt) -> bool:
    """A slide that a person held, failed or rejected meanwhile is not scanned; whether it was set aside."""
    wanted = State.READY if attempt.state == Attempt.State.QUEUED else State.SCANNING
    if attempt.slide.state in {wanted, State.SCANNING}:
        return False
    message = f"the slide was {attempt.slide.get_state_display().lower()} before its scan"
    Attempt.objects.filter(pk=attempt.pk, state=attempt.state).update(
        state=Attempt.State.ABORTED, message=message, ended_at=timezone.now()
    )
    if attempt.fence:
        with slide_service() as service:
            _abort_run(attempt, message, service)
    return True


def _abort_run(attempt: Attempt, reason: str, service: SlideService) -> None:
    """Tell the slide service that nothing more will come; it keeps the journal."""
    try:
        service.abort(attempt.run.hex, attempt.fence, reason)
    except (WireError, SlideError) as error:
        log.warning("abort_not_heard", attempt=attempt.pk, error=str(error))


@dataclass
class _Drive:
    """One attempt under one lease."""

    attempt: Attempt
    owner: uuid.UUID
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    saved_at: float = 0.0
    proxy: str = ""
    info: ScannerInfo | None = field(default=None)

    def run(self) -> None:
        name = self.attempt.night.scanner.name
        self._begin()
        with scanner_client(name) as scanner, slide_service() as service:
            state, first = flow.begin(self.clock())
            command: flow.Command | None = first
            while command is not None:
                event = self._carry_out(command, scanner, service)
                if event is None:
                    return
                before = state
                state, command = flow.step(state, event, self.clock())
                self._note(before, state)

    def _begin(self) -> None:
        now = timezone.now()
        with transaction.atomic():
            Attempt.objects.filter(pk=self.attempt.pk, state=Attempt.State.QUEUED).update(
                state=Attempt.State.RUNNING, started_at=now
            )
            if self.attempt.slide.state == State.READY:
                note = f"attempt {self.attempt.number}, slot {self.attempt.slot}"
                advance(slide=self.attempt.slide, to=State.SCANNING, note=note)

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
            case flow.Wait(seconds):
                return self._wait(seconds)
            case flow.FinishRun():
                return self._finish(service)
            case flow.Fail(reason, message):
                self._fail(reason, message, service)
                return None

    def _open(self, scanner: ScannerClient, service: SlideService) -> flow.Event:
        """Take the next fence, so that whoever drove before us is refused from now on."""
        self._beat()
        Attempt.objects.filter(pk=self.attempt.pk).update(fence=F("fence") + 1)
        self.attempt.refresh_from_db(fields=["fence"])
        try:
            self.info = scanner.describe()
        except WireError as error:
            return flow.Lost("scanner", str(error))
        try:
            plan = self._plan(self.info)
            opened = service.open_run(
                run_id=self.attempt.run.hex,
                slide_id=self.attempt.slide.uid.hex,
                fence=self.attempt.fence,
                header=self._header(plan, self.info),
                planned=plan.plane_count,
                while_waiting=self._beat,
            )
        except WireError as error:
            return self._slide_service_said(error)
        except (MicroscopeError, SlideError) as error:  # a plan or a header that no repetition makes better
            return flow.Ended("other", str(error), retryable=False)
        self.proxy = opened.proxy
        Attempt.objects.filter(pk=self.attempt.pk).update(planned_planes=plan.plane_count)
        return flow.Opened(len(opened.durable))

    def _beat(self) -> None:
        beat(self.attempt.night.scanner, self.owner)

    def _slide_service_said(self, error: WireError) -> flow.Event:
        if not isinstance(error, RemoteError):
            return flow.Lost("slide_service", str(error))
        if error.code == "stale_fence":
            self._beat()  # raises when another worker has replaced us; else our next fence is high enough
            return flow.Lost("slide_service", str(error))
        return flow.Ended(_known(error.code, "slide_service"), str(error), error.retryable)

    def _plan(self, info: ScannerInfo) -> ScanPlan:
        snapshot = Snapshot.objects.select_related("slide").get(slot=self.attempt.slot)
        plan = plan_for(snapshot, info)
        parameters = {
            "fields": plan.field_count,
            "rows": plan.rows,
            "columns": plan.columns,
            "channels": len(plan.channels),
            "focus_points": len(plan.focus_points),
            "overlap": plan.overlap,
            "pixel_size_um": plan.pixel_size_um,
            "modality": plan.modality,
        }
        Attempt.objects.filter(pk=self.attempt.pk).update(parameters=parameters)
        return plan

    def _header(self, plan: ScanPlan, info: ScannerInfo) -> SlideHeader:
        return plan.header(
            slide_id=self.attempt.slide.uid.hex,
            run_id=self.attempt.run.hex,
            chunk=chunk_grid(plan.field_height, plan.field_width),
            scanner=info.name,
            driver=info.driver,
            objective=info.objective,
            software=info.software,
            key_id=settings.SLIDE_KEY_ID,
        )

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
                plan=self._plan(self.info),
                proxy=self.proxy,
                attempt=self.attempt.number,
                barcode=slot.barcode,
            )
        except (WireError, MicroscopeError) as error:
            return self._scanner_said(*fault_of(error))
        return flow.Started()

    def _scanner_said(self, code: str, message: str, retryable: bool) -> flow.Event:
        if code == "stale_fence":
            self._beat()
            return flow.Lost("scanner", message)
        if code == "scanner_lost":
            return flow.Lost("scanner", message)
        return flow.Ended(code, message, retryable)

    def _watch(self, scanner: ScannerClient) -> flow.Event:
        self.sleep(LOOK_S)
        try:
            status = scanner.job(self.attempt.run.hex)
        except WireError as error:
            return flow.Lost("scanner", str(error))
        if status.state == "unknown":
            return flow.Lost("scanner", "the scanner was restarted")
        if status.state in {"failed", "aborted"}:
            return self._scanner_said(status.code or "other", status.message, status.retryable)
        if status.state == "done":
            return flow.Ended()
        self._save(status.done)
        return flow.Progressed(status.done)

    def _save(self, done: int) -> None:
        """Beat, and let the board see how far we are; not more often than the database likes."""
        if self.clock() - self.saved_at < SAVE_S:
            return
        self.saved_at = self.clock()
        self._beat()
        Attempt.objects.filter(pk=self.attempt.pk).update(done_planes=done)

    def _wait(self, seconds: float) -> flow.Event:
        until = self.clock() + seconds
        while self.clock() < until:
            self._beat()
            self.sleep(min(2.0, max(0.0, until - self.clock())))
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

    def _fail(self, reason: str, message: str, service: SlideService) -> None:
        self._beat()  # whoever has replaced us decides
        fail_attempt(attempt=self.attempt, reason=reason, message=message)
        _abort_run(self.attempt, reason, service)

    def _note(self, before: flow.ScanState, after: flow.ScanState) -> None:
        if after.takeovers != before.takeovers:
            Attempt.objects.filter(pk=self.attempt.pk).update(takeovers=F("takeovers") + 1)
            log.warning(
                "scan_taken_over",
                attempt=self.attempt.pk,
                reason=after.reason,
                message=after.message,
                done=after.done,
            )


def _known(code: str, otherwise: str) -> str:
    return code if code in FailureReason.values else otherwise


@transaction.atomic
def fail_attempt(*, attempt: Attempt, reason: str, message: str) -> bool:
    """The attempt and its slide fail for one reason; the night goes on. False when it had ended already."""
    known = _known(reason, FailureReason.OTHER)
    changed = Attempt.objects.filter(
        pk=attempt.pk, state__in=[Attempt.State.QUEUED, Attempt.State.RUNNING, Attempt.State.ACQUIRED]
    ).update(state=Attempt.State.FAILED, reason=known, message=message[:500], ended_at=timezone.now())
    if not changed:
        return False
    attempt.slide.refresh_from_db()
    if attempt.slide.state in {State.SCANNING, State.READY}:
        advance(slide=attempt.slide, to=State.FAILED, reason=known, note=message)
    return True
