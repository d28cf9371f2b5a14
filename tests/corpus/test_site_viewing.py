"""A slide of a static site is viewed from byte ranges of the release's own file."""

import json
import os
import struct
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from django.core.management import CommandError, call_command
from playwright.sync_api import Page

import vslide
from corpus.models import Release
from corpus.services import build, bury, withdraw
from corpus.site import write_site
from corpus.site.tiled import tiles_of
from corpus.site.viewing import write_sidecar
from tests.browser.test_pages import findings
from tests.conftest import person
from tests.corpus.hosting import hosted
from tests.corpus.making import approved, read_slide
from tests.viewer.browser import canvas, chromium, keep, settle

needs_database = pytest.mark.django_db(databases=["default", "vault"])
SHARED = Path(os.environ.get("NOCTURNE_DATA", Path(__file__).parents[3] / "shared" / "data"))
CMU = SHARED / "wsi" / "CMU-1-Small-Region.svs"
CASE: dict[str, Any] = {"accession": "S19-23421", "mrn": "00481516", "tissue": "breast"}


def released(*modalities: str) -> tuple[Release, Path]:
    """A release with a slide of each modality, and its site."""
    for number, modality in enumerate(modalities, 1):
        read_slide(
            barcode=f"S19-23421-A{number}-1", block=f"A{number}", report=False, mosaic=modality, **CASE
        )
    release = build(release=approved())
    site = release.folder.with_name("site")
    write_site(release, site)
    return release, site


def image_of(release: Release) -> Path:
    return release.folder / release.items.get(kind="image").path


def viewed(site: Path) -> list[Path]:
    return sorted(site.rglob("*.view.html"))


@needs_database
def test_each_chunk_is_where_the_index_says() -> None:
    release, site = released("fluorescence")
    stem = viewed(site)[0].name.removesuffix(".view.html")
    about = json.loads(next(site.rglob(f"{stem}.json")).read_text())
    index = next(site.rglob(f"{stem}.index")).read_bytes()
    (count,) = struct.unpack_from("<I", index, 4)
    offsets = np.frombuffer(index, "<u8", count, 8)
    sizes = np.frombuffer(index, "<u4", count, 8 + 8 * count)
    file = release.folder / about["file"]["path"]
    whole = file.read_bytes()
    assert len(whole) == about["file"]["bytes"]
    with vslide.open(file) as reader:
        for field, channel, row, column in ((0, 0, 0, 0), (3, 2, 1, 0), (1, 3, 0, 1)):
            number = ((field * 4 + channel) * 2 + row) * 2 + column
            stored = whole[offsets[number] : offsets[number] + sizes[number]]
            assert stored == reader.chunk(field, channel, row, column)


@needs_database
def test_the_viewers_files_bring_their_licences_and_the_bytes_are_the_same_again() -> None:
    release, site = released("brightfield")
    first = {path: path.read_bytes() for path in site.rglob("*") if path.is_file()}
    licences = (site / "assets" / "LICENSES.txt").read_text()
    for name in ("ol", "flatbush", "numcodecs", "rbush"):
        assert f"\n{name}\n" in licences
    assert (site / "assets" / "npm" / "numcodecs" / "dist" / "blosc.js").is_file()
    write_site(release, site)
    assert {path: path.read_bytes() for path in site.rglob("*") if path.is_file()} == first


@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_a_tiff_without_jpeg_tiles_is_not_read_in_place(tile: tuple[int, int] | None, tmp_path: Path) -> None:
    file = tmp_path / "a.tif"
    tifffile.imwrite(file, np.zeros((32, 32, 3), np.uint8), photometric="rgb", tile=tile)
    assert tiles_of(file) is None


@pytest.mark.skipif(not CMU.is_file(), reason="no CMU-1-Small-Region.svs: set NOCTURNE_DATA")
def test_the_tiles_of_a_real_slide_are_found_with_their_tables(tmp_path: Path) -> None:
    row = {"path": "data/a.svs", "bytes": CMU.stat().st_size, "sha256": "0" * 64}
    assert write_sidecar(CMU, row, tmp_path / "a")
    about = json.loads((tmp_path / "a.json").read_text())
    assert [level["downsample"] for level in about["header"]["levels"]] == [1]
    assert about["file"]["complete"][0]["transform"] == 0
    assert len((tmp_path / "a.index").read_bytes()) == 8 + 12 * 10 * 13


