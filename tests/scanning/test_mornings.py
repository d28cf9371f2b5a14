"""The morning: the sum, the causes with what shows them, and attempt beside attempt."""

import pytest
from django.utils import timezone

from core.models import AuditEntry
from lims.models import Batch, Slide
from lims.queries import slots_of as slots_of_batch
from lims.services import advance, build_rescan
from lims.states import FailureReason, State
from overview.morning import morning
from scanning.boards import places
from scanning.models import Attempt, Night, Quality, Snapshot
from scanning.mornings import account, causes_of, failures, outcomes
from scanning.queries import mornings, progress
from scanning.services.nights import queue_attempt
from scanning.templatetags.mornings import CODES
from tests.lims.making import hands
from tests.scanning.making import night_with, photographed, slots_of
from viewer.models import VirtualSlide

pytestmark = pytest.mark.django_db
MORNING = Batch.Phase.MORNING


def failed_night(*reasons: str):
    """Slides that failed in their scan, each for its reason."""
    night = night_with(*[State.FAILED] * len(reasons), phase=MORNING)
    for slot, reason in zip(slots_of(night), reasons, strict=True):
        fail(queue_attempt(slot=slot, night=night), reason)
    return night


def fail(attempt: Attempt, reason: str, **facts) -> Attempt:
    facts = {"parameters": {"fields": 12, "focus_points": 5}, "planned_planes": 12, "done_planes": 4} | facts
    Attempt.objects.filter(pk=attempt.pk).update(state="failed", reason=reason, **facts)
    Slide.objects.filter(pk=attempt.slide_id).update(state=State.FAILED, failure=reason)
    return Attempt.objects.get(pk=attempt.pk)


def measured(attempt: Attempt) -> Quality:
    VirtualSlide.objects.create(
        slide=attempt.slide, attempt=attempt.number, path="x.h5", bytes=1, width=1, height=1
    )
    scores = [[0, 0, 0.8, 0], [0, 1, 0.1, 1], [0, 2, -1, 2]]
    return Quality.objects.create(attempt=attempt, verdict="refused", focus=0.4, scores=scores)


def page_of(client, night) -> str:
    response = client.get(f"/scan/batches/{night.batch_id}/morning/")
    assert response.status_code == 200
    return str(response.content.decode())


def test_the_sum_has_no_unknown():
    states = (State.SCANNED, State.RELEASED, State.FAILED, State.REJECTED, State.QUALITY, State.SCANNING)
    found = account(places(night_with(*states, phase=MORNING).batch))
    assert (found.slides, found.published, found.failed, found.skipped, found.under_way) == (6, 2, 1, 2, 1)


def test_who_was_not_looked_at_may_still_join_the_night_and_is_skipped_when_it_is_over():
    night = night_with(State.SCANNED, State.REVIEW, State.SNAPPED, State.HELD, phase=Batch.Phase.NIGHT)
    assert progress(night.batch).words == "4 slides = 1 published + 0 failed + 1 skipped + 2 under way"
    Batch.objects.update(phase=MORNING)
    assert progress(Batch.objects.get()).words == "4 slides = 1 published + 0 failed + 3 skipped"


def test_night_page_program_board_home_and_mail_tell_the_same_sum(client_of, api_of):
    night = night_with(State.READ, State.FAILED, State.REJECTED, State.QUALITY, State.REVIEW, phase=MORNING)
    said, tess = "5 slides = 1 published + 1 failed + 3 skipped", client_of("technician")
    assert said in page_of(tess, night)
    assert said in tess.get(f"/scan/batches/{night.batch_id}/").content.decode()
    assert morning(night.batch).sum == said
    told = api_of("manager").get(f"/api/nights/{night.batch_id}/").data["progress"]
    assert (told["slides"], told["published"], told["failed"], told["skipped"]) == (5, 1, 1, 3)
    assert tess.get("/").content.decode().count("5/5") == 1


def test_the_morning_leads_to_the_scans_that_wait_for_a_verdict(client_of):
    tess, night = client_of("technician"), night_with(State.QUALITY, State.QUALITY, phase=MORNING)
    page = page_of(tess, night)
    assert "2 scans" in page
    assert 'href="/scan/quality/"' in page
    Slide.objects.update(state=State.SCANNED)
    assert 'href="/scan/quality/"' not in page_of(tess, night)


def test_every_cause_has_a_code_of_its_own():
    assert set(CODES) == set(FailureReason.values)
    assert len(set(CODES.values())) == len(CODES)


def test_the_map_names_each_slot_and_the_legend_counts(client_of):
    night = failed_night("jam", "jam", "blurred")
    page = page_of(client_of("technician"), night)
    assert page.count('class="mark tone-bad failed" href="/lab/slides/') == 3
    assert "Slot 1-1: " in page
    assert [(place.failure, count) for place, count in causes_of(places(night.batch))] == [
        ("jam", 2), ("blurred", 1),
    ]  # fmt: skip
    assert 'href="#cause-jam"' in page
    assert 'id="cause-jam"' in page


