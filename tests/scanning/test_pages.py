import json

import pytest
from django.http import HttpResponse

from core.models import AuditEntry
from lims.models import Batch, Slide
from lims.states import State
from scanning.models import Alert, Attempt, ImportedFile, Night, Scanner, ScanProfile, Snapshot
from scanning.services.alerts import Finding, raise_alert
from tests.lims.making import loaded, slide
from tests.scanning.making import AREA, PLACES, attempt_of, night_with, running_night, scanner_row
from wire import Timeout

pytestmark = pytest.mark.django_db
CONTENT = json.dumps({"area": list(AREA.values()), "points": [list(place) for place in PLACES]})


def text(response: HttpResponse) -> str:
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("phase", Batch.Phase.values)
@pytest.mark.parametrize("role", ["technician", "manager"])
def test_the_night_shows_every_phase_whole_and_in_part(client_of, role, phase):
    night = night_with(State.READY, State.REVIEW, State.FAILED, phase=phase)
    client, address = client_of(role), f"/scan/batches/{night.batch_id}/"
    page, part = text(client.get(address)), text(client.get(address, {"part": "live"}))
    assert str(night.batch) in page
    assert "<html" in page
    assert "<html" not in part


def test_a_batch_that_was_never_photographed_has_a_page_too(client_of):
    batch = loaded(slide())
    assert str(batch) in text(client_of("technician").get(f"/scan/batches/{batch.pk}/"))


def test_hands_see_buttons_and_lookers_do_not(client_of):
    night = night_with(State.READY)
    action = f"/scan/batches/{night.batch_id}/start/"
    assert action in text(client_of("technician").get(f"/scan/batches/{night.batch_id}/"))
    assert action not in text(client_of("manager").get(f"/scan/batches/{night.batch_id}/"))


def test_a_technician_takes_a_night_through_its_buttons(client_of, scanner):
    batch, tess = loaded(slide(), slide()), client_of("technician")
    scanner_row()
    here = f"/scan/batches/{batch.pk}/"
    tess.post(f"{here}snapshots/", {"scanner": Scanner.objects.get().pk})
    assert Batch.objects.get().phase == Batch.Phase.SNAPSHOTS
    Slide.objects.update(state=State.READY)
    assert tess.post(f"{here}start/").status_code == 302
    assert Attempt.objects.count() == 2
    tess.post(f"{here}pause/", {"at_once": "1", "reason": "fire drill"})
    assert (Night.objects.get().paused, Night.objects.get().stage_paused) == (True, True)
    assert "fire drill" in text(tess.get(here))
    tess.post(f"{here}resume/")
    assert not Night.objects.get().paused


def test_accepting_the_safe_ones_leads_to_the_worst_doubtful_one(client_of):
    night = night_with(State.SNAPPED, State.REVIEW)
    response = client_of("technician").post(f"/scan/batches/{night.batch_id}/accept-safe/")
    worst = Snapshot.objects.get(slide__state=State.REVIEW)
    assert response.headers["Location"] == f"/scan/snapshots/{worst.pk}/"
    assert Slide.objects.filter(state=State.READY).count() == 1


def test_the_review_page_carries_points_and_area_and_is_written_down(client_of):
    night = night_with(State.REVIEW)
    snapshot = Snapshot.objects.get()
    page = text(client_of("technician").get(f"/scan/snapshots/{snapshot.pk}/"))
    assert snapshot.slide.barcode in page
    assert "30050" in page
    assert AuditEntry.objects.filter(action="snapshot.look").count() == 1
    assert snapshot.slide.barcode in text(
        client_of("manager").get(f"/scan/batches/{night.batch_id}/reviews/")
    )


def test_saving_and_accepting_goes_on_to_the_next(client_of):
    night_with(State.REVIEW, State.REVIEW)
    first, second = Snapshot.objects.order_by("id")
    tess, sent = client_of("technician"), {"content": CONTENT, "version": 1, "seconds": 3}
    assert tess.post(f"/scan/snapshots/{first.pk}/save/", sent).headers["Location"].endswith(f"/{first.pk}/")
    onwards = tess.post(f"/scan/snapshots/{first.pk}/save/", {**sent, "version": 2, "accept": "1"})
    assert onwards.headers["Location"] == f"/scan/snapshots/{second.pk}/?after={first.pk}"
    first.slide.refresh_from_db()
    assert first.slide.state == State.READY


