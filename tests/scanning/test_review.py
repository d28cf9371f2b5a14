import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput, Conflict, NotAllowed
from core.models import AuditEntry
from lims.models import Batch, Slide
from lims.states import State
from microscope import FocusPoint as Point
from microscope import Rect
from microscope.errors import FocusFailed
from microscope.focus import fit_surface
from scanning import services
from scanning.models import Attempt, FocusPoint, Snapshot
from scanning.queries import review_effort
from scanning.services import Review
from scanning.services.nights import queue_attempt
from scanning.services.review import NARROWEST_UM, width_um
from tests.scanning.making import AREA, PLACES, night_with, photographed, slots_of

pytestmark = pytest.mark.django_db
REVIEW = Review(area=Rect(*AREA.values()), points=PLACES, version=1, seconds=12.0)
NAN, INF = float("nan"), float("inf")


@pytest.fixture
def doubtful() -> Snapshot:
    night_with(State.REVIEW)
    return Snapshot.objects.select_related("slide", "slot__carousel__batch").get()


def test_edits_are_kept_with_who_placed_each_point(doubtful, technician):
    moved = (*PLACES[1:], (30_011.0, 8_077.0))
    area = Rect(30_000.0, 8_000.0, 250.0, 200.0)
    saved = services.save_review(
        snapshot=doubtful, review=replace(REVIEW, points=moved, area=area), actor=technician
    )
    sources = dict(FocusPoint.objects.values_list("x_um", "source"))
    assert sources[30_011.0] == "person"
    assert sources[PLACES[1][0]] == "automatic"
    assert (saved.version, saved.area_width_um, saved.review_seconds) == (2, 250.0, 12.0)
    assert AuditEntry.objects.filter(action="snapshot.edit").count() == 1


def test_of_two_edits_of_one_version_the_second_is_refused(doubtful, technician):
    services.save_review(snapshot=doubtful, review=REVIEW, actor=technician)
    with pytest.raises(Conflict):
        services.save_review(snapshot=doubtful, review=replace(REVIEW, points=()), actor=technician)
    assert FocusPoint.objects.count() == len(PLACES)


def test_what_was_accepted_is_not_edited(doubtful, technician):
    services.accept(snapshot=doubtful, actor=technician)
    with pytest.raises(Conflict):
        services.save_review(snapshot=doubtful, review=REVIEW, actor=technician)


@pytest.mark.parametrize(
    "area",
    [
        Rect(-1000.0, 0.0, 100.0, 100.0),
        Rect(0.0, 0.0, 80_000.0, 100.0),
        Rect(30_000.0, 8_000.0, 0.0, 100.0),
        Rect(30_000.0, 8_000.0, -5.0, 100.0),
        Rect(NAN, 8_000.0, 100.0, 100.0),
        Rect(30_000.0, 8_000.0, INF, 100.0),
    ],
)
def test_an_area_outside_the_picture_is_refused(doubtful, technician, area):
    with pytest.raises(BadInput):
        services.save_review(snapshot=doubtful, review=replace(REVIEW, area=area), actor=technician)
    assert Snapshot.objects.get().version == 1


@pytest.mark.parametrize("point", [(-500.0, 0.0), (1e9, 1.0), (NAN, 1.0), (1.0, INF)])
def test_a_point_outside_the_picture_is_refused(doubtful, technician, point):
    with pytest.raises(BadInput):
        services.save_review(
            snapshot=doubtful, review=replace(REVIEW, points=(*PLACES, point)), actor=technician
        )
    assert FocusPoint.objects.count() == len(PLACES)


def test_more_points_than_a_scanner_visits_are_refused(doubtful, technician):
    with pytest.raises(BadInput):
        services.save_review(snapshot=doubtful, review=replace(REVIEW, points=PLACES * 20), actor=technician)


