"""The doors of reading: pages and API, by role."""

import uuid

import pytest
from django.urls import reverse

from annotation.models import Annotation, Assignment
from annotation.services import COMPLAINTS, assign
from lims.models import Slide
from lims.states import State
from tests.annotation.making import SQUARE, clean, reader
from tests.conftest import Browsers
from viewer.models import VirtualSlide

pytestmark = pytest.mark.django_db
ROLES = ("technician", "pathologist", "manager", "steward", "administrator")


@pytest.fixture
def mine(client_of: Browsers) -> Assignment:
    """A slide on the list of the cast's own pathologist."""
    client_of("pathologist")
    reader("pathologist")
    made = assign(slide=clean(tissue="breast"))
    assert made is not None
    return made


def body(slide: Slide, /, **changes: object) -> dict[str, object]:
    facts = {"client_id": str(uuid.uuid4()), "slide": str(slide.uid), "kind": "freehand", "geometry": SQUARE}
    return {**facts, "label": "", "comment": "", "version": 0, **changes}


@pytest.mark.parametrize(
    ("route", "allowed"),
    [("worklist", {"pathologist", "administrator"}), ("assignments", {"manager", "administrator"})],
)
def test_pages_open_for_their_roles(client_of, route, allowed):
    found = {role for role in ROLES if client_of(role).get(reverse(f"annotation:{route}")).status_code == 200}
    assert found == allowed


def test_the_worklist_does_not_lead_to_the_patient(client_of, mine):
    page = client_of("pathologist").get(reverse("annotation:worklist")).content.decode()
    assert str(mine.slide.uid)[:8] in page
    assert mine.slide.barcode not in page
    assert mine.slide.case.accession not in page


def test_it_submits_by_a_button_and_goes_on(client_of, mine):
    second = assign(slide=clean())
    assert second is not None
    answer = client_of("pathologist").post(reverse("annotation:submit", args=[mine.pk]), {"active_s": "12"})
    assert answer.url == reverse("annotation:read", args=[second.pk])
    mine.slide.refresh_from_db()
    assert mine.slide.state == State.READ


def test_it_returns_and_complains_by_buttons(client_of, mine):
    client = client_of("pathologist")
    assert client.post(reverse("annotation:return", args=[mine.pk]), {}).status_code == 400
    answer = client.post(reverse("annotation:complain", args=[mine.pk]), {"complain-reason": "blurred"})
    assert answer.url == reverse("annotation:worklist")
    mine.slide.refresh_from_db()
    assert (mine.slide.state, mine.slide.failure) == (State.FAILED, "blurred")


def test_the_reading_page_complains_by_one_click_and_shows_the_report(client_of, mine):
    facts = {"path": "a.svs", "sha256": "0" * 64, "bytes": 1, "width": 10, "height": 10}
    VirtualSlide.objects.create(slide=mine.slide, kind="vendor", **facts)
    page = client_of("pathologist").get(reverse("annotation:read", args=[mine.pk])).content.decode()
    for reason in COMPLAINTS:
        assert f'<button type="submit" name="complain-reason" value="{reason}">' in page
    assert f'hx-get="{reverse("deidentify:report", args=[mine.slide.uid])}"' in page


def test_another_reader_may_not_open_or_submit(client_of, mine):
    Assignment.objects.filter(pk=mine.pk).update(reader=reader("petra"))
    client = client_of("pathologist")
    assert client.get(reverse("annotation:read", args=[mine.pk])).status_code == 403
    assert client.post(reverse("annotation:submit", args=[mine.pk])).status_code == 403


def test_a_manager_plans_the_day(client_of, mine):
    client = client_of("manager")
    page = client.get(reverse("annotation:assignments"))
    assert mine.slide.barcode in page.content.decode()
    user = mine.reader.user_id
    form = {"user": user, "tissues": ["breast"], "limit": 5, "active": "on"}
    assert client.post(reverse("annotation:enrol"), form).status_code == 302
    mine.reader.refresh_from_db()
    assert (mine.reader.tissues, mine.reader.daily_limit) == (["breast"], 5)
    assert client.post(reverse("annotation:enrol"), {**form, "limit": 500}).status_code == 400
    assert client.post(reverse("annotation:share")).status_code == 302


