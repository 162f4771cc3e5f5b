"""A number's table, every state against every event, and how a number is written."""

from __future__ import annotations

import pytest

from fleet.domain.errors import ConflictError, IllegalTransitionError, InvalidError
from fleet.domain.phone_number import (
    FIRST_STATES,
    MAX_IMPORTED_NUMBERS,
    NUMBER,
    NumberEvent,
    NumberState,
    PhoneNumber,
    after,
    check_number,
    given_to,
    number_for_line,
    numbers_between,
)
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
        found |= {then for (state, _), then in NUMBER.items() if state in found}
    assert found == set(NumberState)
    assert {event for _, event in NUMBER} == set(NumberEvent)


def test_a_number_is_assigned_from_stock_or_by_an_effective_port_only() -> None:
    into = {(state, event) for (state, event), then in NUMBER.items() if then is NumberState.ASSIGNED}
    assert into == {(NumberState.INVENTORY, NumberEvent.ASSIGN), (NumberState.PORTING_IN, NumberEvent.TAKE_EFFECT)}


@pytest.mark.parametrize("text", ["+15555550100", "+1 555-555-0100", "+1 (555) 555.0100", "+491234567"])
def test_a_number_is_kept_as_e164_writes_it(text: str) -> None:
    written = check_number(text)
    assert written[0] == "+"
    assert written[1:].isdecimal()
    assert check_number(written) == written


@pytest.mark.parametrize("text", ["", "15555550100", "+05555550100", "+1555", "+1" + "5" * 15, "+1555x550100", "911"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidError, match=r"written like \+15555550100"):
        check_number(text)


def number(state: NumberState, own: bool = True) -> PhoneNumber:
    return PhoneNumber("+15555550100", state, own, line=7, account_id=3)


def test_a_number_in_the_inventory_is_nobodys() -> None:
    back = after(number(NumberState.RELEASED), NumberEvent.RESTOCK)
    assert back == PhoneNumber("+15555550100", NumberState.INVENTORY, own=True)


def test_another_carriers_number_is_not_ours_to_give_again() -> None:
    with pytest.raises(ConflictError, match="another carrier's"):
        after(number(NumberState.RELEASED, own=False), NumberEvent.RESTOCK)


def test_a_number_that_went_says_whose_it_was() -> None:
    gone = after(number(NumberState.ASSIGNED), NumberEvent.PORT_OUT)
    assert (gone.state, gone.line, gone.account_id) == (NumberState.PORTED_OUT, 7, 3)


def test_a_number_comes_to_a_line() -> None:
    free = PhoneNumber("+15555550100", NumberState.INVENTORY, own=True)
    assert given_to(free, NumberEvent.ASSIGN, 7, 3) == number(NumberState.ASSIGNED)
    with pytest.raises(IllegalTransitionError):
        given_to(number(NumberState.ASSIGNED), NumberEvent.ASSIGN, 8, 4)


def test_a_line_with_a_number_while_another_is_on_its_way_is_called_by_the_first() -> None:
    states = (NumberState.RELEASED, NumberState.PORTING_IN, NumberState.ASSIGNED)
    counts = [number_for_line(map(number, states[:most])) for most in (3, 2, 1, 0)]
    assert [each and each.state for each in counts] == [
        NumberState.ASSIGNED, NumberState.PORTING_IN, NumberState.RELEASED, None,
    ]  # fmt: skip


def test_a_range_has_both_its_ends() -> None:
    assert numbers_between("+1 (555) 555-0198", "+15555550200") == ["+15555550198", "+15555550199", "+15555550200"]
    assert numbers_between("+15555550198", "") == ["+15555550198"]
    assert len(numbers_between("+15555550000", "+15555559999")) == MAX_IMPORTED_NUMBERS


@pytest.mark.parametrize(
    ("first", "last", "why"),
    [
        ("+15555550100", "+15555550099", "goes up"),
        ("+15555550100", "+155555501000", "one length"),
        ("5555550100", "", "written like"),
        ("+15555550000", "+15555560000", "at most 10000 numbers .* got 10001"),
    ],
)
def test_what_is_no_range_is_refused(first: str, last: str, why: str) -> None:
    with pytest.raises(InvalidError, match=why):
        numbers_between(first, last)


def test_a_number_goes_by_its_id_where_others_may_read() -> None:
    assert PhoneNumber("+15555550100", NumberState.ASSIGNED, True, id=7).reference == "NU-7"
