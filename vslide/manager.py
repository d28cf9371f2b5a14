"""The slide manager: answers requests, forks a writer for each run, and brings a writer back that was killed.

What it must remember lies in the runs' directories, so a manager that was killed finds its runs again.
Writers come from a fork server that holds no sockets and has everything loaded: a new one is there in
milliseconds. No answer waits for a writer that is still reading a long journal: until it is ready, opening
its run is answered with ``opening``.
"""

import logging
import multiprocessing
import shutil
import time
from dataclasses import replace
from pathlib import Path

from vslide.build import slide_path
from vslide.disk import DISK
from vslide.errors import NoSpace, NotASlide, SlideError, StaleFence
from vslide.keys import find_key
from vslide.messages import (
    AbortRun,
    AskHealth,
    AskRun,
    FinishRun,
    ForgetRun,
    Health,
    OpenRun,
    RunOpened,
    RunState,
    RunStatus,
)
from vslide.orders import (
    FORGOTTEN,
    ORDER_NAME,
    Order,
    Result,
    forget_run,
    read_order,
    read_result,
    remove_forgotten,
    write_result,
)
from vslide.proxies import Proxies
from vslide.runs import Run
from vslide.space import bytes_still_needed
from wire import Message

log = logging.getLogger(__name__)
RESERVE_BYTES = 1 << 30
MOST_RESPAWNS = 5  # without one plane becoming safe in between: a long night may see more deaths than that
QUICK_S = 0.25  # a new journal is ready sooner than this
LEAVE_S = 5.0
MAY_PASS = frozenset({"disk_full", "disk_failed", "writer_lost", "os_error"})


class Opening(SlideError):
    """The run's writer is still reading its journal: ask again in a moment."""

    code = "opening"
    retryable = True


