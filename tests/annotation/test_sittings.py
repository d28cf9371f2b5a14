"""Time on a slide, as the page views tell it."""

import uuid
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from annotation.models import Assignment, Sitting
from annotation.services import hear, open_assignment, submit
from core.errors import BadInput, Conflict, NotAllowed
from tests.annotation.making import assigned, pathologist, reader
from tests.conftest import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def opened() -> Assignment:
    """A slide that its reader opened ten minutes ago."""
    made = assigned()
    open_assignment(assignment=made, actor=made.reader.user)
    made.opened_at = timezone.now() - timedelta(minutes=10)
    made.save()
    return made


def sat(made: Assignment, began: float, heard: float, active: float) -> Sitting:
    """A sitting from `began` to `heard` minutes ago with so many active minutes."""
    now = timezone.now()
    return Sitting.objects.create(
        client_id=uuid.uuid4(),
        assignment=made,
        active_s=60 * active,
        began_at=now - timedelta(minutes=began),
        heard_at=now - timedelta(minutes=heard),
    )


def test_the_running_total_counts_once_however_often_it_comes(opened):
    one = sat(opened, 5, 5, 0)
    for seconds in (30, 60, 60, 45):  # the last came late
        hear(assignment=opened, client_id=one.client_id, active_s=seconds, actor=opened.reader.user)
    assert Sitting.objects.get().active_s == pytest.approx(60, abs=1)


def test_it_believes_no_more_than_the_time_since_the_slide_was_opened(opened):
    hear(assignment=opened, client_id=uuid.uuid4(), active_s=36_000, actor=opened.reader.user)
    assert Sitting.objects.get().active_s == pytest.approx(600, abs=5)


def test_minutes_are_the_sum_of_the_sittings(opened):
    sat(opened, 10, 8, 1.5)
    sat(opened, 5, 2, 2.0)
    submit(assignment=opened, actor=opened.reader.user)
    assert opened.minutes == pytest.approx(3.5, abs=0.02)


def test_two_windows_at_once_do_not_count_double(opened):
    sat(opened, 9, 4, 5)
    sat(opened, 9, 4, 5)
    sat(opened, 6, 3, 3)
    submit(assignment=opened, actor=opened.reader.user)
    assert opened.minutes == pytest.approx(6, abs=0.05)


def test_the_last_total_comes_with_the_signature(opened):
    submit(assignment=opened, actor=opened.reader.user, active_s=120, sitting=uuid.uuid4())
    assert opened.minutes == pytest.approx(2, abs=0.02)


def test_nobody_tells_time_for_another_or_after_the_end(opened):
    with pytest.raises(NotAllowed):
        hear(assignment=opened, client_id=uuid.uuid4(), active_s=1, actor=pathologist("petra"))
    with pytest.raises(BadInput):
        hear(assignment=opened, client_id=uuid.uuid4(), active_s=float("nan"), actor=opened.reader.user)
    one = uuid.uuid4()
    hear(assignment=opened, client_id=one, active_s=1, actor=opened.reader.user)
    other = assigned("petra")
    with pytest.raises(Conflict, match="another slide"):
        hear(assignment=other, client_id=one, active_s=1, actor=other.reader.user)
    submit(assignment=opened, actor=opened.reader.user)
    with pytest.raises(Conflict, match="not on the list"):
        hear(assignment=opened, client_id=one, active_s=2, actor=opened.reader.user)


def test_the_page_tells_it(client_of, opened):
    Assignment.objects.filter(pk=opened.pk).update(reader=reader_of_the_cast())
    where = reverse("annotation:sitting", args=[opened.pk])
    told = {"client_id": str(uuid.uuid4()), "active_s": "31"}
    assert client_of("pathologist").post(where, told).status_code == 204
    assert client_of("pathologist").post(where, {"active_s": "31"}).status_code == 400
    assert Sitting.objects.get().active_s == pytest.approx(31, abs=0.5)


def reader_of_the_cast() -> object:
    person("pathologist")
    return reader("pathologist")
