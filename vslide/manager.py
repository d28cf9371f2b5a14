"""The slide manager: answers requests, forks a writer for each run, and brings a writer back that was killed.

What it must remember lies in the runs' directories, so a manager that was killed finds its runs again.
Writers come from a fork server that holds no sockets and has everything loaded: a new one is there in
milliseconds.
"""

import argparse
import json
import logging
import multiprocessing
import shutil
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from vslide.errors import NoSpace, NotASlide, SlideError, StaleFence
from vslide.messages import (
    REQUESTS,
    AbortRun,
    AskHealth,
    AskRun,
    FinishRun,
    ForgetRun,
    Health,
    OpenRun,
    PlaneId,
    RunOpened,
    RunState,
    RunStatus,
)
from vslide.orders import (
    ABORT,
    FINISH,
    Order,
    Result,
    clear_result,
    read_order,
    read_result,
    write_order,
    write_result,
)
from vslide.writer import write
from wire import Message, Server

log = logging.getLogger(__name__)
RESERVE_BYTES = 1 << 30
MOST_RESPAWNS = 5
START_S = 20.0
LOOK_S = 0.1


@dataclass
class _Run:
    """A run whose writer is (to be) alive."""

    order: Order
    process: BaseProcess | None = None
    pipe: Connection | None = None
    received: int = 0
    durable: list[PlaneId] = field(default_factory=list)
    respawns: int = 0


class WriterLost(SlideError):
    """A writer did not come up, or died again and again."""

    code = "writer_lost"
    retryable = True