class RunFailed(SlideError):
    """The run has ended in a failure; ``code`` is that failure's."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.error)
        self.code = result.code
        self.retryable = result.code in MAY_PASS


class Manager:
    """All runs of one store. ``handle`` answers a request, ``supervise`` is called between requests.
    ``garbage`` is told by whoever owns the socket."""

    def __init__(
        self, root: Path, *, reserve_bytes: int = RESERVE_BYTES, proxies: Proxies | None = None
    ) -> None:
        self.journals = root / "journals"
        self.slides = root / "slides"
        for folder in (self.journals, self.slides):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        DISK.sync_directory(root)  # or a power cut in the first night takes both with all that is in them
        self._reserve = reserve_bytes
        self._proxies = proxies or Proxies()
        self._runs: dict[str, Run] = {}
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["vslide.writer"])
        self._warm_up()
        self.respawned = 0
        self.garbage = 0

    def _warm_up(self) -> None:
        """Have the fork server load everything now, so that the first slide does not wait for it."""
        first = self._context.Process(target=_nothing)
        first.start()
        first.join()

    # --- requests
    def handle(self, request: Message, frames: list[bytes]) -> Message:
        match request:
            case OpenRun():
                return self.open(request)
            case FinishRun():
                return self.finish(request.run_id, request.fence)
            case AskRun():
                return self.status(request.run_id)
            case AbortRun():
                return self.abort(request)
            case ForgetRun():
                return self.forget(request.run_id)
            case AskHealth():
                return self.health()
        raise TypeError(type(request).__name__)

    def open(self, request: OpenRun) -> RunOpened:
        """Begin or take over a run. The same fence again is answered as before; a lower one is refused, and
        so is a run that is a slide already and forgotten: a client that stood still comes back to it.

        Raises Opening while the writer is not ready, StaleFence, NoSpace, RunFailed, and KeyMissing or
        KeyRefused for a slide that cannot be sealed here.
        """
        directory = self._directory(request.run_id)
        order = self._last_order(directory)
        if order is not None and request.fence <= order.fence:
            return self._opened_before(request, order, directory)
        if order is None and slide_path(self.slides, request.header.slide_id, request.run_id).exists():
            raise StaleFence(f"run {request.run_id} is a slide already: its journal was forgotten")
        self._check_space(request, directory)
        if request.header.key_id:
            find_key(request.header.key_id)
        before = self._runs.pop(request.run_id, None)
        if before is not None:
            before.stop()
        run = Run(
            Order(
                run_id=request.run_id,
                slide_id=request.slide_id,
                fence=request.fence,
                planned=request.planned,
                header=request.header,
                directory=str(directory),
                slides=str(self.slides),
                endpoint=self._proxies.endpoint,
            ),
            self._proxies,
        )
        run.start(self._context)
        self._runs[request.run_id] = run
        return self._opened(run)

    def _opened_before(self, request: OpenRun, order: Order, directory: Path) -> RunOpened:
        run, result = self._runs.get(request.run_id), read_result(directory, order.fence)
        if request.fence < order.fence:
            raise StaleFence(f"run {request.run_id} is held by fence {order.fence}")
        if result is not None and result.state == "failed":
            raise RunFailed(result)
        same = (order.slide_id, order.planned, order.header) == (
            request.slide_id,
            request.planned,
            request.header,
        )
        if run is None or result is not None or not same:
            raise StaleFence(f"run {request.run_id}: fence {order.fence} has been here")
        return self._opened(run)

    def _opened(self, run: Run) -> RunOpened:
        run.hear(0.0 if run.ready else QUICK_S)
        if not run.ready:
            if (result := run.result) is not None:
                raise RunFailed(result)
            raise Opening(f"the writer of run {run.order.run_id} is reading its journal")
        return RunOpened(
            run_id=run.order.run_id,
            fence=run.order.fence,
            proxy=self._proxies.told(run.order.endpoint),
            durable=sorted(run.durable),
        )

    def finish(self, run_id: str, fence: int) -> RunStatus:
        """Have the slide built. Safe to repeat."""
        run = self._runs.get(run_id)
        if run is None:
            return self.status(run_id)
        if fence != run.order.fence:
            raise StaleFence(f"run {run_id} is held by fence {run.order.fence}")
        if not run.order.finish:
            run.finish()
        return self.status(run_id)

    def status(self, run_id: str) -> RunStatus:
        directory = self._directory(run_id)
        order = self._last_order(directory)
        if order is None:
            return RunStatus(run_id=run_id, state="unknown")
        run = self._runs.get(run_id)
        if run is not None:
            run.hear()
        result = read_result(directory, order.fence)
        if result is None and run is None:
            return RunStatus(run_id=run_id, state="unknown", planned=order.planned)
        if result is None:
            received = len(run.durable) if run is not None else 0
            state: RunState = "finalising" if order.finish else "receiving"
            return RunStatus(run_id=run_id, state=state, received=received, planned=order.planned)
        return RunStatus(
            run_id=run_id,
            state=result.state,
            received=result.received,
            planned=order.planned,
            path=result.path,
            sha256=result.sha256,
            bytes=result.bytes,
            error=result.error,
            code=result.code,
            missing=list(result.missing),
        )

    def abort(self, request: AbortRun) -> RunStatus:
        """Stop receiving; a run that has ended already stays as it ended."""
        run = self._runs.get(request.run_id)
        if run is None:
            return self.status(request.run_id)
        if request.fence < run.order.fence:
            raise StaleFence(f"run {request.run_id} is held by fence {run.order.fence}")
        run.hear()
        run.stop()
        if run.result is None:
            self._fail(run, "aborted", request.reason or "aborted")
        del self._runs[request.run_id]
        return self.status(request.run_id)

    def forget(self, run_id: str) -> RunStatus:
        """Drop the journal of a verified run. Its answer says what was forgotten."""
        status = self.status(run_id)
        if status.state == "unknown":
            return status
        if status.state != "verified":
            raise NotASlide(f"run {run_id} is {status.state}: its journal is kept")
        run = self._runs.pop(run_id, None)
        if run is not None:
            run.stop()
        forget_run(self._directory(run_id))
        return status

    def health(self) -> Health:
        return Health(
            runs=len(self._runs),
            writers=sum(run.alive for run in self._runs.values()),
            free_bytes=shutil.disk_usage(self.journals).free,
            respawned=self.respawned,
            garbage=self.garbage,
        )

    # --- supervision
    def find_runs(self) -> None:
        """After a restart: every run without a result goes on where its order and journal say."""
        for left_over in self.journals.glob(f"{FORGOTTEN}*"):
            remove_forgotten(left_over)
        for directory in sorted(self.journals.glob("run-*")):
            try:
                order = read_order(directory)
                if read_result(directory, order.fence) is None:
                    run = Run(replace(order, resume=True), self._proxies)
                    run.start(self._context)
                    self._runs[order.run_id] = run
            except (SlideError, OSError) as error:
                log.error("%s cannot go on: %s", directory.name, error)

    def supervise(self) -> None:
        """Hear the writers, let the finished go, bring the killed back."""
        for run_id, run in list(self._runs.items()):
            try:
                self._look_after(run_id, run)
            except OSError as error:  # a full disk, say: the next look may find it better
                log.error("run %s cannot be looked after: %s", run_id, error)

    def _look_after(self, run_id: str, run: Run) -> None:
        run.hear()
        if run.alive:
            return
        run.stop()
        if run.result is None:
            self._respawn(run)
        if run.result is not None:
            del self._runs[run_id]

    def _respawn(self, run: Run) -> None:
        safe = len(run.durable)
        run.respawns = 1 if safe > run.safe_then else run.respawns + 1
        run.safe_then = safe
        self.respawned += 1
        code = run.process.exitcode if run.process else None
        log.warning("the writer of run %s died (%s): bringing it back", run.order.run_id, code)
        if run.respawns > MOST_RESPAWNS:
            self._fail(run, "writer_lost", f"its writer died {run.respawns} times in a row")
            return
        run.order = replace(run.order, resume=True)
        run.start(self._context)

    @staticmethod
    def _fail(run: Run, code: str, error: str) -> None:
        result = Result(
            fence=run.order.fence, state="failed", received=len(run.durable), error=error, code=code
        )
        write_result(Path(run.order.directory), result)

    def close(self) -> None:
        """Stop every writer; their journals go on after the next start."""
        for run in self._runs.values():
            run.ask_to_leave()
        until = time.monotonic() + LEAVE_S
        for run in self._runs.values():
            run.stop(max(0.1, until - time.monotonic()))
        self._runs.clear()

    # --- small
    def _directory(self, run_id: str) -> Path:
        if len(run_id) != 32 or not set(run_id) <= set("0123456789abcdef"):
            raise NotASlide("a run id is 32 hexadecimal digits")
        return self.journals / f"run-{run_id}"

    def _last_order(self, directory: Path) -> Order | None:
        """The run's order as last given; None for a run that nobody has heard of."""
        run = self._runs.get(directory.name.removeprefix("run-"))
        if run is not None:
            return run.order
        return read_order(directory) if (directory / ORDER_NAME).exists() else None

    def _check_space(self, request: OpenRun, directory: Path) -> None:
        """Room for this run, for those that are under way, and a reserve for everything else."""
        needed = bytes_still_needed(request.header, request.planned, directory) + self._reserve
        for run in self._runs.values():
            order = run.order
            if order.run_id != request.run_id and run.result is None:
                needed += bytes_still_needed(order.header, order.planned, Path(order.directory))
        free = shutil.disk_usage(self.journals).free
        if free < needed:
            raise NoSpace(f"{needed / 1e9:.1f} GB may be needed, {free / 1e9:.1f} GB are free")


def _nothing() -> None:
    """What the first process does."""
