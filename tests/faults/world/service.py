"""The slide service: answers as `vslide.manager.Manager` does, receives and builds as its writers do. What is
in a run's journal survives every death here; what is not has not been acknowledged.
"""

import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.faults.world.hub import Hub, Process
from tests.faults.world.network import Reply
from vslide.build import slide_path
from vslide.errors import NoSpace, NotASlide, StaleFence
from vslide.manager import MOST_RESPAWNS, Opening, RunFailed
from vslide.messages import (
    AbortRun,
    AskHealth,
    AskRun,
    FinishRun,
    ForgetRun,
    Health,
    OpenRun,
    RunOpened,
    RunStatus,
)
from vslide.model import PlaneId
from vslide.orders import Result
from wire import Message, Refused

GIB = 2**30


@dataclass(eq=False)
class Run:
    """A run's directory: its order, its journal, and how it ended."""

    order: OpenRun
    journal: dict[PlaneId, str] = field(default_factory=dict)
    finish: bool = False
    result: Result | None = None
    ready_at: float = 0.0
    writer: Process | None = None
    respawns: int = 0
    safe_then: int = 0
    aborted: bool = False


@dataclass(eq=False)
class SlideService:
    """All runs of one store. `hasty` acknowledges before it writes: what this world is there to find."""

    hub: Hub
    folder: Path
    build_s: float = 3.0
    hasty: bool = False
    runs: dict[str, Run] = field(default_factory=dict)
    forgotten: set[str] = field(default_factory=set)
    away_until: float = 0.0
    full_until: float = 0.0
    slow_until: float = 0.0

    @property
    def up(self) -> bool:
        return self.hub.now >= self.away_until

    @property
    def full(self) -> bool:
        return self.hub.now < self.full_until

    # --- what strikes it
    def restart(self, seconds: float) -> None:
        """The manager dies with its writers, and finds its runs again."""
        self.away_until = self.hub.now + seconds
        for run in self.runs.values():
            if run.result is None:
                self._bring_back(run, after=seconds + 0.2)

    def kill_writer(self, run: Run) -> None:
        """The manager brings it back at once; one that dies again and again in vain is given up."""
        safe = len(run.journal)
        run.respawns = 1 if safe > run.safe_then else run.respawns + 1
        run.safe_then = safe
        if run.respawns > MOST_RESPAWNS:
            words = f"its writer died {run.respawns} times in a row"
            self._end(run, Result(run.order.fence, "failed", safe, error=words, code="writer_lost"))
        else:
            self._bring_back(run, after=0.2)

    def _bring_back(self, run: Run, *, after: float) -> None:
        if self.hasty and run.journal:
            run.journal.pop(list(run.journal)[-1])
        self._stop_writer(run)
        run.ready_at = self.hub.now + after
        if run.finish:
            self._build(run, after=after)

    def _stop_writer(self, run: Run) -> None:
        writer, run.writer = run.writer, None
        if writer is not None:
            self.hub.kill(writer)

    # --- requests
    def handle(self, request: Message) -> Reply:
        match request:
            case OpenRun():
                return self._open(request), []
            case FinishRun():
                return self._finish(request), []
            case AskRun():
                return self._status(request.run_id), []
            case AbortRun():
                return self._abort(request), []
            case ForgetRun():
                return self._forget(request.run_id), []
            case AskHealth():
                free = 0 if self.full else 500 * GIB
                return Health(runs=len(self.runs), writers=0, free_bytes=free, respawned=0, garbage=0), []
        raise TypeError(type(request).__name__)

    def _open(self, request: OpenRun) -> RunOpened:
        run = self.runs.get(request.run_id)
        if run is not None and request.fence <= run.order.fence:
            return self._opened_before(request, run)
        if run is None and request.run_id in self.forgotten:
            raise StaleFence(f"run {request.run_id} is a slide already")
        if self.full:
            raise NoSpace("the disk is full")
        if run is None:
            run = self.runs[request.run_id] = Run(request)
        self._stop_writer(run)
        run.order, run.finish, run.result, run.aborted = request, False, None, False
        # a long journal takes longer to read
        run.ready_at = self.hub.now + (0.0 if not run.journal else 0.05 * len(run.journal))
        return self._opened(run)

    def _opened_before(self, request: OpenRun, run: Run) -> RunOpened:
        if request.fence < run.order.fence:
            raise StaleFence(f"run {request.run_id} is held by fence {run.order.fence}")
        if run.result is not None and run.result.state == "failed":
            raise RunFailed(run.result)
        if run.result is not None or run.aborted or request != run.order:
            raise StaleFence(f"run {request.run_id}: fence {run.order.fence} has been here")
        return self._opened(run)

    def _opened(self, run: Run) -> RunOpened:
        if self.hub.now < run.ready_at:
            raise Opening(f"the writer of run {run.order.run_id} is reading its journal")
        durable = sorted(run.journal)
        return RunOpened(run.order.run_id, run.order.fence, proxy=run.order.run_id, durable=durable)

    def _finish(self, request: FinishRun) -> RunStatus:
        run = self.runs.get(request.run_id)
        if run is not None and run.result is None:
            if request.fence != run.order.fence:
                raise StaleFence(f"run {request.run_id} is held by fence {run.order.fence}")
            if not run.finish:
                run.finish = True
                self._build(run, after=max(0.0, run.ready_at - self.hub.now))
        return self._status(request.run_id)

    def _status(self, run_id: str) -> RunStatus:
        run = self.runs.get(run_id)
        if run is None:
            return RunStatus(run_id, "unknown")
        found = RunStatus(run_id, "receiving", len(run.journal), run.order.planned)
        if run.result is None:
            return RunStatus(
                run_id, "finalising" if run.finish else "receiving", found.received, found.planned
            )
        ended = run.result
        return RunStatus(
            run_id, ended.state, ended.received, run.order.planned, ended.path, ended.sha256, ended.bytes,
            ended.error, ended.code, list(ended.missing),
        )  # fmt: skip

    def _abort(self, request: AbortRun) -> RunStatus:
        run = self.runs.get(request.run_id)
        if run is not None and not run.aborted and run.result is None:
            if request.fence < run.order.fence:
                raise StaleFence(f"run {request.run_id} is held by fence {run.order.fence}")
            words = request.reason or "aborted"
            self._stop_writer(run)
            self._end(run, Result(run.order.fence, "failed", len(run.journal), error=words, code="aborted"))
            run.aborted = True
        return self._status(request.run_id)

    def _forget(self, run_id: str) -> RunStatus:
        status = self._status(run_id)
        if status.state == "unknown":
            return status
        if status.state != "verified":
            raise NotASlide(f"run {run_id} is {status.state}: its journal is kept")
        del self.runs[run_id]
        self.forgotten.add(run_id)
        return status

    # --- pixels
    def listening(self, run_id: str) -> bool:
        run = self.runs.get(run_id)
        return self.up and run is not None and run.result is None and self.hub.now >= run.ready_at

    def welcome(self, run_id: str, fence: int) -> set[PlaneId]:
        """Raises Refused for a sender that somebody else has replaced."""
        return set(self._for(run_id, fence).journal)

    def receive(self, run_id: str, fence: int, plane: PlaneId, pixels: str) -> None:
        """Returns when the plane is durable: now it may be acknowledged."""
        run = self._for(run_id, fence)
        if self.full:
            raise Refused("the disk is full", code="disk_full", retryable=True)
        before = run.journal.setdefault(plane, pixels)
        if before != pixels:
            raise Refused(f"two pictures of {plane}", code="conflict")

    def _for(self, run_id: str, fence: int) -> Run:
        run = self.runs[run_id]
        if fence != run.order.fence:
            raise Refused(f"the run is held by fence {run.order.fence}", code="stale_fence")
        return run

    # --- the slide
    def _build(self, run: Run, *, after: float) -> None:
        slow = 10.0 if self.hub.now < self.slow_until else 1.0
        run.writer = self.hub.start("writer", lambda: self._built(run), after=after + self.build_s * slow)

    def _built(self, run: Run) -> None:
        run.writer = None
        if self.full:
            words = "the disk is full"
            self._end(run, Result(run.order.fence, "failed", len(run.journal), error=words, code="disk_full"))
            return
        result = Result(run.order.fence, "failed", len(run.journal), code="damaged")
        missing = run.order.planned - len(run.journal)
        if missing:
            self._end(run, replace(result, error=f"{missing} planes are missing", missing=((0, 0, 0, 0, 0),)))
            return
        path = slide_path(self.folder, run.order.slide_id, run.order.run_id)
        content = json.dumps(sorted(run.journal.items())).encode()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        self._end(
            run, replace(result, state="verified", code="", path=str(path), sha256=sha256, bytes=len(content))
        )

    def _end(self, run: Run, result: Result) -> None:
        run.result = result
