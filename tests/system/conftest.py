"""One laboratory for all tests of a session. What it leaves behind when it is stopped is an error."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.laboratory import Laboratory

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.system)
            item.add_marker(pytest.mark.timeout(400))


@pytest.fixture(scope="session")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    """Up, with a cast, flawless glass, and scans that last long enough to be interrupted."""
    settings = {"SCANNER_FAILURE_RATE": "0", "SIMULATED_FLAW_EVERY": "0", "SCANNER_TIME_SCALE": "0.1"}
    laboratory = Laboratory(tmp_path_factory.mktemp("lab"), **settings)
    try:
        laboratory.up()
        yield laboratory
    finally:
        laboratory.down()