def test_the_api_creates_changes_and_deletes(api_of, mine):
    api, sent = api_of("pathologist"), body(mine.slide)
    made = api.post("/api/annotations/", sent)
    assert (made.status_code, made.json()["version"], made.json()["id"]) == (201, 1, sent["client_id"])
    where = f"/api/annotations/{sent['client_id']}/"
    changed = api.patch(where, {"label": "tumour", "version": 1})
    assert (changed.json()["label"], changed.json()["version"], changed.json()["geometry"]) == (
        "tumour",
        2,
        SQUARE,
    )
    assert len(api.get("/api/annotations/", {"slide": str(mine.slide.uid)}).json()["results"]) == 1
    assert api.delete(where, {"version": 2}).status_code == 204
    assert api.get("/api/annotations/", {"slide": str(mine.slide.uid)}).json()["results"] == []


def test_the_api_says_a_conflict_with_what_is_there(api_of, mine):
    api, sent = api_of("pathologist"), body(mine.slide)
    api.post("/api/annotations/", sent)
    where = f"/api/annotations/{sent['client_id']}/"
    api.patch(where, {**sent, "label": "first", "version": 1})
    answer = api.patch(where, {**sent, "label": "second", "version": 1})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (409, "conflict")
    assert error["detail"]["current"]["label"] == "first"


@pytest.mark.parametrize(
    "broken",
    [
        {"kind": "star"},
        {"geometry": {"type": "Polygon", "coordinates": []}},
        {"client_id": "x"},
        {"version": 3},
        {"label": "l" * 101},
        {"slide": "nothing"},
        {"slide": str(uuid.uuid4())},
        {"comment": "\x00"},
    ],
)
def test_the_api_refuses_in_one_shape(api_of, mine, broken):
    answer = api_of("pathologist").post("/api/annotations/", body(mine.slide, **broken))
    assert answer.status_code in {400, 404}
    assert set(answer.json()["error"]) == {"code", "message", "detail", "retryable"}
    assert not Annotation.objects.exists()


def test_the_api_guards_by_role_and_by_slide(api_of, mine):
    assert {role: api_of(role).post("/api/annotations/", body(mine.slide)).status_code for role in ROLES} == {
        "technician": 403, "pathologist": 201, "manager": 403, "steward": 403, "administrator": 201,
    }  # fmt: skip
    mine.slide.__class__.objects.filter(pk=mine.slide_id).update(state=State.SCANNED)
    hidden = api_of("pathologist").get("/api/annotations/", {"slide": str(mine.slide.uid)})
    assert hidden.status_code == 403


def test_the_api_lists_only_my_assignments_and_submits(api_of, mine):
    reader("petra")
    assert len(api_of("pathologist").get("/api/assignments/").json()["results"]) == 1
    assert len(api_of("manager").get("/api/assignments/").json()["results"]) == 1
    assert api_of("manager").post(f"/api/assignments/{mine.pk}/submit/").status_code == 403
    done = api_of("pathologist").post(f"/api/assignments/{mine.pk}/submit/", {"active_s": 5})
    assert done.json()["state"] == "submitted"


def test_the_export_names_no_reader(client_of, api_of, mine):
    api_of("pathologist").post("/api/annotations/", body(mine.slide, label="tumour", comment="here"))
    for form in ("xml", "geojson"):
        where = reverse("annotation:export", args=[mine.slide.uid, form])
        content = client_of("pathologist").get(where).content.decode()
        assert "tumour" in content
        assert mine.reader.number in content
        assert "pathologist" not in content
    assert client_of("pathologist").get(where.replace("geojson", "exe")).status_code == 404
