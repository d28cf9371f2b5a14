import re
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import docx
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse

from core.models import AuditEntry, Job
from deidentify import queries, services
from deidentify.errors import GateFailed
from deidentify.models import DeidentifiedReport, DeidentifiedSlide, State
from lims.models import Block, Case, Patient, Report, Slide, Specimen
from tests.deidentify.making import make_docx, make_svs
from tests.deidentify.reading.making import pdf
from viewer.models import VirtualSlide

pytestmark = pytest.mark.django_db


@pytest.fixture
def slide(settings: Any, tmp_path: Path) -> Slide:
    """A scanned slide of Rosa Vandermeer's case, with a report; its file carries her name in twenty
    places."""
    patient = Patient.objects.create(
        mrn="00481516", family_name="Vandermeer", given_name="Rosa", birth_date=date(1957, 3, 9)
    )
    case = Case.objects.create(
        accession="S19-23421", patient=patient, received=date(2019, 5, 12), clinician="T. Okafor"
    )
    block = Block.objects.create(specimen=Specimen.objects.create(case=case))
    slide = Slide.objects.create(barcode="S19-23421-A1-1", block=block, state="scanned")
    settings.SLIDE_ROOT.mkdir(parents=True)
    file = make_svs(settings.SLIDE_ROOT / "a.svs", b"Rosa Vandermeer")
    VirtualSlide.objects.create(
        slide=slide,
        kind="vendor",
        path="a.svs",
        sha256="0" * 64,
        bytes=file.stat().st_size,
        width=256,
        height=256,
    )
    text = make_docx(tmp_path / "r.docx", ["Patient: Rosa Vandermeer", "Gleason score 3+4=7"])
    report = Report(case=case)
    report.file.save("r.docx", ContentFile(text.read_bytes()))
    return slide


def test_it_takes_a_slide_and_its_report_through(slide: Slide) -> None:
    row = services.deidentify_slide(slide_id=slide.pk)
    assert row is not None
    assert (row.state, row.certificate["state"], row.certificate["sha256"]) == ("passed", "clean", row.sha256)
    slide.refresh_from_db()
    assert slide.state == "deidentified"
    assert b"Vandermeer" not in row.file.read_bytes()
    report = queries.passed_report(slide.case.pk)
    assert report is not None
    assert [p.text for p in docx.Document(str(report.file)).paragraphs][:2] == [
        "Patient: [NAME]",
        "Gleason score 3+4=7",
    ]


def test_it_gives_files_random_names(slide: Slide) -> None:
    row = services.deidentify_slide(slide_id=slide.pk)
    assert row is not None
    assert re.fullmatch(r"slides/[0-9a-f]{32}\.svs", row.path)


def test_it_does_the_work_once(slide: Slide) -> None:
    first = services.deidentify_slide(slide_id=slide.pk)
    assert services.deidentify_slide(slide_id=slide.pk) is None
    Slide.objects.filter(pk=slide.pk).update(state="scanned")
    second = services.deidentify_slide(slide_id=slide.pk)
    assert first is not None
    assert second is not None
    assert (first.pk, first.sha256) == (second.pk, second.sha256)
    assert DeidentifiedSlide.objects.count() == DeidentifiedReport.objects.count() == 1


def test_it_goes_on_after_a_kill_between_file_and_row(slide: Slide) -> None:
    row = services.deidentify_slide(slide_id=slide.pk)
    assert row is not None
    Slide.objects.filter(pk=slide.pk).update(state="scanned")
    DeidentifiedSlide.objects.update(state=State.PENDING, sha256="")
    row.file.write_bytes(b"left by a killed run")
    again = services.deidentify_slide(slide_id=slide.pk)
    assert again is not None
    assert again.state == State.PASSED
    assert again.file.read_bytes()[:2] == b"II"


def test_it_keeps_a_doubtful_slide_back_with_its_reason(slide: Slide) -> None:
    source = VirtualSlide.objects.get()
    make_svs(source.file, key="Favourite", title="x")
    row = services.deidentify_slide(slide_id=slide.pk)
    assert row is not None
    assert (row.state, row.problem_code) == ("quarantined", "unknown_content")
    assert "Favourite" in row.problem
    assert not row.file.exists()
    slide.refresh_from_db()
    assert slide.state == "scanned"


def test_what_is_held_back_is_not_made_again_before_a_steward_says_so(slide: Slide) -> None:
    source = VirtualSlide.objects.get()
    make_svs(source.file, key="Favourite", title="x")
    row = services.deidentify_slide(slide_id=slide.pk)
    assert row is not None
    since = row.changed_at
    again = services.deidentify_slide(slide_id=slide.pk)
    assert again is not None
    assert (again.pk, again.state, again.changed_at) == (row.pk, "quarantined", since)
    services.try_again(row=again, actor="stella")
    tried = services.deidentify_slide(slide_id=slide.pk)
    assert tried is not None
    assert tried.changed_at > since


