"""One laboratory and one browser for all tests of this folder: one story, in the order of the files."""

from collections.abc import Iterator

import pytest

from tests.browser.house import House, chromium, laboratory


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with chromium() as browser, laboratory(tmp_path_factory.mktemp("house") / "var") as var:
        house = House(var, browser)
        yield house
        assert house.complaints == [], "the browser's console had something to say"
