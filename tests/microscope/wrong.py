"""Scanners that are wrong in one way each, around the simulated one, and what the kit must say of them."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from microscope import messages
from microscope.clock import ScaledClock
from microscope.drivers.base import Position, SnapshotImages
from microscope.drivers.simulated import SimulatedDriver
from microscope.errors import MicroscopeError
from microscope.server import ScannerServer
from vslide.model import Plane
from vslide.sink import ProxySink
from wire.envelope import Envelope
from wire.message import PREFIX

ANY = "tcp://127.0.0.1:*"
CLIENT_TIMEOUT_S = 1.0

Tamper = Callable[[ScannerServer], None]
Opener = Callable[[messages.Scan], Any]


def open_proxy(command: messages.Scan) -> ProxySink:
    return ProxySink(command.proxy, command.job_id, command.fence)


def untouched(server: ScannerServer) -> None:
    """As it should be."""


@dataclass(frozen=True)
class WrongScanner:
    """``check`` is the one that finds it, ``says`` part of what it says."""

    name: str
    check: str
    says: str
    driver: type[SimulatedDriver] = SimulatedDriver
    sink: Opener = field(default=open_proxy)
    tamper: Tamper = untouched

    def serve(self, state: Path) -> ScannerServer:
        driver = self.driver(1, ScaledClock(), state, failure_rate=0.0)
        server = ScannerServer(driver, ANY, ANY, self.sink, hands=driver, client_timeout_s=CLIENT_TIMEOUT_S)
        self.tamper(server)
        return server


# --- what it says of itself
class OtherProtocol(SimulatedDriver):
    def describe(self) -> messages.ScannerInfo:
        return msgspec.structs.replace(super().describe(), protocol=9)


def stands_still(server: ScannerServer) -> None:
    told = server._status
    server._handlers[messages.AskStatus] = lambda request: msgspec.structs.replace(told(), uptime_s=1.0)


def knows_every_job(server: ScannerServer) -> None:
    server._handlers[messages.Abort] = lambda request: messages.JobStatus(
        job_id=request.job_id, state="aborted"
    )


def carries_repeated_requests_out(server: ScannerServer) -> None:
    server._server._keep = lambda request_id, packed: None  # type: ignore[method-assign]


class Speechless(Envelope):
    """Answers nothing that is not a request."""

    def refuse(self, frames: list[bytes], error: Exception) -> None:
        self.garbage += 1


class Uncounting(Envelope):
    def refuse(self, frames: list[bytes], error: Any) -> Any:
        refusal = super().refuse(frames, error)
        self.garbage = 0
        return refusal


class AnyVersion(Envelope):
    """Reads a later version as if it were its own."""

    def request(self, frames: list[bytes]) -> Any:
        return super().request([frames[0], PREFIX, *frames[2:]])


def with_envelope(kind: type[Envelope]) -> Tamper:
    def tamper(server: ScannerServer) -> None:
        server._server._envelope = kind(messages.REQUESTS)

    return tamper


def skips_a_number(server: ScannerServer) -> None:
    publish = server._publisher.publish

    def tell(message: Any) -> None:
        server._publisher._sequence += isinstance(message, messages.JobFailed)
        publish(message)

    server._publisher.publish = tell  # type: ignore[method-assign]


def keeps_failures_to_itself(server: ScannerServer) -> None:
    publish = server._publisher.publish

    def tell(message: Any) -> None:
        if not isinstance(message, messages.JobFailed):
            publish(message)

    server._publisher.publish = tell  # type: ignore[method-assign]


# --- glass
class CannotRead(SimulatedDriver):
    def snapshot(self) -> SnapshotImages:
        images = super().snapshot()
        return replace(images, label=np.full_like(images.label, 255))


class SmallPicture(SimulatedDriver):
    def snapshot(self) -> SnapshotImages:
        return replace(super().snapshot(), um_per_px=5.0)


class LooksElsewhere(SimulatedDriver):
    """Says that it stands where it was sent, and stands at the other end of the glass."""

    def move(self, x_um: float, y_um: float, z_um: float) -> Position:
        super().move(72_000.0, 23_000.0, z_um)
        return Position(x_um, y_um, z_um)


class MirroredPicture(SimulatedDriver):
    """The macro is turned round, the stage is not."""

    def snapshot(self) -> SnapshotImages:
        images = super().snapshot()
        return replace(images, macro=np.ascontiguousarray(images.macro[:, ::-1]))


class WrongCodes(SimulatedDriver):
    def load(self, carousel: int, slot: int, *, attempt: int = 1) -> None:
        try:
            super().load(carousel, slot, attempt=attempt)
        except MicroscopeError as error:
            raise MicroscopeError("something went wrong") from error


def does_jobs_again(server: ScannerServer) -> None:
    submit, jobs = server._jobs.submit, server._jobs

    def again(command: Any) -> None:
        if isinstance(command, messages.Snap):
            jobs._jobs.pop(command.job_id, None)
        submit(command)

    jobs.submit = again  # type: ignore[method-assign]


def never_compares_barcodes(server: ScannerServer) -> None:
    submit = server._jobs.submit

    def blindly(command: Any) -> None:
        if isinstance(command, messages.Scan):
            command = msgspec.structs.replace(command, barcode="")
        submit(command)

    server._jobs.submit = blindly  # type: ignore[method-assign]


# --- pixels
class LastOneMissing(ProxySink):
    _kept: Plane | None = None

    def put(self, plane: Plane) -> None:
        if self._kept is not None:
            super().put(self._kept)
        self._kept = plane


class EverythingTwice(ProxySink):
    def put(self, plane: Plane) -> None:
        super().put(plane)
        super().put(plane)


class Undecodable(ProxySink):
    def put(self, plane: Plane) -> None:
        super().put(replace(plane, chunks=tuple(chunk[::-1] for chunk in plane.chunks)))


class AsAWhole(ProxySink):
    """All chunks in one."""

    def put(self, plane: Plane) -> None:
        super().put(replace(plane, chunks=(*plane.chunks, b"")))


class ForgetsWhatIsDurable(ProxySink):
    def __init__(self, *of: Any, **options: Any) -> None:
        super().__init__(*of, **options)
        self.durable = set()


class DoneTooSoon(ProxySink):
    def flush(self, timeout_s: float = 60.0) -> None:
        """Nobody waits."""


class SendsOnce(ProxySink):
    """Forgets each plane when it is sent."""

    def put(self, plane: Plane) -> None:
        super().put(plane)
        self._sender._open.clear()


def opened(kind: type[ProxySink], *, fence: int | None = None) -> Opener:
    return lambda command: kind(command.proxy, command.job_id, fence or command.fence)


class Astray(SimulatedDriver):
    def move(self, x_um: float, y_um: float, z_um: float) -> Position:
        return super().move(x_um + 80.0, y_um, z_um)


class Upside(SimulatedDriver):
    """Its focus motor turns the other way."""

    def move(self, x_um: float, y_um: float, z_um: float) -> Position:
        reached = super().move(x_um, y_um, z_um)
        return replace(reached, z_um=-z_um)


def scales_plans(server: ScannerServer) -> None:
    """Scans plans of another camera as if they were its own."""
    submit = server._jobs.submit

    def scaled(command: Any) -> None:
        if isinstance(command, messages.Scan):
            plan = replace(command.plan, field_width=512, field_height=512)
            command = msgspec.structs.replace(command, plan=plan)
        submit(command)

    server._jobs.submit = scaled  # type: ignore[method-assign]


# --- control
def drops_fences(server: ScannerServer) -> None:
    """Whoever comes with a lower fence is told yes."""
    submit = server._jobs.submit

    def anyhow(command: Any) -> None:
        known = server._jobs._jobs.get(command.job_id)
        if known is None or known.fence <= getattr(command, "fence", 0):
            submit(command)

    server._jobs.submit = anyhow  # type: ignore[method-assign]


def refuses_nobody(server: ScannerServer) -> None:
    submit = server._jobs.submit

    def quietly(command: Any) -> None:
        if server._jobs.now()[1] is None or command.job_id in server._jobs._jobs:
            submit(command)

    server._jobs.submit = quietly  # type: ignore[method-assign]


def pauses_in_words_only(server: ScannerServer) -> None:
    def pretend(job_id: str, *, paused: bool) -> messages.JobStatus:
        server._jobs._known(job_id)
        return server._jobs.status(job_id)

    server._jobs.pause = pretend  # type: ignore[method-assign]


def pauses_without_stopping(server: ScannerServer) -> None:
    pause = server._jobs.pause

    def pretend(job_id: str, *, paused: bool) -> messages.JobStatus:
        told = pause(job_id, paused=False)
        state: messages.ScannerState = "paused" if paused else "scanning"
        server._handlers[messages.Beat] = lambda request: messages.Alive(state=state)
        return told

    server._jobs.pause = pretend  # type: ignore[method-assign]


def ignores_aborts(server: ScannerServer) -> None:
    def later(job_id: str, reason: str) -> messages.JobStatus:
        server._jobs._known(job_id)
        return server._jobs.status(job_id)

    server._jobs.abort = later  # type: ignore[method-assign]


def never_parks(server: ScannerServer) -> None:
    server._client_timeout_s = 1e9


def slow_to_forget(server: ScannerServer) -> None:
    """Says idle only long after its job has ended."""
    state = server._jobs._state

    def late() -> Any:
        ended = next(reversed(server._jobs._jobs.values()), None)
        recently = ended is not None and time.monotonic() - ended.started < 30
        return "stopping" if recently and state() == "idle" else state()

    server._jobs._state = late  # type: ignore[method-assign]


def forgets_what_it_did(server: ScannerServer) -> None:
    status = server._jobs.status

    def unknown(job_id: str) -> messages.JobStatus:
        told = status(job_id)
        return told if told.state == "running" else messages.JobStatus(job_id=job_id, state="unknown")

    server._jobs.status = unknown  # type: ignore[method-assign]


W = WrongScanner
WRONG = (
    W("other protocol", "describes itself", "speaks protocol 9, not 1", OtherProtocol),
    W("no uptime", "gives its status", "uptime_s does not grow", tamper=stands_still),
    W("knows every job", "knows no job that was never given", "accepted Abort", tamper=knows_every_job),
    W("no memory of requests", "answers a repeated request once", "carried out twice",
      tamper=carries_repeated_requests_out),
    W("mute to other versions", "refuses another version of the protocol", "gets no answer",
      tamper=with_envelope(Speechless)),
    W("any version", "refuses another version of the protocol", "as if nothing were wrong",
      tamper=with_envelope(AnyVersion)),
    W("mute to strange commands", "refuses a command that it does not know", "waits for ever",
      tamper=with_envelope(Speechless)),
    W("does not count", "survives foreign bytes on its command port", "not counted",
      tamper=with_envelope(Uncounting)),
    W("vague", "says that there is no such slot", "'other' instead of 'empty_slot'", WrongCodes),
    W("skips numbers", "numbers its events", "one more than the one before", tamper=skips_a_number),
    W("quiet about failures", "numbers its events", "no JobFailed was published",
      tamper=keeps_failures_to_itself),
    W("cannot read", "photographs a glass and reads its barcode", "read barcode None", CannotRead),
    W("wrong scale", "shows the whole glass in stage coordinates", "µm of a glass of", SmallPicture),
    W("looks elsewhere", "looks where the macro shows tissue", "on bare glass", LooksElsewhere),
    W("mirrored macro", "looks where the macro shows tissue", "finds no focus", MirroredPicture),
    W("does jobs again", "does a job once, however often it is given", "instead of 'done'",
      tamper=does_jobs_again),
    W("any glass", "refuses the wrong glass", "whose label says something else",
      tamper=never_compares_barcodes),
    W("one plane short", "delivers every plane of a plan once", "did not come", sink=opened(LastOneMissing)),
    W("everything twice", "delivers every plane of a plan once", "twice under new numbers",
      sink=opened(EverythingTwice)),
    W("other fence", "delivers every plane of a plan once", "another run or fence",
      sink=opened(ProxySink, fence=7)),
    W("astray", "reports where the stage stood", "µm from its place", Astray),
    W("not Blosc", "compresses planes that can be read", "is no Blosc buffer", sink=opened(Undecodable)),
    W("wrong chunks", "compresses planes that can be read", "2 chunks, a field has 1", sink=opened(AsAWhole)),
    W("scans again", "leaves out what is durable already", "had already", sink=opened(ForgetsWhatIsDurable)),
    W("focus upside down", "takes layers from below", "-4.0", Upside),
    W("sends once", "sends again what was not acknowledged", "never sent again", sink=opened(SendsOnce)),
    W("done too soon", "is done only when everything is safe", "before the proxy had acknowledged",
      sink=opened(DoneTooSoon)),
    W("scales plans", "refuses a plan of another camera", "ended 'done'", tamper=scales_plans),
    W("yes to everybody", "does one job at a time", "accepted a second job", tamper=refuses_nobody),
    W("yes to lower fences", "refuses a lower fence", "accepted a job with a lower fence",
      tamper=drops_fences),
    W("pauses in words", "pauses and goes on", "is not 'paused'", tamper=pauses_in_words_only),
    W("pauses and scans", "pauses and goes on", "Pause did not hold the scan",
      tamper=pauses_without_stopping),
    W("never aborts", "ends a job when told", "after Abort", tamper=ignores_aborts),
    W("slow to forget", "ends a job when told", "not idle", tamper=slow_to_forget),
    W("never parks", "parks when its client falls silent", "nobody spoke to it", tamper=never_parks),
    W("forgetful", "does a job once, however often it is given", "forgot job", tamper=forgets_what_it_did),
)  # fmt: skip
