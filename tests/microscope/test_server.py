import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlparse

import pytest

from microscope.client import ScannerClient, ScannerEvents
from microscope.clock import ScaledClock
from microscope.drivers.base import Driver, Hands, SnapshotImages
from microscope.drivers.simulated import SimulatedDriver
from microscope.job import ClosableSink
from microscope.messages import Glass, JobDone, JobFailed, JobProgress, Scan, StateChanged
from microscope.server import ScannerServer
from tests.microscope.fakes import FakeDriver, ListSink, small_plan
from vslide.sink import ProxySink
from wire import Message, RemoteError

ANY = "tcp://127.0.0.1:*"


class Running:
    """A scanner's server in a thread, with a client and a listener."""

    def __init__(self, driver: Driver, *, hands: Hands | None = None, client_timeout_s: float = 30.0) -> None:
        self.sink = ListSink()
        self.server = ScannerServer(
            driver, ANY, ANY, self._open, client_timeout_s=client_timeout_s, hands=hands
        )
        self.thread = threading.Thread(target=self.server.serve)
        self.thread.start()
        self.client = ScannerClient(self.server.endpoint, timeout_s=5)
        self.listener = ScannerEvents(self.server.events_endpoint)
        self.client.beat()
        time.sleep(0.1)  # a listener that has only just connected misses what is said meanwhile

    def _open(self, command: Scan) -> ClosableSink:
        return ProxySink(command.proxy, command.job_id, command.fence) if command.proxy else self.sink

    def scan(self, job_id: str = "a", **changes: Any) -> None:
        values: dict[str, Any] = {
            "fence": 1,
            "carousel": 1,
            "slot": 1,
            "slide_id": "s",
            "plan": small_plan(),
            "proxy": "",
        }
        self.client.scan(job_id, **(values | changes))

    def events_until(self, kind: type[Message]) -> list[Any]:
        found: list[Message] = []
        deadline = time.monotonic() + 10
        while not (found and isinstance(found[-1], kind)):
            assert time.monotonic() < deadline, found
            event = self.listener.next(0.5)
            if event is not None:
                assert event.missed == 0
                found.append(event.message)
        return found

    def close(self) -> None:
        self.server.stop()
        self.thread.join(10)
        self.client.close()
        self.listener.close()


@pytest.fixture
def driver():
    made = FakeDriver()
    yield made
    made.gate.set()


@pytest.fixture
def running(driver):
    made = Running(driver)
    yield made
    driver.gate.set()
    made.close()


@pytest.fixture
def simulated(tmp_path):
    driver = SimulatedDriver(1, ScaledClock(), tmp_path, failure_rate=0.0)
    made = Running(driver, hands=driver)
    yield made
    made.close()


def test_it_scans_and_tells_state_and_end_as_events(running):
    running.scan()
    events = running.events_until(JobDone)
    assert events[0] == StateChanged(state="scanning", job_id="a")
    assert (events[-1].done, events[-1].planned) == (36, 36)
    assert len(running.sink.keys) == 36
    assert running.client.wait("a", timeout_s=5).state == "done"


def test_it_answers_while_it_scans(running, driver):
    driver.gate.clear()
    running.scan()
    status = running.client.status()
    assert (status.state, status.job_id, status.carousel, status.slot) == ("scanning", "a", 1, 1)
    assert running.client.pause("a").state == "running"
    assert running.client.beat().state == "paused"
    running.client.resume("a")
    driver.gate.set()
    assert running.client.wait("a", timeout_s=10).done == 36


def test_it_refuses_with_codes(running, driver):
    driver.gate.clear()
    running.scan()
    refusals: list[tuple[Callable[[], object], str, bool]] = [
        (lambda: running.scan("b"), "busy", True),
        (lambda: running.scan("a", fence=0), "stale_fence", False),
        (lambda: running.client.abort("never"), "unknown_job", False),
        (lambda: running.client.place(1, 1, Glass("A")), "no_hands", False),
    ]
    for call, code, retryable in refusals:
        with pytest.raises(RemoteError) as refused:
            call()
        assert (refused.value.code, refused.value.retryable) == (code, retryable)


