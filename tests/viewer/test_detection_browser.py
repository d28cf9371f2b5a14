"""The detection layer in a real browser: chosen, painted, counted, stored."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from lims.states import State
from tests.viewer.browser import chromium, keep, settle
from viewer.models import VirtualSlide

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]


def test_a_reader_counts_nuclei_and_keeps_them(
    live_server: LiveServer,
    slide_files: dict[str, Path],
    register: Callable[..., VirtualSlide],
    client_of: Callable[[str], Client],
) -> None:
    virtual = register(slide_files["brightfield"], state=State.DEIDENTIFIED)
    with chromium(live_server.url, client_of("pathologist").cookies["sessionid"].value) as page:
        page.emulate_media(color_scheme="dark")
        page.goto(f"{live_server.url}/viewer/{virtual.slide.uid}/")
        settle(page)
        page.get_by_text("Detection", exact=True).click()
        with page.expect_response(lambda answer: "/detect/nuclei/" in answer.url and answer.ok):
            page.get_by_label("Detector").select_option("nuclei")
        page.get_by_role("button", name="Count in view").click()
        told = page.locator("[data-told]")
        expect(told).to_contain_text("× nucleus in view", timeout=30_000)
        number = int(told.inner_text().split()[0])
        assert number > 50
        with page.expect_response("**/api/annotations/detect/") as stored:
            page.get_by_role("button", name="Store as annotations").click()
        expect(told).to_contain_text("stored", timeout=30_000)
        assert stored.value.json() == {"stored": number, "here": 0, "origin": "detector nuclei 1"}
        expect(page.locator("[data-annotation-status]")).to_have_text(f"All {number} saved")
        page.wait_for_load_state("networkidle")
        told.scroll_into_view_if_needed()
        keep(page, "detection")
