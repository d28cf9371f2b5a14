"""The slide in our viewer: a laboratory with one slide, its web server, one browser."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.db import connections
from django.test import Client
from playwright.sync_api import Page

import vslide
from annotation.models import Annotation, Assignment
from annotation.services import assign
from lims.models import Block, Case, Patient, Slide, Specimen
from lims.states import State
from tests.annotation.making import reader
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


def registered(file: Path) -> VirtualSlide:
    """The slide's row: its file is linked to where the laboratory keeps its slides."""
    known = VirtualSlide.objects.filter(path=file.name).first()
    if known is not None:
        return known
    root = Path(settings.SLIDE_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    os.link(file, root / file.name)
    case = Case.objects.create(
        accession="bench", patient=Patient.objects.create(mrn="bench", family_name="Doe")
    )
    block = Block.objects.create(specimen=Specimen.objects.create(case=case))
    slide = Slide.objects.create(barcode="BENCH-1", block=block, state=State.DEIDENTIFIED)
    with vslide.open(file) as reader:
        return VirtualSlide.objects.create(
            slide=slide, path=file.name, sha256=hashlib.sha256(file.name.encode()).hexdigest(),
            bytes=file.stat().st_size, width=reader.size[0], height=reader.size[1],
            fields=len(reader.fields), channels=len(reader.channels), pixel_size_um=reader.pixel_size_um,
        )  # fmt: skip


def logged_in(reading: Assignment) -> str:
    client = Client()
    client.force_login(reading.reader.user, backend="django.contrib.auth.backends.ModelBackend")
    return client.cookies["sessionid"].value
