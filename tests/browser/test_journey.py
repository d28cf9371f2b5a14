"""A night in the laboratory by clicking only: each test is a step of one story and needs those before it."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.house import House
from tests.viewer.browser import canvas, settle

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(400)]

# Two of these glasses are stained so faintly that they are doubtful; under another the stage fails at first.
DOUBTFUL, STRUCK, SAFE = ("TRIAL-593", "TRIAL-480"), "TRIAL-160", ("TRIAL-002", "TRIAL-003")
SLIDES = (*DOUBTFUL, STRUCK, *SAFE)
PATIENCE = 180_000  # ms


def csv(folder: Path, name: str, *lines: str) -> Path:
    file = folder / name
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def centre(thing: Locator) -> tuple[float, float]:
    box = thing.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def numbers(thing: Locator, *names: str) -> list[float]:
    return [float(thing.get_attribute(name) or "nan") for name in names]


def drag(page: Page, *path: tuple[float, float]) -> None:
    page.mouse.move(*path[0])
    page.mouse.down()
    for place in path[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()


def test_the_technician_registers_slides_from_a_file(house: House, tmp_path: Path) -> None:
    stains = ("IHC Ki-67", "IF DAPI/FITC/TRITC/Cy5", "H&E", "H&E", "IF DAPI/FITC/TRITC/Cy5")
    rows = [
        f"{barcode},B26-{number:05d},7100{number},Example,Robin,breast,{stain}"
        for number, (barcode, stain) in enumerate(zip(SLIDES, stains, strict=True))
    ]
    head = "barcode,accession,mrn,family_name,given_name,tissue,stain"
    page = house.page("tess")
    page.get_by_role("link", name="Slides", exact=True).click()
    page.get_by_role("link", name="Import").first.click()
    page.get_by_label("CSV file").set_input_files(csv(tmp_path, "slides.csv", head, *rows))
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name=f"Register {len(SLIDES)} slides").click()
    expect(page.locator("#notices")).to_contain_text(str(len(SLIDES)))


def test_barcodes_are_loaded_by_typing_and_by_file(house: House, tmp_path: Path) -> None:
    page = house.page("tess")
    page.get_by_role("link", name="Batches", exact=True).click()
    page.get_by_label("Name").fill("Night of clicks")
    page.get_by_role("button", name="Make a batch").click()
    for barcode in (SLIDES[0], SLIDES[1], "NOBODYS-1"):
        page.get_by_label("Barcode", exact=True).fill(barcode)
        page.keyboard.press("Enter")
        expect(page.locator("#loader [role=status]")).to_contain_text(barcode)
        expect(page.get_by_label("Barcode", exact=True)).to_be_focused()
    lines = [f"2,{slot},{barcode}" for slot, barcode in enumerate(SLIDES[2:], 1)]
    file = csv(tmp_path, "load.csv", "carousel,slot,barcode", *lines)
    page.get_by_label("CSV: carousel").set_input_files(file)
    page.get_by_role("button", name="Load the file").click()
    expect(page.locator("#notices")).to_contain_text("3 slots were loaded")
    expect(page.locator("table.board .slot.tone-bench")).to_have_count(5)


def test_the_check_stops_an_unknown_barcode_until_it_is_taken_out(house: House) -> None:
    page = house.page("tess")
    page.get_by_role("link", name="Scanning").click()
    expect(page.get_by_role("button", name="Start the snapshots")).to_be_disabled()
    page.get_by_role("link", name="no slide has the barcode NOBODYS-1").click()
    page.get_by_role("button", name="Take it out").click()
    expect(page.locator("#notices")).to_contain_text("is free again")
    page.get_by_role("link", name="Go to the scanner").click()
    house.facts["night"] = page.url
    page.get_by_role("button", name="Start the snapshots").click()
    expect(page.locator("#live")).to_contain_text("doubtful slides wait", timeout=PATIENCE)


def test_a_doubtful_slide_is_mended_by_mouse_and_keyboard(house: House) -> None:
    page = house.page("tess")
    page.get_by_role("link", name="Look at the doubtful").click()
    page.get_by_role("link", name="Review the worst first").click()
    house.facts["review"] = page.url
    status, points = page.locator("[data-status]"), page.locator("[data-review] .point")
    expect(page.get_by_role("button", name="Add a point")).to_be_visible()  # shown when the script is there
    before = points.count()
    points.nth(0).hover()  # waits until the picture stands still
    x, y = centre(points.nth(0))
    drag(page, (x, y), (x + 25, y + 18))
    expect(page.locator("[data-review] .point.person")).to_have_count(1)
    area = page.locator("[data-review] .area").bounding_box()
    assert area is not None
    page.mouse.click(area["x"] + 8, area["y"] + 8)
    expect(status).to_contain_text(f"{before + 1} focus points")
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Delete")
    expect(status).to_contain_text(f"{before} focus points")
    low = area["y"] + area["height"] - 5
    drag(page, (area["x"] + 5, low), (area["x"] + 30, low - 25))
    moved = page.locator("[data-review] .area").bounding_box()
    assert moved is not None
    assert moved["x"] == pytest.approx(area["x"] + 25, abs=2)


def test_what_was_mended_is_kept_and_accepted(house: House) -> None:
    page = house.page("tess")
    area = page.locator("[data-review] .area")
    before = numbers(area, "x", "y", "width", "height")
    page.keyboard.press("s")
    expect(page.locator("#notices")).to_contain_text("Saved")
    assert numbers(area, "x", "y", "width", "height") == pytest.approx(before, abs=0.1)
    expect(page.locator("[data-review] .point.person")).to_have_count(1)
    for _ in DOUBTFUL:
        url = page.url
        page.keyboard.press("Enter")
        page.wait_for_url(lambda now, url=url: now != url)  # type: ignore[misc]
    expect(page.locator("#notices")).to_contain_text("Every doubtful slide has been looked at")


def test_the_night_is_watched_without_loading_the_page_again(house: House) -> None:
    page = house.page("tess")
    page.get_by_role("button", name="Accept the 3 safe").click()
    page.get_by_role("button", name="Start the night").click()
    page.evaluate("window.sameDocument = true")
    queue = page.get_by_role("link", name=re.compile("Queue"))
    queue.focus()
    expect(page.locator("#lens")).to_contain_text("TRIAL-", timeout=PATIENCE)
    expect(page.locator(".slot.tone-done").first).to_be_visible(timeout=PATIENCE)
    expect(queue).to_be_focused()
    expect(page.get_by_role("link", name="See the morning")).to_be_visible(timeout=PATIENCE)
    assert page.evaluate("window.sameDocument")


def test_the_morning_accounts_for_every_slide_and_packs_the_rescan(house: House) -> None:
    page = house.page("tess")
    page.get_by_role("link", name="See the morning").click()
    house.facts["morning"] = page.url
    told = page.get_by_role("heading", name=re.compile(r"5 slides = \d published")).inner_text()
    whole, *parts = (int(number) for number in re.findall(r"\d+", told))
    assert whole == sum(parts)
    expect(page.get_by_role("heading", name="Stage fault")).to_be_visible()
    page.get_by_role("button", name="Build the rescan carousel").click()
    expect(page.get_by_role("heading", name="Pick list")).to_be_visible()
    expect(page.get_by_role("table")).to_contain_text(STRUCK)


def test_a_manager_puts_a_reader_on_the_rota(house: House) -> None:
    page = house.page("mara")
    page.get_by_role("link", name="Assignments").first.click()
    page.locator("select[name=user]").select_option(label="Paul Lindqvist")
    for box in page.locator("fieldset [type=checkbox]").all():
        box.check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#notices")).to_contain_text("Paul Lindqvist reads up to")


def test_the_reader_finds_a_slide_that_is_painted(house: House) -> None:
    boss = house.page("mara")
    share = boss.get_by_role("button", name="Share out what waits")
    page = house.page("paul")
    for _ in range(60):
        boss.goto("/reading/assignments/")
        if share.is_enabled():
            share.click()
        page.goto("/reading/")
        if page.get_by_role("link", name="Read the first slide").count():
            break
        page.wait_for_timeout(2000)
    page.get_by_role("link", name="Read the first slide").click()
    settle(page)
    house.facts["read"] = page.url
    assert canvas(page).astype(float).std() > 10


def test_a_channels_window_changes_the_picture(house: House) -> None:
    page = house.page("paul")
    before = canvas(page).astype(int).sum()
    if page.get_by_role("button", name="Auto-window all").is_hidden():
        page.locator("summary", has_text="Channels").click()
    low = page.get_by_label("Black at").first
    low.fill(str(int(int(low.get_attribute("max") or 2) * 0.6)))
    settle(page)
    assert canvas(page).astype(int).sum() < before
    page.get_by_role("button", name="Auto-window all").click()


def test_an_outline_with_its_comment_is_saved_found_again_and_signed_off(house: House) -> None:
    page = house.page("paul")
    status = page.locator("[data-annotation-status]")
    page.get_by_role("button", name="Freehand").click()
    x, y = centre(page.locator("[data-map]"))
    drag(page, (x - 90, y), (x, y - 70), (x + 90, y), (x, y + 80), (x - 85, y + 5))
    page.locator("[data-annotation-label]").fill("Tumour")
    page.locator("[data-annotation-comment]").fill("invasive front")
    expect(status).to_have_text("All 1 saved")
    page.reload()
    settle(page)
    expect(status).to_have_text("All 1 saved")
    page.locator(".viewer-annotation").click()
    expect(page.locator("[data-annotation-comment]")).to_have_value("invasive front")
    page.get_by_role("button", name="Submit and next").click()
    expect(page.locator("#notices")).to_contain_text("signed off", timeout=60_000)


def test_a_manager_sees_the_figures_and_a_slides_story(house: House) -> None:
    page = house.page("mara")
    page.get_by_role("link", name="Figures").first.click()
    expect(page.locator(".chart canvas").first).to_be_visible()
    page.get_by_role("link", name="Stage fault").first.click()
    page.get_by_role("link", name=STRUCK).click()
    page.get_by_role("link", name="Passport").first.click()
    house.facts["passport"] = page.url
    expect(page.get_by_role("heading", name="Scan attempts")).to_be_visible()
    expect(page.locator("#content")).to_contain_text("Stage fault")


def test_a_release_is_made_by_one_and_approved_by_another(house: House) -> None:
    page = house.page("stella")
    page.get_by_role("link", name="Releases").first.click()
    page.get_by_label("Why small groups").fill("nobody stands behind these slides")
    page.get_by_role("button", name="Make a draft").click()
    page.goto("/corpus/1/")
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    boss = house.page("adam")
    boss.goto("/corpus/1/")
    boss.get_by_role("button", name="Approve").click()
    for _ in range(90):
        boss.reload()
        if boss.locator("h1 ~ .badge", has_text=re.compile("published|failed", re.IGNORECASE)).count():
            break
        boss.wait_for_timeout(1000)
    expect(boss.locator("h1 ~ .badge")).to_contain_text(re.compile("published", re.IGNORECASE))
    expect(boss.get_by_role("link", name="Manifest", exact=True)).to_be_visible()