def test_it_lets_the_job_come_again_when_the_gate_is_silent(
    slide: Slide, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/bin/false")
        with pytest.raises(GateFailed):
            services.deidentify_slide(slide_id=slide.pk)
    row = services.deidentify_slide(slide_id=slide.pk)
    assert row is not None
    assert (row.state, row.problem) == ("passed", "")


def test_it_knows_all_that_the_record_knows(slide: Slide) -> None:
    known = services.known_values(slide.case)
    assert known.names == ("Rosa Vandermeer", "T. Okafor")
    assert known.identifiers == ("00481516", "S19-23421", "S19-23421-A1-1")
    assert known.dates == ("1957-03-09", "2019-05-12")


def test_a_steward_sees_what_is_held_and_sends_it_again(
    slide: Slide, client_of: Callable[[str], Client]
) -> None:
    make_svs(VirtualSlide.objects.get().file, key="Favourite", title="x")
    row = services.deidentify_slide(slide_id=slide.pk)
    assert row is not None
    client = client_of("steward")
    assert b"Favourite" in client.get(reverse("deidentify:list"), {"state": "quarantined"}).content
    assert b"certificate" in client.get(reverse("deidentify:item", args=["slides", row.pk])).content
    assert client.post(reverse("deidentify:again", args=["slides", row.pk])).status_code == 302
    assert Job.objects.filter(task="deidentify.deidentify_slide", args={"slide_id": slide.pk}).exists()
    assert client.post(reverse("deidentify:again", args=["slides", row.pk])).status_code == 409


@pytest.mark.parametrize("role", ["technician", "pathologist", "manager", "stranger"])
def test_others_see_nothing_of_it(slide: Slide, client_of: Callable[[str], Client], role: str) -> None:
    client = client_of(role)
    assert client.get(reverse("deidentify:list")).status_code == 403
    assert client.get(reverse("deidentify:item", args=["slides", 1])).status_code == 403


def test_the_report_is_read_beside_the_picture_without_names(
    slide: Slide, client_of: Callable[[str], Client]
) -> None:
    services.deidentify_slide(slide_id=slide.pk)
    address = reverse("deidentify:report", args=[slide.uid])
    for asked in ({}, {"named": ""}):  # who must not know the person does not, however they ask
        page = client_of("pathologist").get(address, asked, headers={"HX-Request": "true"}).content.decode()
        assert "Patient: [NAME]\nGleason score 3+4=7" in page
        assert "Vandermeer" not in page
        assert "<html" not in page


def test_the_report_shows_names_to_who_may_know_them_and_writes_the_look_down(
    slide: Slide, client_of: Callable[[str], Client]
) -> None:
    client, address = client_of("manager"), reverse("deidentify:report", args=[slide.uid])
    assert "No report of this case has passed" in client.get(address).content.decode()
    assert not AuditEntry.objects.filter(action="report.look").exists()
    assert "Patient: Rosa Vandermeer" in client.get(address, {"named": ""}).content.decode()
    assert AuditEntry.objects.filter(action="report.look").count() == 1


def test_the_report_is_closed_where_the_slide_is(slide: Slide, client_of: Callable[[str], Client]) -> None:
    address = reverse("deidentify:report", args=[slide.uid])
    assert client_of("pathologist").get(address).status_code == 403  # scanned, not de-identified yet
    Path(Report.objects.get().file.path).unlink()
    assert client_of("manager").get(address, {"named": ""}).status_code == 503


def test_a_report_in_another_form_leaves_as_a_document(slide: Slide) -> None:
    report = Report.objects.get()
    report.file.save(
        "r.pdf", ContentFile(pdf(["Patient: Rosa Vandermeer", "Gleason score 3+4=7, two cores"]))
    )
    row = services.deidentify_report(case_id=slide.case.pk)
    assert row is not None
    assert (row.state, row.file.suffix, row.work["pages"]) == ("passed", ".docx", 1)
    assert queries.told_in_report(slide.case.pk, named=True) == (
        "Patient: Rosa Vandermeer\nGleason score 3+4=7, two cores"
    )
    assert "[NAME]\nGleason" in (queries.told_in_report(slide.case.pk, named=False) or "")


@pytest.mark.django_db(databases=["default", "vault"])
def test_reports_are_written_as_the_laboratory_chose(slide: Slide, settings: Any, tmp_path: Path) -> None:
    settings.VAULT_KEY_FILE, settings.VAULT_LEDGER_FILE = str(tmp_path / "v.key"), str(tmp_path / "v.ledger")
    case = slide.case
    assert services.report_policy(case).name == "1"
    settings.REPORT_DATES, settings.REPORT_NAMES = "shift", "numbered"
    policy = services.report_policy(case)
    assert policy == services.report_policy(case)
    assert policy.shift_days
    row = services.deidentify_report(case_id=case.pk)
    assert row is not None
    assert row.policy_version == "1+shift+numbered"
    settings.REPORT_NAMES = "initials"
    with pytest.raises(ImproperlyConfigured, match="REPORT_NAMES"):
        services.report_policy(case)