def test_it_parks_when_its_client_falls_silent(driver):
    running = Running(driver, client_timeout_s=0.3)
    try:
        driver.gate.clear()
        running.scan()
        threading.Timer(0.6, driver.gate.set).start()
        failed = running.events_until(JobFailed)[-1]
        assert (failed.code, failed.retryable) == ("client_lost", True)
        assert driver.calls[-1] == "park"
    finally:
        running.close()


def test_it_does_not_park_while_it_hears_its_client(driver):
    running = Running(driver, client_timeout_s=0.4)
    try:
        driver.gate.clear()
        running.scan()
        for _ in range(10):
            time.sleep(0.1)
            running.client.beat()
        driver.gate.set()
        assert running.client.wait("a", timeout_s=10).state == "done"
    finally:
        running.close()


def test_it_survives_garbage_on_both_ports(running):
    for endpoint in (running.server.endpoint, running.server.events_endpoint):
        where = urlparse(endpoint)
        for rubbish in (os.urandom(4096), b"GET / HTTP/1.0\r\n\r\n", b"\xff" * 70_000):
            with socket.create_connection((where.hostname, where.port)) as line:
                line.sendall(rubbish)
    running.scan()
    assert isinstance(running.events_until(JobDone)[-1], JobDone)


def test_it_ends_a_running_job_when_it_is_stopped(running, driver):
    driver.gate.clear()
    running.scan()
    running.server.stop()
    threading.Timer(0.2, driver.gate.set).start()
    failed = running.events_until(JobFailed)[-1]
    assert (failed.code, failed.retryable) == ("scanner_lost", True)
    running.thread.join(10)
    assert not running.thread.is_alive()


def test_it_tells_progress_of_a_long_scan(running, driver):
    slowly = driver.expose

    def expose(channel):
        time.sleep(0.05)
        return slowly(channel)

    driver.expose = expose
    running.scan()
    events = running.events_until(JobDone)
    done = [event.done for event in events if isinstance(event, JobProgress)]
    assert done == sorted(done)
    assert 1 <= len(done) < 12


def test_it_photographs_through_the_protocol(simulated):
    simulated.client.place(2, 3, Glass("S26-7-A1", "IHC", 5, label="Breast"))
    assert simulated.client.snap("s1", 2, 3, wait=True).state == "done"
    result, macro, label = simulated.client.collect("s1")
    assert result.barcode == "S26-7-A1"
    assert len(macro) > 10_000
    assert label[:4] == b"\x89PNG"
    assert simulated.client.snap("s2", 2, 4, wait=True).code == "empty_slot"


class Photographer(FakeDriver):
    taken = 0

    def snapshot(self) -> SnapshotImages:
        self.taken += 1
        return super().snapshot()


@pytest.mark.parametrize("driver", [Photographer()])
def test_it_photographs_again_when_the_pictures_are_no_longer_kept(running, driver):
    """Their client died before it had them, and comes back when many others have been photographed."""
    jobs = [f"s{number}" for number in range(40)]
    for job_id in (*jobs, jobs[-1]):
        assert running.client.snap(job_id, 1, 1, wait=True).state == "done"
    assert driver.taken == 40  # the last one is kept: nothing happens
    with pytest.raises(RemoteError, match="no snapshot"):
        running.client.collect(jobs[0])
    assert running.client.snap(jobs[0], 1, 1, wait=True).state == "done"
    assert driver.taken == 41
    assert running.client.collect(jobs[0])[0].job_id == jobs[0]


def test_it_refuses_the_wrong_glass(simulated):
    simulated.client.place(1, 1, Glass("S26-7-A1", "IHC", 5))
    simulated.scan(barcode="S26-8-A1")
    assert simulated.client.wait("a", timeout_s=20).code == "barcode_mismatch"
