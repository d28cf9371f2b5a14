"""The scanner's process: commands on one endpoint, events on another, one job at a time behind them."""

import logging
import time
from collections.abc import Callable

from microscope import messages
from microscope.drivers.base import Driver, Hands
from microscope.errors import ClientLost, MicroscopeError, NoHands
from microscope.job import ClosableSink
from microscope.jobs import Jobs
from microscope.messages import JobStatus, ScannerStatus
from vslide.errors import SlideError
from wire import Message
from wire.events import Publisher
from wire.rpc import Server
from wire.security import Security

log = logging.getLogger(__name__)

CLIENT_TIMEOUT_S = 30.0
_TICK_S = 0.02

Answer = Message | tuple[Message, list[bytes]]


class ScannerServer:
    """Serves one driver until ``stop()``. While scanning it parks itself when no request came for
    ``client_timeout_s``.
    """

    def __init__(
        self,
        driver: Driver,
        endpoint: str,
        events: str,
        open_sink: Callable[[messages.Scan], ClosableSink],
        *,
        client_timeout_s: float = CLIENT_TIMEOUT_S,
        security: Security | None = None,
        hands: Hands | None = None,
    ) -> None:
        self._driver, self._hands, self._client_timeout_s = driver, hands, client_timeout_s
        self._server = Server(endpoint, messages.REQUESTS, security=security)
        self._publisher = Publisher(events, security=security)
        self._jobs = Jobs(driver, open_sink)
        self._started = self._heard = time.monotonic()
        self._stopping = False
        self._handlers: dict[type[Message], Callable[..., Answer]] = {
            messages.Describe: lambda request: self._driver.describe(),
            messages.AskStatus: lambda request: self._status(),
            messages.Place: self._place,
            messages.Snap: self._submit,
            messages.Scan: self._submit,
            messages.CollectSnapshot: lambda request: self._jobs.snapshot(request.job_id),
            messages.AskJob: lambda request: self._jobs.status(request.job_id),
            messages.Abort: lambda request: self._jobs.abort(request.job_id, request.reason),
            messages.Pause: lambda request: self._pause(request.job_id, True),
            messages.Resume: lambda request: self._pause(request.job_id, False),
            messages.Beat: lambda request: messages.Alive(state=self._jobs.now()[0]),
        }

    @property
    def endpoint(self) -> str:
        return self._server.endpoint

    @property
    def events_endpoint(self) -> str:
        return self._publisher.endpoint

    def serve(self) -> None:
        """Serve until ``stop()``; then end the running job, tell its end, and close."""
        try:
            while not self._stopping:
                self._serve_once()
                self._tell_events()
                self._watch_client()
        finally:
            self._jobs.close()
            self._tell_events()
            self._publisher.close()
            self._server.close()

    def stop(self) -> None:
        """May be called from a signal handler or another thread."""
        self._stopping = True

    def _serve_once(self) -> None:
        try:
            self._server.serve_once(self._answer, _TICK_S)
        except (MicroscopeError, SlideError) as error:
            # A well-formed message with impossible contents (a plan, a channel) fails while it is unpacked.
            log.warning("dropped a message: %s", error)

    def _answer(self, request: Message, frames: list[bytes]) -> Answer:
        self._heard = time.monotonic()
        return self._handlers[type(request)](request)

    def _submit(self, request: messages.Snap | messages.Scan) -> Message:
        self._jobs.submit(request)
        return messages.Accepted(job_id=request.job_id)

    def _place(self, request: messages.Place) -> Message:
        if self._hands is None:
            raise NoHands("glass is placed by a person here")
        self._hands.place(request.carousel, request.slot, request.glass)
        return messages.Placed(carousel=request.carousel, slot=request.slot)

    def _pause(self, job_id: str, paused: bool) -> JobStatus:
        return self._jobs.pause(job_id, paused=paused)

    def _status(self) -> ScannerStatus:
        state, job = self._jobs.now()
        command = job.command if job else None
        return ScannerStatus(
            state=state,
            job_id=command.job_id if command else "",
            done=job.done if job else 0,
            planned=job.planned if job else 0,
            carousel=command.carousel if command else None,
            slot=command.slot if command else None,
            uptime_s=time.monotonic() - self._started,
            garbage=self._server.garbage,
            last_fault=self._jobs.last_fault,
        )

    def _tell_events(self) -> None:
        while not self._jobs.events.empty():
            self._publisher.publish(self._jobs.events.get())

    def _watch_client(self) -> None:
        state, job = self._jobs.now()
        if state not in ("scanning", "paused") or job is None:
            return
        # A job that starts in a quiet moment gets the whole time from its start on.
        silent_s = time.monotonic() - max(self._heard, job.started)
        if silent_s > self._client_timeout_s:
            log.warning("no client for %.0f s: parking", silent_s)
            self._jobs.end_current(ClientLost(f"no request for {silent_s:.0f} s"))
