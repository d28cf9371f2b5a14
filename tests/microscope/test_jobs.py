import time
from collections.abc import Callable
from typing import Any

import pytest

from microscope.errors import Busy, ClientLost, LampFailure, MicroscopeError, StaleFence, UnknownJob
from microscope.jobs import Jobs
from microscope.messages import JobDone, JobFailed, Scan, Snap
from tests.microscope.fakes import FakeDriver, ListSink, small_plan
from vslide.errors import NoSpace
from wire import PeerLost


class Bench:
    """Jobs over a fake driver; every scan gets a new sink that knows what the earlier ones stored."""

    def __init__(self, driver: FakeDriver) -> None:
        self.driver = driver
        self.sinks: list[ListSink] = []
        self.put_error: Exception | None = None
        self.flush: Any = None
        self.jobs = Jobs(driver, self._open)

    def _open(self, command: Scan) -> ListSink:
        sink = ListSink({key for sink in self.sinks for key in sink.keys})
        if self.put_error is not None:
            error = self.put_error

            def refuse(plane):
                raise error

            sink.put = refuse  # type: ignore[method-assign]
        if self.flush is not None:
            sink.flush = self.flush  # type: ignore[method-assign]
        self.sinks.append(sink)
        return sink

    def scan(self, job_id: str = "a", fence: int = 1) -> None:
        self.jobs.submit(
            Scan(job_id=job_id, fence=fence, carousel=1, slot=1, slide_id="s", plan=small_plan(), proxy="")
        )

    def wait(self, job_id="a", state=None, timeout_s=10.0):
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            status = self.jobs.status(job_id)
            if status.state == state or (state is None and status.state != "running"):
                return status
            time.sleep(0.005)
        raise AssertionError(f"still {self.jobs.status(job_id)}")

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def events(self, kind):
        found = []
        while not self.jobs.events.empty():
            event = self.jobs.events.get()
            if isinstance(event, kind):
                found.append(event)
        return found


@pytest.fixture
def bench():
    made = Bench(FakeDriver())
    yield made
    made.driver.gate.set()
    made.jobs.close()


def test_it_scans_and_tells_the_end_once(bench):
    bench.scan()
    bench.scan()
    status = bench.wait()
    assert (status.state, status.done, status.planned) == ("done", 36, 36)
    assert len(bench.sinks) == 1
    assert bench.sinks[0].closed
    assert [event.done for event in bench.events(JobDone)] == [36]
    assert bench.driver.calls == ["load 1/1", "unload"]


def test_it_refuses_a_second_job_while_one_is_on_the_stage(bench):
    bench.driver.gate.clear()
    bench.scan("a")
    with pytest.raises(Busy):
        bench.scan("b")
    with pytest.raises(Busy):
        bench.jobs.submit(Snap(job_id="c", carousel=1, slot=1))


def test_a_higher_fence_takes_over_and_only_the_rest_is_scanned(bench):
    bench.scan(fence=1)
    bench.until(lambda: bench.sinks and len(bench.sinks[0].planes) >= 6)
    bench.driver.gate.clear()
    bench.scan(fence=2)
    bench.driver.gate.set()
    status = bench.wait(state="done")
    assert status.done == 36
    assert sum(len(sink.planes) for sink in bench.sinks) == 36
    assert bench.events(JobFailed) == []
    with pytest.raises(StaleFence):
        bench.scan(fence=1)


def test_it_reports_the_instruments_fault_and_goes_on_with_the_next_slide(bench):
    bench.driver._faults = {5: LampFailure("dark")}
    bench.scan("a")
    status = bench.wait("a")
    assert (status.state, status.code, status.retryable) == ("failed", "lamp", True)
    assert bench.driver.calls[-1] == "park"
    bench.scan("b")
    assert bench.wait("b").state == "done"


def test_a_failed_job_runs_again_only_with_a_higher_fence(bench):
    bench.driver._faults = {5: LampFailure("dark")}
    bench.scan()
    bench.wait()
    bench.scan()
    assert bench.jobs.status("a").state == "failed"
    bench.scan(fence=2)
    assert bench.wait(state="done").done == 36


