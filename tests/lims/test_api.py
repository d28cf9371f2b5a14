import pytest
from django.core.management import call_command

from core.models import AuditEntry
from lims.models import Slide
from lims.states import State
from tests.lims.making import batch, loaded, slide

pytestmark = pytest.mark.django_db
ENTRY = {"barcode": "N-1", "accession": "S26-1", "mrn": "1", "family_name": "Ray"}


def test_it_registers_a_slide(api_of):
    response = api_of("technician").post("/api/slides/", ENTRY)
    assert (response.status_code, response.data["state"]) == (201, "registered")
    assert api_of("pathologist").post("/api/slides/", ENTRY).status_code == 403


@pytest.mark.parametrize(
    ("client", "method", "address", "body", "status", "code"),
    [
        ("technician", "post", "/api/slides/", {**ENTRY, "barcode": "a b"}, 400, "bad_input"),
        ("technician", "post", "/api/slides/", [], 400, "bad_input"),
        ("technician", "get", "/api/slides/none/", None, 404, "not_found"),
        ("technician", "get", "/api/nothing/", None, 404, "not_found"),
        ("technician", "put", "/api/slides/", {}, 405, "method_not_allowed"),
        ("pathologist", "get", "/api/cases/", None, 403, "not_allowed"),
        ("stranger", "get", "/api/slides/", None, 403, "not_allowed"),
        ("anonymous", "get", "/api/slides/", None, 403, "not_allowed"),
    ],
)
def test_it_refuses_in_one_shape(api_of, client, method, address, body, status, code):
    response = getattr(api_of(client), method)(address, body)
    assert response.status_code == status
    error = response.json()["error"]
    assert set(error) == {"code", "message", "detail", "retryable"}
    assert error["code"] == code


def test_it_tells_a_conflict(api_of):
    api_of("technician").post("/api/slides/", ENTRY)
    response = api_of("technician").post("/api/slides/", ENTRY)
    assert (response.status_code, response.json()["error"]["code"]) == (409, "conflict")


def test_it_filters_slides_and_hides_the_case_from_blind_readers(api_of):
    one = slide(State.SCANNED, accession="S26-9")
    slide()
    seen = api_of("technician").get("/api/slides/", {"state": "scanned"}).data["results"]
    assert [(s["barcode"], s["accession"]) for s in seen] == [(one.barcode, "S26-9")]
    assert api_of("technician").get("/api/slides/", {"accession": "S26-9"}).data["count"] == 1
    blind = api_of("pathologist").get(f"/api/slides/{one.barcode}/").data
    assert blind["accession"] is None
    assert api_of("pathologist").get("/api/slides/", {"accession": "S26-9"}).data["count"] == 0


def test_it_moves_a_slide(api_of):
    one = slide()
    address = f"/api/slides/{one.barcode}/move/"
    held = api_of("technician").post(address, {"to": "held", "note": "wet"})
    assert (held.status_code, held.data["state"]) == (200, "held")
    assert api_of("technician").post(address, {"to": "loaded"}).status_code == 409
    assert api_of("technician").post(address, {"to": "nowhere"}).status_code == 400
    assert api_of("pathologist").post(address, {"to": "registered"}).status_code == 403


def test_it_records_looks_at_patients(api_of):
    one = slide(mrn="4711")
    api_of("steward").get("/api/patients/4711/")
    api_of("steward").get(f"/api/cases/{one.case.accession}/")
    looks = AuditEntry.objects.filter(actor="steward").values_list("action", flat=True)
    assert list(looks) == ["patient.look", "case.look"]


def test_it_takes_a_batch_from_empty_to_loaded(api_of):
    client, one = api_of("technician"), slide()
    made = client.post("/api/batches/", {"name": "Night"}).data["id"]
    place = {"carousel": 1, "position": 2, "barcode": one.barcode}
    assert client.post(f"/api/batches/{made}/load/", [place]).data[0]["state"] == "loaded"
    assert client.post(f"/api/batches/{made}/load/", [place]).status_code == 409
    assert client.get(f"/api/batches/{made}/preflight/").data == []
    assert client.get(f"/api/batches/{made}/slots/").data[0]["slide"] == one.barcode
    assert client.post(f"/api/batches/{made}/unload/", {"carousel": 1, "position": 2}).status_code == 204
    assert client.post(f"/api/batches/{made}/unload/", {"carousel": 1, "position": 2}).status_code == 409
    assert client.get(f"/api/batches/{made}/preflight/").data[0]["kind"] == "no_slides"


def test_it_builds_a_rescan_or_says_why_not(api_of):
    made = loaded(slide())
    assert api_of("technician").post(f"/api/batches/{made.pk}/rescan/").status_code == 409
    Slide.objects.update(state=State.FAILED)
    rescan = api_of("technician").post(f"/api/batches/{made.pk}/rescan/")
    assert (rescan.status_code, rescan.data["rescan_of"]) == (201, "Night")


def test_it_lets_a_manager_look_at_batches_and_not_load_them(api_of):
    made = batch()
    assert api_of("manager").get(f"/api/batches/{made.pk}/").status_code == 200
    assert api_of("manager").post("/api/batches/", {"name": "x"}).status_code == 403


def test_its_description_has_no_warnings(tmp_path):
    call_command("spectacular", "--fail-on-warn", "--validate", "--file", str(tmp_path / "openapi.yaml"))
