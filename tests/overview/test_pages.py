"""Home, figures and passport: who sees what."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from annotation.services import save_annotation
from core.models import AuditEntry
from lims.models import Slide
from tests.annotation.making import assigned, stroke
from tests.lims.making import loaded, slide
from tests.overview.making import night

pytestmark = pytest.mark.django_db
ROLES = ("technician", "pathologist", "manager", "steward", "administrator")
SEES = {
    "technician": {"At the bench"},
    "pathologist": {"Reading"},
    "manager": {"The laboratory"},
    "steward": {"Leaving the house"},
    "administrator": {"At the bench", "The laboratory", "Leaving the house", "Engine room"},
}


@pytest.mark.parametrize("role", ROLES)
def test_home_is_what_needs_this_role(client_of, role):
    night("", "jam")
    page = client_of(role).get(reverse("home"))
    assert page.status_code == 200
    titles = {section.title for section in page.context["sections"]}
    assert titles == SEES[role]


def test_home_asks_strangers_to_log_in_or_for_a_role(client_of):
    assert client_of("anonymous").get(reverse("home")).status_code == 302
    assert client_of("stranger").get(reverse("home")).status_code == 403


def test_the_technicians_home_leads_to_the_doubtful(client_of):
    batch = loaded(slide())
    Slide.objects.update(state="review")
    page = client_of("technician").get(reverse("home")).content.decode()
    assert reverse("scanning:reviews", args=[batch.pk]) in page


def test_figures_show_the_numbers_of_their_tables(client_of):
    night("", "", "jam")
    client = client_of("manager")
    page = client.get(reverse("overview:figures"), {"days": ""}).content.decode()
    for word in ("Slide jammed", "Night 1", "67 %"):
        assert word in page
    text = client.get(reverse("overview:table", args=["failures"])).content.decode()
    assert text.splitlines()[1] == "Slide jammed,1,100.0,100.0"
    assert client.get(reverse("overview:table", args=["nothing"])).status_code == 404
    assert client.get(reverse("overview:figures"), {"days": "x"}).status_code == 400


@pytest.mark.parametrize("role", ROLES)
def test_figures_are_the_managers(client_of, role):
    expected = 200 if role in {"manager", "administrator"} else 403
    assert client_of(role).get(reverse("overview:figures")).status_code == expected


def test_a_bar_leads_to_its_slides(client_of):
    made = night("", "jam")
    client = client_of("manager")
    failed = made.attempts.get(reason="jam").slide.barcode
    for query, count in (({"reason": "jam"}, 1), ({"night": made.pk}, 2), ({"state": "failed"}, 1)):
        page = client.get(reverse("overview:behind"), query)
        assert page.context["page"].paginator.count == count
        assert failed in page.content.decode()
    assert client.get(reverse("overview:behind"), {"reason": "nothing"}).status_code == 404


def test_the_passport_tells_everything_and_every_look_is_kept(client_of, api_of):
    made = night("jam")
    barcode = made.attempts.get().slide.barcode
    page = client_of("technician").get(reverse("overview:passport", args=[barcode])).content.decode()
    for word in (barcode, "Slide jammed", "Night 1", "Nakamura", "01-01"):
        assert word in page
    story = api_of("steward").get(f"/api/slides/{barcode}/passport/").json()
    assert story["attempts"][0]["planes"] == "4/12"
    assert [event["target"] for event in story["events"]][-1] == "failed"
    assert AuditEntry.objects.filter(action="passport.look", target=f"slide:{barcode}").count() == 2


def test_a_reader_gets_no_passport(client_of, api_of):
    barcode = slide().barcode
    assert client_of("pathologist").get(reverse("overview:passport", args=[barcode])).status_code == 403
    assert api_of("pathologist").get(f"/api/slides/{barcode}/passport/").status_code == 403
    assert client_of("manager").get(reverse("overview:passport", args=["nobody"])).status_code == 404


def test_the_commands_tell_the_same(db):
    made = assigned()
    save_annotation(slide=made.slide, stroke=stroke(label="tumour"), actor=made.reader.user)
    out = StringIO()
    call_command("passport", made.slide.barcode, "--json", stdout=out)
    story = json.loads(out.getvalue())
    assert story["annotations"][0]["label"] == "tumour"
    assert story["assignments"][0]["state"] == "open"
    call_command("passport", made.slide.barcode, stdout=(words := StringIO()))
    assert "tumour" in words.getvalue()
    with pytest.raises(CommandError, match="No slide"):
        call_command("passport", "nobody")


def test_the_morning_report_is_a_command(db):
    with pytest.raises(CommandError, match="no batch"):
        call_command("morning_report")
    made = night("", "jam")
    for arguments in ([], ["--batch", "Night 1"], ["--batch", str(made.batch_id)]):
        out = StringIO()
        call_command("morning_report", *arguments, stdout=out)
        assert "2 slides = 1 published + 1 failed" in out.getvalue()
