"""A port goes by its table: illegal events change nothing, and nothing half done is ever `done`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.station.port_states import (
    AWAITING,
    PORT,
    SETTLED,
    STEP_STATES,
    WORKING,
    PortEvent,
    PortState,
    PortStateError,
    after,
    at_step,
)
from tools.station.provision import STEPS


@given(st.lists(st.sampled_from(PortEvent), max_size=40))
def test_whatever_happens_done_comes_out_of_labelling_alone(events: list[PortEvent]) -> None:
    state = PortState.WAITING
    for event in events:
        before = state
        try:
            state = after(state, event)
        except PortStateError:
            assert (before, event) not in PORT
            continue
        assert (before, event) in PORT
        if state is PortState.DONE:
            assert (before, event) == (PortState.LABELLING, PortEvent.PASS)
        if before in SETTLED | AWAITING | {PortState.WAITING} and state in WORKING:
            assert state is PortState.FOUND


@pytest.mark.parametrize("begin", ["write", "key", "self-test", "label"])
def test_a_board_found_anywhere_goes_its_way_to_the_end(begin: str) -> None:
    state = PortState.FOUND
    for step in STEPS[STEPS.index(begin) :]:
        assert at_step(state, step) is STEP_STATES[step][0]
        state = at_step(state, step)
        assert at_step(state, step) is state
        ends = {event for at, event in PORT if at is state}
        assert PortEvent.FAIL in ends
        assert (PortEvent.PASS in ends) is (state is PortState.LABELLING)


def test_every_step_of_the_bench_has_a_state() -> None:
    assert set(STEP_STATES) == set(STEPS)


def test_every_state_is_reached_and_left() -> None:
    assert set(PORT.values()) == {state for state, _ in PORT} == set(PortState)


def test_no_step_is_left_out_or_taken_back() -> None:
    with pytest.raises(PortStateError, match="a port that is flashing takes no test, only provision"):
        at_step(PortState.FLASHING, "self-test")
    with pytest.raises(PortStateError, match="a port that is testing takes no flash, only label"):
        at_step(PortState.TESTING, "write")
