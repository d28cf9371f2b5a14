"""Slides change hands: taken, given, asked about, refused, left behind on leave; and together in view."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from annotation import queries, tasks
from annotation.models import Assignment, Reader, Recusal
from annotation.services import (
    add_leave,
    ask_opinion,
    assign,
    assign_waiting,
    companions,
    delegate,
    enrol_reader,
    open_assignment,
    reconcile,
    recuse,
    show_view,
    submit,
    take_case,
    view_of,
)
from core.errors import BadInput, Conflict, NotAllowed
from core.models import AuditEntry, Job, User
from lims.models import Case, Slide
from lims.states import State
from tests.annotation.making import assigned, clean, pathologist, reader

pytestmark = pytest.mark.django_db


def slides_of_case(count: int, accession: str = "C-1", **facts: object) -> list[Slide]:
    return [clean(accession=accession, mrn=f"M-{accession}", **facts) for _ in range(count)]


def given(slides: list[Slide], to: Reader) -> list[Assignment]:
    """These slides on one reader's list, while the others are not on the rota."""
    others = Reader.objects.exclude(pk=to.pk)
    others.update(active=False)
    made = [assign(slide=slide) for slide in slides]
    others.update(active=True)
    return [one for one in made if one is not None]


def held_by(user: User) -> int:
    return Assignment.objects.filter(reader__user=user, state="open").count()


def test_a_pathologist_takes_a_waiting_case_whole():
    slides = slides_of_case(3)
    paul = reader("paul")
    assert [len(case.slides) for case in queries.takeable(paul)] == [3]
    assert len(take_case(slide=slides[1], actor=paul.user)) == 3
    assert {Slide.objects.get(pk=slide.pk).state for slide in slides} == {State.ASSIGNED}
    with pytest.raises(Conflict, match="quicker"):
        take_case(slide=slides[0], actor=paul.user)


def test_taking_keeps_the_limits_and_the_rota():
    slides = slides_of_case(3)
    paul = reader("paul", limit=2, hours=[8.0] * 7)
    petra = reader("petra", tissues=["prostate"])
    with pytest.raises(Conflict, match="no room"):
        take_case(slide=slides[0], actor=petra.user)
    assert queries.takeable(petra) == []
    with pytest.raises(NotAllowed, match="rota"):
        take_case(slide=slides[0], actor=pathologist("nobody"))
    assert len(take_case(slide=slides[0], actor=paul.user)) == 2  # larger than any day of theirs: begun


def test_nobody_takes_the_rest_of_another_readers_case():
    paul, petra = reader("paul", limit=2), reader("petra")
    first, second, third = slides_of_case(3)
    given([first, second], paul)
    assert queries.takeable(petra) == []
    with pytest.raises(Conflict, match="stays together"):
        take_case(slide=third, actor=petra.user)
    with pytest.raises(Conflict, match="stays together"):
        assign(slide=third, reader=petra)
    assert assign(slide=third) is None
    assert "its reader has the case" in queries.waiting()[0].why.lower()


def test_a_case_is_given_to_a_colleague_whole():
    paul, petra = reader("paul"), reader("petra")
    made = given(slides_of_case(3), paul)
    delegate(assignment=made[0], to=petra, actor=paul.user, note="yours by right")
    assert (held_by(paul.user), held_by(petra.user)) == (0, 3)
    made[0].refresh_from_db()
    assert (made[0].state, made[0].note) == ("returned", "yours by right")
    assert Slide.objects.get(pk=made[0].slide_id).state == State.ASSIGNED
    assert AuditEntry.objects.filter(action="assignment.delegate").count() == 1


@pytest.mark.parametrize("bar", ["tissue", "room", "leave", "recused", "knows it"])
def test_it_is_given_to_nobody_who_cannot_have_it(bar):
    paul, petra = reader("paul"), reader("petra")
    made = given(slides_of_case(2, tissue="breast"), paul)
    today = timezone.localdate()
    if bar == "tissue":
        enrol_reader(user=petra.user, actor="test", tissues=["prostate"])
    elif bar == "room":
        enrol_reader(user=petra.user, actor="test", limit=1)
    elif bar == "leave":
        add_leave(reader=petra, first=today, last=today, actor="test")
    elif bar == "recused":
        Recusal.objects.create(reader=petra, case=made[0].slide.case, reason="kin")
    else:
        Assignment.objects.create(slide=made[0].slide, reader=petra, purpose="second", state="submitted")
    with pytest.raises(BadInput, match="another"):
        delegate(assignment=made[0], to=petra, actor=paul.user)
    assert held_by(paul.user) == 2


