from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.models import AuditEntry
from lims.models import Slide
from lims.states import State
from scanning.models import Attempt, Quality, ScanProfile
from tests.microscope.scanned import scanned
from tests.scanning.making import attempt_of, running_night
from tests.scanning.test_pages import text
from viewer.models import VirtualSlide

pytestmark = pytest.mark.django_db
BLURRED = [{"code": "blurred", "share": 0.5, "message": "2 of 4 fields with tissue are blurred (50%)"}]


def waits(attempt: Attempt, *, share: float = 0.5, **facts: Any) -> Quality:
    """A scan that waits for a verdict."""
    Attempt.objects.filter(pk=attempt.pk).update(state="done")
    Slide.objects.filter(pk=attempt.slide_id).update(state=State.QUALITY)
    found = [BLURRED[0] | {"share": share}]
    return Quality.objects.create(
        attempt=attempt, **{"verdict": "doubtful", "findings": found, "focus": 0.4, **facts}
    )


@pytest.fixture
def quality(settings) -> Quality:
    """With its file: sixteen places, of which one is blurred and one soft."""
    attempt = attempt_of(running_night())
    made = scanned(Path(settings.SLIDE_ROOT), side_um=600.0)
    scores = [[r, c, 0.9, r * 3 + c] for r in range(3) for c in range(3)]
    scores[0][2], scores[1][2], scores[2][2] = 0.1, 0.3, -1.0
    VirtualSlide.objects.create(
        slide=attempt.slide, path=made.path.relative_to(settings.SLIDE_ROOT).as_posix(), sha256=made.sha256,
        bytes=made.bytes, width=10, height=10, fields=9, attempt=1,
    )  # fmt: skip
    return waits(attempt, scores=scores)


def test_the_list_shows_what_waits_worst_first(client_of):
    night = running_night(2)
    one, two = Attempt.objects.filter(night=night).select_related("slide").order_by("id")
    waits(one, share=0.2)
    waits(two, share=0.9)
    page = text(client_of("manager").get("/scan/quality/"))
    assert page.index(two.slide.barcode) < page.index(one.slide.barcode)
    assert "2 of 4 fields with tissue are blurred" in page


def test_an_empty_list_says_what_happens(client_of):
    assert "Every scan has its verdict" in text(client_of("technician").get("/scan/quality/"))


def test_a_scan_shows_its_map_its_worst_fields_and_its_attempts(client_of, quality):
    page = text(client_of("technician").get(f"/scan/quality/{quality.pk}/"))
    assert 'class="cell blurred"' in page
    assert 'class="cell soft"' in page
    assert page.count('class="cell sharp"') == 6  # and one place without tissue
    assert f"/scan/quality/{quality.pk}/fields/0.jpg" in page
    assert AuditEntry.objects.filter(action="quality.look").count() == 1


def test_the_pictures_are_pictures(client_of, quality):
    tess, here = client_of("technician"), f"/scan/quality/{quality.pk}"
    for address in (f"{here}/overview.jpg", f"{here}/fields/4.jpg"):
        response = tess.get(address)
        assert (response.status_code, response.content[:2]) == (200, b"\xff\xd8")
    assert tess.get(f"{here}/fields/999.jpg").status_code == 404
    VirtualSlide.objects.all().delete()
    assert tess.get(f"{here}/overview.jpg").status_code == 404
    assert "No picture of this attempt" in text(tess.get(f"{here}/"))


def test_accepting_goes_on_to_the_next_and_refusing_needs_a_reason(client_of, quality):
    tess, here = client_of("technician"), f"/scan/quality/{quality.pk}"
    assert tess.post(f"{here}/refuse/", {"reason": "jam"}).status_code == 400
    assert tess.post(f"{here}/accept/").headers["Location"] == "/scan/quality/"
    assert Slide.objects.get().state == State.SCANNED
    assert tess.post(f"{here}/accept/").status_code == 409


def test_refusing_fails_the_slide(client_of, quality):
    address = f"/scan/quality/{quality.pk}/refuse/"
    client_of("technician").post(address, {"reason": "folded", "note": "the corner"})
    assert (Slide.objects.get().state, Slide.objects.get().failure) == (State.FAILED, "folded")


