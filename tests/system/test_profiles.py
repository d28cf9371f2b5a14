"""One night, many ways to scan: layers, times, colours by field and by mosaic, JPEG beside lossless, and a
glass that is scanned again with a shorter exposure.
"""

import subprocess
import sys
from typing import Any

import pytest

from config.lab.environment import environment
from config.lab.layout import CHECKOUT
from tests.system.laboratory import Laboratory, given

NAME = "MIX"
RGB = ["red", "green", "blue"]


@pytest.fixture(scope="module")
def night(laboratory: Laboratory) -> dict[str, dict[str, Any]]:
    """What every slide's file holds in the morning, by stain."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.system.mixed", NAME],
        env=environment(laboratory.lab, given(**laboratory.settings)), cwd=CHECKOUT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return laboratory.morning(process)


@pytest.mark.parametrize(
    ("stain", "layers", "times", "channels", "encoding"),
    [
        ("IF deep", 25, 3, ["DAPI", "Cy5"], "blosc"),
        ("IF plain", 1, 1, ["DAPI", "FITC", "TRITC", "Cy5"], "blosc"),
        ("H&E small", 1, 1, RGB, "jpeg"),
        ("IHC film", 2, 3, RGB, "blosc"),
    ],
)
def test_each_glass_is_scanned_by_the_profile_of_its_stain(night, stain, layers, times, channels, encoding):
    found = night[stain]
    assert (found["layers"], found["times"], found["channels"]) == (layers, times, channels)
    assert (found["encoding"], found["fields"], found["complete"]) == (encoding, 2 * layers * times, True)
    assert found["verdicts"] == ["good"]


def test_an_overexposed_glass_is_scanned_again_for_a_shorter_time(night):
    found = night["H&E bright"]
    assert (found["verdicts"], found["exposures"]) == (["rescan", "good"], [1.0, 0.6])
    assert found["complete"]
