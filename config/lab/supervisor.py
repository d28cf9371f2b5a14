"""The supervisor: locks the folder, starts the table by stages, keeps it alive, stops it in reverse."""

import fcntl
import json
import os
import shutil
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from config.lab.child import Child, spawn
from config.lab.environment import MARK
from config.lab.errors import AlreadyUp, NotReady, PreparationFailed
from config.lab.identity import Identity, has_ended, signal_group
from config.lab.layout import CHECKOUT, Lab, make_folder, write_private
from config.lab.orphans import sweep
from config.lab.processes import BROKER, INSTRUMENTS, PEOPLE, Process

TICK_S = 0.05
RECORD_EVERY_S = 1.0
BROKER_PATIENCE_S = 20.0
PREPARATION_PATIENCE_S = 300.0


@contextmanager
def only_one(lab: Lab) -> Iterator[None]:
    """Hold the folder for as long as the supervisor lives. Raises AlreadyUp when another one does."""
    with open(os.open(lab.run / "lock", os.O_RDWR | os.O_CREAT, 0o600), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyUp(f"the laboratory in {lab.var} is up already") from error
        yield


class Supervisor:
    """Runs one laboratory. `run()` returns when it has been asked to stop and everything has stopped."""

    def __init__(
        self,
        lab: Lab,
        table: Sequence[Process],
        preparations: Sequence[Process],
        environment: Mapping[str, str],
        folders: Sequence[Path] = (),
    ) -> None:
        self._lab = lab
        self._environment = {**environment, MARK: lab.identity}
        self._preparations = preparations
        self._folders = folders
        self._children = [
            Child(
                process,
                self._environment,
                CHECKOUT,
                lab.log / f"{process.name}.log",
                lab.scratch / process.name,
            )
            for process in table
        ]
        self._started: list[Child] = []
        self._phase = "preparing"
        self._error = ""
        self._stopping = False
        self._began = time.time()
        self._record_due = 0.0

    def run(self) -> None:
        """Raises AlreadyUp, NotReady (the broker), PreparationFailed; what was started is stopped first."""
        with only_one(self._lab):
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, self._ask_to_stop)
            sweep(self._lab)
            shutil.rmtree(self._lab.scratch, ignore_errors=True)  # of a supervisor that was killed
            for folder in self._folders:
                make_folder(folder)
            try:
                self._start_up()
                self._watch()
            except (NotReady, PreparationFailed) as error:
                self._phase, self._error = "failed", str(error)
                raise
            finally:
                self._stop_all()

    def _ask_to_stop(self, *_: object) -> None:
        self._stopping = True

    def _start_up(self) -> None:
        self._record()
        self._start(BROKER)
        self._wait_for_broker()
        # The instruments need no database: they come up while the preparations run.
        self._start(INSTRUMENTS)
        for step in self._preparations:
            if not self._stopping:
                self._prepare(step)
        if not self._stopping:
            self._start(PEOPLE)
            self._phase = "up"

    def _start(self, stage: int) -> None:
        for child in self._children:
            if child.process.stage == stage:
                child.start()
                self._started.append(child)
        self._record()

    def _wait_for_broker(self) -> None:
        deadline = time.monotonic() + BROKER_PATIENCE_S
        for child in self._started:
            while not self._stopping and not child.process.probe.ask().ok:
                if time.monotonic() > deadline:
                    raise NotReady(f"{child.process.name} does not answer; see {self._lab.log}")
                self._tick()

    def _prepare(self, step: Process) -> None:
        log = self._lab.log / f"{step.name}.log"
        running = spawn(step, self._environment, CHECKOUT, log)
        deadline = time.monotonic() + PREPARATION_PATIENCE_S
        while not has_ended(running.pid):
            if self._stopping or time.monotonic() > deadline:
                signal_group(running.pid, signal.SIGTERM)
            self._tick()
        code = running.wait()
        if code and not self._stopping:
            raise PreparationFailed(f"{step.name} failed with code {code}; see {log}")

    def _watch(self) -> None:
        while not self._stopping:
            self._tick()

    def _tick(self) -> None:
        for child in self._started:
            child.tick()
        if time.monotonic() >= self._record_due:
            self._record()
            for child in self._started:
                child.trim_log()
        time.sleep(TICK_S)

    def _stop_all(self) -> None:
        if self._phase != "failed":
            self._phase = "stopping"
        for stage in sorted({child.process.stage for child in self._started}, reverse=True):
            self._record()
            self._stop([child for child in reversed(self._started) if child.process.stage == stage])
        sweep(self._lab)
        shutil.rmtree(self._lab.scratch, ignore_errors=True)
        self._phase = "failed" if self._phase == "failed" else "down"
        self._record()

    def _stop(self, children: Sequence[Child]) -> None:
        for child in children:
            child.ask_to_stop()
        deadline = time.monotonic() + max((child.process.grace_s for child in children), default=0.0)
        while time.monotonic() < deadline and not all(child.has_stopped() for child in children):
            time.sleep(TICK_S)
        for child in children:
            child.finish()

    def _record(self) -> None:
        """What `status` and `down` read from another shell."""
        self._record_due = time.monotonic() + RECORD_EVERY_S
        me = Identity.of(os.getpid())
        record = {
            "supervisor": {"pid": me.pid, "began": me.began},
            "phase": self._phase,
            "error": self._error,
            "since": self._began,
            "processes": [_row(child) for child in self._children],
        }
        write_private(self._lab.run / "status.json", json.dumps(record, indent=1))


def _row(child: Child) -> dict[str, object]:
    identity = child.identity
    return {
        "name": child.process.name,
        "pid": identity.pid if identity else None,
        "began": identity.began if identity else "",
        "restarts": child.restarts,
        "last_end": child.last_end,
        "uptime_s": round(time.monotonic() - child.started_at, 1) if identity else 0.0,
    }