def test_hands_decide_and_lookers_look(client_of, quality):
    here = f"/scan/quality/{quality.pk}/"
    assert "Accept this scan" in text(client_of("technician").get(here))
    assert "Accept this scan" not in text(client_of("manager").get(here))


def test_programs_decide_as_well(api_of, quality):
    api = api_of("technician")
    (row,) = api.get("/api/qualities/", {"verdict": "doubtful"}).json()["results"]
    assert (row["slide"], row["findings"][0]["code"]) == (quality.attempt.slide.barcode, "blurred")
    assert api.post(f"/api/qualities/{quality.pk}/refuse/", {"reason": "jam"}).status_code == 400
    done = api.post(f"/api/qualities/{quality.pk}/accept/", {"note": "fine"}).json()
    assert (done["verdict"], done["decided_by"]) == ("accepted", "technician")


PROFILE = {
    "name": "Thick", "stains": "^H&E", "priority": 10, "active": "on", "encoding": "blosc", "overlap": 0.1,
    "channels": "", "colours": "field", "layers": 25, "layer_step_um": 1.5, "times": 1,
}  # fmt: skip


def test_a_technician_makes_and_changes_a_profile(client_of):
    tess = client_of("technician")
    assert tess.post("/scan/profiles/new/", PROFILE).status_code == 302
    made = ScanProfile.objects.get()
    assert (made.layers, made.channels) == (25, [])
    tess.post(f"/scan/profiles/{made.pk}/", {**PROFILE, "channels": "DAPI, Cy5"})
    made.refresh_from_db()
    assert made.channels == ["DAPI", "Cy5"]
    assert "Thick" in text(tess.get("/scan/profiles/"))
    assert list(AuditEntry.objects.values_list("action", flat=True)) == ["profile.create", "profile.change"]


@pytest.mark.parametrize(
    "wrong",
    [{"stains": "((("}, {"layers": 26}, {"layers": 0}, {"overlap": 0.9}, {"times": 0}, {"channels": "A, A"}],
)
def test_a_profile_that_cannot_be_is_refused_beside_its_field(client_of, api_of, wrong):
    page = text(client_of("technician").post("/scan/profiles/new/", PROFILE | wrong))
    assert "Nothing was written" in page
    sent = PROFILE | {"channels": [], "active": True} | wrong
    sent |= {"channels": ["A", "A"]} if "channels" in wrong else {}
    answer = api_of("technician").post("/api/scan-profiles/", sent)
    assert (answer.status_code, ScanProfile.objects.count()) == (400, 0)


def test_programs_keep_profiles_too(api_of):
    api = api_of("technician")
    made = api.post("/api/scan-profiles/", {"name": "IF", "stains": "^IF", "channels": ["DAPI"]}).json()
    changed = api.patch(f"/api/scan-profiles/{made['id']}/", {"times": 3}).json()
    assert (changed["times"], changed["channels"]) == (3, ["DAPI"])


def test_the_cost_of_a_profile_is_told_from_the_scans_so_far(client_of, quality):
    tess = client_of("technician")
    assert "once a first slide" in text(tess.post("/scan/profiles/estimate/", PROFILE))
    attempt = Attempt.objects.get()
    facts = {"field": [256, 256], "pixel_size_um": 1.0, "fields": 9, "channels": 3}
    attempt.parameters = facts | {"modality": "brightfield", "encoding": "blosc"}
    attempt.started_at, attempt.acquired_at = attempt.queued_at, attempt.queued_at + timedelta(seconds=27)
    attempt.save()
    page = text(tess.post("/scan/profiles/estimate/", PROFILE))
    assert "47\N{NARROW NO-BREAK SPACE}100" in page  # 1884 fields of 25 layers
    assert "Learned from 1 scan" in page
    assert "39 h 15 min" in page  # a second a plane
    assert "Correct the marked fields" in text(
        tess.post("/scan/profiles/estimate/", {**PROFILE, "layers": 99})
    )


def test_the_map_is_told_to_who_cannot_see_it(client_of, quality):
    page = text(client_of("technician").get(f"/scan/quality/{quality.pk}/"))
    assert "row 1, column 1 10 of 100" in page
