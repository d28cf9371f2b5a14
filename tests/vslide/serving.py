"""What the tests of the slide service say to it."""

import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from tests.vslide.slides import Specimen, make_header, make_specimen
from vslide.client import SlideService
from vslide.messages import RunOpened, RunStatus
from vslide.model import Plane
from vslide.sink import ProxySink

Found = TypeVar("Found")


def small_specimen(**changes: int) -> Specimen:
    """Six fields in four colours: 24 planes."""
    return make_specimen(make_header(**({"rows": 2, "columns": 3} | changes)))


def open_run(client: SlideService, specimen: Specimen, fence: int = 1) -> RunOpened:
    header, planned = specimen.header, len(specimen.planes())
    return client.open_run(
        run_id=header.run_id, slide_id=header.slide_id, fence=fence, header=header, planned=planned
    )


def send(run: RunOpened, planes: Iterable[Plane]) -> None:
    """Every plane is acknowledged when this returns."""
    with ProxySink(run.proxy, run.run_id, run.fence) as sink:
        for plane in planes:
            sink.put(plane)
        sink.flush(20)


def ended(client: SlideService, run_id: str) -> RunStatus:
    return eventually(lambda: client.ask(run_id), lambda status: status.state in {"verified", "failed"})


def eventually(ask: Callable[[], Found], wanted: Callable[[Found], bool], timeout_s: float = 40.0) -> Found:
    until = time.monotonic() + timeout_s
    while not wanted(found := ask()):
        assert time.monotonic() < until, found
        time.sleep(0.05)
    return found
