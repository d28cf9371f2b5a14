"""The machine of one scan: whatever happens in whatever order, it ends, and a failure has a reason."""

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lims.states import FailureReason
from scanning import orchestration as flow

PHASES = get_args(flow.Phase)
EVENTS = (
    flow.Opened(3),
    flow.Started(),
    flow.Progressed(9),
    flow.Progressed(0),
    flow.Ended(),
    flow.Ended("jam", "stuck", retryable=True),
    flow.Ended("client_lost", "silent", retryable=True),
    flow.Ended("power_cut", "dark", retryable=True),
    flow.Ended("never_heard_of", "?", retryable=True),
    flow.Ended("stale_fence", "older"),
    flow.Lost("scanner", "gone"),
    flow.Lost("slide_service", "gone"),
    flow.Ended("disk_full", "no room", retryable=True),
    flow.Ended("busy", "another job", retryable=True),
    flow.Finished(),
    flow.Waited(),
    flow.Paused(True),
    flow.Paused(False),
    flow.Stopped("fail", "by tess"),
    flow.Stopped("last", "by tess"),
)
any_event = st.one_of(
    st.sampled_from(EVENTS),
    st.builds(flow.Opened, st.integers(0, 99)),
    st.builds(flow.Progressed, st.integers(0, 99)),
    st.builds(flow.Ended, st.text(max_size=12), st.text(max_size=5), st.booleans()),
)
COMMANDS = get_args(flow.Command)
ENDS = (flow.Fail, flow.StopScan)
TROUBLES = (flow.Lost("scanner"), flow.Lost("slide_service"), flow.Ended("power_cut", "dark", retryable=True))
NOBODY_TO_BLAME = (
    flow.Lost("scanner"), flow.Lost("slide_service"), flow.Ended("disk_full", "no room", retryable=True),
)  # fmt: skip
# what a world without trouble answers to each command
WELL: dict[type, flow.Event] = {
    flow.OpenRun: flow.Opened(0), flow.StartScan: flow.Started(), flow.Watch: flow.Ended(),
    flow.Wait: flow.Waited(), flow.FinishRun: flow.Finished(), flow.PauseScan: flow.Ended(),
}  # fmt: skip


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("event", EVENTS, ids=str)
@pytest.mark.parametrize("in_vain", [0, flow.MAX_TAKEOVERS, flow.LAST_TAKEOVERS])
@pytest.mark.parametrize("may_defer", [False, True])
def test_every_state_answers_every_event(phase, event, in_vain, may_defer):
    state = flow.ScanState(phase=phase, done=5, takeovers=in_vain, in_vain=in_vain, may_defer=may_defer)
    after, command = flow.step(state, event, 1.0)
    assert (command is None) == (phase == "ended" or isinstance(event, flow.Finished))
    assert command is None or isinstance(command, COMMANDS)
    assert after.takeovers <= in_vain + 1
    assert after.done >= state.done
    assert isinstance(command, ENDS) == (after.phase == "ended" != phase and command is not None)
    if isinstance(command, flow.Fail):
        assert command.reason in FailureReason.values


@given(st.lists(st.tuples(any_event, st.floats(0, 100)), max_size=80), st.booleans())
def test_no_order_of_events_breaks_it_and_it_ends_once(course, may_defer):
    state, now, ends = flow.begin(0.0, may_defer=may_defer)[0], 0.0, 0
    for event, passed in course:
        now += passed
        before = state
        state, command = flow.step(state, event, now)
        assert before.takeovers <= state.takeovers <= before.takeovers + 1
        assert state.in_vain <= flow.LAST_TAKEOVERS
        assert before.done <= state.done
        if before.phase == "ended":
            assert (state, command) == (before, None)
        ends += state.phase == "ended" != before.phase
        if isinstance(command, flow.Wait):
            assert 0 < command.seconds <= flow.LONGEST_WAIT_S
    assert ends <= 1


@given(st.lists(any_event, max_size=40), st.booleans())
def test_in_a_world_that_is_well_again_every_scan_ends(course, may_defer):
    state, command = flow.begin(0.0, may_defer=may_defer)
    for event in course:
        state, said = flow.step(state, event, 0.0)
        command = said or command
    for _ in range(6):
        if state.phase == "ended":
            break
        state, said = flow.step(state, WELL[type(command)], 0.0)
        command = said or command
    assert state.phase == "ended"


@given(st.lists(st.sampled_from(TROUBLES), min_size=1), st.booleans())
def test_a_slide_that_meets_nothing_but_trouble_in_motion_is_let_go(troubles, may_defer):
    state, command = flow.begin(0.0, may_defer=may_defer)
    for trouble in troubles * (flow.LAST_TAKEOVERS + 1):
        if state.phase != "ended":
            state, said = flow.step(replace(state, phase="scanning"), trouble, 0.0)
            command = said or command
    assert isinstance(command, flow.Fail | flow.StopScan)
    assert (state.phase, state.in_vain <= flow.LAST_TAKEOVERS) == ("ended", True)