def test_it_says_when_the_slide_service_has_no_room(bench):
    bench.put_error = NoSpace("full")
    bench.scan()
    assert bench.wait().code == "disk_full"


def test_it_outlives_a_defect(bench):
    bench.put_error = ZeroDivisionError("oops")
    bench.scan()
    assert bench.wait().code == "other"
    bench.put_error = None
    bench.scan("b")
    assert bench.wait("b").state == "done"


def test_it_aborts_a_paused_job(bench):
    bench.driver.gate.clear()
    bench.scan()
    bench.jobs.pause("a", paused=True)
    bench.driver.gate.set()
    assert bench.jobs.now()[0] == "paused"
    bench.jobs.abort("a", "enough")
    status = bench.wait()
    assert (status.state, status.code, status.message) == ("aborted", "aborted", "enough")


def test_it_goes_on_after_a_pause(bench):
    bench.driver.gate.clear()
    bench.scan()
    bench.until(lambda: bench.driver.moves)
    bench.jobs.pause("a", paused=True)
    bench.driver.gate.set()
    bench.until(lambda: bench.sinks and len(bench.sinks[0].planes) == 3)
    time.sleep(0.1)
    assert len(bench.sinks[0].planes) == 3
    bench.jobs.pause("a", paused=False)
    assert bench.wait().state == "done"


def test_it_parks_when_told_that_the_client_is_lost(bench):
    bench.driver.gate.clear()
    bench.scan()
    bench.jobs.end_current(ClientLost("silence"))
    bench.driver.gate.set()
    status = bench.wait()
    assert (status.code, status.retryable) == ("client_lost", True)
    assert bench.driver.calls[-1] == "park"


def test_it_keeps_a_snapshot_until_it_is_collected(bench):
    bench.jobs.submit(Snap(job_id="s", carousel=1, slot=1, tries=3))
    bench.wait("s")
    result, (macro, label) = bench.jobs.snapshot("s")
    assert result.barcode is None
    assert result.tried == ()  # there is nothing to be seen
    assert macro[:2] == b"\xff\xd8"
    assert label[:4] == b"\x89PNG"
    with pytest.raises(UnknownJob):
        bench.jobs.snapshot("never")


class Unacknowledged(ListSink):
    """Its proxy lives, takes everything, and acknowledges nothing."""

    def flush(self, timeout_s: float) -> None:
        self.flushed = True
        time.sleep(timeout_s)
        raise PeerLost(f"12 items are not acknowledged after {timeout_s:g} s")


def test_an_abort_does_not_wait_for_acknowledgements():
    sink = Unacknowledged()
    jobs = Jobs(FakeDriver(), lambda command: sink)
    jobs.submit(Scan(job_id="a", fence=1, carousel=1, slot=1, slide_id="s", plan=small_plan(), proxy=""))
    deadline = time.monotonic() + 10
    while not sink.flushed:
        assert time.monotonic() < deadline
    jobs.abort("a", "enough")
    while jobs.status("a").state == "running":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert (jobs.status("a").state, jobs.status("a").code) == ("aborted", "aborted")
    jobs.close()


def test_a_proxy_that_has_gone_ends_the_last_wait_at_once(bench):
    began = time.monotonic()

    def gone(timeout_s):
        raise PeerLost("silent for 30 s")

    bench.flush = gone
    bench.scan()
    assert bench.wait().code == "slide_service"
    assert time.monotonic() - began < 5


def test_every_error_has_a_code_of_its_own():
    def family(kind: type[MicroscopeError]) -> list[type[MicroscopeError]]:
        return [kind, *(found for child in kind.__subclasses__() for found in family(child))]

    kinds = [kind for kind in family(MicroscopeError) if kind.__module__ == "microscope.errors"]
    codes = [kind.code for kind in kinds if "code" in vars(kind)]
    assert len(codes) == len(set(codes))