def test_another_profile_is_kept_together_with_the_points(client_of):
    night_with(State.REVIEW)
    thick = ScanProfile.objects.create(name="Thick", stains="thick", layers=25)
    tess, address = client_of("technician"), f"/scan/snapshots/{Snapshot.objects.get().pk}/"
    moved = json.dumps({"area": list(AREA.values()), "points": [[30_060.0, 8_060.0], *PLACES[1:]]})
    assert f'value="{thick.pk}"' in text(tess.get(address))
    tess.post(f"{address}save/", {"content": moved, "version": 1, "profile": thick.pk})
    found = Snapshot.objects.get()
    assert (found.profile, found.points.filter(x_um=30_060.0).count()) == (thick, 1)
    tess.post(f"{address}save/", {"content": moved, "version": 2})
    assert Snapshot.objects.get().profile == thick  # who does not speak of it changes nothing
    tess.post(f"{address}save/", {"content": moved, "version": 3, "profile": ""})
    assert Snapshot.objects.get().profile is None


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"content": "{", "version": 1}, 400),
        ({"content": CONTENT, "version": 1, "profile": 77}, 400),
        ({"content": "[]", "version": 1}, 400),
        ({"content": '{"area": [1, 2, 3], "points": []}', "version": 1}, 400),
        ({"content": '{"area": [1, 2, 3, NaN], "points": []}', "version": 1}, 400),
        ({"content": '{"area": [1' + "0" * 400 + ', 2, 3, 4], "points": []}', "version": 1}, 400),
        ({"content": CONTENT}, 400),
        ({"content": CONTENT, "version": "x"}, 400),
        ({"content": CONTENT, "version": 7}, 409),
        ({"content": "x" * 30_000, "version": 1}, 400),
    ],
)
def test_a_review_that_cannot_be_is_refused_in_words(client_of, sent, status):
    night_with(State.REVIEW)
    snapshot = Snapshot.objects.get()
    response = client_of("technician").post(f"/scan/snapshots/{snapshot.pk}/save/", sent)
    assert response.status_code == status
    assert Snapshot.objects.get().version == 1


def test_a_glass_that_cannot_be_scanned_fails_before_the_night(client_of):
    night_with(State.REVIEW)
    snapshot, tess = Snapshot.objects.get(), client_of("technician")
    address = f"/scan/snapshots/{snapshot.pk}/refuse/"
    assert tess.post(address, {"reason": "gremlins"}).status_code == 400
    tess.post(address, {"reason": "no_focus_points", "note": "empty"})
    assert (Slide.objects.get().state, Slide.objects.get().failure) == (State.FAILED, "no_focus_points")


def test_the_photographs_are_shown_and_a_look_at_the_label_is_written_down(client_of, settings):
    night_with(State.REVIEW)
    snapshot, tess = Snapshot.objects.get(), client_of("technician")
    assert tess.get(f"/scan/snapshots/{snapshot.pk}/macro.jpg").status_code == 404  # gone from the disk
    snapshot.label_file.parent.mkdir(parents=True)
    snapshot.label_file.write_bytes(b"png")
    response = tess.get(f"/scan/snapshots/{snapshot.pk}/label.png")
    assert b"".join(response) == b"png"
    assert AuditEntry.objects.filter(action="label.look").count() == 1
    response.close()


def test_the_morning_tells_the_failures_by_cause(client_of):
    night = running_night(2)
    one = attempt_of(night)
    Attempt.objects.filter(pk=one.pk).update(state="failed", reason="jam", message="stuck at the gate")
    Slide.objects.filter(pk=one.slide_id).update(state=State.FAILED, failure="jam")
    Batch.objects.update(phase=Batch.Phase.MORNING)
    page = text(client_of("technician").get(f"/scan/batches/{night.batch_id}/morning/"))
    assert "Slide jammed" in page
    assert one.slide.barcode in page


def test_the_scanners_page_shows_one_that_is_there_and_one_that_is_away(client_of, scanner, monkeypatch):
    assert "fake" in text(client_of("technician").get("/scan/scanners/"))

    def away(*given: object) -> None:
        raise Timeout("silent as the grave")

    monkeypatch.setattr(scanner, "describe", away)
    assert "silent as the grave" in text(client_of("technician").get("/scan/scanners/"))


