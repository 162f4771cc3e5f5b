"""A cancellation's table, what its steps refuse, and what a second notice does to a first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from fleet.domain.cancellation import (
    CANCELLATION,
    Cancellation,
    CancellationEvent,
    CancellationState,
    Confirmation,
    complete,
    overtake,
    taken_over,
    withdraw,
)
from fleet.domain.cancellation_effect import effect_of
from fleet.domain.cancellation_scope import WHOLE_ACCOUNT, Scope, part_of_account
from fleet.domain.errors import ConflictError, IllegalTransitionError
from tests.fleet.domain.cancelling import CALENDAR, NEW_YORK, POLICY, call, local

MOMENT = timedelta(microseconds=1)
STEPS = {CancellationEvent.WITHDRAW: withdraw, CancellationEvent.COMPLETE: complete}


def cancelled(at: str = "2025-06-10 12:00", scope: Scope = WHOLE_ACCOUNT, number: int = 1) -> Cancellation:
    """Asked for on a Tuesday noon, it takes effect on Saturday, 2025-06-14."""
    notice = call(at, scope=scope)
    return Cancellation(number, notice, effect_of(notice, None, CALENDAR, POLICY, NEW_YORK), scope)


def test_every_ending_is_final_and_every_state_is_reached() -> None:
    assert {state for state, _ in CANCELLATION} == {CancellationState.REQUESTED}
    assert set(CANCELLATION.values()) == set(CancellationState) - {CancellationState.REQUESTED}
    assert {event for _, event in CANCELLATION} == set(CancellationEvent)


@pytest.mark.parametrize("state", [s for s in CancellationState if s is not CancellationState.REQUESTED])
@pytest.mark.parametrize("event", list(STEPS))
@pytest.mark.parametrize("at", ["2025-06-11 12:00", "2025-06-15 12:00"])
def test_what_has_ended_takes_no_further_step(state: CancellationState, event: CancellationEvent, at: str) -> None:
    with pytest.raises(IllegalTransitionError, match=f"cancellation 1 is {state}"):
        STEPS[event](replace(cancelled(), state=state), local(at))


def test_it_may_be_withdrawn_until_the_instant_it_takes_effect() -> None:
    pending = cancelled()
    assert withdraw(pending, pending.effect.at - MOMENT).state is CancellationState.WITHDRAWN
    with pytest.raises(ConflictError, match="took effect on 2025-06-14"):
        withdraw(pending, pending.effect.at)


def test_it_is_completed_from_that_instant_on_however_late() -> None:
    pending = cancelled()
    with pytest.raises(ConflictError, match="takes effect on 2025-06-14"):
        complete(pending, pending.effect.at - MOMENT)
    for late in (timedelta(0), timedelta(days=400)):
        assert complete(pending, pending.effect.at + late) == replace(pending, state=CancellationState.COMPLETED)


def test_request_withdrawal_and_completion_are_confirmed() -> None:
    confirmed = {state: replace(cancelled(), state=state).confirmation for state in CancellationState}
    assert confirmed == {
        CancellationState.REQUESTED: Confirmation.REQUEST,
        CancellationState.WITHDRAWN: Confirmation.WITHDRAWAL,
        CancellationState.COMPLETED: Confirmation.COMPLETION,
        CancellationState.REPLACED: None,
        CancellationState.OVERTAKEN: None,  # what ended the service is told of
    }


def test_one_that_waits_is_overtaken_by_another_end_and_then_nothing_comes_of_it() -> None:
    overtaken = overtake(cancelled())
    assert overtaken.state is CancellationState.OVERTAKEN
    for step in (overtake, lambda kept: withdraw(kept, kept.notice.at), lambda kept: complete(kept, kept.effect.at)):
        with pytest.raises(IllegalTransitionError, match="is overtaken"):
            step(overtaken)


def test_a_second_notice_replaces_the_first() -> None:
    first = cancelled()
    assert taken_over([first], call("2025-06-11 12:00")) == [replace(first, state=CancellationState.REPLACED)]


def test_a_second_notice_replaces_the_first_whatever_parts_either_names() -> None:
    first = cancelled(scope=part_of_account("a"))
    replaced = [replace(first, state=CancellationState.REPLACED)]
    for scope in (WHOLE_ACCOUNT, part_of_account("a", "b"), part_of_account("b")):
        assert taken_over([first], call("2025-06-11 12:00", scope=scope)) == replaced
    whole = cancelled()
    assert taken_over([whole], call("2025-06-11 12:00", scope=part_of_account("a")))[0].scope == WHOLE_ACCOUNT


def test_one_that_has_taken_effect_is_not_replaced_though_nobody_has_completed_it_yet() -> None:
    first = cancelled()
    assert taken_over([first], call("2025-06-14 00:00")) == []
    assert len(taken_over([first], call("2025-06-13 23:59:59"))) == 1


@pytest.mark.parametrize("state", [s for s in CancellationState if s is not CancellationState.REQUESTED])
def test_one_that_has_ended_is_not_replaced(state: CancellationState) -> None:
    assert taken_over([replace(cancelled(), state=state)], call("2025-06-11 12:00")) == []