class Manager:
    """All runs of one store. ``handle`` answers a request, ``supervise`` is called between requests."""

    def __init__(self, root: Path, *, reserve_bytes: int = RESERVE_BYTES) -> None:
        self.journals = root / "journals"
        self.slides = root / "slides"
        for folder in (self.journals, self.slides):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._reserve = reserve_bytes
        self._runs: dict[str, _Run] = {}
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["vslide.writer"])
        self._warm_up()
        self.respawned = 0

    def _warm_up(self) -> None:
        """Have the fork server load everything now, so that the first slide does not wait for it."""
        first = self._context.Process(target=_nothing)
        first.start()
        first.join()

    # ------------------------------------------------------------------------------------------------------
    # requests
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
        """Begin or take over a run. The same fence again is answered as before; a lower one is refused."""
        directory = self._directory(request.run_id)
        run = self._runs.get(request.run_id)
        last = run.order.fence if run else self._last_fence(directory)
        if request.fence < last or (request.fence == last and run is None):
            raise StaleFence(f"run {request.run_id}: fence {last} has been here")
        if run is not None and request.fence == last:
            return self._opened(run)
        self._check_space(request)
        if run is not None:
            self._stop(run)
        clear_result(directory)
        order = Order(
            run_id=request.run_id,
            slide_id=request.slide_id,
            fence=request.fence,
            planned=request.planned,
            header=request.header,
            directory=str(directory),
            slides=str(self.slides),
            endpoint="tcp://127.0.0.1:*",
        )
        run = self._start(_Run(order))
        self._runs[request.run_id] = run
        return self._opened(run)

    def finish(self, run_id: str, fence: int) -> RunStatus:
        run = self._runs.get(run_id)
        if run is None:
            return self.status(run_id)
        if fence != run.order.fence:
            raise StaleFence(f"run {run_id} is held by fence {run.order.fence}")
        if not run.order.finish:
            run.order = replace(run.order, finish=True)
            write_order(run.order)
            self._tell(run, FINISH)
        return self.status(run_id)

    def status(self, run_id: str) -> RunStatus:
        directory = self._directory(run_id)
        run = self._runs.get(run_id)
        if run is not None:
            self._hear(run)
        result = read_result(directory)
        if result is not None:
            planned = read_order(directory).planned
            received = planned if result.state == "verified" else (run.received if run else 0)
            return RunStatus(
                run_id=run_id,
                state=result.state,
                received=received,
                planned=planned,
                path=result.path,
                sha256=result.sha256,
                bytes=result.bytes,
                error=result.error,
                code=result.code,
            )
        if run is None:
            return RunStatus(run_id=run_id, state="unknown")
        state: RunState = "finalising" if run.order.finish else "receiving"
        return RunStatus(run_id=run_id, state=state, received=run.received, planned=run.order.planned)

    def abort(self, request: AbortRun) -> RunStatus:
        run = self._runs.get(request.run_id)
        if run is None:
            return self.status(request.run_id)
        if request.fence < run.order.fence:
            raise StaleFence(f"run {request.run_id} is held by fence {run.order.fence}")
        self._tell(run, ABORT)
        self._stop(run)
        del self._runs[request.run_id]
        write_result(run.order, Result(state="failed", error=request.reason or "aborted", code="aborted"))
        return self.status(request.run_id)

    def forget(self, run_id: str) -> RunStatus:
        """Drop the journal of a verified run. Its answer says what was forgotten."""
        status = self.status(run_id)
        if status.state == "unknown":
            return status
        if status.state != "verified":
            raise NotASlide(f"run {run_id} is {status.state}: its journal is kept")
        self._runs.pop(run_id, None)
        shutil.rmtree(self._directory(run_id))
        return status

    def health(self, garbage: int = 0) -> Health:
        alive = sum(1 for run in self._runs.values() if run.process and run.process.is_alive())
        return Health(
            runs=len(self._runs),
            writers=alive,
            free_bytes=shutil.disk_usage(self.journals).free,
            respawned=self.respawned,
            garbage=garbage,
        )

    # ---------------------------------------------------------------------------------------------------
    # supervision
    def find_runs(self) -> None:
        """After a restart: every run without a result goes on where its order and journal say."""
        for directory in sorted(self.journals.glob("run-*")):
            try:
                if read_result(directory) is not None:
                    continue
                order = read_order(directory)
                self._runs[order.run_id] = self._start(_Run(replace(order, resume=True)))
            except SlideError as error:
                log.error("%s cannot go on: %s", directory.name, error)

    def supervise(self) -> None:
        """Hear the writers, let the finished go, bring the killed back."""
        for run_id, run in list(self._runs.items()):
            self._hear(run)
            if run.process is None or run.process.is_alive():
                continue
            run.process.join()
            if read_result(Path(run.order.directory)) is not None:
                del self._runs[run_id]
            else:
                self._respawn(run_id, run)

    def _respawn(self, run_id: str, run: _Run) -> None:
        run.respawns += 1
        self.respawned += 1
        log.warning(
            "the writer of run %s died (%s): bringing it back", run_id, run.process and run.process.exitcode
        )
        try:
            if run.respawns > MOST_RESPAWNS:
                raise WriterLost(f"its writer died {run.respawns} times")
            run.order = replace(run.order, resume=True)
            self._start(run)
        except SlideError as error:
            write_result(run.order, Result(state="failed", error=str(error), code=error.code))
            del self._runs[run_id]

    def close(self) -> None:
        """Stop every writer; their journals go on after the next start."""
        for run in self._runs.values():
            self._stop(run)
        self._runs.clear()

    # -------------------------------------------------------------------------------------------------------
    # writers
    def _start(self, run: _Run) -> _Run:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=write, args=(run.order, theirs), daemon=True, name=f"writer {run.order.run_id}"
        )
        write_order(run.order)
        process.start()
        theirs.close()
        run.process, run.pipe = process, ours
        if not run.order.finish:
            self._await_endpoint(run)
        return run

    def _await_endpoint(self, run: _Run) -> None:
        assert run.pipe is not None  # noqa: S101  set by _start
        if run.pipe.poll(START_S):
            try:
                word = json.loads(run.pipe.recv_bytes())
            except EOFError:
                word = None
            if word is not None:
                run.durable = [tuple(plane) for plane in word["durable"]]
                run.received = len(run.durable)
                run.order = replace(run.order, endpoint=word["endpoint"])
                write_order(run.order)
                return
        self._stop(run)
        result = read_result(Path(run.order.directory))
        raise WriterLost(result.error if result else f"the writer of run {run.order.run_id} did not come up")

    def _hear(self, run: _Run) -> None:
        try:
            while run.pipe is not None and run.pipe.poll(0):
                run.received = json.loads(run.pipe.recv_bytes())["received"]
        except (EOFError, OSError):
            self._close_pipe(run)

    def _tell(self, run: _Run, word: bytes) -> None:
        try:
            if run.pipe is not None:
                run.pipe.send_bytes(word)
        except OSError:
            self._close_pipe(run)  # it has just died: supervise brings it back with the new order

    def _stop(self, run: _Run) -> None:
        if run.process is not None and run.process.is_alive():
            run.process.kill()  # what was acknowledged is on disk; what was not will be sent again
            run.process.join(5)
        self._close_pipe(run)

    @staticmethod
    def _close_pipe(run: _Run) -> None:
        if run.pipe is not None:
            run.pipe.close()
            run.pipe = None

    # ----------------------------------------------------------------------------------------------------------
    # small
    def _opened(self, run: _Run) -> RunOpened:
        return RunOpened(
            run_id=run.order.run_id, fence=run.order.fence, proxy=run.order.endpoint, durable=run.durable
        )

    def _directory(self, run_id: str) -> Path:
        if len(run_id) != 32 or not set(run_id) <= set("0123456789abcdef"):
            raise NotASlide("a run id is 32 hexadecimal digits")
        return self.journals / f"run-{run_id}"

    @staticmethod
    def _last_fence(directory: Path) -> int:
        try:
            return read_order(directory).fence
        except SlideError:
            return -1

    def _check_space(self, request: OpenRun) -> None:
        """The journal and the slide, uncompressed at worst, and a reserve for everything else."""
        header = request.header
        plane = header.field_width * header.field_height * (2 if header.dtype == "uint16" else 1)
        needed = int(2.1 * plane * request.planned) + self._reserve
        free = shutil.disk_usage(self.journals).free
        if free < needed:
            raise NoSpace(f"{needed / 1e9:.1f} GB may be needed, {free / 1e9:.1f} GB are free")


def _nothing() -> None:
    """What the first process does."""


def main(argv: Sequence[str] | None = None) -> int:
    """`python -m vslide serve --root DIR --endpoint tcp://127.0.0.1:PORT`"""
    parser = argparse.ArgumentParser(prog="python -m vslide serve", description="The slide service.")
    parser.add_argument("--root", type=Path, required=True, help="journals/ and slides/ are kept here")
    parser.add_argument("--endpoint", required=True)
    parser.add_argument(
        "--reserve-mib", type=int, default=RESERVE_BYTES >> 20, help="disk space to keep free"
    )
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    serve(options.root, options.endpoint, stop, reserve_bytes=options.reserve_mib << 20)
    return 0


def serve(root: Path, endpoint: str, stop: threading.Event, *, reserve_bytes: int = RESERVE_BYTES) -> None:
    """Answer until ``stop`` is set."""
    manager = Manager(root.absolute(), reserve_bytes=reserve_bytes)
    manager.find_runs()
    with Server(endpoint, REQUESTS) as server:
        log.info("the slide service answers at %s", server.endpoint)
        looked = 0.0
        while not stop.is_set():
            server.serve_once(manager.handle, LOOK_S)
            if time.monotonic() - looked > LOOK_S:
                manager.supervise()
                looked = time.monotonic()
    manager.close()


if __name__ == "__main__":
    sys.exit(main())