@pytest.mark.parametrize(("seconds", "kept"), [(NAN, 0.0), (INF, 0.0), (-5.0, 0.0), (1e9, 3600.0)])
def test_a_time_that_cannot_be_is_cut(doubtful, technician, seconds, kept):
    saved = services.save_review(snapshot=doubtful, review=replace(REVIEW, seconds=seconds), actor=technician)
    assert saved.review_seconds == kept


def test_accepting_makes_it_ready(doubtful, technician):
    services.accept(snapshot=doubtful, actor=technician)
    found = Snapshot.objects.get()
    assert (found.accepted_by, found.slide.state) == ("technician", State.READY)
    assert Attempt.objects.count() == 0  # the night has not begun


@pytest.mark.parametrize(
    "points",
    [(), PLACES[:2], tuple((30_000.0 + n * 50, 8_000.0 + n * 20) for n in range(6)), (PLACES[0],) * 5],
    ids=["none", "two", "a line", "one place"],
)
def test_points_that_give_no_focus_plane_are_not_accepted(doubtful, technician, points):
    services.save_review(snapshot=doubtful, review=replace(REVIEW, points=points), actor=technician)
    with pytest.raises(BadInput):
        services.accept(snapshot=doubtful, actor=technician)
    assert Slide.objects.get().state == State.REVIEW


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 2000)), min_size=3, max_size=12))
def test_what_may_be_accepted_has_a_focus_plane(places):
    width = width_um(places)
    assert width >= 0
    if width < NARROWEST_UM:
        return
    try:
        fit_surface([Point(float(x), float(y), 50.0) for x, y in places])
    except FocusFailed:
        pytest.fail(f"{places} is {width} µm wide and has no plane")


def test_an_area_must_be_drawn_before_it_is_accepted(doubtful, technician):
    Snapshot.objects.update(area_width_um=0.0)
    doubtful.refresh_from_db()
    with pytest.raises(BadInput):
        services.accept(snapshot=doubtful, actor=technician)


def test_a_person_without_the_role_accepts_nothing(doubtful, pathologist):
    with pytest.raises(NotAllowed):
        services.accept(snapshot=doubtful, actor=pathologist)
    assert Snapshot.objects.get().accepted_at is None


def test_an_older_photograph_is_not_accepted_for_a_newer_one(doubtful, technician):
    night = night_with(State.REVIEW, name="Later", scanner="two")
    later = slots_of(night)[0]
    type(later).objects.filter(pk=later.pk).update(slide=doubtful.slide)
    Snapshot.objects.filter(slot=later).update(slide=doubtful.slide)
    with pytest.raises(Conflict):
        services.accept(snapshot=doubtful, actor=technician)
    with pytest.raises(Conflict):
        services.save_review(snapshot=doubtful, review=REVIEW, actor=technician)


def test_safe_slides_are_accepted_in_bulk_and_doubtful_ones_wait(technician):
    night = night_with(State.SNAPPED, State.SNAPPED, State.REVIEW, State.FAILED)
    assert services.accept_safe(batch=night.batch, actor=technician) == 2
    states = list(Slide.objects.order_by("id").values_list("state", flat=True))
    assert states == [State.READY, State.READY, State.REVIEW, State.FAILED]
    assert services.accept_safe(batch=night.batch, actor=technician) == 0


def test_one_that_cannot_be_accepted_keeps_no_other_waiting(technician):
    night = night_with(State.SNAPPED, State.SNAPPED, State.SNAPPED)
    Snapshot.objects.earliest("id").points.all().delete()
    assert services.accept_safe(batch=night.batch, actor=technician) == 2
    assert Slide.objects.filter(state=State.SNAPPED).count() == 1


def test_the_worst_comes_first(technician):
    night = night_with(State.REVIEW, State.REVIEW, State.REVIEW)
    for snapshot, risk in zip(Snapshot.objects.order_by("id"), (0.6, 0.95, 0.7), strict=True):
        Snapshot.objects.filter(pk=snapshot.pk).update(risk=risk)
    assert [snapshot.risk for snapshot in services.doubtful(night.batch)] == [0.95, 0.7, 0.6]


