"""A region is drawn on the slide itself, in a real browser."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from core.roles import Role
from deidentify.models import CoveredRegion, DeidentifiedSlide
from tests.browser.test_pages import findings
from tests.viewer.browser import chromium, keep, settle

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """From one share of the picture's width and height to another."""
    box: Any = page.locator("[data-map]").bounding_box()
    at = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in (start, end)]
    page.mouse.move(*at[0])
    page.mouse.down()
    page.mouse.move(*at[1], steps=4)
    page.mouse.up()


def test_a_region_is_drawn_covered_shown_and_taken_back(
    live_server: LiveServer, client_of: Callable[[str], Client], made: DeidentifiedSlide
) -> None:
    session = client_of(Role.STEWARD).cookies["sessionid"].value
    with chromium(live_server.url, session) as page:
        page.goto(f"{live_server.url}/deidentify/slides/{made.pk}/cover/")
        settle(page)
        page.locator("[data-map]").focus()
        page.keyboard.press("r")
        drag(page, (0.4, 0.4), (0.6, 0.6))
        page.keyboard.press("Enter")
        page.get_by_text("The clean file is being made").wait_for()
        page.locator("[data-region]").wait_for()
        assert page.locator("input[name=left]").input_value() == ""
        page.locator("select[name=reason]").select_option("sticker")
        page.get_by_role("button", name="Draw a rectangle").click()
        drag(page, (0.45, 0.65), (0.55, 0.75))
        page.get_by_role("button", name="Cover it").click()
        page.get_by_text("Sticker", exact=True).nth(1).wait_for()
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            assert findings(page) == []
        page.get_by_role("button", name="Show").first.click()
        page.get_by_role("button", name="Take back").first.click()
        page.get_by_text("1 taken back").wait_for()
        keep(page, "cover")
    pen, sticker = CoveredRegion.objects.all()
    assert (pen.reason, sticker.reason) == ("pen", "sticker")
    assert pen.removed_by is not None
    assert sticker.removed_by is None
    left, top, width, height = sticker.box
    assert left > pen.left
    assert top >= pen.top + pen.height
    assert 0 < width < pen.width
    assert height > 0
