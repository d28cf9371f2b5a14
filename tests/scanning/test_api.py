from typing import Any

import pytest

from lims.models import Batch, Slide
from lims.states import State
from scanning.models import Alert, Attempt, Night, Snapshot
from scanning.services.alerts import Finding, raise_alert
from tests.lims.making import loaded, slide
from tests.scanning.making import AREA, PLACES, attempt_of, night_with, running_night, scanner_row

pytestmark = pytest.mark.django_db
GIVEN: dict[str, Any] = {
    "area": list(AREA.values()),
    "points": [list(place) for place in PLACES],
    "version": 1,
}


def refused(response, status: int, code: str) -> bool:
    error = response.json()["error"]
    assert set(error) == {"code", "message", "detail", "retryable"}
    return (response.status_code, error["code"]) == (status, code)


def test_a_night_from_its_snapshots_to_its_pause(api_of):
    tess, batch = api_of("technician"), loaded(slide(), slide())
    scanner_row()
    made = tess.post("/api/nights/", {"batch": batch.pk, "scanner": "one"})
    assert (made.status_code, made.data["phase"]) == (201, "snapshots")
    night_of = f"/api/nights/{batch.pk}/"
    Slide.objects.update(state=State.READY)
    started = tess.post(f"{night_of}start/")
    assert (started.status_code, started.data["phase"]) == (200, "night")
    rests = tess.post(f"{night_of}pause/", {"at_once": True, "reason": "fire drill"}).data
    assert (rests["paused"], rests["stage_paused"], rests["pause_reason"]) == (True, True, "fire drill")
    assert tess.post(f"{night_of}resume/").data["paused"] is False
    progress = tess.get(night_of).data["progress"]
    assert (progress["slides"], progress["queued"], progress["published"]) == (2, 2, 0)
    assert progress["seconds_left"] is None
    assert refused(tess.post(f"{night_of}start/"), 409, "conflict")


def test_a_review_is_saved_and_accepted(api_of):
    night_with(State.REVIEW)
    tess, address = api_of("technician"), f"/api/snapshots/{Snapshot.objects.get().pk}/"
    saved = tess.post(f"{address}review/", {**GIVEN, "points": GIVEN["points"][:3], "seconds": 4})
    assert (saved.status_code, saved.data["version"], len(saved.data["points"])) == (200, 2, 3)
    assert refused(tess.post(f"{address}review/", GIVEN), 409, "conflict")
    accepted = tess.post(f"{address}accept/")
    assert accepted.data["accepted_by"] == "technician"
    assert Slide.objects.get().state == State.READY
    assert refused(tess.post(f"{address}accept/"), 409, "conflict")


@pytest.mark.parametrize(
    "change",
    [
        {"area": [1, 2, 3]},
        {"area": "wide"},
        {"area": [0, 0, -1, 5]},
        {"area": [1e12, 0, 10, 10]},
        {"points": [[1]]},
        {"points": [["a", "b"]]},
        {"points": [[1, 2]] * 65},
        {"version": 0},
        {"version": None},
        {"seconds": -1},
        {"points": [[10**400, 1]]},
    ],
    ids=str,
)
def test_a_review_that_cannot_be_is_refused(api_of, change):
    night_with(State.REVIEW)
    address = f"/api/snapshots/{Snapshot.objects.get().pk}/review/"
    assert refused(api_of("technician").post(address, {**GIVEN, **change}), 400, "bad_input")
    assert Snapshot.objects.get().version == 1


def test_safe_ones_are_accepted_in_bulk(api_of):
    night = night_with(State.SNAPPED, State.SNAPPED, State.REVIEW)
    told = api_of("technician").post(f"/api/nights/{night.batch_id}/accept-safe/")
    assert told.data == {"accepted": 2}