def test_one_accepted_late_joins_the_night(doubtful, technician):
    Batch.objects.update(phase=Batch.Phase.NIGHT)
    doubtful.slot.carousel.batch.refresh_from_db()
    services.accept(snapshot=doubtful, actor=technician)
    assert Attempt.objects.get().state == "queued"


def test_a_photograph_can_be_taken_again(technician):
    night = night_with(State.LOADED)
    slot = slots_of(night)[0]
    first = photographed(slot)
    first.delete()
    photographed(slot)
    assert Snapshot.objects.count() == 1


def test_an_acceptance_is_taken_back_until_the_slide_is_queued(doubtful, technician):
    services.accept(snapshot=doubtful, actor=technician)
    services.reopen(snapshot=doubtful, actor=technician)
    found = Snapshot.objects.get()
    assert (found.slide.state, found.accepted_by, found.accepted_at) == (State.REVIEW, "", None)
    services.accept(snapshot=found, actor=technician)
    queue_attempt(slot=found.slot, night=found.slot.carousel.batch.night_run)
    with pytest.raises(Conflict):
        services.reopen(snapshot=found, actor=technician)


def test_a_glass_that_cannot_be_scanned_fails_with_the_time_it_took(doubtful, technician):
    services.refuse(snapshot=doubtful, reason="folded", seconds=4.0, actor=technician)
    found = Snapshot.objects.get()
    assert (found.slide.state, found.slide.failure, found.review_seconds) == (State.FAILED, "folded", 4.0)


def test_it_tells_what_the_review_cost_and_what_it_foresaw(technician):
    night = night_with(State.SNAPPED, State.SNAPPED, State.REVIEW, State.REVIEW, State.REVIEW, State.READY)
    for snapshot, seconds in zip(services.doubtful(night.batch), (4.0, 9.0, 6.0), strict=True):
        Snapshot.objects.filter(pk=snapshot.pk).update(review_seconds=seconds)
    first, *_, ready = Snapshot.objects.order_by("id").exclude(slide__state=State.SNAPPED)
    services.refuse(snapshot=first, reason="no_focus_points", actor=technician)
    queue_attempt(slot=ready.slot, night=night)
    Attempt.objects.update(state="failed", reason="blurred")
    effort = review_effort(night.batch)
    assert (effort.slides, effort.needed_person, effort.person_share) == (6, 3, 0.5)
    assert (effort.reviewed, effort.median_s, effort.total_s) == (3, 6.0, 19.0)
    assert (effort.focus_failures, effort.foreseen) == (2, 1)


def test_a_batch_without_snapshots_cost_nothing(db):
    made = Batch.objects.create(name="Empty")
    assert (review_effort(made).median_s, review_effort(made).person_share) == (None, 0.0)


def test_the_next_is_the_one_after_and_then_the_first_that_was_left(technician, client):
    night = night_with(State.REVIEW, State.REVIEW, State.REVIEW)
    worst, middle, last = services.doubtful(night.batch)
    client.force_login(technician)
    content = json.dumps({"area": list(AREA.values()), "points": PLACES})

    def accepted(snapshot: Snapshot) -> str:
        form = {"content": content, "version": 1, "seconds": 2.5, "accept": "1"}
        return str(client.post(f"/scan/snapshots/{snapshot.pk}/save/", form).headers["Location"])

    assert accepted(middle) == f"/scan/snapshots/{last.pk}/?after={middle.pk}"
    page = client.get(f"/scan/snapshots/{last.pk}/?after={middle.pk}").content.decode()
    assert f"{middle.slide.barcode}, accepted" in page
    assert f'rel="prefetch" as="image" href="/scan/snapshots/{worst.pk}/macro.jpg"' in page
    assert accepted(last) == f"/scan/snapshots/{worst.pk}/?after={last.pk}"
    client.post(f"/scan/snapshots/{middle.pk}/reopen/")
    assert services.doubtful(night.batch) == [worst, middle]
