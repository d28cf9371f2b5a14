"""The life of a slide: every step of the table, and every step that the table does not have."""

from itertools import product

import pytest

from core.errors import BadInput, Conflict, NotAllowed
from core.models import AuditEntry, Job, User
from lims import services
from lims.models import SlideEvent
from lims.states import BY_HAND, SYSTEM, TRANSITIONS, FailureReason, State, buttons, choices, diagram, find
from tests.conftest import CAST, person
from tests.lims.making import slide

pytestmark = pytest.mark.django_db
WHO = (SYSTEM, *(name for name in CAST if name != "anonymous"))


def actor(who: str) -> User | str:
    return who if who == SYSTEM else person(who)


@pytest.mark.parametrize(("source", "target"), [*product(State, State)])
def test_it_moves_exactly_as_the_table_says(source: State, target: State) -> None:
    one = slide(source)
    one.held_from = target if source == State.HELD else ""
    step = find(source, target)
    for who in WHO:
        one.state = source
        type(one).objects.filter(pk=one.pk).update(state=source)
        if step is None:
            with pytest.raises(Conflict):
                services.advance(slide=one, to=target, actor=actor(who), reason="jam")
        elif who in step.who:
            services.advance(slide=one, to=target, actor=actor(who), reason="jam", follow=False)
        else:
            with pytest.raises(NotAllowed):
                services.advance(slide=one, to=target, actor=actor(who), reason="jam")
        one.refresh_from_db()
        assert one.state == (target if step and who in step.who else source)
        one.held_from = target if source == State.HELD else ""


def test_it_has_one_meaning_for_each_step():
    steps = [(source, t.target) for t in TRANSITIONS for source in t.sources]
    assert len(steps) == len(set(steps))


def test_it_reaches_every_state_from_registered():
    reached, new = set(), {State.REGISTERED}
    while new:
        reached |= new
        new = {t.target for t in TRANSITIONS if reached & set(t.sources)} - reached
    assert reached == set(State)


def test_it_writes_one_event_and_what_follows():
    one = slide(State.SCANNING)
    services.advance(slide=one, to=State.SCANNED)
    event = SlideEvent.objects.filter(slide=one).latest("pk")
    assert (event.source, event.target) == ("scanning", "scanned")
    assert (event.verb, event.actor) == ("publish", "system")
    assert Job.objects.get().args == {"slide_id": one.pk}


def test_it_audits_a_person_and_not_the_laboratory(technician):
    one = slide(State.REVIEW)
    before = AuditEntry.objects.count()
    services.advance(slide=one, to=State.READY, actor=technician)
    services.advance(slide=one, to=State.SCANNING)
    assert AuditEntry.objects.count() == before + 1
    assert AuditEntry.objects.latest("pk").action == "slide.accept"


def test_it_keeps_the_reason_with_the_failure_and_forgets_it_on_the_way_on():
    one = slide(State.SCANNING)
    services.advance(slide=one, to=State.FAILED, reason=FailureReason.JAM)
    one.refresh_from_db()
    assert one.failure == "jam"
    services.advance(slide=one, to=State.LOADED, actor=person("technician"))
    one.refresh_from_db()
    assert one.failure == ""


@pytest.mark.parametrize(("reason", "note"), [("", ""), ("bad_luck", "")])
def test_it_wants_a_reason_that_it_knows(reason: str, note: str) -> None:
    one = slide(State.SCANNING)
    with pytest.raises(BadInput):
        services.advance(slide=one, to=State.FAILED, reason=reason, note=note)
    one.refresh_from_db()
    assert one.state == State.SCANNING


def test_it_tells_the_second_of_two_that_they_lost():
    one = slide(State.READY)
    stale = type(one).objects.get(pk=one.pk)
    services.advance(slide=one, to=State.SCANNING)
    with pytest.raises(Conflict, match="someone else"):
        services.advance(slide=stale, to=State.SCANNING)
    assert SlideEvent.objects.filter(slide=one, target=State.SCANNING).count() == 1


def test_it_resumes_where_it_was_held(technician):
    one = slide(State.REVIEW)
    services.advance(slide=one, to=State.HELD, actor=technician, note="label torn")
    one.refresh_from_db()
    shown = buttons(one.state, frozenset({"technician"}), one.held_from)
    assert [step.target for step in shown if step.verb == "resume"] == [State.REVIEW]
    with pytest.raises(Conflict):
        services.advance(slide=one, to=State.READY, actor=technician)
    services.advance(slide=one, to=State.REVIEW, actor=technician)
    assert one.state == State.REVIEW


@pytest.mark.parametrize("state", State)
def test_its_buttons_are_a_part_of_its_choices(state: State) -> None:
    roles = frozenset({"technician", "steward"})
    shown = buttons(state, roles, State.READY)
    assert {t.verb for t in shown} <= BY_HAND
    assert set(shown) <= set(choices(state, roles))


def test_it_moves_by_hand_only_what_has_no_room_of_its_own(technician):
    one = slide()
    with pytest.raises(Conflict, match="not done by hand"):
        services.move_by_hand(slide=one, to=State.LOADED, actor=technician)
    services.move_by_hand(slide=one, to=State.HELD, actor=technician, note="wet")
    assert one.state == State.HELD


def test_its_diagram_has_every_step():
    assert diagram().count("-->") == sum(len(t.sources) for t in TRANSITIONS) + 1