def test_attempts_are_found_by_slide_state_and_batch(api_of):
    night = running_night(2)
    one = attempt_of(night)
    Attempt.objects.filter(pk=one.pk).update(state="failed", reason="jam", message="stuck")
    manager = api_of("manager")
    found = manager.get("/api/attempts/", {"state": "failed"}).data["results"]
    assert [(row["slide"], row["reason"], row["slot"]) for row in found] == [
        (one.slide.barcode, "jam", "01-01")
    ]
    assert manager.get("/api/attempts/", {"slide__barcode": one.slide.barcode}).data["count"] == 1
    assert manager.get("/api/attempts/", {"night__batch": night.batch_id}).data["count"] == 2


def test_a_scanner_is_locked_with_a_reason_and_given_back(api_of):
    scanner_row()
    tess = api_of("technician")
    assert refused(tess.post("/api/scanners/one/lock/", {}), 400, "bad_input")
    locked = tess.post("/api/scanners/one/lock/", {"reason": "new lamp"})
    assert (locked.data["locked_by"], locked.data["lock_reason"]) == ("technician", "new lamp")
    assert refused(tess.post("/api/scanners/one/lock/", {"reason": "again"}), 409, "conflict")
    assert tess.post("/api/scanners/one/unlock/").data["locked_by"] == ""


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "bad_input"),
        ({"batch": 999, "scanner": "one"}, 400, "bad_input"),
        ({"batch": "x", "scanner": "one"}, 400, "bad_input"),
        ({"batch": None, "scanner": "nobody"}, 400, "bad_input"),
    ],
)
def test_a_night_that_cannot_be_is_refused(api_of, body, status, code):
    scanner_row()
    assert refused(api_of("technician").post("/api/nights/", body), status, code)
    assert Night.objects.count() == 0


def test_a_load_with_problems_names_them(api_of):
    scanner_row()
    batch = Batch.objects.create(name="Empty")
    response = api_of("technician").post("/api/nights/", {"batch": batch.pk, "scanner": "one"})
    assert refused(response, 409, "conflict")
    assert response.json()["error"]["detail"]["problems"]


def test_who_looks_may_not_touch(api_of):
    night = night_with(State.SNAPPED)
    manager = api_of("manager")
    assert manager.get(f"/api/nights/{night.batch_id}/").status_code == 200
    for address in (f"/api/nights/{night.batch_id}/start/", "/api/scanners/one/lock/"):
        assert refused(manager.post(address), 403, "not_allowed")
    assert refused(api_of("pathologist").get("/api/snapshots/"), 403, "not_allowed")


def test_a_scan_is_stopped_and_the_queue_is_put_in_order(api_of):
    night, tess = running_night(3), api_of("technician")
    first, second, third = Attempt.objects.order_by("order")
    Attempt.objects.filter(pk=first.pk).update(state="running")
    said = tess.post(f"/api/attempts/{first.pk}/stop/", {"fate": "fail", "reason": "loose slip"})
    assert (said.status_code, said.data["stop_by"]) == (200, "technician")
    assert tess.post(f"/api/attempts/{first.pk}/stop/", {"fate": "fail", "reason": "x"}).status_code == 409
    assert tess.post(f"/api/attempts/{second.pk}/move/", {"to": "last"}).status_code == 200
    assert next(iter(Attempt.objects.filter(state="queued").order_by("order"))) == third
    assert tess.post(f"/api/attempts/{first.pk}/move/", {"to": "last"}).status_code == 409
    assert tess.post(f"/api/attempts/{second.pk}/move/", {"to": "sideways"}).status_code == 400
    assert night.attempts.count() == 3


def test_alerts_are_read_and_seen(api_of):
    raise_alert(Finding(Alert.Kind.SCANNER_LOST, "one", "one does not answer"))
    mara = api_of("manager")
    (row,) = mara.get("/api/alerts/", {"cleared_at__isnull": "true"}).data["results"]
    assert (row["kind"], row["seen_by"]) == ("scanner_lost", "")
    assert mara.post(f"/api/alerts/{row['id']}/see/").data["seen_by"] == "manager"


def test_the_scanners_that_the_settings_name_are_there_before_anybody_has_looked(api_of):
    assert [row["name"] for row in api_of("technician").get("/api/scanners/").data["results"]] == ["one"]
