"""The figures say what the events say."""

from datetime import timedelta

import pytest
from django.utils import timezone

from lims.models import Slide, SlideEvent
from lims.states import State
from overview import reports
from overview.morning import as_text, morning
from overview.tables import TABLES, Row, Table
from scanning.models import Attempt
from tests.lims.making import loaded, slide
from tests.overview.making import ended, night
from viewer.models import VirtualSlide

pytestmark = pytest.mark.django_db


def test_first_pass_yield_counts_a_slide_once():
    made = night("", "", "jam", "lamp")
    retried = Slide.objects.get(failure="jam")
    now = timezone.now()
    ended(retried, made, "", now, now)
    found = reports.first_pass_yield()
    assert (found.first_pass, found.later, found.failed, found.share) == (2, 1, 1, 0.5)


def test_an_import_is_no_scan():
    SlideEvent.objects.create(slide=slide(), target=State.SCANNED, verb="import", actor="system")
    assert reports.first_pass_yield().share is None


def test_the_pareto_adds_up():
    night("jam", "jam", "jam", "lamp", "")
    causes = reports.failures_by_cause()
    assert [(cause.reason, cause.count) for cause in causes] == [("jam", 3), ("lamp", 1)]
    assert [cause.cumulative for cause in causes] == [0.75, 1.0]


def test_throughput_is_per_night_and_hour():
    night("", "", "", "jam", hours=2)
    (row,) = reports.throughput()
    assert (row.slides, row.published, row.failed) == (4, 3, 1)
    assert row.per_hour == pytest.approx(1.5)


def test_a_doubtful_scan_is_not_published_yet():
    night("", "")
    Slide.objects.filter(pk=Slide.objects.latest("pk").pk).update(state=State.QUALITY)
    assert [row.published for row in reports.throughput()] == [1]


def test_the_time_range_leaves_older_nights_out():
    made = night("", "jam")
    old = timezone.now() - timedelta(days=40)
    SlideEvent.objects.update(at=old)
    type(made).objects.update(started_at=old)
    after = reports.since(30)
    assert reports.first_pass_yield(after).ended == 0
    assert reports.failures_by_cause(after) == []
    assert reports.throughput(after) == []


def test_time_in_a_state_is_the_median_of_its_stays():
    start = timezone.now() - timedelta(hours=10)
    for hours in (1, 2, 9):
        one = slide()
        SlideEvent.objects.filter(slide=one).update(at=start)
        moved = start + timedelta(hours=hours)
        SlideEvent.objects.create(
            slide=one, source="registered", target="loaded", verb="load", actor="x", at=moved
        )
    rows = {row.state: row for row in reports.time_in_states()}
    assert (rows["registered"].median_s, rows["registered"].longest_s) == (7200, 32_400)
    assert rows["registered"].now == 3


def test_lost_fields_compares_the_plan_with_the_file():
    night("")
    one = Attempt.objects.get().slide
    file = VirtualSlide.objects.create(
        slide=one, path="a.h5", sha256="0" * 64, bytes=1, width=1, height=1, fields=3, channels=4
    )
    everything = Slide.objects.all()
    assert reports.lost_fields(everything) == 0
    VirtualSlide.objects.filter(pk=file.pk).update(fields=2)
    assert reports.lost_fields(everything) == 4


def test_the_morning_accounts_for_every_slide():
    made = night("", "", "jam", "jam", "lamp")
    held = slide()
    waiting = loaded(held, name="other")
    found = morning(made.batch)
    assert found.slides == 5
    text = as_text(found)
    assert text.startswith("Night 1: 5 slides = 2 published + 3 failed + 0 skipped\n")
    assert "Failed: Slide jammed (2)" in text
    Slide.objects.filter(pk=held.pk).update(state=State.REJECTED)
    assert "1 slide = 0 published + 0 failed + 1 skipped" in as_text(morning(waiting))


def test_a_csv_has_no_formulas():
    table = Table("t", "T", ("Night", "n"), [Row(("=1+1", 3)), Row(("@x", None)), Row(("plain", -1.5))], "")
    assert table.as_csv().splitlines() == ["Night,n", "'=1+1,3", "'@x,", "plain,-1.5"]


def test_every_table_can_be_empty_and_full():
    assert all(not make(None).rows for make in TABLES.values())
    night("", "jam")
    full = [make(None) for make in TABLES.values()]
    assert [bool(table.rows) for table in full] == [True, True, True, False]
    assert all(len(row.cells) == len(table.head) for table in full for row in table.rows)
