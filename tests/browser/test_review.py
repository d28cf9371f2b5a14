"""The focus review by keyboard: a person who knows the keys never waits and never takes the mouse."""

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser.house import House, lab_command
from tests.browser.test_journey import PATIENCE, csv

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(400)]

DOUBTFUL = ("TRIAL-606", "TRIAL-643", "TRIAL-684", "TRIAL-716")  # stained so faintly that a person must look
HEAD = "barcode,accession,mrn,family_name,given_name,tissue,stain"
FETCHED = "performance.getEntriesByType('resource').filter((e) => e.name.endsWith('macro.jpg'))"
EFFORT = (
    "from lims.models import Batch; from scanning.queries import review_effort; "
    "e = review_effort(Batch.objects.get(name='Faint glasses')); "
    "print('EFFORT', e.slides, e.needed_person, e.reviewed, e.median_s)"
)


def barcode(page: Page) -> str:
    return page.get_by_role("heading", level=1).inner_text()


def press_and_go(page: Page, key: str) -> None:
    before = page.url
    page.keyboard.press(key)
    page.wait_for_url(lambda now: now != before)
    page.wait_for_load_state()


@pytest.fixture(scope="module")
def page(house: House, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """A batch of faint glasses that has been photographed; the page shows its snapshots."""
    folder, page = tmp_path_factory.mktemp("faint"), house.page("tess")
    rows = [
        f"{code},B27-{number:05d},7200{number},Example,Robin,breast,IHC Ki-67"
        for number, code in enumerate(DOUBTFUL)
    ]
    page.goto("/lab/import/")
    page.get_by_label("CSV file").set_input_files(csv(folder, "slides.csv", HEAD, *rows))
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name=f"Register {len(DOUBTFUL)} slides").click()
    page.get_by_role("link", name="Batches", exact=True).click()
    page.get_by_label("Name").fill("Faint glasses")
    page.get_by_role("button", name="Make a batch").click()
    lines = [f"1,{slot},{code}" for slot, code in enumerate(DOUBTFUL, 1)]
    page.get_by_label("CSV: carousel").set_input_files(
        csv(folder, "load.csv", "carousel,slot,barcode", *lines)
    )
    page.get_by_role("button", name="Load the file").click()
    page.get_by_role("link", name="Scanning").click()
    page.get_by_role("button", name="Start the snapshots").click()
    expect(page.locator("#live")).to_contain_text("doubtful slides wait", timeout=PATIENCE)
    page.get_by_role("link", name="Look at the doubtful").click()
    page.get_by_role("link", name="Review the worst first").click()
    expect(page.get_by_role("button", name="Add a point")).to_be_visible()
    return page


def test_it_says_in_plain_words_why_a_slide_is_doubtful(page: Page) -> None:
    reasons = page.locator(".reasons li")
    expect(reasons.first).to_be_visible()
    assert re.search("faint stain|places that were tried", reasons.all_inner_texts()[0], re.IGNORECASE)
    expect(page.get_by_text("1 of 4 that wait, worst first")).to_be_visible()


def test_one_key_accepts_and_the_next_picture_is_there_already(page: Page) -> None:
    first = barcode(page)
    page.wait_for_timeout(1_500)  # a glance, in which the next picture comes
    press_and_go(page, "Enter")
    assert barcode(page) != first
    expect(page.locator("[data-review] .point").first).to_be_visible()
    assert page.evaluate(f"{FETCHED}[0].transferSize") == 0, "the picture was fetched again"


def test_back_open_again_and_accept_once_more(page: Page) -> None:
    second = barcode(page)
    press_and_go(page, "p")
    expect(page.get_by_text("Until its scan is queued this can be taken back")).to_be_visible()
    page.keyboard.press("o")
    expect(page.get_by_role("button", name="Add a point")).to_be_visible()
    expect(page.get_by_text("of 4 that wait, worst first")).to_be_visible()
    press_and_go(page, "Enter")
    assert barcode(page) == second


def test_points_are_added_moved_undone_and_deleted_by_key(page: Page) -> None:
    status, points = page.locator("[data-status]"), page.locator("[data-review] .point")
    before = points.count()
    page.keyboard.press("a")
    expect(status).to_contain_text(f"{before + 1} focus points")
    place = points.last.get_attribute("transform")
    page.keyboard.press("Shift+ArrowRight")
    assert points.last.get_attribute("transform") != place
    page.keyboard.press("u")
    assert points.last.get_attribute("transform") == place
    page.keyboard.press("u")
    expect(status).to_contain_text(f"{before} focus points")
    page.keyboard.press("Tab")
    page.keyboard.press("Delete")
    expect(status).to_contain_text(f"{before - 1} focus points")
    page.keyboard.press("u")


def test_leaving_one_comes_back_to_it_at_the_end_and_the_time_is_kept(house: House, page: Page) -> None:
    left = barcode(page)
    press_and_go(page, "n")
    for _ in range(2):
        assert barcode(page) != left
        time.sleep(0.3)
        press_and_go(page, "Enter")
    assert barcode(page) == left
    press_and_go(page, "Enter")
    expect(page.locator("#notices")).to_contain_text("Every doubtful slide has been looked at")
    told = re.search(
        r"EFFORT (\d+) (\d+) (\d+) ([\d.]+)", lab_command(house.var, "manage", "shell", "-c", EFFORT).stdout
    )
    assert told is not None
    assert told.group(1, 2, 3) == ("4", "4", "4")
    assert 0 < float(told.group(4)) < 60
