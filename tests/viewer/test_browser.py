"""The viewer in a real browser: the painted pixels are the stored ones, and what is drawn is truly saved."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from django.test import Client
from numpy.typing import NDArray
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

import vslide
from tests.viewer.browser import SIZE, Annotations, canvas, chromium, keep, settle, visit
from viewer import queries
from viewer.models import VirtualSlide
from viewer.tiles import Window

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]
expect.set_options(timeout=20_000)


# Ask for the slide before the page: once Playwright runs, this thread may not speak to the database.
@pytest.fixture
def page(live_server: LiveServer, client_of: Callable[[str], Client]) -> Iterator[Page]:
    session = client_of("pathologist").cookies["sessionid"].value
    with chromium(live_server.url, session) as opened:
        opened.set_default_timeout(30_000)
        yield opened


def reference(
    path: Path, windows: list[Window], box: tuple[int, int, int, int], step: int
) -> NDArray[np.float64]:
    """The box (x, y, width, height) in level-1 px composed by NumPy; a result pixel averages step x step."""
    with vslide.open(path) as reader:
        raw = reader.region(*box, level=1).astype(np.float64)
    channels, height, width = raw.shape
    means = raw.reshape(channels, height // step, step, width // step, step).mean(axis=(2, 4))
    total = np.zeros((*means.shape[1:], 3))
    for plane, window in zip(means, windows, strict=True):
        colour = [int(window.colour[at : at + 2], 16) for at in (1, 3, 5)]
        share = np.clip((plane - window.low) / max(1, window.high - window.low), 0, 1)
        total += share[..., None] * colour
    return np.minimum(total, 255)


def even_sides(page: Page) -> None:
    """With an odd side every screen pixel would lie on the border of two slide pixels: nothing to compare
    with.
    """
    height, width = canvas(page).shape[:2]
    page.set_viewport_size({"width": SIZE["width"] + width % 2, "height": SIZE["height"] + height % 2})
    for _ in range(50):  # the page's policy forbids wait_for_function
        if not any(side % 2 for side in canvas(page).shape[:2]):
            break
        page.wait_for_timeout(100)
    settle(page)


@pytest.mark.parametrize("kind", ["brightfield", "fluorescence", "jpeg", "offset"])
@pytest.mark.parametrize("scale", [0.25, 1, 2])
def test_it_paints_what_is_stored(
    live_server: LiveServer,
    slide_files: dict[str, Path],
    register: Callable[..., VirtualSlide],
    client_of: Callable[[str], Client],
    kind: str,
    scale: float,
) -> None:
    virtual = register(slide_files[kind])
    windows = queries.windows(virtual)
    session = client_of("pathologist").cookies["sessionid"].value
    with chromium(live_server.url, session) as page:
        Annotations(page)
        visit(page, live_server.url, virtual, f"#x=600&y=360&s={scale}")
        even_sides(page)
        painted = canvas(page)
        assert page.locator("[data-viewer]").get_attribute("data-level") == "1"
        keep(page, f"{kind}-{scale}")
    height, width = (side // 2 * 2 for side in painted.shape[:2])
    half_w, half_h = min(width // 2, int(360 / scale)) // 4 * 4, min(height // 2, int(200 / scale)) // 4 * 4
    middle_y, middle_x = painted.shape[0] / 2, painted.shape[1] / 2
    got = painted[
        int(middle_y) - half_h : int(middle_y) + half_h, int(middle_x) - half_w : int(middle_x) + half_w
    ]
    box = (
        round(600 - half_w * scale),
        round(360 - half_h * scale),
        round(2 * half_w * scale),
        round(2 * half_h * scale),
    )
    wanted = reference(virtual.file, windows, box, max(1, int(scale)))
    if scale < 1:
        wanted = wanted.repeat(round(1 / scale), axis=0).repeat(round(1 / scale), axis=1)
    assert np.abs(got - wanted).max() <= 1
    assert got.std() > 10


def test_it_zooms_through_the_layers(live_server: LiveServer, fluorescence: VirtualSlide, page: Page) -> None:
    Annotations(page)
    visit(page, live_server.url, fluorescence)
    power = page.locator("[data-magnification]")
    before = power.inner_text()
    page.keyboard.press("+")
    expect(power).not_to_have_text(before)
    seen = set()
    for scale in (1, 4, 8, 16):
        visit(page, live_server.url, fluorescence, f"#x=700&y=350&s={scale}")
        seen.add(page.locator("[data-viewer]").get_attribute("data-level"))
    assert seen >= {"1", "4"}


def test_it_turns_channels_off_and_windows_them(
    live_server: LiveServer, fluorescence: VirtualSlide, page: Page
) -> None:
    Annotations(page)
    visit(page, live_server.url, fluorescence, "#x=600&y=360&s=1")
    everything = canvas(page).astype(int).sum()
    for key in "234":
        page.keyboard.press(key)
    settle(page)
    blue = canvas(page).astype(int)
    assert blue.sum() < everything
    assert (blue[..., 2] >= blue[..., 0]).all()
    page.locator("[data-low]").first.fill("60000")
    settle(page)
    assert canvas(page).astype(int).sum() < blue.sum()
    page.keyboard.press("a")
    settle(page)
    assert canvas(page).astype(int).sum() == blue.sum()
    keep(page, "one-channel")


def test_it_shows_a_vendor_slide_in_the_same_viewer(
    live_server: LiveServer,
    vendor_file: Path,
    register: Callable[..., VirtualSlide],
    client_of: Callable[[str], Client],
) -> None:
    virtual = register(vendor_file)
    session = client_of("pathologist").cookies["sessionid"].value
    with chromium(live_server.url, session) as page:
        service = Annotations(page)
        with page.expect_response("**/tile/**"):
            page.goto(f"{live_server.url}/viewer/{virtual.slide.uid}/")
        expect(page.locator("[data-annotation-status]")).to_have_text("All 0 saved")
        page.keyboard.press("f")
        drag(page, [(300, 250), (420, 220), (520, 300), (400, 400), (310, 320)])
        expect(page.locator("[data-annotation-status]")).to_have_text("All 1 saved")
        page.wait_for_load_state("networkidle")
        keep(page, "vendor")
        xs = [x for x, _ in next(iter(service.rows.values()))["geometry"]["coordinates"][0]]
        assert min(xs) > 0
        assert max(xs) < virtual.width


def drag(page: Page, path: list[tuple[int, int]]) -> None:
    page.mouse.move(*path[0])
    page.mouse.down()
    for point in path[1:]:
        page.mouse.move(*point, steps=4)
    page.mouse.up()


def test_it_draws_saves_and_reopens(live_server: LiveServer, brightfield: VirtualSlide, page: Page) -> None:
    service = Annotations(page)
    visit(page, live_server.url, brightfield, "#x=600&y=360&s=1")
    status = page.locator("[data-annotation-status]")
    expect(status).to_have_text("All 0 saved")
    page.keyboard.press("r")
    drag(page, [(200, 200), (320, 300)])
    expect(status).to_have_text("All 1 saved")
    page.keyboard.press("e")
    drag(page, [(400, 200), (560, 300)])
    page.keyboard.press("f")
    drag(page, [(300, 450), (420, 420), (520, 500), (400, 600), (310, 520)])
    expect(status).to_have_text("All 3 saved")
    page.locator("[data-annotation-label]").fill("tumour")
    page.locator("[data-annotation-comment]").fill("invasive front")
    expect(status).to_have_text("All 3 saved")
    keep(page, "drawn")
    kinds = {row["kind"]: row for row in service.rows.values()}
    assert set(kinds) == {"rectangle", "ellipse", "freehand"}
    assert (kinds["freehand"]["label"], kinds["freehand"]["comment"]) == ("tumour", "invasive front")
    xs, ys = zip(*kinds["rectangle"]["geometry"]["coordinates"][0], strict=True)
    assert (max(xs) - min(xs), max(ys) - min(ys)) == pytest.approx((120, 100), abs=0.5)
    assert min(ys) > 0
    visit(page, live_server.url, brightfield, "#x=600&y=360&s=1")
    expect(page.locator(".viewer-annotation")).to_have_count(3)
    page.get_by_text("tumour").click()
    expect(page.locator("[data-annotation-comment]")).to_have_value("invasive front")


def test_it_keeps_trying_under_the_same_id_and_never_says_saved_before(
    live_server: LiveServer, brightfield: VirtualSlide, page: Page
) -> None:
    service = Annotations(page)
    visit(page, live_server.url, brightfield, "#x=600&y=360&s=1")
    service.failures = [500, 503]
    page.keyboard.press("r")
    drag(page, [(200, 200), (320, 300)])
    status = page.locator("[data-annotation-status]")
    expect(status).to_have_text("1 not saved yet")
    expect(page.locator("[data-annotation-problem]")).to_contain_text("sent again")
    assert service.rows == {}
    keep(page, "unsaved")
    expect(status).to_have_text("All 1 saved")
    assert len(service.posts) == 3
    assert len(set(service.posts)) == 1


def test_it_shows_both_sides_of_a_conflict(
    live_server: LiveServer, brightfield: VirtualSlide, page: Page
) -> None:
    service = Annotations(page)
    visit(page, live_server.url, brightfield, "#x=600&y=360&s=1")
    page.keyboard.press("r")
    drag(page, [(200, 200), (320, 300)])
    status = page.locator("[data-annotation-status]")
    expect(status).to_have_text("All 1 saved")
    row = next(iter(service.rows.values()))
    row.update(version=7, label="theirs")
    page.locator("[data-annotation-label]").fill("mine")
    expect(page.locator("[data-annotation-theirs-text]")).to_contain_text("theirs")
    expect(status).to_have_text("1 not saved yet")
    keep(page, "conflict")
    page.get_by_role("button", name="Keep mine").click()
    expect(status).to_have_text("All 1 saved")
    assert next(iter(service.rows.values()))["label"] == "mine"


def test_it_undoes_and_deletes(live_server: LiveServer, brightfield: VirtualSlide, page: Page) -> None:
    service = Annotations(page)
    visit(page, live_server.url, brightfield, "#x=600&y=360&s=1")
    shapes = page.locator(".viewer-annotation")
    page.keyboard.press("r")
    drag(page, [(200, 200), (320, 300)])
    expect(shapes).to_have_count(1)
    page.keyboard.press("Control+z")
    expect(shapes).to_have_count(0)
    page.keyboard.press("Control+Shift+Z")
    expect(shapes).to_have_count(1)
    expect(page.locator("[data-annotation-status]")).to_have_text("All 1 saved")
    page.mouse.click(260, 250)
    page.keyboard.press("Delete")
    expect(shapes).to_have_count(0)
    expect(page.locator("[data-annotation-status]")).to_have_text("All 0 saved")
    assert service.rows == {}
