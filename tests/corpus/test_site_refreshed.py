"""What is withdrawn goes from the sites that are known."""

import fcntl
import os
import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from core.errors import Unavailable
from core.models import Job
from corpus import services, tasks
from corpus.derivatives import derivatives
from corpus.models import Release, WrittenSite
from lims.models import Slide
from tests.conftest import person
from tests.corpus.making import approved, read_slide

pytestmark = pytest.mark.django_db(databases=["default", "vault"])
CASE: dict[str, Any] = {"accession": "S19-23421", "mrn": "00481516", "tissue": "breast"}


@pytest.fixture
def release() -> Release:
    """Of two slides, with a site."""
    for number in (1, 2):
        read_slide(barcode=f"S19-23421-A{number}-1", block=f"A{number}", report=False, **CASE)
    made = services.build(release=approved())
    services.keep_site(release=made, to=made.folder.with_name("site"))
    return made


def withdrawn(release: Release) -> Slide:
    """The first slide, withdrawn and buried; the site is not written again yet."""
    slide = Slide.objects.get(barcode="S19-23421-A1-1")
    services.withdraw(slides=[slide], reason="asked for by the patient", actor=person("steward"))
    services.bury(slides=[slide])
    release.refresh_from_db()
    return slide


def pages(site: Path) -> list[str]:
    return [page.name for page in site.glob("slides/**/*.html") if not page.name.endswith(".view.html")]


def pages_of_the_drill(slide: Slide) -> list[bool]:
    return [one.there for one in derivatives([slide]) if one.kind == "page of a site"]


def test_a_withdrawal_writes_the_known_sites_again_and_the_drill_says_so(release: Release) -> None:
    site = WrittenSite.objects.get().folder
    assert len(pages(site)) == 2
    slide = withdrawn(release)
    assert pages_of_the_drill(slide) == [True]
    assert Job.objects.filter(task="corpus.refresh_sites", args={"release_id": release.pk}).count() == 1
    tasks.refresh_sites(release.pk)
    assert len(pages(site)) == 1
    assert pages_of_the_drill(slide) == [False]
    assert services.refresh_sites(release=release) == []  # it is as the release is


def test_a_folder_that_is_gone_or_is_anothers_is_forgotten(release: Release) -> None:
    shutil.rmtree(WrittenSite.objects.get().folder)
    withdrawn(release)
    services.refresh_sites(release=release)
    assert not WrittenSite.objects.exists()
    site = release.folder.with_name("moved")
    services.keep_site(release=release, to=site)
    (site / "site.json").write_text('{"release": 99}')
    services.refresh_sites(release=release)
    assert not WrittenSite.objects.exists()
    assert (site / "site.json").read_text() == '{"release": 99}'


def test_while_another_writes_it_waits_and_keeps_why(release: Release) -> None:
    withdrawn(release)
    site = WrittenSite.objects.get().folder
    handle = os.open(site.parent, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        with pytest.raises(Unavailable, match="Another site"):
            services.refresh_sites(release=release)
    finally:
        os.close(handle)
    assert "try again later" in WrittenSite.objects.get().problem
    services.refresh_sites(release=release)
    assert WrittenSite.objects.get().problem == ""
    assert len(pages(site)) == 1


def test_a_release_that_is_not_as_published_says_so_and_leaves_the_site(release: Release) -> None:
    withdrawn(release)
    (release.folder / "manifest.json").write_text("{}")
    assert services.refresh_sites(release=release) == []
    row = WrittenSite.objects.get()
    assert "manifest" in row.problem
    assert len(pages(row.folder)) == 2
    with pytest.raises(CommandError, match="could not be written again"):
        call_command("release_site", release.number, "--refresh")


def test_the_command_checks_and_refreshes_every_known_site(release: Release) -> None:
    withdrawn(release)
    with pytest.raises(CommandError, match="Write it again"):
        call_command("release_site", release.number, "--check")
    said = StringIO()
    call_command("release_site", release.number, "--refresh", stdout=said)
    assert "is written again" in said.getvalue()
    call_command("release_site", release.number, "--check", stdout=said)
    assert "is as the release is now" in said.getvalue()
