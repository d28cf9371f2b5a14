"""The instrument: takes commands as `microscope.jobs.Jobs` does, parks as `microscope.server.ScannerServer`
does. The glass on its carousels is what the world put there, whatever the record believes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from microscope import errors
from microscope.errors import MicroscopeError
from microscope.job import Aborted
from microscope.messages import (
    Abort,
    Accepted,
    AskJob,
    AskStatus,
    CollectSnapshot,
    Describe,
    JobState,
    JobStatus,
    Pause,
    Resume,
    Scan,
    ScannerInfo,
    ScannerStatus,
    Snap,
    SnapshotResult,
)
from microscope.server import CLIENT_TIMEOUT_S
from tests.faults.world.hub import Hub, Process
from tests.faults.world.network import Reply
from tests.faults.world.pictures import UM_PER_PX, label, macro
from tests.faults.world.stream import PixelWire, Stream
from vslide.model import Channel, PlaneId
from wire import Message, Refused, WireError

LOAD_S, SNAP_S, LOOK_S = 2.0, 1.5, 1.0
AT_ONCE: dict[str, type[MicroscopeError]] = {
    "jam": errors.Jam, "lamp": errors.LampFailure, "empty_slot": errors.EmptySlot,
    "no_focus_points": errors.FocusFailed,
}  # fmt: skip
IN_THE_MIDST: dict[str, type[MicroscopeError]] = {
    "stage_fault": errors.StageFault, "lost_messages": errors.MessagesLost, "power_cut": errors.PowerCut,
}  # fmt: skip
SEEN_AT_THE_SNAPSHOT = frozenset({"jam", "empty_slot"})


def information(name: str) -> ScannerInfo:
    return ScannerInfo(
        protocol=1, name=name, driver="world", software="world 1", capabilities=("exposure",), carousels=40,
        slots=10, field_width=1024, field_height=1024, pixel_size_um=5.0, magnification=10.0, objective="10x",
        max_layers=1, modalities=("brightfield", "fluorescence"),
        channels=(Channel("DAPI"), Channel("FITC")), glass_width_um=76e3, glass_height_um=26e3,
    )  # fmt: skip


@dataclass
class Glass:
    """What stands in a slot. Its flaw strikes the first `strikes` attempts; `read` is what the scanner reads
    on the label (None: nothing), `picture` names what it photographs.
    """

    barcode: str
    picture: str = "good"
    read: str | None = None
    flaw: str = ""
    strikes: int = 1
    poison: str = ""  # the step that kills whoever takes it: snap, scan, collect

    @property
    def is_good(self) -> bool:
        return self.picture == "good" and self.read == self.barcode and not self.flaw

    def struck(self, attempt: int) -> str:
        return self.flaw if attempt <= self.strikes else ""


@dataclass(eq=False)
class Job:
    command: Snap | Scan
    started: float
    state: JobState = "running"
    done: int = 0
    planned: int = 0
    error: MicroscopeError | None = None
    stop: MicroscopeError | None = None
    paused: bool = False
    snapshot: Reply | None = None

    @property
    def fence(self) -> int:
        return self.command.fence if isinstance(self.command, Scan) else 0

    def status(self) -> JobStatus:
        error = self.error
        return JobStatus(
            job_id=self.command.job_id, state=self.state, done=self.done, planned=self.planned,
            code=error.code if error else "", message=str(error) if error else "",
            retryable=bool(error and error.retryable),
        )  # fmt: skip

    def end_early(self, why: MicroscopeError) -> None:
        self.stop, self.paused = self.stop or why, False


@dataclass(eq=False)
class Scanner:
    """One instrument and its process."""

    hub: Hub
    name: str
    pixels: PixelWire
    field_s: float = 1.0
    carousels: dict[tuple[int, int], Glass] = field(default_factory=dict)
    scanned: Callable[[str, str], None] = lambda run_id, slide_id: None
    exposures: int = 0

    def __post_init__(self) -> None:
        self.process: Process | None = None
        self.restart(0.0)

    # --- its process
    def restart(self, seconds: float) -> None:
        """What it knew of its jobs is gone."""
        if self.process is not None:
            self.hub.kill(self.process)
        self._up_at = self.hub.now + seconds
        self._jobs: dict[str, Job] = {}
        self._current: Job | None = None
        self._next: Job | None = None
        self._idle = False
        self._heard = self._up_at
        self.process = self.hub.start(self.name, self._work, after=seconds)

    @property
    def up(self) -> bool:
        assert self.process is not None
        return self.hub.now >= max(self._up_at, self.process.frozen_until)

    # --- commands
    def handle(self, request: Message) -> Reply:
        self._heard = self.hub.now
        match request:
            case Describe():
                return information(self.name), []
            case AskStatus():
                job = self._current or self._next
                return ScannerStatus(
                    state="scanning" if job else "idle", job_id=job.command.job_id if job else ""
                ), []
            case Snap() | Scan():
                self._submit(request)
                return Accepted(job_id=request.job_id), []
            case AskJob():
                job = self._jobs.get(request.job_id)
                return job.status() if job else JobStatus(job_id=request.job_id, state="unknown"), []
            case CollectSnapshot():
                return self._collect(request.job_id)
            case Abort():
                return self._abort(request), []
            case Pause() | Resume():
                return self._pause(request.job_id, paused=isinstance(request, Pause)), []
        raise TypeError(type(request).__name__)

    def _submit(self, command: Snap | Scan) -> None:
        known, job = self._jobs.get(command.job_id), Job(command, self.hub.now)
        if known is not None and job.fence < known.fence:
            raise errors.StaleFence(f"job {command.job_id} is held with fence {known.fence}")
        if known is not None and job.fence == known.fence:
            return
        busy = self._next or self._current
        if busy is not None and busy is not known:
            raise errors.Busy(f"job {busy.command.job_id} is on the stage")
        if known is not None:
            known.end_early(errors.StaleFence("taken over by a higher fence"))
        self._jobs[command.job_id] = self._next = job
        if self._idle and self.process is not None:
            self._idle = False
            self.hub.wake(self.process.threads[0])

    def _collect(self, job_id: str) -> Reply:
        job = self._jobs.get(job_id)
        if job is None or job.snapshot is None:
            raise errors.UnknownJob(f"no snapshot of job {job_id}")
        return job.snapshot

    def _abort(self, request: Abort) -> JobStatus:
        job = self._known(request.job_id)
        if job.state == "running":
            job.end_early(Aborted(request.reason or "aborted by the client"))
        return job.status()

    def _pause(self, job_id: str, *, paused: bool) -> JobStatus:
        job = self._known(job_id)
        if job.state == "running" and job.stop is None:
            job.paused = paused
        return job.status()

    def _known(self, job_id: str) -> Job:
        if job_id not in self._jobs:
            raise errors.UnknownJob(f"job {job_id} is not known here")
        return self._jobs[job_id]

    # --- the stage
    def _work(self) -> None:
        while True:
            while self._next is None:
                self._idle = True
                self.hub.park()
            job, self._next = self._next, None
            self._current = job
            job.error = self._carried_out(job)
            self._current = None
            aborted = isinstance(job.error, Aborted)
            job.state = "done" if job.error is None else "aborted" if aborted else "failed"

    def _carried_out(self, job: Job) -> MicroscopeError | None:
        try:
            if isinstance(job.command, Snap):
                self._snap(job, job.command)
            else:
                self._scan(job, job.command)
        except MicroscopeError as error:
            return error
        except Refused as error:
            if error.code == "stale_fence":
                return errors.StaleFence(str(error))
            return errors.SinkFull(str(error)) if error.code == "disk_full" else errors.SinkFailed(str(error))
        except WireError as error:
            return errors.SinkFailed(str(error))
        return None

    def _load(self, command: Snap | Scan) -> Glass:
        self.hub.sleep(LOAD_S)
        glass = self.carousels.get((command.carousel, command.slot))
        if glass is None:
            raise errors.EmptySlot("there is no glass")
        return glass

    def _snap(self, job: Job, command: Snap) -> None:
        glass = self._load(command)
        flaw = glass.struck(command.attempt)
        if flaw in SEEN_AT_THE_SNAPSHOT:
            raise AT_ONCE[flaw](f"{flaw} at the snapshot")
        self.hub.sleep(SNAP_S)
        result = SnapshotResult(
            job_id=command.job_id, barcode=glass.read, um_per_px=UM_PER_PX, origin_x_um=0.0, origin_y_um=0.0
        )
        job.snapshot = result, [macro(glass.picture), label()]

    def _scan(self, job: Job, command: Scan) -> None:
        job.planned = command.plan.plane_count
        if job.stop is not None:
            raise job.stop
        glass = self._load(command)
        if glass.read is not None and command.barcode not in ("", glass.read):
            raise errors.BarcodeMismatch(f"the label says {glass.read}, expected was {command.barcode}")
        flaw = glass.struck(command.attempt)
        if flaw in AT_ONCE:
            raise AT_ONCE[flaw](f"{flaw} before the first field")
        stream = Stream(self.pixels, command.job_id, command.fence)
        job.done = len(stream.durable)
        self._expose(job, command, stream, flaw)
        stream.flush()
        job.done = job.planned
        self.scanned(command.job_id, command.slide_id)

    def _expose(self, job: Job, command: Scan, stream: Stream, flaw: str) -> None:
        """Field by field; what is durable already is not taken again."""
        lost = command.plan.field_count // 3 if flaw == "missing_fields" else -1
        middle = command.plan.field_count // 2
        for planned, channels in command.plan.exposures():
            key = planned.key
            planes = [(key.r, key.c, key.z, key.t, channel) for channel in channels]
            todo = [plane for plane in planes if plane not in stream.durable]
            if not todo or planned.index == lost:
                continue
            self._wait_for_the_stage(job)
            if planned.index >= middle and flaw in IN_THE_MIDST:
                raise IN_THE_MIDST[flaw](f"{flaw} at field {planned.index}")
            while planned.index >= middle and flaw == "stall":
                self._wait_for_the_stage(job)
            self._take(job, todo, stream)

    def _take(self, job: Job, planes: list[PlaneId], stream: Stream) -> None:
        """No two exposures are the same picture."""
        for plane in planes:
            self.exposures += 1
            stream.put(plane, f"{self.name}:{self.exposures}")
        job.done += len(planes)

    def _wait_for_the_stage(self, job: Job) -> None:
        """The time of a field, or of a rest; the end of a job that is to end, or that nobody asks after."""
        while True:
            self.hub.sleep(LOOK_S if job.paused else self.field_s)
            if job.stop is not None:
                raise job.stop
            silent_s = self.hub.now - max(self._heard, job.started)
            if silent_s > CLIENT_TIMEOUT_S:
                raise errors.ClientLost(f"no request for {silent_s:.0f} s")
            if not job.paused:
                return
