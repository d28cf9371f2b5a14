"""From a slide that was read to one that is found, on the page and by programs, until it is withdrawn."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from core.models import Job
from corpus.models import SearchDocument
from corpus.search import Wanted, find, index
from corpus.services import bury, reconcile
from corpus.tasks import index_slide
from deidentify.models import DeidentifiedReport
from lims.models import Slide
from lims.services import advance
from lims.states import State
from tests.conftest import person
from tests.corpus.making import read_slide
from tests.lims.making import slide as made_slide

pytestmark = pytest.mark.django_db(databases=["default", "vault"])
CASE: dict[str, Any] = {"accession": "S19-23421", "mrn": "00481516", "tissue": "breast"}


@pytest.fixture
def read() -> Slide:
    made = read_slide(barcode="S19-23421-A1-1", comment="as Mr. Vandermeer was told", label="tumour", **CASE)
    assert index(slide=made) is not None
    return made


def test_a_slide_is_found_by_its_report_and_by_what_was_signed(read: Slide) -> None:
    assert [hit.slide for hit in find(Wanted(words="gleason score")).hits] == [read]
    (hit,) = find(Wanted(words="tumour told", label="tumour")).hits
    assert hit.labels == ["tumour"]
    assert find(Wanted(label="necrosis")).hits == []


def test_nobody_is_found_by_name_not_even_in_a_comment(read: Slide) -> None:
    document = SearchDocument.objects.get()
    assert "Vandermeer" not in document.report + document.drawn
    for name in ("Vandermeer", "Quentin", "00481516", "S19-23421"):
        assert find(Wanted(words=name)).hits == []


def test_what_is_drawn_is_not_found_before_the_slide_is_read(read: Slide) -> None:
    Slide.objects.filter(pk=read.pk).update(state=State.ASSIGNED)
    document = index(slide=Slide.objects.get(pk=read.pk))
    assert document is not None
    assert document.drawn == ""
    assert find(Wanted(words="tumour")).hits == []
    assert find(Wanted(label="tumour")).hits == []


def test_the_job_that_indexes_is_written_with_the_state() -> None:
    made = read_slide(barcode="S19-23421-A1-1", **CASE)
    jobs = Job.objects.filter(task="corpus.index_slide")
    assert jobs.count() == 2  # de-identified, read
    index_slide(**jobs.latest("pk").args)
    assert SearchDocument.objects.get().slide == made


def test_what_is_withdrawn_is_forgotten(read: Slide) -> None:
    advance(slide=read, to=State.WITHDRAWN, actor=person("steward"), note="asked for")
    assert find(Wanted(words="gleason")).hits == []
    bury(slides=[read])
    assert not SearchDocument.objects.exists()


def test_what_the_index_lacks_is_asked_for_again(read: Slide) -> None:
    Job.objects.all().delete()
    reconcile()
    assert not Job.objects.exists()
    SearchDocument.objects.all().delete()
    reconcile()
    assert Job.objects.get().args == {"slide_id": read.pk}
    Slide.objects.update(state_since=timezone.now() - timedelta(days=30))
    Job.objects.all().delete()
    reconcile()
    assert not Job.objects.exists()  # what is old is the command's


def test_another_clean_report_is_indexed_anew(read: Slide) -> None:
    Job.objects.all().delete()
    DeidentifiedReport.objects.update(sha256="0" * 64, changed_at=timezone.now())
    reconcile()
    assert Job.objects.get().args == {"slide_id": read.pk}


def test_everything_can_be_indexed_anew(read: Slide) -> None:
    SearchDocument.objects.all().delete()
    made_slide(State.REGISTERED, barcode="S20-1-A1-1", accession="S20-1", mrn="1")
    said = StringIO()
    call_command("reindex_search", stdout=said)
    assert said.getvalue() == "1 slides can be found by their words.\n"
    assert SearchDocument.objects.count() == 1


def test_a_pathologist_sees_no_barcode_and_a_steward_does(
    read: Slide, client_of: Callable[[str], Client]
) -> None:
    address = "/corpus/search/?q=gleason&tissue=breast"
    blind = client_of("pathologist").get(address).content.decode()
    assert "S19-23421" not in blind
    assert f"/viewer/{read.uid}/" in blind
    assert "<mark>Gleason</mark>" in blind
    assert "S19-23421-A1-1" in client_of("steward").get(address).content.decode()


@pytest.mark.parametrize(
    ("query", "status"), [("", 200), ("?q=nowhere", 200), ("?q=-a", 400), ("?year=x", 400)]
)
def test_the_page_says_what_it_found_and_why_not(
    client_of: Callable[[str], Client], query: str, status: int
) -> None:
    answer = client_of("manager").get(f"/corpus/search/{query}")
    assert answer.status_code == status
    assert "Search</h1>" in answer.content.decode()


def test_programs_ask_too(read: Slide, client_of: Callable[[str], Client]) -> None:
    answer = client_of("pathologist").get("/api/search/", {"q": "gleason", "order": "newest"})
    assert answer.json()["count"] == 1
    (hit,) = answer.json()["results"]
    assert (hit["slide"], hit["tissue"], hit["year"]) == (str(read.uid), "breast", 2019)
    assert "S19-23421" not in answer.content.decode()
    assert client_of("pathologist").get("/api/search/", {"q": "-a"}).status_code == 400
