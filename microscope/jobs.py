"""The scanner's one job at a time: accepted at once, done in a worker thread, its end kept and told as an
event.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from queue import SimpleQueue
from typing import cast

import cv2

from microscope import barcode
from microscope.drivers.base import Driver
from microscope.errors import (
    BarcodeMismatch,
    Busy,
    MicroscopeError,
    SinkFailed,
    SinkFull,
    StaleFence,
    UnknownJob,
)
from microscope.job import Aborted, ClosableSink, InterruptibleSink, Job, ShutDown
from microscope.messages import (
    JobDone,
    JobFailed,
    JobProgress,
    JobStatus,
    Scan,
    ScannerState,
    Snap,
    SnapshotResult,
    StateChanged,
)
from microscope.runner import run, try_focus
from vslide.errors import SlideError
from wire import Message, WireError

log = logging.getLogger(__name__)

_JOBS_KEPT = 1000
_SNAPSHOTS_KEPT = 32
_PROGRESS_EVERY_S = 0.2


class Jobs:
    """Takes commands from the server's thread and carries them out in its own. Events wait in ``events`` to
    be published.
    """

    def __init__(self, driver: Driver, open_sink: Callable[[Scan], ClosableSink]) -> None:
        self._driver, self._open_sink = driver, open_sink
        self._lock = threading.Condition()
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._snapshots: OrderedDict[str, tuple[SnapshotResult, list[bytes]]] = OrderedDict()
        self._current: Job | None = None
        self._next: Job | None = None
        self._closing = False
        self.events: SimpleQueue[Message] = SimpleQueue()
        self.last_fault = ""
        self._thread = threading.Thread(target=self._work, name="scanner", daemon=True)
        self._thread.start()

    def submit(self, command: Snap | Scan) -> None:
        """Take a job. Known jobs stay as they are, except that a Scan with a higher fence takes over, and a
        Snap whose pictures are not kept any more is done again. Raises Busy, StaleFence.
        """
        with self._lock:
            known, job = self._jobs.get(command.job_id), Job(command)
            if known is not None and self._has_dropped(known):
                known = None
            if known is not None and job.fence < known.fence:
                raise StaleFence(f"job {command.job_id} is held with fence {known.fence}")
            if known is not None and job.fence == known.fence:
                return
            busy = self._next or self._current
            if busy is not None and busy is not known:
                raise Busy(f"job {busy.command.job_id} is on the stage")
            if known is not None:
                known.end_early(StaleFence("taken over by a higher fence"))
            self._remember(job)
            self._next = job
            self._lock.notify_all()

    def _has_dropped(self, job: Job) -> bool:
        """Its pictures were taken and are gone: who asks again has never got them."""
        taken = isinstance(job.command, Snap) and job.state == "done"
        return taken and job.command.job_id not in self._snapshots

    def status(self, job_id: str) -> JobStatus:
        with self._lock:
            job = self._jobs.get(job_id)
            return job.status() if job else JobStatus(job_id=job_id, state="unknown")

    def abort(self, job_id: str, reason: str) -> JobStatus:
        with self._lock:
            job = self._known(job_id)
            if job.state == "running":
                job.end_early(Aborted(reason or "aborted by the client"))
            return job.status()

    def pause(self, job_id: str, *, paused: bool) -> JobStatus:
        with self._lock:
            job = self._known(job_id)
            if job.state == "running" and job.stop is None:
                job.go.clear() if paused else job.go.set()
                self.events.put(StateChanged(state=self._state(), job_id=job_id))
            return job.status()

    def snapshot(self, job_id: str) -> tuple[SnapshotResult, list[bytes]]:
        """Raises UnknownJob, also for a job that is not (or not successfully) done."""
        with self._lock:
            if job_id not in self._snapshots:
                raise UnknownJob(f"no snapshot of job {job_id}")
            return self._snapshots[job_id]

    def now(self) -> tuple[ScannerState, Job | None]:
        """What the scanner is doing, and the job on the stage."""
        with self._lock:
            return self._state(), self._current or self._next

    def end_current(self, why: MicroscopeError) -> None:
        """End whatever is on the stage."""
        with self._lock:
            for job in (self._current, self._next):
                if job is not None:
                    job.end_early(why)

    def close(self, timeout_s: float = 10.0) -> None:
        """End the running job and the worker thread."""
        self.end_current(ShutDown("the scanner is being shut down"))
        with self._lock:
            self._closing = True
            self._lock.notify_all()
        self._thread.join(timeout_s)

    def _known(self, job_id: str) -> Job:
        if job_id not in self._jobs:
            raise UnknownJob(f"job {job_id} is not known here")
        return self._jobs[job_id]

    def _remember(self, job: Job) -> None:
        self._jobs[job.command.job_id] = job
        self._jobs.move_to_end(job.command.job_id)
        while len(self._jobs) > _JOBS_KEPT:
            self._jobs.popitem(last=False)

    def _state(self) -> ScannerState:
        job = self._current or self._next
        if job is None:
            return "idle"
        if job.stop is not None:
            return "stopping"
        if isinstance(job.command, Snap):
            return "snapping"
        return "scanning" if job.go.is_set() else "paused"

    def _work(self) -> None:
        while True:
            with self._lock:
                self._lock.wait_for(lambda: self._next is not None or self._closing)
                if self._next is None:
                    return
                job, self._next = self._next, None
                self._current = job
                self.events.put(StateChanged(state=self._state(), job_id=job.command.job_id))
            self._end(job, self._carry_out(job))

    def _carry_out(self, job: Job) -> MicroscopeError | None:
        try:
            if isinstance(job.command, Snap):
                self._snap(job.command)
            else:
                self._scan(job, job.command)
        except MicroscopeError as error:
            self._driver.park()
            return error
        except (WireError, SlideError) as error:
            self._driver.park()
            return _of_the_sink(error)
        except Exception as error:
            log.exception("job %s met a defect", job.command.job_id)
            self._driver.park()
            return MicroscopeError(f"{type(error).__name__}: {error}")
        return None

    def _end(self, job: Job, error: MicroscopeError | None) -> None:
        job_id = job.command.job_id
        with self._lock:
            self._current = None
            job.error = error
            job.state = "done" if error is None else "aborted" if isinstance(error, Aborted) else "failed"
            # A job that was taken over has no end of its own: its name belongs to the new one.
            if self._jobs.get(job_id) is job:
                self.events.put(self._last_word(job))
            if error is not None:
                self.last_fault = f"{error.code}: {error}"
                log.warning("job %s ended: %s", job_id, self.last_fault)
            self.events.put(StateChanged(state=self._state(), job_id=job_id))

    def _last_word(self, job: Job) -> Message:
        job_id, error = job.command.job_id, job.error
        if error is None:
            elapsed_s = time.monotonic() - job.started
            return JobDone(job_id=job_id, done=job.done, planned=job.planned, elapsed_s=elapsed_s)
        return JobFailed(
            job_id=job_id,
            code=error.code,
            message=str(error),
            retryable=error.retryable,
            done=job.done,
            planned=job.planned,
        )

    def _snap(self, command: Snap) -> None:
        self._driver.load(command.carousel, command.slot, attempt=command.attempt)
        images = self._driver.snapshot()
        tried = try_focus(self._driver, images, command.tries)
        self._driver.unload()
        result = SnapshotResult(
            job_id=command.job_id,
            barcode=barcode.read(images.label),
            um_per_px=images.um_per_px,
            origin_x_um=images.origin_um[0],
            origin_y_um=images.origin_um[1],
            tried=tried,
        )
        macro = cv2.imencode(".jpg", images.macro[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()
        label = cv2.imencode(".png", images.label[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
        with self._lock:
            self._snapshots[command.job_id] = (result, [macro, label])
            while len(self._snapshots) > _SNAPSHOTS_KEPT:
                self._snapshots.popitem(last=False)

    def _scan(self, job: Job, command: Scan) -> None:
        job.planned = command.plan.plane_count
        if job.stop is not None:
            raise job.stop
        self._driver.load(command.carousel, command.slot, attempt=command.attempt)
        if command.barcode:
            found = barcode.read(self._driver.snapshot().label)
            if found is not None and found != command.barcode:
                raise BarcodeMismatch(f"the label says {found}, expected was {command.barcode}")
        sink = self._open_sink(command)
        try:
            job.done = len(sink.durable)
            outcome = run(
                self._driver,
                command.plan,
                InterruptibleSink(sink, job),
                done=frozenset(sink.durable),
                on_progress=self._teller(job),
                should_stop=job.should_stop,
            )
        finally:
            sink.close()
        if outcome.stopped:
            raise cast(MicroscopeError, job.stop)
        job.done = outcome.done
        self._driver.unload()

    def _teller(self, job: Job) -> Callable[[int, int], None]:
        told = time.monotonic()

        def tell(done: int, planned: int) -> None:
            nonlocal told
            job.done = done
            now = time.monotonic()
            if now - told >= _PROGRESS_EVERY_S:
                told = now
                self.events.put(JobProgress(job_id=job.command.job_id, done=done, planned=planned))

        return tell


def _of_the_sink(error: WireError | SlideError) -> MicroscopeError:
    """The slide service's complaint in the instrument's vocabulary."""
    words = f"{error.code}: {error}"
    if error.code == "stale_fence":
        return StaleFence(words)
    return SinkFull(words) if error.code in ("no_space", "disk_full") else SinkFailed(words)
