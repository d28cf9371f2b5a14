"""Checks of who has a word in a running scan: fences, pause, abort, and a client that falls silent."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from microscope.conformance.bench import Bench, Check, NotAsked, expect, expect_refusal
from microscope.conformance.proxy import Proxy
from microscope.plan import ScanPlan

_LONG = (6, 6)
_QUIET_S = 0.7
_SLACK_S = 2.0


def does_one_job_at_a_time(bench: Bench) -> None:
    with _running(bench) as (job_id, _, proxy):
        status = bench.scanner.status()
        expect(status.state == "scanning", f"while it scans its state is {status.state!r}")
        expect(
            (status.job_id, (status.carousel, status.slot)) == (job_id, bench.slot),
            "its status does not name the job and the slot that are on the stage",
        )
        expect_refusal(
            "busy",
            "a second job while one is on the stage",
            lambda: bench.scan(bench.new_job(), bench.plan(1, 1), proxy),
            retryable=True,
        )


def refuses_a_lower_fence(bench: Bench) -> None:
    with _running(bench, fence=2) as (job_id, plan, proxy):
        expect_refusal(
            "stale_fence", "a job with a lower fence", lambda: bench.scan(job_id, plan, proxy, fence=1)
        )


def takes_a_job_given_twice_as_one(bench: Bench) -> None:
    with _running(bench) as (job_id, plan, proxy):
        bench.scan(job_id, plan, proxy)
        proxy.holding = False
        status = bench.end_of(job_id)
        expect(status.state == "done", f"a scan that was given twice ended {status.state!r}: {status.code}")
        expect(len(proxy.hellos) == 1, f"a scan that was given twice was begun {len(proxy.hellos)} times")


def gives_a_job_up_to_a_higher_fence(bench: Bench) -> None:
    with _running(bench) as (job_id, plan, proxy), bench.proxy() as second:
        bench.scan(job_id, plan, second, fence=2)
        expect(
            bench.soon(lambda: bool(second.hellos)), "a higher fence took over and no stream began in time"
        )
        sent = len(proxy.keys)
        status = bench.end_of(job_id)
        expect(second.hellos[0].fence == 2, "the new stream does not carry the higher fence")
        expect(status.state == "done", f"a scan that was taken over ended {status.state!r}: {status.code}")
        expect(len(proxy.keys) == sent, "whoever was taken over went on sending")
        expect(len(second.keys) == plan.plane_count, "the new owner did not get every plane that was missing")


def pauses_and_goes_on(bench: Bench) -> None:
    with _running(bench) as (job_id, plan, proxy):
        paused = bench.scanner.pause(job_id)
        expect(paused.state == "running", f"a paused job is {paused.state!r}, it must stay 'running'")
        expect(bench.scanner.beat().state == "paused", "its state is not 'paused' after Pause")
        bench.wait(_QUIET_S)  # the field that was under the lens
        came = len(proxy.keys)
        bench.wait(_QUIET_S)
        expect(came < plan.plane_count, "Pause did not hold the scan: it went on to its end")
        expect(
            len(proxy.keys) == came,
            f"Pause did not hold the scan: {len(proxy.keys) - came} planes came while it was paused",
        )
        proxy.holding = False
        bench.scanner.resume(job_id)
        status = bench.end_of(job_id)
        expect(status.state == "done", f"after Resume the scan ended {status.state!r}: {status.code}")
        expect(len(proxy.keys) == plan.plane_count, "planes are missing after a pause")


def ends_a_job_when_told(bench: Bench) -> None:
    with _running(bench) as (job_id, plan, proxy):
        bench.scanner.abort(job_id, "the kit says so")
        status = bench.end_of(job_id, bench.target.patience_s)
        expect(status.state != "running", f"went on for {bench.target.patience_s:g} s after Abort")
        expect(
            (status.state, status.code) == ("aborted", "aborted"),
            f"an aborted job is {status.state!r} with code {status.code!r}",
        )
        expect(len(proxy.keys) < plan.plane_count, "the scan was carried to its end in spite of Abort")
        again = bench.scanner.abort(job_id)
        expect(again.state == "aborted", f"a second Abort made the job {again.state!r}")
        expect(bench.soon(lambda: bench.scanner.beat().state == "idle"), "is not idle after Abort")


def scans_again_after_an_abort(bench: Bench) -> None:
    with _running(bench) as (job_id, _, _):
        bench.scanner.abort(job_id)
        bench.end_of(job_id, bench.target.patience_s)
    plan = bench.plan(1, 1)
    with bench.proxy() as proxy:
        job_id = bench.new_job()
        bench.scan(job_id, plan, proxy)
        status = bench.end_of(job_id)
        expect(status.state == "done", f"the scan after an aborted one ended {status.state!r}: {status.code}")
        expect(len(proxy.keys) == plan.plane_count, "the scan after an aborted one lacks planes")


def parks_when_its_client_falls_silent(bench: Bench) -> None:
    patience_s = bench.target.client_timeout_s
    if patience_s is None:
        raise NotAsked("how long it waits for a silent client is not known (--client-timeout)")
    with _running(bench) as (job_id, _, _):
        bench.scanner.pause(job_id)
        time.sleep(patience_s + _SLACK_S)
        status = bench.scanner.job(job_id)
    expect(
        status.state == "failed",
        f"nobody spoke to it for {patience_s + _SLACK_S:g} s and the job is still {status.state!r}",
    )
    expect(
        (status.code, status.retryable) == ("client_lost", True),
        f"a lost client is called {status.code!r} (retryable={status.retryable}) instead of 'client_lost'",
    )


@contextmanager
def _running(bench: Bench, *, fence: int = 1) -> Iterator[tuple[str, ScanPlan, Proxy]]:
    """A scan whose first plane has come; it cannot end, for the proxy acknowledges nothing yet."""
    plan = bench.plan(*_LONG)
    with bench.proxy(holding=True) as proxy:
        job_id = bench.new_job()
        bench.scan(job_id, plan, proxy, fence=fence)
        expect(bench.soon(lambda: bool(proxy.came)), "no plane of a scan came in time")
        yield job_id, plan, proxy
        proxy.holding = False


CHECKS: tuple[tuple[str, Check], ...] = (
    ("does one job at a time", does_one_job_at_a_time),
    ("refuses a lower fence", refuses_a_lower_fence),
    ("takes a job that is given twice as one", takes_a_job_given_twice_as_one),
    ("gives a job up to a higher fence", gives_a_job_up_to_a_higher_fence),
    ("pauses and goes on", pauses_and_goes_on),
    ("ends a job when told", ends_a_job_when_told),
    ("scans again after an abort", scans_again_after_an_abort),
    ("parks when its client falls silent", parks_when_its_client_falls_silent),
)
