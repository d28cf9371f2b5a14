"""One job of the scanner: what was asked, how far it is, and why it must end early."""

import threading
import time
from dataclasses import dataclass, field
from typing import Protocol

from microscope.errors import MicroscopeError
from microscope.messages import JobState, JobStatus, Scan, Snap
from microscope.runner import Done, Sink
from wire import PeerLost

_FLUSH_LOOK_S = 0.5


class ClosableSink(Sink, Protocol):
    """A sink that knows what is durable already."""

    @property
    def durable(self) -> Done: ...

    def close(self) -> None: ...


class Aborted(MicroscopeError):
    """The client asked for the job's end."""

    code = "aborted"


class ShutDown(MicroscopeError):
    """The scanner's process is being stopped."""

    code = "scanner_lost"
    retryable = True


@dataclass
class Job:
    """One Snap or Scan. ``stop`` holds why it must end early."""

    command: Snap | Scan
    state: JobState = "running"
    done: int = 0
    planned: int = 0
    error: MicroscopeError | None = None
    stop: MicroscopeError | None = None
    go: threading.Event = field(default_factory=threading.Event)
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.go.set()

    @property
    def fence(self) -> int:
        return self.command.fence if isinstance(self.command, Scan) else 0

    def status(self) -> JobStatus:
        error = self.error
        return JobStatus(
            job_id=self.command.job_id,
            state=self.state,
            done=self.done,
            planned=self.planned,
            code=error.code if error else "",
            message=str(error) if error else "",
            retryable=error.retryable if error else False,
        )

    def end_early(self, why: MicroscopeError) -> None:
        self.stop = self.stop or why
        self.go.set()

    def should_stop(self) -> bool:
        """Waits while the job is paused."""
        self.go.wait()
        return self.stop is not None


class InterruptibleSink:
    """A job's sink whose last wait ends when the job is to end: a slide service that has stopped
    acknowledging must not keep an aborted slide on the stage.
    """

    def __init__(self, sink: ClosableSink, job: Job) -> None:
        self.put = sink.put
        self._sink, self._job = sink, job

    def flush(self, timeout_s: float) -> None:
        until = time.monotonic() + timeout_s
        while True:
            asked = time.monotonic()
            try:
                return self._sink.flush(min(_FLUSH_LOOK_S, timeout_s))
            except PeerLost:
                now = time.monotonic()
                if self._job.stop is not None:
                    raise self._job.stop from None
                if now >= until or now - asked < _FLUSH_LOOK_S / 2:  # it was not the wait that ended
                    raise
