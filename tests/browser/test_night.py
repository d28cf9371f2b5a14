"""A technician at a live night: every control is a button that does what it says, seen in a browser."""

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.house import House, laboratory

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]
SLIDES = 4


def api(page: Page, method: str, path: str, data: Any = None) -> Any:
    """As the page itself would ask: with its cookies and its token."""
    token = next(c["value"] for c in page.context.cookies() if c["name"] == "csrftoken")
    origin = re.match(r"https?://[^/]+", page.url)
    headers = {"X-CSRFToken": token, "Referer": origin[0] if origin else ""}
    body = json.dumps(data) if data is not None else None
    options = {"headers": {**headers, "Content-Type": "application/json"}, "data": body}
    said = page.context.request.fetch(f"/api/{path}", method=method, **options)  # type: ignore[arg-type]
    assert said.ok, f"{method} {path}: {said.status} {said.text()}"
    return said.json()


def until(true: Callable[[], bool], seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.fixture(scope="module")
def slow_house(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A laboratory of its own, whose scanner takes its time: a person has to be faster than a slide."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCANNER_TIME_SCALE", "0.2")
        patch.setenv("SCANNER_FAILURE_RATE", "0")
        with laboratory(tmp_path_factory.mktemp("slow") / "var") as var:
            house = House(var, browser)
            yield house
            assert house.complaints == []


@pytest.fixture
def live(slow_house: House) -> tuple[Page, int]:
    """The night's page of a batch that is being scanned."""
    page = slow_house.page("tess")
    page.goto("/")
    known = len(api(page, "GET", "slides/")["results"])
    names = [f"LIVE-{index}" for index in range(known, known + SLIDES)]
    for index, barcode in enumerate(names, known):
        facts = {"accession": f"L26-{index}", "mrn": f"77000{index}", "family_name": "Example"}
        where = {"tissue": "breast", "site_code": "0s01", "block": "A1", "cut": "lvl", "cut_number": 1}
        api(page, "POST", "slides/", {"barcode": barcode, "stain": "H&E", **facts, **where})
    batch = api(page, "POST", "batches/", {"name": f"Live {known}"})["id"]
    places = [{"carousel": 1, "position": n, "barcode": name} for n, name in enumerate(names, start=1)]
    api(page, "POST", f"batches/{batch}/load/", places)
    scanner = api(page, "GET", "scanners/")["results"][0]["name"]
    api(page, "POST", "nights/", {"batch": batch, "scanner": scanner})
    until(lambda: api(page, "GET", f"nights/{batch}/")["phase"] == "review")
    api(page, "POST", f"nights/{batch}/accept-safe/")
    for row in api(page, "GET", f"snapshots/?slot__carousel__batch={batch}&slide__state=review")["results"]:
        api(page, "POST", f"snapshots/{row['id']}/accept/")
    page.goto(f"/scan/batches/{batch}/")
    page.get_by_role("button", name="Start the night").click()
    return page, batch


def test_a_night_is_paused_put_in_order_stopped_and_goes_on(live: tuple[Page, int]) -> None:
    page, batch = live
    expect(page.locator("#lens a")).to_be_visible()
    page.get_by_role("button", name="Pause now").click()
    expect(page.get_by_text("tess has paused the night")).to_be_visible()
    page.get_by_role("link", name=re.compile("Queue")).click()
    last = page.locator("tbody tr").last
    barcode = last.locator("td").nth(1).inner_text()
    last.get_by_role("button", name=f"{barcode} first").click()
    expect(page.locator("tbody tr").first.locator("td").nth(1)).to_have_text(barcode)
    page.get_by_role("link", name="Back to the night").click()
    page.get_by_text("Stop this slide …").click()
    stopped = page.locator("#lens a").inner_text()
    page.get_by_label(re.compile("Why does")).fill("loose slip")
    page.get_by_role("button", name="Scan it last").click()
    expect(page.locator("#lens")).to_contain_text("nothing")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#lens a")).to_have_text(barcode)
    until(lambda: api(page, "GET", f"nights/{batch}/")["phase"] == "morning")
    found = api(page, "GET", f"attempts/?slide__barcode={stopped}")["results"]
    assert (found[0]["number"], found[0]["state"]) == (1, "aborted")
    assert found[0]["message"] == "stopped by tess: loose slip"
    page.goto("/")
    expect(page.locator("#alerts")).to_contain_text("The night has ended")
    page.locator("#alerts").get_by_role("button", name=re.compile("I have seen")).first.click()
    expect(page.locator("#alerts")).not_to_contain_text("Live 0 on")


def test_the_stream_mends_the_page_in_place_for_every_tab(live: tuple[Page, int]) -> None:
    page, batch = live
    page.evaluate("window.sameDocument = true")
    other = page.context.new_page()
    other.goto(f"/scan/batches/{batch}/")
    asked: list[str] = []
    other.on("request", lambda request: asked.append(request.url))
    for tab in (page, other):
        expect(tab.locator(".slot.tone-done").first).to_be_visible(timeout=90_000)
        expect(tab.locator("#lens")).to_contain_text("attempt")
    assert not any("/events/" in url for url in asked), "one stream for each browser, not for each tab"
    other.close()
    expect(page.get_by_role("link", name="See the morning")).to_be_visible(timeout=180_000)
    assert page.evaluate("window.sameDocument")


def test_a_browser_without_streams_asks_again_and_again(live: tuple[Page, int]) -> None:
    page, batch = live
    old = page.context.new_page()
    old.add_init_script("delete window.EventSource")
    old.goto(f"/scan/batches/{batch}/")
    with old.expect_request(re.compile("part=live")):
        pass
    expect(old.locator(".slot.tone-done").first).to_be_visible(timeout=90_000)
    until(lambda: api(page, "GET", f"nights/{batch}/")["phase"] == "morning")
    expect(old.get_by_role("link", name="See the morning")).to_be_visible(timeout=30_000)
    old.close()
