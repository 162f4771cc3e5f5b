"""The way from plugged in to ready: every event in every state, and the table's promises."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.activation import Activation, ActivationError, transitions
from protocol.wire.enumerations import UNIT_STATES
from tests.conftest import RunMicroPython

TRANSITIONS = transitions()
EVENTS = sorted({event for _, event, _ in TRANSITIONS})


def walk(events: list[str], entered: Callable[[str], None] = lambda _: None) -> Activation:
    activation = Activation(entered)
    for event in events:
        if activation.allows(event):
            activation.handle(event)
    return activation


WAY = ["link_up", "address_got", "time_set", "connected", "accepted", "configured", "line_settled"]


def test_a_unit_gets_ready_in_seven_steps() -> None:
    states: list[str] = []
    walk(WAY, states.append)
    assert states == ["address", "time", "connect", "register", "configure", "line", "ready"]


def test_no_step_can_be_left_out() -> None:
    for missing in WAY:
        activation = Activation(lambda _: None)
        for event in WAY[: WAY.index(missing)]:
            activation.handle(event)
        state = activation.state
        for event in WAY[WAY.index(missing) + 1 :]:
            if (state, event) in [(s, e) for s, e, f in TRANSITIONS if f == s]:
                continue
            with pytest.raises(ActivationError, match=event):
                activation.handle(event)
        assert activation.state == state


def test_the_table_names_states_of_the_wire_and_each_event_once_a_state() -> None:
    keys = [(state, event) for state, event, _ in TRANSITIONS]
    assert len(keys) == len(set(keys))
    assert {state for state, _, _ in TRANSITIONS} | {following for _, _, following in TRANSITIONS} == set(UNIT_STATES)


@pytest.mark.parametrize("state", UNIT_STATES[1:])
def test_a_pulled_cable_leads_back_to_the_start_from_everywhere(state: str) -> None:
    assert (state, "link_down", "link") in TRANSITIONS


@given(st.lists(st.sampled_from(EVENTS), max_size=30))
def test_from_wherever_it_got_a_unit_can_get_ready(events: list[str]) -> None:
    activation = walk(events)
    for event in ["try_again", *WAY] if activation.state == "refused" else WAY:
        if activation.state == "ready":
            break
        if activation.allows(event):
            activation.handle(event)
    assert activation.state == "ready"


@given(st.lists(st.sampled_from([*EVENTS, "nonsense"]), max_size=40))
def test_a_refused_event_changes_nothing(events: list[str]) -> None:
    entered: list[str] = []
    activation = Activation(entered.append)
    for event in events:
        before, count = activation.state, len(entered)
        allowed = activation.allows(event)
        try:
            activation.handle(event)
        except ActivationError:
            assert not allowed
            assert (activation.state, len(entered)) == (before, count)
        else:
            assert allowed
            assert (before, event, activation.state) in TRANSITIONS
        assert activation.index == UNIT_STATES.index(activation.state)


def test_micropython_walks_the_same_table(micropython: RunMicroPython) -> None:
    there = json.loads(
        micropython(
            "import json\n"
            "from adapter.activation import Activation, ActivationError, transitions\n"
            "TRANSITIONS = transitions()\n"
            "states = sorted(set([row[0] for row in TRANSITIONS]))\n"
            "events = sorted(set([row[1] for row in TRANSITIONS]))\n"
            "found = []\n"
            "for state in states:\n"
            "    for event in events:\n"
            "        activation = Activation(lambda name: None)\n"
            "        activation.state = state\n"
            "        try:\n"
            "            activation.handle(event)\n"
            "        except ActivationError:\n"
            "            continue\n"
            "        found.append([state, event, activation.state])\n"
            "print(json.dumps(found))\n"
        )
    )
    assert sorted(map(tuple, there)) == sorted(TRANSITIONS)
