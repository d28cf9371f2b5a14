"""The viewer's controls in a real browser: link, mirror, memory, failures, vendor files, two slides."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from playwright.sync_api import Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from tests.viewer.browser import Annotations, canvas, chromium, keep, settle, visit
from viewer import queries
from viewer.models import VirtualSlide

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]
expect.set_options(timeout=20_000)
VIEWER = "[data-viewer]"


@pytest.fixture
def page(live_server: LiveServer, client_of: Callable[[str], Client]) -> Iterator[Page]:
    session = client_of("pathologist").cookies["sessionid"].value
    with chromium(live_server.url, session) as opened:
        opened.set_default_timeout(30_000)
        Annotations(opened)
        yield opened


def slide_to(page: Page, name: str, value: str) -> None:
    page.locator(f"[data-{name}]").first.fill(value)


def told(page: Page, name: str) -> Any:
    return page.locator(VIEWER).first.get_attribute(f"data-{name}")


def rest(page: Page, before: str) -> str:
    """The address when it has changed and is written."""
    for _ in range(100):
        if page.url != before:
            return page.url
        page.wait_for_timeout(50)
    raise AssertionError("the address does not change")


def test_it_brings_back_exactly_what_a_link_shows(
    live_server: LiveServer, fluorescence: VirtualSlide, page: Page
) -> None:
    visit(page, live_server.url, fluorescence, "#x=600.5&y=360.25&s=0.7&r=33.25")
    for group in ("view", "channels"):
        page.locator(f"[data-group={group}]").evaluate("group => group.open = true")
    page.locator("[data-channel] details summary").first.click()
    before = page.url
    slide_to(page, "gamma", "0.3")
    slide_to(page, "opacity", "0.6")
    slide_to(page, "dx", "4.5")
    slide_to(page, "low", "300")
    page.keyboard.press("Escape")
    page.locator("[data-map]").focus()
    page.keyboard.press("3")
    page.keyboard.press("b")
    address = rest(page, before)
    settle(page)
    page.wait_for_timeout(400)
    address, painted = page.url, canvas(page)
    keep(page, "link")
    page.goto("about:blank")
    page.goto(address)
    settle(page)
    assert np.array_equal(canvas(page), painted)
    page.wait_for_timeout(400)
    assert page.url == address


def test_it_mirrors_and_turns_what_is_seen(
    live_server: LiveServer, brightfield: VirtualSlide, page: Page
) -> None:
    visit(page, live_server.url, brightfield, "#x=600&y=360&s=1")
    picture = page.locator(".viewer-map > .ol-viewport > .ol-layers")
    plain = picture.screenshot()
    page.keyboard.press("h")
    expect(page.locator("[data-mirrored]")).to_be_checked()
    assert picture.screenshot() != plain
    keep(page, "mirrored")
    page.keyboard.press(".")
    expect(page.locator("[data-degrees]")).to_have_text("90°")
    page.keyboard.press("ArrowRight")  # to the right as it is seen
    until(page, lambda url: "&r=-90" in url and place(url, "")[1] != 360)
    page.keyboard.press("h")
    page.keyboard.press("n")
    expect(page.locator("[data-degrees]")).to_have_text("0°")


def test_it_keeps_to_a_small_memory_and_still_paints(
    live_server: LiveServer, fluorescence: VirtualSlide, page: Page
) -> None:
    page.goto(f"{live_server.url}/viewer/{fluorescence.slide.uid}/")
    page.route("**/viewer/*/", lambda route: smaller(route))
    held: list[int] = []
    for place in ("#x=600&y=360&s=1", "#x=300&y=200&s=0.5", "#x=900&y=500&s=2", "#x=600&y=360&s=4"):
        visit(page, live_server.url, fluorescence, place)
        assert canvas(page).std() > 5
        held.append(int(told(page, "bytes")))
    assert int(told(page, "budget")) == 2 << 20
    assert max(held) <= 2 << 20
    visit(page, live_server.url, fluorescence, "#x=600&y=360&s=1")
    expect(page.locator("[data-memory]")).to_contain_text("of 2 MB · coarser")
    keep(page, "small-memory")


def smaller(route: Route) -> None:
    answer = route.fetch()
    route.fulfill(
        response=answer, body=answer.text().replace("data-viewer ", 'data-viewer data-memory-mb="2" ')
    )


def test_it_says_calmly_that_the_server_fails_and_goes_on_by_itself(
    live_server: LiveServer, fluorescence: VirtualSlide, page: Page
) -> None:
    visit(page, live_server.url, fluorescence, "#x=600&y=360&s=8")
    failures = [503, 500, 0]

    def sometimes(route: Route) -> None:
        status = failures.pop() if failures else None
        if status is None:
            route.continue_()
        elif status:
            route.fulfill(status=status, body="no")
        else:
            route.abort()

    page.route("**/chunks?*level=1&*", sometimes)
    page.evaluate("location.hash = 'x=600&y=360&s=1'")
    problem = page.locator("[data-problem]")
    expect(problem).to_contain_text("Trying again by itself; what is painted stays.")
    keep(page, "problem")
    expect(problem).to_be_hidden()
    settle(page)
    assert told(page, "level") == "1"
    assert failures == []


def test_it_steps_through_presets_by_keys(
    live_server: LiveServer, brightfield: VirtualSlide, page: Page
) -> None:
    visit(page, live_server.url, brightfield)
    power = page.locator("[data-magnification]")
    for number, label in ((4, "10×"), (5, "20×"), (6, "40×")):
        page.keyboard.press(f"Shift+Digit{number}")
        expect(power).to_have_text(label)
    page.keyboard.press("?")
    expect(page.locator("[data-help]")).to_contain_text("turn right by 90°")
    keep(page, "keys")


def test_it_paints_a_vendor_slide_by_the_same_controls(
    live_server: LiveServer,
    vendor_file: Path,
    register: Callable[..., VirtualSlide],
    client_of: Callable[[str], Client],
) -> None:
    virtual = register(vendor_file)
    session = client_of("pathologist").cookies["sessionid"].value
    with chromium(live_server.url, session) as page:
        Annotations(page)
        visit(page, live_server.url, virtual)
        page.locator("[data-group=picture]").evaluate("group => group.open = true")
        expect(page.locator("[data-profile-name]")).to_have_text("This slide carries none.")
        keep(page, "vendor-picture")
        before = canvas(page).mean()
        slide_to(page, "picture-brightness", "-0.2")
        settle(page)
        assert canvas(page).mean() < before - 20
        page.locator("[data-picture-reset]").click()
        settle(page)
        assert canvas(page).mean() == before
        assert page.locator("[data-borders]").is_hidden()


def test_it_moves_two_slides_as_one_until_one_is_unlocked(
    live_server: LiveServer,
    slide_files: dict[str, Path],
    register: Callable[..., VirtualSlide],
    client_of: Callable[[str], Client],
) -> None:
    one = register(slide_files["brightfield"], barcode="N26-1-A1-1")
    other = register(slide_files["fluorescence"], barcode="N26-1-A1-2")
    session = client_of("pathologist").cookies["sessionid"].value
    with chromium(live_server.url, session) as page:
        page.goto(f"{live_server.url}/viewer/{one.slide.uid}/beside/{other.slide.uid}/#x=600&y=360&s=2")
        page.wait_for_selector("[data-beside][data-ready=true]")
        until(page, lambda url: "2x=600&2y=360&2s=2" in url)
        left, right = page.locator("[data-map]").all()
        left.focus()
        page.keyboard.press(".")
        page.keyboard.press("ArrowRight")
        until(page, lambda url: place(url, "") == place(url, "2") != (600, 360))
        page.keyboard.press("l")
        right.focus()
        page.keyboard.press("ArrowDown")
        until(page, lambda url: apart(url) != (0, 0))
        page.wait_for_timeout(700)  # until it rests
        before, offset = place(page.url, ""), apart(page.url)
        page.keyboard.press("l")
        page.keyboard.press("ArrowLeft")
        until(page, lambda url: place(url, "") != before and apart(url) == pytest.approx(offset))
        keep(page, "beside")


def until(page: Page, said: Callable[[str], bool]) -> None:
    """Until the address says so; a busy machine writes it late."""
    for _ in range(100):
        if said(page.url):
            return
        page.wait_for_timeout(100)
    pytest.fail(page.url)


def apart(url: str) -> tuple[float, float]:
    (x, y), (other_x, other_y) = place(url, ""), place(url, "2")
    return other_x - x, other_y - y


def place(url: str, prefix: str) -> tuple[float, float]:
    values = dict(one.split("=") for one in url.partition("#")[2].split("&"))
    return round(float(values[f"{prefix}x"]), 6), round(float(values[f"{prefix}y"]), 6)


def test_it_fetches_the_next_slide_while_this_one_is_read(
    live_server: LiveServer,
    slide_files: dict[str, Path],
    register: Callable[..., VirtualSlide],
    client_of: Callable[[str], Client],
) -> None:
    one = register(slide_files["brightfield"], barcode="N26-1-A1-1")
    other = register(slide_files["fluorescence"], barcode="N26-1-A1-2")
    link = (
        f'<link data-next-slide href="/viewer/{other.slide.uid}/header.json?v={queries.version_of(other)}">'
    )
    session = client_of("pathologist").cookies["sessionid"].value
    with chromium(live_server.url, session) as page:
        Annotations(page)
        page.route(f"**/viewer/{one.slide.uid}/", lambda route: with_head(route, link))
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        visit(page, live_server.url, one)
        page.wait_for_selector("[data-next-slide=ready]", state="attached")
        fetched = [url for url in asked if str(other.slide.uid) in url]
        assert {url.split("/")[-1].split("?")[0] for url in fetched} == {
            "header.json", "histogram.json", "thumbnail.jpg", "chunks",
        }  # fmt: skip
        asked.clear()
        visit(page, live_server.url, other)
        opens_with = f"level={page.locator('[data-viewer]').get_attribute('data-level')}&"
        chunks = {url for url in asked if "/chunks" in url and opens_with in url}
        assert chunks
        assert chunks <= set(fetched)


def with_head(route: Route, tag: str) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text().replace("</head>", f"{tag}</head>"))