def test_a_scanner_is_taken_with_a_reason(client_of, scanner):
    scanner_row()
    tess = client_of("technician")
    assert tess.post("/scan/scanners/one/lock/", {"reason": " "}).status_code == 400
    tess.post("/scan/scanners/one/lock/", {"reason": "new lamp"})
    assert Scanner.objects.get().locked_by == "technician"
    assert "new lamp" in text(tess.get("/scan/scanners/"))
    tess.post("/scan/scanners/one/lock/")
    assert Scanner.objects.get().locked_by == ""


def test_an_unmatched_file_waits_on_its_page(client_of):
    found = ImportedFile.objects.create(
        name="x 1.svs", path="/drop/x 1.svs", state="unmatched", message="why"
    )
    tess = client_of("technician")
    assert "x 1.svs" in text(tess.get("/scan/imports/"))
    assert tess.post(f"/scan/imports/{found.pk}/match/", {"barcode": "B-NONE"}).status_code == 400
    assert tess.post(f"/scan/imports/{found.pk}/match/", {"barcode": slide().barcode}).status_code == 409


def test_a_page_of_nothing_is_not_found(client_of):
    tess = client_of("technician")
    assert tess.get("/scan/batches/999/").status_code == 404
    assert tess.get("/scan/snapshots/999/").status_code == 404


def test_the_slide_under_the_lens_is_stopped_from_the_night_page(client_of):
    night, tess = running_night(2), client_of("technician")
    first = attempt_of(night)
    Attempt.objects.filter(pk=first.pk).update(state="running")
    here = f"/scan/batches/{night.batch_id}/"
    assert f"/scan/attempts/{first.pk}/stop/" in text(tess.get(here))
    tess.post(f"/scan/attempts/{first.pk}/stop/", {"fate": "requeue", "reason": "loose slip"})
    first.refresh_from_db()
    assert (first.stop_by, first.stop_as) == ("technician", "requeue")
    assert "stops this slide: loose slip" in text(tess.get(here))


def test_the_queue_page_moves_slides_and_lookers_only_look(client_of):
    night, tess = running_night(3), client_of("technician")
    last = Attempt.objects.latest("order")
    here = f"/scan/batches/{night.batch_id}/queue/"
    moved = tess.post(f"{here}move/", {"move": f"{last.pk}:first"})
    assert moved.headers["Location"] == f"{here}#attempt-{last.pk}"
    assert Attempt.objects.order_by("order")[0] == last
    assert text(tess.get(here)).count('name="move"') == 12
    assert 'name="move"' not in text(client_of("manager").get(here))
    assert tess.post(f"{here}move/", {"move": "first"}).status_code == 400


def test_alerts_are_seen_on_every_page_until_somebody_says_so(client_of):
    raise_alert(Finding(Alert.Kind.SCANNER_LOST, "one", "one does not answer"))
    mara = client_of("manager")
    assert "one does not answer" in text(mara.get("/scan/alerts/strip/"))
    assert 'hx-get="/scan/alerts/strip/"' in text(mara.get("/lab/batches/"))
    mara.post(f"/scan/alerts/{Alert.objects.get().pk}/see/")
    assert "does not answer" not in text(mara.get("/scan/alerts/strip/"))
    assert Alert.objects.get().seen_by == "manager"
    assert Alert.objects.get().cleared_at is None
    assert "one does not answer" in text(mara.get("/scan/alerts/"))


def test_many_alerts_are_one_line_and_the_next_follows_the_one_that_was_seen(client_of):
    raise_alert(Finding(Alert.Kind.NIGHT_ENDED, "Night", "3 slides"))
    raise_alert(Finding(Alert.Kind.SCANNER_LOST, "one", "one does not answer"))
    tess = client_of("technician")
    strip = text(tess.get("/scan/alerts/strip/"))
    assert (strip.count("<form"), "one does not answer" in strip, "+ 1 more" in strip) == (1, True, True)
    lost = Alert.objects.get(kind=Alert.Kind.SCANNER_LOST)
    after = text(tess.post(f"/scan/alerts/{lost.pk}/see/", headers={"HX-Request": "true"}))
    assert ("3 slides" in after, "more" in after) == (True, False)


def test_a_line_that_is_shown_already_is_not_said_again(client_of):
    tess, address = client_of("technician"), "/scan/alerts/strip/"
    assert tess.get(address, {"shown": ""}).status_code == 204
    raise_alert(Finding(Alert.Kind.SCANNER_LOST, "one", "one does not answer"))
    shown = f'name="shown" value="{Alert.objects.get().pk}"'
    assert shown in text(tess.get(address, {"shown": ""}))
    assert tess.get(address, {"shown": Alert.objects.get().pk}).status_code == 204