def test_one_click_and_the_whole_case_goes_elsewhere_for_good():
    paul = reader("paul")
    made = given(slides_of_case(2), paul)
    recuse(assignment=made[0], actor=paul.user)
    assert held_by(paul.user) == 0
    assert assign_waiting() == (0, 2)
    petra = reader("petra")
    assert assign_waiting() == (2, 0)
    assert held_by(petra.user) == 2
    later = slides_of_case(1)[0]
    Reader.objects.filter(pk=petra.pk).update(active=False)
    assert assign(slide=later) is None
    assert Recusal.objects.get().reason == "Conflict of interest"


def test_an_opinion_leaves_the_slide_with_its_reader_and_brings_an_answer():
    paul, petra = reader("paul"), reader("petra")
    [made] = given([clean()], paul)
    asked = ask_opinion(assignment=made, of=petra, question="Is this invasion?", actor=paul.user)
    assert [one.pk for one in queries.worklist(petra.user)] == [asked.pk]
    assert held_by(paul.user) == 1
    with pytest.raises(BadInput, match="Answer"):
        submit(assignment=asked, actor=petra.user)
    submit(assignment=asked, actor=petra.user, answer="Yes, at the margin.")
    assert Slide.objects.get(pk=made.slide_id).state == State.ASSIGNED
    [told] = queries.opinions_on(made.slide, paul.user)
    assert (told.note, told.state) == ("Yes, at the margin.", "submitted")
    assert list(queries.answers_for(paul.user)) == [told]


def test_an_opinion_may_come_after_the_slide_is_read():
    paul, petra = reader("paul"), reader("petra")
    [made] = given([clean()], paul)
    asked = ask_opinion(assignment=made, of=petra, question="?", actor=paul.user)
    submit(assignment=made, actor=paul.user)
    assert Slide.objects.get(pk=made.slide_id).state == State.READ
    assert [one.pk for one in queries.worklist(petra.user)] == [asked.pk]
    submit(assignment=asked, actor=petra.user, answer="No.")


def test_who_looks_together_sees_where_the_other_looks():
    paul, petra, pia = reader("paul"), reader("petra"), reader("pia")
    [made] = given([clean()], paul)
    with pytest.raises(NotAllowed):
        show_view(slide=made.slide, actor=paul.user, place={"x": 1})
    asked = ask_opinion(assignment=made, of=petra, question="?", actor=paul.user)
    assert companions(paul.user, made.slide) == [petra.user]
    assert view_of(slide=made.slide, other=paul.user, person=petra.user) is None
    show_view(slide=made.slide, actor=paul.user, place={"x": "12.5", "y": 7, "s": 2, "z": 1, "evil": "x"})
    seen = view_of(slide=made.slide, other=paul.user, person=petra.user)
    assert seen == {"x": 12.5, "y": 7.0, "s": 2.0, "z": 1.0}
    with pytest.raises(NotAllowed):
        view_of(slide=made.slide, other=paul.user, person=pia.user)
    submit(assignment=asked, actor=petra.user, answer="seen")
    with pytest.raises(NotAllowed):
        view_of(slide=made.slide, other=paul.user, person=petra.user)


@pytest.mark.parametrize("x", ["nan", "inf", "east", 1e12, None])
def test_a_place_is_finite_numbers(x):
    paul, petra = reader("paul"), reader("petra")
    [made] = given([clean()], paul)
    ask_opinion(assignment=made, of=petra, question="?", actor=paul.user)
    with pytest.raises(BadInput):
        show_view(slide=made.slide, actor=paul.user, place={"x": x})


def test_when_leave_begins_the_list_goes_to_others():
    paul, petra = reader("paul"), reader("petra")
    given(slides_of_case(2), paul)
    today = timezone.localdate()
    add_leave(reader=paul, first=today, last=today + timedelta(days=3), actor="test")
    reconcile()
    for job in Job.objects.filter(task="annotation.assign_slide", done_at=None).order_by("pk"):
        tasks.assign_slide(**job.args)
    assert (held_by(paul.user), held_by(petra.user)) == (0, 2)


