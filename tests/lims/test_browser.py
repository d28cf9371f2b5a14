"""The loading bench in a real browser: hands on glass, eyes on the board, a reader that types and presses
Enter.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse

from lims import services
from lims.models import Batch, Slot
from lims.services import Placement
from tests.conftest import person
from tests.lims.making import batch, hands, slide
from tests.viewer.browser import chromium

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


def session_of(role: str) -> str:
    client = Client()
    client.force_login(person(role), backend="django.contrib.auth.backends.ModelBackend")
    return client.cookies["sessionid"].value


def load(made: Batch, barcode: str) -> None:
    """Another person's load, in a thread of its own: Playwright's has an event loop."""
    services.load(batch=made, placements=[Placement(2, 2, barcode)], actor=hands())
    connections.close_all()


def test_it_loads_slide_after_slide_without_touching_the_mouse(live_server):
    made, barcodes = batch(), [slide().barcode for _ in range(3)]
    with chromium(live_server.url, session_of("technician")) as page:
        page.goto(live_server.url + reverse("lims:batch", args=[made.pk]))
        for number, barcode in enumerate(barcodes, 1):
            page.wait_for_selector(f"#at[value='1-{number}']", state="attached")
            assert page.evaluate("document.activeElement.id") == "id_barcode"
            page.keyboard.type(barcode)
            page.keyboard.press("Enter")
            page.wait_for_selector(f"#live .slot:has-text('{barcode}')")
        page.wait_for_selector("text=Every barcode is known")
    assert [(str(slot), slot.barcode) for slot in Slot.objects.order_by("position")] == [
        (f"01-{number:02d}", barcode) for number, barcode in enumerate(barcodes, 1)
    ]


def test_it_goes_to_the_slot_that_was_clicked_and_tells_what_was_wrong(live_server):
    made, one = batch(), slide()
    with chromium(live_server.url, session_of("technician")) as page:
        page.goto(live_server.url + reverse("lims:batch", args=[made.pk]))
        page.click("[aria-label='load slot 3-7']")
        page.wait_for_selector("#at[value='3-7']", state="attached")
        page.keyboard.type("NOBODY-7")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=no slide has the barcode NOBODY-7")
        page.evaluate("console.error = () => {}")  # htmx tells the console of the refusal that is wanted here
        page.fill("#id_carousel", "3")
        page.fill("#id_position", "7")
        page.fill("#id_barcode", one.barcode)
        page.keyboard.press("Enter")
        page.wait_for_selector("#notices .error:has-text('Slot 3-7 is taken')")
        assert page.input_value("#id_barcode") == one.barcode


def test_its_board_follows_other_hands_without_stealing_what_is_typed(live_server):
    made, one = batch(), slide()
    with chromium(live_server.url, session_of("technician")) as page:
        page.goto(live_server.url + reverse("lims:batch", args=[made.pk]))
        page.keyboard.type("half a barc")
        with ThreadPoolExecutor(1) as other:
            other.submit(load, made, one.barcode).result()
        page.wait_for_selector(f"#live .slot:has-text('{one.barcode}')", timeout=10_000)
        assert page.input_value("#id_barcode") == "half a barc"
        assert page.evaluate("document.activeElement.id") == "id_barcode"


def test_it_remembers_the_theme(live_server):
    with chromium(live_server.url, session_of("technician")) as page:
        page.goto(live_server.url + reverse("lims:slides"))
        before = page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor")
        page.click("[data-theme-toggle]")
        after = page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor")
        page.reload()
        assert (
            page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor") == after != before
        )
