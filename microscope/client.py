"""The scanner as seen from the laboratory: one method for each command of the protocol."""

import time
from collections.abc import Sequence
from typing import Self, TypeVar

from microscope import messages
from microscope.errors import UnknownJob
from microscope.messages import Glass, JobStatus, ScannerInfo, ScannerStatus, SnapshotResult
from microscope.plan import ScanPlan
from wire import Client, Event, Message, Security, Subscriber, parse_address

Reply = TypeVar("Reply", bound=Message)

_SOONEST_LOOK_S = 0.005


class ScannerClient:
    """Talks to one scanner. Every call raises ``wire.Timeout`` or ``wire.PeerLost`` when the scanner does
    not answer and ``wire.RemoteError`` (with the scanner's ``code`` and ``retryable``) when it refuses. Not
    for use by several threads. With keys a scanner's address is ``tcp://host:port?keys=FILE&server=FILE``.
    """

    def __init__(
        self, address: str, *, timeout_s: float = 5.0, retries: int = 2, security: Security | None = None
    ) -> None:
        endpoint, named = parse_address(address)
        self._rpc = Client(
            endpoint, messages.REPLIES, timeout_s=timeout_s, retries=retries, security=security or named
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        self._rpc.close()

    def describe(self) -> ScannerInfo:
        return self._ask(messages.Describe(), ScannerInfo)

    def status(self) -> ScannerStatus:
        return self._ask(messages.AskStatus(), ScannerStatus)

    def beat(self, client: str = "") -> messages.Alive:
        return self._ask(messages.Beat(client=client), messages.Alive)

    def place(self, carousel: int, slot: int, glass: Glass | None) -> None:
        """Put ``glass`` into a slot, or take out what is there (None). Needs the capability "hands"."""
        self._ask(messages.Place(carousel=carousel, slot=slot, glass=glass), messages.Placed)

    def snap(
        self,
        job_id: str,
        carousel: int,
        slot: int,
        *,
        attempt: int = 1,
        tries: int = 0,
        wait: bool = False,
        timeout_s: float = 60.0,
    ) -> JobStatus:
        """Start a snapshot, focusing at ``tries`` places; with ``wait`` come back when it has ended (look at
        ``.state``).
        """
        command = messages.Snap(job_id=job_id, carousel=carousel, slot=slot, attempt=attempt, tries=tries)
        self._ask(command, messages.Accepted)
        return self.wait(job_id, timeout_s=timeout_s) if wait else self.job(job_id)

    def collect(self, job_id: str) -> tuple[SnapshotResult, bytes, bytes]:
        """A finished snapshot: (result, macro JPEG, label PNG)."""
        reply, frames = self._rpc.call(messages.CollectSnapshot(job_id=job_id))
        macro, label = frames
        return _expect(reply, SnapshotResult), bytes(macro), bytes(label)

    def scan(
        self,
        job_id: str,
        *,
        fence: int,
        carousel: int,
        slot: int,
        slide_id: str,
        plan: ScanPlan,
        proxy: str,
        attempt: int = 1,
        barcode: str = "",
    ) -> None:
        """Start a scan, or with a higher ``fence`` take over a running one. Its end: ``job()``, ``wait()``
        or events.
        """
        command = messages.Scan(
            job_id=job_id,
            fence=fence,
            carousel=carousel,
            slot=slot,
            slide_id=slide_id,
            plan=plan,
            proxy=proxy,
            attempt=attempt,
            barcode=barcode,
        )
        self._ask(command, messages.Accepted)

    def job(self, job_id: str) -> JobStatus:
        return self._ask(messages.AskJob(job_id=job_id), JobStatus)

    def abort(self, job_id: str, reason: str = "") -> JobStatus:
        return self._ask(messages.Abort(job_id=job_id, reason=reason), JobStatus)

    def pause(self, job_id: str) -> JobStatus:
        return self._ask(messages.Pause(job_id=job_id), JobStatus)

    def resume(self, job_id: str) -> JobStatus:
        return self._ask(messages.Resume(job_id=job_id), JobStatus)

    def wait(self, job_id: str, *, timeout_s: float, every_s: float = 0.25) -> JobStatus:
        """Ask until the job has ended or ``timeout_s`` is over (the state is then still "running"), at first
        often, then ``every_s``.

        Raises ``UnknownJob`` when the scanner has forgotten the job, which it does when it is restarted.
        """
        deadline = time.monotonic() + timeout_s
        pause_s = _SOONEST_LOOK_S
        while True:
            status = self.job(job_id)
            if status.state == "unknown":
                raise UnknownJob(job_id)
            if status.state != "running" or time.monotonic() >= deadline:
                return status
            time.sleep(pause_s)
            pause_s = min(every_s, 1.2 * pause_s)

    def _ask(self, request: Message, kind: type[Reply]) -> Reply:
        reply, _ = self._rpc.call(request)
        return _expect(reply, kind)


class ScannerEvents:
    """Follows a scanner's events; ``next`` gives a ``wire.events.Event``, or None when nothing came."""

    def __init__(
        self,
        address: str,
        *,
        types: Sequence[type[Message]] = messages.EVENTS,
        security: Security | None = None,
    ) -> None:
        endpoint, named = parse_address(address)
        self._subscriber = Subscriber(endpoint, tuple(types), security=security or named)

    def next(self, timeout_s: float) -> Event | None:
        return self._subscriber.next(timeout_s)

    def close(self) -> None:
        self._subscriber.close()


def _expect(reply: Message, kind: type[Reply]) -> Reply:
    if not isinstance(reply, kind):
        raise TypeError(f"the scanner answered {type(reply).__name__}, not {kind.__name__}")
    return reply
