"""Quality control: what becomes of a scan that was measured."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import pytest

from core.errors import BadInput, Conflict
from lims.models import Slide
from lims.states import State
from microscope.plan import Rect
from scanning import services
from scanning.models import Attempt, Quality, Snapshot
from scanning.plans import plan_for
from scanning.services.driving import drive
from tests.microscope.scanned import Scanned, scanned
from tests.scanning.fakes import INFO
from tests.scanning.making import attempt_of, running_night
from viewer.models import VirtualSlide
from vslide.errors import Damaged
from vslide.messages import RunStatus

pytestmark = pytest.mark.django_db


@pytest.fixture
def attempt(service) -> Attempt:
    """A scan that is complete: its slide is being built."""
    night = running_night()
    Attempt.objects.update(state="acquired", fence=1, planned_planes=12, parameters={"exposure": 1.0})
    Slide.objects.update(state=State.SCANNING)
    return attempt_of(night)


def collect(attempt: Attempt, service: Any, slide: Scanned) -> Quality:
    """The slide service has verified this slide, and the snapshot is of the same glass."""
    service.states.clear()
    service.states.append(
        RunStatus(
            run_id="", state="verified", path=str(slide.path), sha256=slide.sha256, bytes=slide.bytes,
            received=12, planned=12,
        )
    )  # fmt: skip
    snapshot, shot = Snapshot.objects.get(), slide.shot
    snapshot.macro_file.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(snapshot.macro_file.with_suffix(".png")), shot.macro[..., ::-1])
    area = slide.plan.area
    Snapshot.objects.update(
        macro=str(Path(snapshot.macro).with_suffix(".png")), um_per_px=shot.um_per_px,
        origin_x_um=shot.origin_um[0], origin_y_um=shot.origin_um[1], width=shot.macro.shape[1],
        height=shot.macro.shape[0], area_x_um=area.x_um, area_y_um=area.y_um,
        area_width_um=area.width_um, area_height_um=area.height_um,
    )  # fmt: skip
    services.collect(attempt=attempt)
    return Quality.objects.get(attempt=attempt)


@cache
def _made(folder: Path, seed: int, side_um: float | None, flaw: str | None, off: bool) -> Scanned:
    miss = (lambda x, y: 7.0) if off else None
    return scanned(folder, seed=seed, side_um=side_um, flaw=flaw, miss=miss)


@pytest.fixture
def glass(settings, tmp_path_factory) -> Callable[..., Scanned]:
    """A slide in the store, scanned once for all tests."""
    folder = tmp_path_factory.getbasetemp() / "glasses"

    def make(
        side_um: float | None = None, *, seed: int = 3, flaw: str | None = None, off: bool = False
    ) -> Scanned:
        slide = _made(folder, seed, side_um, flaw, off)
        path = Path(settings.SLIDE_ROOT) / "slides" / slide.path.name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(slide.path, path)
        return replace(slide, path=path)

    return make


def second(attempt: Attempt) -> Attempt:
    return Attempt.objects.select_related("slide", "night__batch").get(slide=attempt.slide_id, number=2)


def acquired(attempt: Attempt) -> Attempt:
    Attempt.objects.filter(pk=attempt.pk).update(state="acquired", parameters={"exposure": 1.0})
    Slide.objects.update(state=State.SCANNING)
    attempt.refresh_from_db()
    return attempt


def test_a_good_scan_is_published_with_its_figures(attempt, service, glass):
    found = collect(attempt, service, glass())
    assert (found.verdict, found.findings, Slide.objects.get().state) == ("good", [], State.SCANNED)
    assert found.focus > 0.6
    assert (found.blurred_share, found.missing_fields, found.outside_share) == (0, 0, 0)
    assert {len(place) for place in found.scores} == {4}
    assert 0 < found.seconds < 5
    assert found.residual_um is not None


def test_a_blurred_scan_is_scanned_again_with_more_focus_points(attempt, service, glass):
    found = collect(attempt, service, glass(off=True))
    assert (found.verdict, found.findings[0]["code"]) == ("rescan", "blurred")
    again = second(attempt)
    assert (again.state, again.adjustments["because"]) == ("queued", ["blurred"])
    assert len(again.adjustments["points"]) > 2 * Snapshot.objects.get().points.count()
    assert again.order > attempt.order
    attempt.refresh_from_db()
    assert (attempt.state, attempt.reason, Slide.objects.get().state) == ("failed", "blurred", State.READY)
    assert VirtualSlide.objects.get().attempt == 1  # its file is kept
    assert service.forgotten == [attempt.run.hex]


def test_the_next_try_is_driven_as_it_was_changed(attempt, service, scanner, glass):
    collect(attempt, service, glass(off=True))
    drive(night=attempt.night)
    (order,) = scanner.scans
    assert (order["attempt"], len(order["plan"].focus_points)) == (
        2,
        len(second(attempt).adjustments["points"]),
    )


def test_a_second_blurred_scan_waits_for_a_person_beside_the_first(attempt, service, glass):
    collect(attempt, service, glass(off=True))
    found = collect(acquired(second(attempt)), service, glass(seed=4, off=True))
    assert (found.verdict, Slide.objects.get().state) == ("doubtful", State.QUALITY)
    assert [row.current for row in VirtualSlide.objects.order_by("attempt")] == [False, True]
    assert Quality.objects.count() == 2
    assert attempt.night.batch.phase == "night"


def test_a_second_scan_that_is_good_is_published(attempt, service, glass):
    collect(attempt, service, glass(off=True))
    found = collect(acquired(second(attempt)), service, glass())
    assert (found.verdict, Slide.objects.get().state) == ("good", State.SCANNED)
    assert VirtualSlide.objects.get(current=True).attempt == 2


def test_an_overexposed_scan_is_exposed_for_less_where_the_scanner_can(attempt, service, glass):
    found = collect(attempt, service, glass(flaw="saturated"))
    assert (found.verdict, found.findings[0]["code"]) == ("rescan", "saturated")
    plan = plan_for(Snapshot.objects.get(), INFO, second(attempt).adjustments)
    assert plan.exposure == 0.6


def test_an_overexposed_scan_waits_for_a_person_where_it_cannot(attempt, service, glass):
    Attempt.objects.update(parameters={"exposure": None})
    attempt.refresh_from_db()
    found = collect(attempt, service, glass(flaw="saturated"))
    assert (found.verdict, Slide.objects.get().state) == ("doubtful", State.QUALITY)


def test_tissue_beside_the_area_is_scanned_with_a_larger_one(attempt, service, glass):
    slide = glass(900.0)
    found = collect(attempt, service, slide)
    assert (found.verdict, found.findings[0]["code"]) == ("rescan", "tissue_outside")
    area = plan_for(Snapshot.objects.get(), INFO, second(attempt).adjustments).area
    assert area.width_um > slide.plan.area.width_um
    assert area.x_um < slide.plan.area.x_um


def test_what_a_person_left_out_was_left_out_on_purpose(attempt, service, glass):
    Snapshot.objects.update(version=2)
    found = collect(attempt, service, glass(900.0))
    assert (found.verdict, found.outside_share) == ("good", 0.0)


def test_missing_fields_are_scanned_again_once_and_then_the_slide_fails(attempt, service):
    status = RunStatus(run_id="", state="failed", planned=12, received=10, error="2 planes are missing")
    service.states.append(status)
    services.collect(attempt=attempt)
    found = Quality.objects.get()
    assert (found.verdict, found.missing_fields, Slide.objects.get().state) == ("rescan", 2, State.READY)
    services.collect(attempt=acquired(second(attempt)))
    assert (Slide.objects.get().state, Slide.objects.get().failure) == (State.FAILED, "missing_fields")


def test_a_slide_without_tissue_waits_for_a_person(attempt, service, settings):
    empty = scanned(Path(settings.SLIDE_ROOT), area=Rect(22_000, 1_000, 500, 500))
    found = collect(attempt, service, empty)
    assert (found.verdict, found.findings[0]["code"]) == ("doubtful", "no_tissue")


def test_a_slide_that_cannot_be_read_waits_for_a_person(attempt, service, glass, monkeypatch):
    slide = glass(900.0)
    monkeypatch.setattr("scanning.services.quality.measure", _broken)
    found = collect(attempt, service, slide)
    assert (found.verdict, found.findings[0]["code"]) == ("doubtful", "unreadable")


def _broken(*given: Any) -> None:
    raise Damaged("a chunk does not decode")


@pytest.fixture
def doubtful(attempt, service, settings, glass) -> Quality:
    settings.QUALITY_RESCANS = 0
    return collect(attempt, service, glass(off=True))


def test_a_person_accepts_a_doubtful_scan(doubtful, technician):
    services.accept_scan(quality=doubtful, actor=technician, note="enough for the question")
    doubtful.refresh_from_db()
    assert (doubtful.verdict, doubtful.decided_by) == ("accepted", "technician")
    event = Slide.objects.get().events.latest("id")
    assert (event.target, event.actor, event.verb) == (State.SCANNED, "technician", "publish")


def test_a_person_refuses_a_doubtful_scan_with_a_word_of_the_vocabulary(doubtful, technician):
    with pytest.raises(BadInput):
        services.refuse_scan(quality=doubtful, reason="jam", actor=technician)
    services.refuse_scan(quality=doubtful, reason="air_bubbles", actor=technician)
    assert (Slide.objects.get().state, Slide.objects.get().failure) == (State.FAILED, "air_bubbles")
    assert Attempt.objects.get().reason == "air_bubbles"


def test_who_comes_second_is_told(doubtful, technician):
    services.accept_scan(quality=doubtful, actor=technician)
    doubtful.attempt.slide.refresh_from_db()
    with pytest.raises(Conflict):
        services.accept_scan(quality=doubtful, actor=technician)
    with pytest.raises(Conflict):
        services.refuse_scan(quality=doubtful, reason="tears", actor=technician)
    assert Slide.objects.get().state == State.SCANNED


def test_the_first_try_may_be_taken_instead_of_the_second(attempt, service, glass, technician):
    first = collect(attempt, service, glass(off=True))
    other = collect(acquired(second(attempt)), service, glass(seed=4, off=True))
    first.refresh_from_db()
    first.attempt.slide.refresh_from_db()
    services.accept_scan(quality=first, actor=technician)
    other.refresh_from_db()
    assert (other.verdict, VirtualSlide.objects.get(current=True).attempt) == ("refused", 1)


def test_an_attempt_that_left_no_file_cannot_be_taken(doubtful, technician):
    VirtualSlide.objects.all().delete()
    with pytest.raises(Conflict):
        services.accept_scan(quality=doubtful, actor=technician)
    assert Slide.objects.get().state == State.QUALITY
