"""One browser for all tests of this folder, and one laboratory for the story that they tell in the order of
the files.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.house import House, chromium, laboratory


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def house(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with laboratory(tmp_path_factory.mktemp("house") / "var") as var:
        house = House(var, browser)
        yield house
        assert house.complaints == [], "the browser's console had something to say"
