"""Ten thousand annotations on a slide: all of them come, and panning is as smooth as without them. How fast
that is, `./nocturne bench viewer` says.
"""

from statistics import median

import pytest
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from annotation.models import Assignment
from tests.viewer.cells import scatter
from tests.viewer.test_drawing import at, at_the_slide, reading, status

__all__ = ["reading"]  # a fixture
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]
MANY = 10_000
PAGES = "() => performance.getEntriesByType('resource').filter((e) => e.name.includes('limit=')).length"

RECORD = """() => {
  const frames = (window.frames_ms = []);
  let last = performance.now();
  const tick = (now) => {
    frames.push(now - last);
    last = now;
    window.recording && requestAnimationFrame(tick);
  };
  window.recording = true;
  requestAnimationFrame(tick);
}"""


def panned(page: Page) -> list[float]:
    """The milliseconds between frames while the slide is dragged about."""
    page.evaluate(RECORD)
    middle, *corners = at(page, (0, 0), (250, 120), (-250, 120), (-250, -120), (250, -120), (0, 0))
    page.mouse.move(*middle)
    page.mouse.down()
    for corner in corners:
        page.mouse.move(*corner, steps=8)
    page.mouse.up()
    frames: list[float] = page.evaluate("() => { window.recording = false; return window.frames_ms; }")
    return frames[2:]


def test_ten_thousand_are_read_and_panned(live_server: LiveServer, reading: Assignment) -> None:
    virtual = reading.slide.virtual_slides.get()
    scatter(reading, virtual.width, virtual.height, MANY)
    with at_the_slide(live_server, reading) as page:
        status(page, f"All {MANY} saved")
        assert page.evaluate(PAGES) == MANY / 2000
        page.wait_for_selector(".viewer-shapes[data-painted=true]")
        full = median(panned(page))
        page.locator("[data-annotation-layers] input").evaluate("(box) => box.click()")
        page.wait_for_selector(".viewer-shapes[data-painted=true]")
        bare = median(panned(page))
    assert full < max(1000 / 30, 3 * bare), f"a frame {full:.1f} ms, without them {bare:.1f} ms"