@pytest.mark.parametrize(
    ("reason", "picture", "shown"),
    [
        ("no_focus_points", "glass", "focus points"),
        ("tissue_outside", "glass", "focus points"),
        ("barcode_unreadable", "label", "Show the label"),
        ("blurred", "field", "its least sharp field"),
        ("missing_fields", "glass", "4 of 12 colour fields"),
    ],
)
def test_each_cause_comes_with_the_picture_that_shows_it(client_of, reason, picture, shown):
    night = failed_night(reason)
    measured(Attempt.objects.get())
    assert failures(night.batch)[0].slides[0].picture == picture
    assert shown in page_of(client_of("technician"), night)


def test_a_field_is_shown_only_while_its_file_is_there():
    night = failed_night("blurred")
    measured(Attempt.objects.get())
    VirtualSlide.objects.all().delete()
    assert failures(night.batch)[0].slides[0].picture == "glass"


def test_the_label_is_not_looked_at_by_opening_the_page(client_of):
    night = failed_night("barcode_unreadable")
    page = page_of(client_of("technician"), night)
    hidden = page.split("<summary>Show the label")[1]
    assert f"/scan/snapshots/{Snapshot.objects.get().pk}/label.png" in hidden
    assert not AuditEntry.objects.filter(action="label.look").exists()


def test_the_second_attempt_lies_beside_the_first(client_of):
    first = failed_night("blurred")
    rescan = build_rescan(batch=first.batch, actor=hands())
    Batch.objects.filter(pk=rescan.pk).update(phase=MORNING)
    Night.objects.update(ended_at=timezone.now())
    again = Night.objects.create(batch=rescan, scanner=first.scanner)
    (slot,) = slots_of(again)
    photographed(slot)
    points = [[1.0, 2.0]] * 9
    fail(
        queue_attempt(slot=slot, night=again), "blurred",
        parameters={"fields": 12, "focus_points": 9}, adjustments={"points": points},
    )  # fmt: skip
    (told,) = failures(rescan)[0].slides
    assert told.before
    assert told.now
    assert (told.before.attempt.number, told.now.attempt.number) == (1, 2)
    assert told.differences == [("focus points", 5, 9)]
    page = page_of(client_of("technician"), again)
    for words in ("Attempt 2 beside attempt 1", "9 focus points", f"{first.batch.name}, slot"):
        assert words in page


def test_the_page_asks_no_more_for_many_failures_than_for_few(django_assert_max_num_queries):
    night = failed_night(*["jam"] * 12)
    with django_assert_max_num_queries(10):
        failures(night.batch)


def test_one_click_packs_the_rescan_and_shows_its_pick_list(client_of):
    night = failed_night("jam")
    tess = client_of("technician")
    answer = tess.post(f"/lab/batches/{night.batch_id}/rescan/", {"then": "pull-list"}, follow=True)
    page = answer.content.decode()
    assert answer.redirect_chain[-1][0].endswith("/pull-list/")
    assert Slide.objects.get().barcode in page
    assert f"{night.batch} {slots_of(night)[0]}" in page


def test_a_failure_stays_this_nights_when_its_slide_is_loaded_again(client_of):
    night = night_with(State.SCANNED, State.SCANNING, phase=MORNING)
    slide = Slide.objects.get(state=State.SCANNING)
    advance(slide=slide, to=State.FAILED, reason="jam")
    rescan = build_rescan(batch=night.batch, actor=hands())
    found = account(outcomes(night.batch))
    assert (found.published, found.failed, found.under_way) == (1, 1, 0)
    (cause,) = failures(night.batch)
    assert (cause.reason, cause.slides[0].again) == ("jam", f"{rescan} {slots_of_batch(rescan)[0]}")
    page = page_of(client_of("technician"), night)
    assert "loaded again" in page
    assert "Build the rescan carousel" not in page


def test_what_fails_again_waits_in_the_morning_of_its_rescan():
    first = failed_night("jam", "lamp")
    assert list(mornings()) == [first]
    rescan = build_rescan(batch=first.batch, actor=hands())
    assert list(mornings()) == []
    Batch.objects.filter(pk=rescan.pk).update(phase=MORNING)
    Night.objects.update(ended_at=timezone.now())
    again = Night.objects.create(batch=rescan, scanner=first.scanner)
    Slide.objects.update(state=State.FAILED)
    assert list(mornings()) == [again]


def test_the_rescan_is_packed_in_the_order_in_which_hands_come_by():
    night = failed_night("jam", "lamp", "jam")
    for slot, barcode in zip(slots_of(night), ("Z-1", "M-2", "A-3"), strict=True):
        Slide.objects.filter(slots=slot).update(barcode=barcode)
    rescan = build_rescan(batch=night.batch, actor=hands())
    assert [slot.barcode for slot in slots_of_batch(rescan)] == ["Z-1", "M-2", "A-3"]
