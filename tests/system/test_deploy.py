"""A deploy at two in the morning: workers and web are stopped and come back, and no slide notices."""

import os
import signal
import time

import pytest

from tests.system.laboratory import Laboratory, until
from tests.system.test_kills import ENDED, UNDER_WAY, assert_whole, wait_for

SLIDES = 3
FIRST = (
    "SELECT a.takeovers, a.fence FROM scanning_attempt a JOIN lims_slide s ON s.id = a.slide_id "
    "WHERE s.barcode = ?"
)


def stop(laboratory: Laboratory, name: str) -> None:
    """As a deploy does it: politely. The supervisor brings up whatever program stands there now."""
    pid = laboratory.pid(name)
    os.kill(pid, signal.SIGTERM)
    until(lambda: laboratory.pid(name) not in {0, pid}, 60, f"{name} is back")


@pytest.mark.parametrize("names", [["worker-scanner-1", "web", "worker", "relay", "watch"]], ids=" ".join)
def test_a_live_scan_survives_the_deploy_of_everything_beside_it(laboratory: Laboratory, names: list[str]):
    """F27: its driver leaves at once, and the next one goes on watching the very same job."""
    night = laboratory.night("D-deploy", SLIDES)
    wait_for(laboratory, UNDER_WAY, "D-deploy")
    began = time.monotonic()
    stop(laboratory, names[0])
    left_s = time.monotonic() - began
    for name in names[1:]:
        stop(laboratory, name)
    wait_for(laboratory, ENDED, "D-deploy")
    found = laboratory.morning(night)
    assert_whole(found, SLIDES)
    assert (found["takeovers"], found["attempts"]) == (0, SLIDES)
    assert laboratory.ask(FIRST, "D-deploy-0") == [(0, 1)]  # one fence: the stage never stopped
    assert "handed_over" in (laboratory.var / "log" / "worker-scanner-1.log").read_text()
    assert left_s < 10
    until(laboratory.is_well, 60, "every process is well again")