def test_leave_to_come_changes_nothing_today():
    paul = reader("paul")
    given([clean()], paul)
    tomorrow = timezone.localdate() + timedelta(days=1)
    add_leave(reader=paul, first=tomorrow, last=tomorrow, actor="test")
    reconcile()
    assert held_by(paul.user) == 1
    with pytest.raises(BadInput, match="ends"):
        add_leave(reader=paul, first=tomorrow, last=timezone.localdate(), actor="test")


def test_nobody_gets_a_slide_on_a_day_off():
    weekday = timezone.localdate().weekday()
    reader("paul", hours=[0.0 if day == weekday else 8.0 for day in range(7)])
    assert assign(slide=clean(tissue="breast")) is None
    assert queries.waiting()[0].why == "nobody reads breast today"


def test_a_short_day_holds_fewer_slides():
    reader("paul", hours=[0.4] * 7)  # five slides by the rule
    for number in range(7):
        clean(accession=f"C-{number}", mrn=f"M-{number}")
    assert assign_waiting() == (5, 2)


def test_the_urgent_case_comes_first():
    reader("paul", limit=1)
    clean()
    urgent = clean()
    Case.objects.filter(pk=urgent.case.pk).update(priority=Case.Priority.STAT)
    assert assign_waiting() == (1, 1)
    assert Slide.objects.get(pk=urgent.pk).state == State.ASSIGNED


def test_it_learns_who_is_slow():
    paul, petra = reader("paul"), reader("petra")
    for who, minutes in ((paul, 8.0), (petra, 2.0)):
        for number in range(30):
            slide = clean(accession=f"L-{who.pk}-{number}", mrn=f"L-{who.pk}-{number}", tissue="breast")
            Assignment.objects.create(
                slide=slide, reader=who, state="submitted", minutes=minutes, ended_at=timezone.now()
            )
            Slide.objects.filter(pk=slide.pk).update(state=State.READ)
    slow, quick = (queries.load_of(who).minutes_for("breast") for who in (paul, petra))
    assert 6 < slow < 8
    assert 2 < quick < 4


def test_the_buttons_do_what_they_say(client_of):
    client_of("pathologist")
    mine = reader("pathologist")
    petra = reader("petra")
    first, second = given(slides_of_case(2), mine)
    client = client_of("pathologist")
    page = client.get(reverse("annotation:worklist")).content.decode()
    assert "One case of 2 slides" in page
    answer = client.post(
        reverse("annotation:opinion", args=[first.pk]), {"opinion-to": petra.pk, "opinion-question": "?"}
    )
    assert answer.url == reverse("annotation:read", args=[first.pk])
    place = reverse("annotation:view", args=[first.pk])
    assert client.post(place, {"x": "1", "y": "2", "s": "3"}).status_code == 204
    asked = Assignment.objects.get(purpose="opinion")
    theirs = reverse("annotation:view", args=[asked.pk])
    browser = client_of("anonymous")
    browser.force_login(petra.user, backend="django.contrib.auth.backends.ModelBackend")
    seen = browser.get(theirs, {"who": mine.user_id}).json()
    assert seen == {"place": {"x": 1.0, "y": 2.0, "s": 3.0}}
    assert client.post(reverse("annotation:recuse", args=[second.pk])).status_code == 302
    assert held_by(mine.user) == 0
    third = clean()
    assert client.post(reverse("annotation:take"), {"slide": third.uid}).status_code == 302
    assert held_by(mine.user) == 1


def test_a_case_is_given_by_a_button(client_of):
    client_of("pathologist")
    mine, petra = reader("pathologist"), reader("petra")
    [made] = given([clean()], mine)
    where = reverse("annotation:delegate", args=[made.pk])
    assert client_of("pathologist").post(where, {"delegate-to": petra.pk}).status_code == 302
    assert held_by(petra.user) == 1


def test_an_opinion_stays_with_whom_it_was_asked():
    paul, petra = reader("paul"), reader("petra")
    pia = reader("pia")
    [made] = given([clean()], paul)
    asked = ask_opinion(assignment=made, of=petra, question="?", actor=paul.user)
    with pytest.raises(BadInput, match="by name"):
        delegate(assignment=asked, to=pia, actor=petra.user)
    with pytest.raises(BadInput, match="another"):
        ask_opinion(assignment=made, of=petra, question="again?", actor=paul.user)
    open_assignment(assignment=asked, actor=petra.user)
    assert assigned("paula").purpose == "first"
