"""How slides find readers."""

import pytest
from django.utils import timezone

from annotation import queries, tasks
from annotation.models import Assignment
from annotation.policy import daily_limit
from annotation.services import assign, assign_waiting, enrol_reader, open_assignment, submit, take_back
from core.errors import BadInput, Conflict
from core.models import AuditEntry, Job
from lims.models import Slide
from lims.states import State
from tests.annotation.making import assigned, clean, pathologist, reader

pytestmark = pytest.mark.django_db


def test_it_scales_the_rule_to_the_hours():
    assert (daily_limit(), daily_limit(4), daily_limit(12), daily_limit(-1)) == (100, 50, 100, 0)


def test_it_gives_a_slide_to_who_reads_its_tissue():
    reader("paul", tissues=["breast"])
    petra = reader("petra", tissues=["prostate"])
    made = assign(slide=clean(tissue="prostate"))
    assert made is not None
    assert (made.reader, made.slide.state) == (petra, State.ASSIGNED)


def test_it_leaves_a_slide_where_it_is_when_nobody_reads_its_tissue():
    reader("paul", tissues=["breast"])
    waiting = clean(tissue="pulmonary")
    assert assign(slide=waiting) is None
    waiting.refresh_from_db()
    assert waiting.state == State.DEIDENTIFIED


def test_it_never_fills_a_day_past_its_limit():
    reader("paul", limit=3)
    made = [assign(slide=clean()) for _ in range(5)]
    assert [one is not None for one in made] == [True, True, True, False, False]


def test_it_counts_what_was_viewed_today_and_not_what_was_returned_unseen():
    paul = reader("paul", limit=1)
    first = assign(slide=clean())
    assert first is not None
    take_back(assignment=first, actor=paul.user, note="conflict of interest")
    second = assign(slide=clean())
    assert second is not None
    open_assignment(assignment=second, actor=paul.user)
    submit(assignment=second, actor=paul.user)
    assert assign(slide=clean()) is None


def test_it_shares_fairly_and_keeps_a_case_together():
    reader("paul")
    reader("petra")
    for number in range(10):
        assign(slide=clean(accession=f"C-{number}", mrn=f"M-{number}"))
        assign(slide=clean(accession=f"C-{number}", mrn=f"M-{number}"))
    cases: dict[int, set[int]] = {}
    for row in Assignment.objects.select_related("slide__block__specimen__case"):
        cases.setdefault(row.slide.case.pk, set()).add(row.reader_id)
    assert [load.open for load in queries.loads()] == [10, 10]
    assert all(len(readers) == 1 for readers in cases.values())


def test_it_does_not_give_a_slide_back_to_who_returned_it():
    paul = reader("paul")
    made = assign(slide=clean())
    assert made is not None
    take_back(assignment=made, actor=paul.user, note="not mine")
    fresh = Slide.objects.get(pk=made.slide_id)
    assert assign(slide=fresh) is None
    petra = reader("petra")
    again = assign(slide=fresh)
    assert again is not None
    assert again.reader == petra


def test_it_refuses_a_second_assignment():
    made = assigned()
    stale = Slide.objects.get(pk=made.slide_id)
    stale.state = State.DEIDENTIFIED
    with pytest.raises(Conflict):
        assign(slide=stale)
    assert Assignment.objects.filter(state="open").count() == 1


def test_it_replaces_a_row_that_a_slide_left_behind():
    made = assigned()
    Slide.objects.filter(pk=made.slide_id).update(state=State.DEIDENTIFIED)
    again = assign(slide=Slide.objects.get(pk=made.slide_id))
    assert again is not None
    made.refresh_from_db()
    assert (made.state, again.state) == ("returned", "open")


def test_it_comes_back_later_when_nobody_has_room():
    waiting = clean()
    tasks.assign_slide(slide_id=waiting.pk)
    later = Job.objects.get(task="annotation.assign_slide", args={"slide_id": waiting.pk})
    assert (later.due_at - timezone.now()).total_seconds() > 200
    assert Slide.objects.get(pk=waiting.pk).state == State.DEIDENTIFIED


def test_its_task_assigns_once():
    reader()
    waiting = clean()
    for _ in range(2):
        tasks.assign_slide(slide_id=waiting.pk)
    assert Assignment.objects.filter(slide=waiting).count() == 1
    assert not Job.objects.filter(task="annotation.assign_slide").exists()


def test_it_shares_out_what_waits():
    reader("paul", limit=2)
    for _ in range(3):
        clean()
    assert assign_waiting() == (2, 1)


def test_it_lets_a_manager_choose_within_the_limits(manager):
    full = reader("paul", limit=0)
    with pytest.raises(Conflict, match="no room"):
        assign(slide=clean(), actor=manager, reader=full)
    petra = reader("petra", tissues=["breast"])
    with pytest.raises(BadInput, match="does not read"):
        assign(slide=clean(tissue="prostate"), actor=manager, reader=petra)
    made = assign(slide=clean(tissue="breast"), actor=manager, reader=petra)
    assert made is not None
    assert AuditEntry.objects.filter(action="slide.assign_to").count() == 1


def test_it_enrols_pathologists_only(technician):
    with pytest.raises(BadInput, match="not a pathologist"):
        enrol_reader(user=technician, actor="test")
    with pytest.raises(BadInput, match="No such tissue"):
        enrol_reader(user=pathologist(), actor="test", tissues=["wood"])
    with pytest.raises(BadInput, match="0 to 100"):
        enrol_reader(user=pathologist(), actor="test", limit=101)
