"""The slide in our viewer: a laboratory with one slide, its web server, one browser."""

import json
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from django.db import connections
from django.test import Client
from playwright.sync_api import Page

from annotation.models import Annotation, Assignment
from annotation.services import assign
from tests.annotation.making import reader
from tests.bench.registering import registered
from tests.bench.viewer_browser import REQUESTS, dragging, first_picture, panning, watched
from tests.bench.watching import web_server
from tests.viewer.cells import scatter
from viewer.models import VirtualSlide

PAN_LAYER, PAN_PX, MOST_STEPS = 4, 120, 50
ANNOTATIONS = 10_000
WHOLE = """
new MutationObserver(() => {
  const root = document.querySelector("[data-viewer]");
  if (window.firstPicture === undefined && root?.dataset.complete === "true") {
    window.firstPicture = null;
    requestAnimationFrame(() => (window.firstPicture = performance.now()));
  }
}).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-complete"] });
"""


DRAWN = """(many) =>
  document.querySelector("[data-annotation-status]").textContent === `All ${many} saved`
  && document.querySelector(".viewer-shapes").dataset.painted === "true" && performance.now()
"""


def main(arguments: Sequence[str]) -> int:
    slide, figures = map(Path, arguments)
    virtual = registered(slide)
    reading = assigned(virtual)
    session = logged_in(reading)
    connections.close_all()
    with web_server() as (port, _):
        address = f"http://127.0.0.1:{port}"
        urllib.request.urlopen(f"{address}/login/").close()  # noqa: S310  a server that has been asked before
        cookie = {"name": "sessionid", "value": session, "url": address}
        page_of_slide = f"{address}/viewer/{virtual.slide.uid}/"
        with watched(WHOLE, cookie) as (page, moved):
            found = {"first_picture": first_picture(page, page_of_slide)}
            found |= {"moved": moved.megabytes(), "pixels_moved": moved.megabytes("/chunks?")}
            level = page.locator("[data-viewer]").get_attribute("data-level")
            assert level == "16" or virtual.fields < 100, f"the whole slide is shown at layer {level}"
            found |= panned(page, virtual) | {"longest_request": page.evaluate(REQUESTS) / 1e3}
        scatter(reading, virtual.width, virtual.height, ANNOTATIONS)
        connections.close_all()
        with watched("", cookie) as (page, _):
            found |= annotated(page, page_of_slide)
    figures.write_text(json.dumps(found), encoding="utf-8")
    return 0


def panned(page: Page, virtual: VirtualSlide) -> dict[str, float]:
    """Along a row of fields at layer 4."""
    page.locator("[data-map]").focus()
    page.evaluate(f"location.hash = 'x={0.1 * virtual.width}&y={virtual.height / 2}&s={PAN_LAYER}'")
    page.wait_for_timeout(2000)
    return panning(page, int(min(MOST_STEPS, 0.8 * virtual.width / (PAN_PX * PAN_LAYER))))


def annotated(page: Page, address: str) -> dict[str, float]:
    """The whole slide with all that is drawn on it, opened and dragged about."""
    page.goto(address, wait_until="commit")
    page.wait_for_selector("[data-annotation-status]")
    drawn_ms = page.wait_for_function(DRAWN, arg=ANNOTATIONS).json_value()
    return {"annotations": float(drawn_ms) / 1e3, "annotations_fps": dragging(page)}


def assigned(virtual: VirtualSlide) -> Assignment:
    """The slide on a reader's list, with nothing drawn on it."""
    reader("paul")
    Annotation.objects.filter(slide=virtual.slide).delete()
    made = Assignment.objects.filter(slide=virtual.slide).first() or assign(slide=virtual.slide)
    assert made is not None, "nobody can read it"
    return made


def logged_in(reading: Assignment) -> str:
    client = Client()
    client.force_login(reading.reader.user, backend="django.contrib.auth.backends.ModelBackend")
    return client.cookies["sessionid"].value
