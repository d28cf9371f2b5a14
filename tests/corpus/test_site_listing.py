"""The list of a site's slides: in pages, narrowed whole."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.site import assets, facts, listing
from corpus.site.writing import ASSETS, write_list
from tests.browser.test_pages import findings
from tests.corpus.hosting import hosted
from tests.viewer.browser import chromium, keep

TOP = {
    "up": "",
    "release": "../1",
    "head": {"title": "Corpus, release 1", "licence": "CC0-1.0", "month": "2026-11"},
}


def slide(number: int) -> facts.Shown:
    """Every third is of the prostate."""
    tissue = "breast" if number % 3 else "prostate"
    image = {"path": f"data/{number:05}.svs", "tissue": tissue, "stain": "H&E", "cut": "lvl", "bytes": 2048}
    return facts.Shown(f"{number:05}", f"slides/{number:05}.html", image, [image])


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The list of 450 slides."""
    write_list(tmp_path, [slide(number) for number in range(450)], TOP)
    for name in ASSETS:
        assets.copy(f"corpus/site/{name}", tmp_path / name)
    return tmp_path


@given(st.integers(0, 900))
def test_every_slide_is_on_one_page_and_every_page_leads_on(count: int) -> None:
    rows = listing.rows([slide(number) for number in range(count)])
    parts = list(listing.parts(rows))
    assert [row for part in parts for row in part.rows] == rows
    assert all(len(part.rows) <= listing.PER_PAGE for part in parts)
    assert [part.after for part in parts] == [*(part.file for part in parts[1:]), ""]
    assert [part.before for part in parts] == ["", *(part.file for part in parts[:-1])]
    files = {part.file for part in parts}
    assert {page.file for part in parts for page in part.pages} <= files


def test_a_page_says_what_it_shows_and_names_the_others(site: Path) -> None:
    second = (site / "slides-2.html").read_text()
    assert "450 slides, 201 to 400 on this page" in second
    assert second.count("<tr data-slide>") == 200
    assert 'href="slides-3.html" rel="next"' in second
    assert 'href="slides.html" rel="prev"' in second
    assert len(json.loads((site / "slides.json").read_text())) == 450


def test_a_list_of_ten_thousand_stays_small(tmp_path: Path) -> None:
    write_list(tmp_path, [slide(number) for number in range(10_000)], TOP)
    assert len(list(tmp_path.glob("slides*.html"))) == 50
    assert max(page.stat().st_size for page in tmp_path.glob("*.html")) < 64 * 1024
    assert (tmp_path / "slides.json").stat().st_size < 2 * 1024 * 1024


@pytest.mark.browser
@pytest.mark.timeout(120)
def test_a_browser_turns_pages_and_narrows_the_whole_list(site: Path) -> None:
    with hosted(site) as (server, asked), chromium(server, "none") as page:
        page.goto(f"{server}/slides.html")
        page.get_by_role("link", name="Next").first.click()
        page.get_by_text("450 slides, 201 to 400 on this page").wait_for()
        assert "/slides.json" not in [path for path, _ in asked]
        page.locator("[data-choice=tissue]").select_option("breast")
        page.get_by_text("300 of 450 slides").wait_for()
        assert page.locator("[data-slide]").count() == 200
        assert page.get_by_role("navigation", name="Pages of the list, above").is_hidden()
        page.get_by_role("button", name="Show 100 more").click()
        assert page.locator("[data-slide]").count() == 300
        keep(page, "site-list")
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            assert findings(page) == []
        page.locator("[data-choice=tissue]").select_option("")
        page.get_by_text("450 slides, 201 to 400 on this page").wait_for()
        assert page.locator("[data-slide]").first.inner_text().startswith("00200")
