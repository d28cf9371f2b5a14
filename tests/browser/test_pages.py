"""Every page of every room, looked at by axe; and no page is wider than a narrow window."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from config.lab.layout import CHECKOUT
from docs.screenshots import SHOTS
from tests.browser.house import House
from tests.test_routes import ROUTES, TABLE

pytestmark = pytest.mark.browser

AXE = CHECKOUT / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = {"serious", "critical"}
# What a browser is not shown as a page: pictures, files and data.
NOT_PAGES = {
    "schema",
    "overview:table",
    "overview:api-passport",
    "lims:case-report",
    "lims:import-template",
    "lims:batch-fragment",
    "scanning:macro",
    "scanning:label",
    "scanning:quality-overview",
    "scanning:quality-field",
    "scanning:alert-strip",
    "scanning:night-events",
    "viewer:header",
    "viewer:histogram",
    "viewer:chunks",
    "viewer:tile",
    "viewer:thumbnail",
    "viewer:region",
    "viewer:deep-zoom",
    "viewer:deep-zoom-tile",
    "viewer:detectors",
    "viewer:detect",
    "viewer:detect-tile",
    "viewer:iiif",
    "viewer:iiif-info",
    "viewer:iiif-image",
    "annotation:view",
    "annotation:mask",
    "annotation:export",
    "corpus:release-file",
}


def test_every_page_has_its_screenshot() -> None:
    pages = {row.partition(" ")[2] for row in TABLE if row.startswith("GET ")}
    pages = {name for name in pages if not name.startswith(("api:", "viewer:signed:"))} - NOT_PAGES
    assert pages <= set(ROUTES)
    assert pages - {shot.route for shot in SHOTS} == set(), "pages without a screenshot"
    folder = Path(CHECKOUT) / "docs" / "screenshots"
    assert {shot.name for shot in SHOTS} == {file.stem for file in folder.glob("*.png")}


def test_the_screenshots_are_small() -> None:
    sizes = [file.stat().st_size for file in (Path(CHECKOUT) / "docs" / "screenshots").glob("*.png")]
    assert max(sizes) < 300_000
    assert sum(sizes) < 6_000_000


# Swagger's own page: what it looks like is not ours.
THEIRS = {"/api/docs/"}


def a_profile(house: House) -> int:
    """The number of a scan profile; made by hand when there is none yet."""
    page, found = house.page("tess"), "/api/scan-profiles/"
    if not page.context.request.get(found).json()["results"]:
        page.goto("/scan/profiles/new/")
        page.get_by_label("Name").fill("Thick sections")
        page.get_by_label("Stains").fill("thick")
        page.get_by_role("button", name="Keep the profile").click()
        page.wait_for_url("**/scan/profiles/")
    return int(page.context.request.get(found).json()["results"][0]["id"])


def places(house: House) -> list[tuple[str, str]]:
    """(who, address) of every page, in the state in which the story has left it."""
    api = house.page("tess").context.request
    batch = api.get("/api/batches/").json()["results"]
    snapshot = api.get("/api/snapshots/").json()["results"][0]
    quality = api.get("/api/qualities/").json()["results"][0]
    slide = next(row for row in api.get("/api/slides/").json()["results"] if row["state"] == "released")
    item = house.page("stella").context.request.get("/api/deidentified/slides/").json()["results"][0]["id"]
    reading = house.page("paul").context.request.get("/api/assignments/").json()["results"]
    facts = {
        "batch": min(row["id"] for row in batch),
        "extra": max(row["id"] for row in batch),
        "rescan": max(row["id"] for row in batch),
        "doubtful": snapshot["id"],
        "quality": quality["id"],
        "profile": a_profile(house),
        "slide": slide["barcode"],
        "case": slide["accession"],
        "uid": slide["uid"],
        "fluorescent": slide["uid"],
        "item": item,
        "covering": item,
        "assignment": max(row["id"] for row in reading),
    }
    # The story has no reports: tests/deidentify/test_reviewing_browser.py looks at the page of one.
    shots = [shot for shot in SHOTS if "{report}" not in shot.address]
    found = dict.fromkeys((shot.who, shot.address.format(**facts)) for shot in shots)
    return [(who, address) for who, address in found if address not in THEIRS]


def findings(page: Page) -> list[str]:
    page.evaluate(AXE.read_text(encoding="utf-8"))  # a script element is stopped by the policy
    said: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{page.url}: {rule['id']} ({rule['impact']}): {node['target']} {node['html'][:120]}"
        for rule in said["violations"]
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]


@pytest.mark.system
@pytest.mark.timeout(600)
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_no_page_has_a_grave_finding_of_axe(house: House, scheme: Any) -> None:
    found: list[str] = []
    for who, address in places(house):
        page = house.page(who)
        page.emulate_media(color_scheme=scheme)
        page.goto(address)
        page.wait_for_timeout(150)
        found += findings(page)
    assert found == []


@pytest.mark.system
@pytest.mark.timeout(300)
def test_no_page_is_wider_than_a_telephone(house: House) -> None:
    wide: list[str] = []
    for who, address in places(house):
        page = house.page(who)
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(address)
        if page.evaluate("document.documentElement.scrollWidth") > 392:
            wide.append(address)
        page.set_viewport_size({"width": 1440, "height": 900})
    assert wide == []