@given(st.lists(st.sampled_from(NOBODY_TO_BLAME), min_size=1, max_size=200))
def test_who_is_away_is_waited_for_and_nothing_is_counted(absences):
    state, _ = flow.begin(0.0)
    for absence in absences:
        state, command = flow.step(state, absence, 0.0)
        assert isinstance(command, flow.Wait)
        state, command = flow.step(state, flow.Waited(), 0.0)
        assert isinstance(command, flow.OpenRun)
    assert (state.takeovers, state.in_vain) == (0, 0)


def test_the_good_course_asks_for_one_thing_after_the_other():
    state, first = flow.begin(0.0)
    command: flow.Command | None = first
    asked = [type(command)]
    for event in (flow.Opened(0), flow.Started(), flow.Progressed(4), flow.Ended(), flow.Finished()):
        state, command = flow.step(state, event, 1.0)
        asked.append(type(command))
    assert asked == [flow.OpenRun, flow.StartScan, flow.Watch, flow.Watch, flow.FinishRun, type(None)]
    assert (state.phase, state.done, state.takeovers) == ("ended", 4, 0)


def test_a_fault_of_the_glass_is_not_tried_again():
    scanning = flow.ScanState(phase="scanning")
    _, command = flow.step(scanning, flow.Ended("jam", "stuck", retryable=True), 0.0)
    assert command == flow.Fail("jam", "stuck")


def test_what_heals_is_waited_for_longer_each_time():
    state, waits = flow.ScanState(phase="scanning"), []
    for _ in range(flow.LAST_TAKEOVERS):
        state, command = flow.step(state, flow.Lost("scanner"), 0.0)
        assert isinstance(command, flow.Wait)
        waits.append(command.seconds)
        state = replace(state, phase="scanning")
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (flow.FIRST_WAIT_S, flow.LONGEST_WAIT_S)


def test_standing_still_too_long_is_a_stall():
    state = flow.ScanState(phase="scanning", done=3, advanced_at=0.0)
    state, command = flow.step(state, flow.Progressed(3), flow.STALL_S)
    assert isinstance(command, flow.Watch)
    state, command = flow.step(state, flow.Progressed(3), flow.STALL_S + 1)
    assert (state.reason, type(command)) == ("stall", flow.Wait)


@pytest.mark.parametrize(
    ("code", "reason"),
    [("client_lost", "scanner_lost"), ("busy", "scanner_lost"), ("opening", "slide_service"), ("x", "other")],
)
def test_a_foreign_word_becomes_one_of_ours(code, reason):
    tired = flow.ScanState(phase="scanning", in_vain=flow.LAST_TAKEOVERS)
    _, command = flow.step(tired, flow.Ended(code, "?", retryable=code == "client_lost"), 0.0)
    assert isinstance(command, flow.Fail)
    assert command.reason == reason


def test_trouble_of_the_house_puts_a_slide_to_the_end_before_it_fails_it():
    tired = flow.ScanState(phase="scanning", in_vain=flow.MAX_TAKEOVERS, may_defer=True)
    state, command = flow.step(tired, flow.Lost("slide_service", "gone"), 0.0)
    assert isinstance(command, flow.StopScan)
    assert (command.fate, command.reason, state.phase) == ("last", "slide_service", "ended")


def test_a_new_plane_forgives_what_was_in_vain():
    tired = flow.ScanState(phase="scanning", done=3, in_vain=flow.MAX_TAKEOVERS)
    assert flow.step(tired, flow.Progressed(3), 0.0)[0].in_vain == flow.MAX_TAKEOVERS
    assert flow.step(tired, flow.Progressed(4), 0.0)[0].in_vain == 0


def test_a_stage_that_rests_does_not_stall():
    state, command = flow.step(flow.ScanState(phase="scanning"), flow.Paused(True), 0.0)
    assert command == flow.PauseScan(True)
    state, command = flow.step(state, flow.Progressed(0), 10 * flow.STALL_S)
    assert isinstance(command, flow.Watch)
    state, command = flow.step(state, flow.Paused(False), 10 * flow.STALL_S)
    assert (command, state.paused) == (flow.PauseScan(False), False)
    assert isinstance(flow.step(state, flow.Progressed(0), 10.5 * flow.STALL_S)[1], flow.Watch)


def test_a_scan_that_was_handed_over_is_watched_and_not_opened_anew():
    state, command = flow.adopt(0.0, 7)
    assert (state.phase, state.done, type(command)) == ("scanning", 7, flow.Watch)
