"""A number's table, every state against every event, and how a number is written."""

from __future__ import annotations

import pytest

from fleet.domain.errors import IllegalTransitionError, InvalidError
from fleet.domain.phone_number import FIRST_STATES, NUMBER, NumberEvent, NumberState, check_number
from fleet.domain.transitions import advance


@pytest.mark.parametrize("state", list(NumberState))
@pytest.mark.parametrize("event", list(NumberEvent))
def test_each_event_in_each_state_follows_the_table_or_is_refused(state: NumberState, event: NumberEvent) -> None:
    if (state, event) in NUMBER:
        assert advance(NUMBER, state, event, "+15555550100") is NUMBER[state, event]
    else:
        with pytest.raises(IllegalTransitionError, match=f"is {state}"):
            advance(NUMBER, state, event, "+15555550100")


def test_every_state_is_reached_from_where_numbers_enter_and_every_event_is_used() -> None:
    found = set(FIRST_STATES)
    for _ in NumberState:
        found |= {after for (state, _), after in NUMBER.items() if state in found}
    assert found == set(NumberState)
    assert {event for _, event in NUMBER} == set(NumberEvent)


def test_a_number_is_assigned_from_stock_or_by_an_effective_port_only() -> None:
    into = {(state, event) for (state, event), after in NUMBER.items() if after is NumberState.ASSIGNED}
    assert into == {(NumberState.INVENTORY, NumberEvent.ASSIGN), (NumberState.PORTING_IN, NumberEvent.TAKE_EFFECT)}


@pytest.mark.parametrize("text", ["+15555550100", "+1 555-555-0100", "+1 (555) 555.0100", "+491234567"])
def test_a_number_is_kept_as_e164_writes_it(text: str) -> None:
    number = check_number(text)
    assert number[0] == "+"
    assert number[1:].isdecimal()
    assert check_number(number) == number


@pytest.mark.parametrize("text", ["", "15555550100", "+05555550100", "+1555", "+1" + "5" * 15, "+1555x550100", "911"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidError, match=r"written like \+15555550100"):
        check_number(text)
