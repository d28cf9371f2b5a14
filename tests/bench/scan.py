"""One scan as the slide service sees it: fields sent over ZeroMQ, acknowledged, built and verified."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vslide.client import SlideService
from vslide.model import Plane, SlideHeader
from vslide.sink import ProxySink

PATIENCE_S = 600.0
LOOK_S = 0.01


class NotVerified(RuntimeError):
    """The service did not publish the slide: there is nothing to measure."""


@dataclass(frozen=True)
class Scanned:
    """Moments in seconds since the first field was sent, and the finished slide."""

    acknowledged_s: float
    verified_s: float
    slide: Path

    @property
    def publishing_s(self) -> float:
        """From the last acknowledged field to the verified file."""
        return self.verified_s - self.acknowledged_s


def scan(endpoint: str, header: SlideHeader, planes: Iterable[Plane], planned: int) -> Scanned:
    """Send `planes` and wait for the slide. Raises NotVerified, wire.WireError."""
    with SlideService(endpoint) as service:
        opened = service.open_run(
            run_id=header.run_id, slide_id=header.slide_id, fence=1, header=header, planned=planned
        )
        with ProxySink(opened.proxy, header.run_id, 1) as sink:
            began = time.perf_counter()
            for plane in planes:
                sink.put(plane)
            sink.flush(PATIENCE_S)
            acknowledged = time.perf_counter()
        status = service.finish(header.run_id, 1)
        while status.state not in ("verified", "failed"):
            if time.perf_counter() - began > PATIENCE_S:
                raise NotVerified(f"no slide after {PATIENCE_S:.0f} s")
            time.sleep(LOOK_S)
            status = service.ask(header.run_id)
    if status.state == "failed":
        raise NotVerified(status.error)
    return Scanned(acknowledged - began, time.perf_counter() - began, Path(status.path))