@pytest.mark.browser
@pytest.mark.timeout(120)
@pytest.mark.parametrize("modality", ["brightfield", ""], ids=["mosaic", "svs"])
@needs_database
def test_a_slide_is_viewed_and_its_pixels_are_those_of_the_file(modality: str) -> None:
    release, site = released(modality)
    page_file = viewed(site)[0]
    with vslide.open(image_of(release)) as reader:
        x, y = (side // 2 for side in reader.size)
        truth = np.moveaxis(reader.region(x - 60, y - 50, 120, 100), 0, -1)
    root = release.folder.parent.parent
    with hosted(root) as (server, asked), chromium(server, "none") as page:
        methods: list[str] = []
        page.on("request", lambda request: methods.append(request.method))
        page.goto(f"{server}/{page_file.relative_to(root)}#x={x}&y={y}&s=1")
        settle(page)
        shown = canvas(page)
        keep(page, f"site-view-{modality}")
    middle = shown.shape[0] // 2, shown.shape[1] // 2
    seen = shown[middle[0] - 50 : middle[0] + 50, middle[1] - 60 : middle[1] + 60]
    assert np.abs(seen.astype(int) - truth).mean() < 1
    assert set(methods) == {"GET"}
    of_slide = [wanted for path, wanted in asked if path.endswith((".h5", ".svs"))]
    assert of_slide
    assert all(of_slide)


@pytest.mark.browser
@pytest.mark.timeout(120)
@needs_database
def test_its_pages_are_accessible_and_a_host_without_byte_ranges_is_said_in_words() -> None:
    release, site = released("fluorescence")
    root = release.folder.parent.parent
    address = viewed(site)[0].relative_to(root)
    with hosted(root) as (server, _), chromium(server, "none") as page:
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            for part in (address, Path(str(address).replace(".view", ""))):
                page.goto(f"{server}/{part}")
                if part == address:
                    settle(page)
                keep(page, f"site-{scheme}-{part.name.count('.')}")
                assert findings(page) == []
    with hosted(root, ranges=False) as (server, _), chromium(server, "none") as page:
        page.goto(f"{server}/{address}")
        page.get_by_text("This host sends whole files instead of parts of them").wait_for()
        assert page.get_by_role("link", name="Slides").is_visible()


@needs_database
def test_a_site_that_is_behind_its_release_is_told(tmp_path: Path) -> None:
    release, site = released("")
    said = StringIO()
    call_command("release_site", release.number, check=site, stdout=said)
    assert "as the release is now" in said.getvalue()
    slide = release.items.get(kind="image").slide
    assert slide is not None
    withdraw(slides=[slide], reason="asked for by the patient", actor=person("steward"))
    bury(slides=[slide])
    with pytest.raises(CommandError, match="It shows revision 1, and the release is at revision 2"):
        call_command("release_site", release.number, check=site)
    with pytest.raises(CommandError, match="no site"):
        call_command("release_site", release.number, check=tmp_path)


@pytest.mark.browser
@pytest.mark.timeout(120)
@needs_database
def test_what_readers_drew_is_painted_over_the_picture_word_by_word() -> None:
    release, site = released("")
    page_file = viewed(site)[0]
    about = page_file.with_name(page_file.name.replace(".view.html", ".html")).read_text()
    assert "tumour (1)" in about
    root = release.folder.parent.parent
    with hosted(root) as (server, asked), chromium(server, "none") as page:
        page.goto(f"{server}/{page_file.relative_to(root)}")
        settle(page)
        page.locator(".viewer-shapes[data-painted=true]").wait_for()
        word = page.get_by_label("tumour (1)")
        keep(page, "site-drawn")
        painted = inked(page)
        word.uncheck()
        page.wait_for_function("() => document.querySelector('.viewer-shapes').dataset.painted === 'true'")
        assert painted > 0
        assert inked(page) == 0
        assert findings(page) == []
    assert any(path.endswith(".geojson") for path, _ in asked)


def inked(page: Page) -> int:
    """How many px of the annotations' layer are painted."""
    return int(
        page.evaluate("""() => {
          const shown = document.querySelector(".viewer-shapes canvas:not([hidden])");
          const { data } = shown.getContext("2d").getImageData(0, 0, shown.width, shown.height);
          return data.filter((_, i) => i % 4 === 3 && data[i] > 0).length;
        }""")
    )
