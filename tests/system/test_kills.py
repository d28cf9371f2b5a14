"""kill -9 of any process in the middle of the night: every slide is accounted for and no field is lost."""

import time
from typing import Any

import pytest

from tests.system.laboratory import Laboratory, until

campaign = pytest.mark.campaign  # the short form is the night of several kills below
SLIDES = 3
RECOVERED_WITHIN_S = 60.0  # of a loaded machine; an idle one needs half of it

ATTEMPTS = (
    "SELECT count(*) FROM scanning_attempt a JOIN lims_slide s ON s.id = a.slide_id "
    "WHERE s.barcode LIKE ? || '-%' AND "
)
UNDER_WAY = ATTEMPTS + "a.state = 'running' AND a.done_planes > 0"
ENDED = ATTEMPTS + "a.state IN ('done', 'failed')"
SNAPPED = (
    "SELECT count(*) FROM scanning_snapshot p JOIN lims_slide s ON s.id = p.slide_id "
    "WHERE s.barcode LIKE ? || '-%'"
)


def wait_for(laboratory: Laboratory, question: str, name: str, count: int = 1) -> None:
    until(lambda: laboratory.ask(question, name)[0][0] >= count, 120, f"{count} of {question}")


def assert_whole(found: dict[str, Any], slides: int) -> None:
    assert (found["slides"], found["published"], found["failed"]) == (slides, slides, 0), found
    assert (found["lost_fields"], found["wrong_files"], found["open"]) == (0, [], 0), found


@pytest.mark.parametrize(
    "victims",
    [
        pytest.param(["worker-scanner-1"], marks=campaign),
        pytest.param(["worker-scanner-1's child"], marks=campaign),
        pytest.param(["worker"], marks=campaign),
        pytest.param(["writer"], marks=campaign),
        pytest.param(["slides"], marks=campaign),
        pytest.param(["scanner-1"], marks=campaign),
        ["broker"],
        ["web", "relay", "beat"],
    ],
    ids=" ".join,
)
def test_the_night_survives_a_kill(laboratory: Laboratory, victims: list[str]):
    name = "K-" + "".join(sign if sign.isalnum() else "-" for sign in victims[0])
    night = laboratory.night(name, SLIDES)
    wait_for(laboratory, UNDER_WAY, name)
    for victim in victims:
        laboratory.kill(victim)
    killed = time.monotonic()
    before = laboratory.ask(ENDED, name)[0][0]
    wait_for(laboratory, ENDED, name, before + 1)
    recovered_s = time.monotonic() - killed
    assert_whole(laboratory.morning(night), SLIDES)
    assert recovered_s < RECOVERED_WITHIN_S
    until(laboratory.is_well, 60, "every process is well again")


@pytest.mark.parametrize(
    "victim", ["scanner-1", *(pytest.param(name, marks=campaign) for name in ("worker-scanner-1", "broker"))]
)
def test_the_snapshots_survive_a_kill(laboratory: Laboratory, victim: str):
    name = f"S-{victim}"
    night = laboratory.night(name, SLIDES)
    wait_for(laboratory, SNAPPED, name)
    laboratory.kill(victim)
    assert_whole(laboratory.morning(night), SLIDES)


def test_the_night_survives_several_kills(laboratory: Laboratory):
    """One after the other, while the same night goes on."""
    night = laboratory.night("K-all", 2 * SLIDES)
    for ended, victim in enumerate(["writer", "worker-scanner-1", "scanner-1", "slides", "worker"]):
        wait_for(laboratory, ENDED, "K-all", ended)
        wait_for(laboratory, UNDER_WAY, "K-all")
        laboratory.kill(victim)
    assert_whole(laboratory.morning(night, timeout_s=360), 2 * SLIDES)
