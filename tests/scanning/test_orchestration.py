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
    flow.Finished(),
    flow.Waited(),
)
any_event = st.one_of(
    st.sampled_from(EVENTS),
    st.builds(flow.Opened, st.integers(0, 99)),
    st.builds(flow.Progressed, st.integers(0, 99)),
    st.builds(flow.Ended, st.text(max_size=12), st.text(max_size=5), st.booleans()),
)
COMMANDS = get_args(flow.Command)
TROUBLES = (flow.Lost("scanner"), flow.Lost("slide_service"), flow.Ended("power_cut", "dark", retryable=True))


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("event", EVENTS, ids=str)
@pytest.mark.parametrize("takeovers", [0, flow.MAX_TAKEOVERS])
def test_every_state_answers_every_event(phase, event, takeovers):
    state = flow.ScanState(phase=phase, done=5, takeovers=takeovers, advanced_at=0.0)
    after, command = flow.step(state, event, 1.0)
    assert (command is None) == (phase == "ended" or isinstance(event, flow.Finished))
    assert command is None or isinstance(command, COMMANDS)
    assert after.takeovers <= flow.MAX_TAKEOVERS
    assert after.done >= state.done
    if isinstance(command, flow.Fail):
        assert after.phase == "ended"
        assert command.reason in FailureReason.values


@given(st.lists(st.tuples(any_event, st.floats(0, 100)), max_size=80))
def test_no_order_of_events_breaks_it(course):
    state, now = flow.begin(0.0)[0], 0.0
    for event, passed in course:
        now += passed
        before = state
        state, command = flow.step(state, event, now)
        assert before.takeovers <= state.takeovers <= min(before.takeovers + 1, flow.MAX_TAKEOVERS)
        assert state.phase in PHASES
        if before.phase == "ended":
            assert (state, command) == (before, None)
        if isinstance(command, flow.Fail):
            assert command.reason in FailureReason.values
        if isinstance(command, flow.Wait):
            assert 0 < command.seconds <= flow.LONGEST_WAIT_S


@given(st.lists(st.sampled_from(TROUBLES)))
def test_a_world_that_only_fails_is_given_up(troubles):
    state = flow.begin(0.0)[0]
    for trouble in [*troubles, *[flow.Lost("scanner")] * (flow.MAX_TAKEOVERS + 1)]:
        state, command = flow.step(state, trouble, 0.0)
        if isinstance(command, flow.Wait):
            state, command = flow.step(state, flow.Waited(), 0.0)
    assert (state.phase, state.takeovers) == ("ended", flow.MAX_TAKEOVERS)
    assert state.reason in FailureReason.values


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
    for _ in range(flow.MAX_TAKEOVERS):
        state, command = flow.step(state, flow.Lost("scanner"), 0.0)
        assert isinstance(command, flow.Wait)
        waits.append(command.seconds)
        state = replace(state, phase="scanning")
    assert waits == sorted(waits)
    assert waits[0] == flow.FIRST_WAIT_S


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
    tired = flow.ScanState(phase="scanning", takeovers=flow.MAX_TAKEOVERS)
    _, command = flow.step(tired, flow.Ended(code, "?", retryable=True), 0.0)
    assert isinstance(command, flow.Fail)
    assert command.reason == reason
