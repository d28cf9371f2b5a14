"""The static site: plain files, the same each time, without what was withdrawn; searched in a browser."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from html import unescape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput, Conflict
from corpus.errors import NotReleasable, ReleaseStopped
from corpus.models import Release
from corpus.services import build, bury, withdraw
from corpus.site import words, write_site
from tests.conftest import person
from tests.corpus.making import approved, read_slide
from tests.viewer.browser import chromium

needs_database = pytest.mark.django_db(databases=["default", "vault"])
CASE: dict[str, Any] = {"accession": "S19-23421", "mrn": "00481516", "tissue": "breast"}


def released() -> Release:
    read_slide(barcode="S19-23421-A1-1", **CASE)
    read_slide(barcode="S19-23421-A2-1", block="A2", **CASE)
    other = {"accession": "S19-9", "mrn": "00481517", "tissue": "prostate"}
    read_slide(barcode="S19-9-A1-1", report=False, **other)
    return build(release=approved())


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@needs_database
def test_every_link_leads_to_a_file_and_the_bytes_are_the_same_again() -> None:
    release = released()
    site = release.folder.with_name("site")
    assert write_site(release, site) == 3
    first = files(site)
    pages = [site / name for name in first if name.endswith(".html")]
    assert len(pages) == 8
    for page in pages:
        text = page.read_text()
        assert "<script>" not in text
        links = re.findall(r'(?:href|src)="([^"]+)"', text)
        assert links
        for link in links:
            assert (page.parent / unescape(link)).is_file(), link
    write_site(release, site)
    assert files(site) == first
    assert sorted(left.name for left in site.parent.iterdir()) == [str(release.number), "site"]


@needs_database
def test_it_says_what_the_release_says_and_names_nobody() -> None:
    release = released()
    site = release.folder.with_name("site")
    write_site(release, site)
    everything = b"\n".join(files(site).values())
    for secret in (b"Vandermeer", b"Quentin", b"00481516", b"23421", b"pathologist"):
        assert secret not in everything
    start = (site / "index.html").read_text()
    assert release.manifest_sha256 in start
    assert "CC0-1.0" in start
    assert "decided that the release leaves all the same" in start
    pages = (site / "slides" / "breast").rglob("*.html")
    about = [page.read_text() for page in pages if not page.name.endswith(".view.html")]
    assert about
    assert all("Gleason score 3+4=7" in unescape(page) for page in about)
    assert json.loads((site / "words" / "g.json").read_text()) == {"gleason": [0, 1]}


@needs_database
def test_what_is_withdrawn_is_gone_from_the_next_site() -> None:
    release = released()
    site = release.folder.with_name("site")
    write_site(release, site)
    first = release.items.filter(kind="image", path__contains="breast").first()
    assert first is not None
    assert first.slide is not None
    withdraw(slides=[first.slide], reason="asked for by the patient", actor=person("steward"))
    bury(slides=[first.slide])
    release.refresh_from_db()
    assert write_site(release, site) == 2
    stem = Path(first.path).stem
    assert stem.encode() not in b"\n".join(files(site).values())
    assert not [name for name in files(site) if stem in name]
    assert "3 files of this release were withdrawn" in (site / "index.html").read_text()


@needs_database
def test_it_shows_only_what_was_published() -> None:
    draft = approved_without_building()
    with pytest.raises(NotReleasable, match="not published"):
        write_site(draft, draft.folder.with_name("site"))
    release = build(release=draft)
    report = next(release.folder.rglob("*.docx"))
    report.unlink()  # a link to the clean file, which must stay as it is
    report.write_bytes(b"other words")
    with pytest.raises(ReleaseStopped, match="not the report"):
        write_site(release, release.folder.with_name("site"))
    (release.folder / "manifest.json").write_text("{}")
    with pytest.raises(ReleaseStopped, match="manifest"):
        write_site(release, release.folder.with_name("site"))


def approved_without_building() -> Release:
    read_slide(barcode="S19-23421-A1-1", **CASE)
    return approved()


@needs_database
def test_it_replaces_nothing_but_a_site(tmp_path: Path) -> None:
    release = build(release=approved_without_building())
    letter = tmp_path / "letters" / "letter.txt"
    letter.parent.mkdir()
    letter.write_text("mine")
    with pytest.raises(Conflict):
        write_site(release, letter.parent)
    for place in (release.folder, release.folder / "site", release.folder.parent):
        with pytest.raises(BadInput, match="beside"):
            write_site(release, place)
    assert letter.read_text() == "mine"


@needs_database
def test_the_command_says_what_it_wrote_or_why_not() -> None:
    release = build(release=approved_without_building())
    said = StringIO()
    call_command("release_site", release.number, stdout=said)
    assert "a site of 1 slides" in said.getvalue()
    assert release.folder.with_name(f"{release.number}-site").joinpath("index.html").is_file()
    with pytest.raises(CommandError, match="no release 99"):
        call_command("release_site", 99)


@given(st.lists(st.text(max_size=60), max_size=6))
def test_each_word_is_found_in_its_shard(texts: list[str]) -> None:
    index = words.index(texts)
    for number, text in enumerate(texts):
        for word in words.words_of(text):
            assert number in index[words.shard_of(word)][word]
            assert len(word) <= words.LONGEST
    numbers = [found for shard in index.values() for found in shard.values()]
    assert all(found == sorted(set(found)) for found in numbers)
    assert all(name == "other" or name.isalnum() for name in index)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def served(root: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.browser
@pytest.mark.timeout(120)
@needs_database
def test_a_browser_finds_slides_by_word_and_tissue_under_any_prefix() -> None:
    release = released()
    write_site(release, release.folder.with_name("site"))
    root = release.folder.parent.parent
    with served(root) as server, chromium(server, "none") as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.method))
        page.goto(f"{server}/{release.folder.parent.name}/site/slides.html")
        shown = page.locator("[data-slide]:visible")
        page.locator("[data-words]").fill("Scor GLEA")
        page.get_by_text("2 of 3 slides", exact=True).wait_for()
        assert shown.count() == 2
        page.locator("[data-words]").fill("glea zebra")
        page.get_by_text("0 of 3 slides", exact=True).wait_for()
        page.locator("[data-words]").fill("")
        page.locator("[data-choice=tissue]").select_option("prostate")
        page.get_by_text("1 of 3 slides", exact=True).wait_for()
        shown.get_by_role("link").click()
        page.get_by_text("This release has no report of this case.").wait_for()
    assert set(asked) == {"GET"}
