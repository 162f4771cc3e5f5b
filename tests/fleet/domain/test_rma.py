"""The RMA's three tracks, every state against every event, and what one track demands of another."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fleet.domain.errors import ConflictError
from fleet.domain.policy import PolicyBook, PolicyName, PolicyValue
from fleet.domain.rma import (
    DECISION,
    REPLACED_KINDS,
    REPLACEMENT,
    RETURN,
    Decision,
    DecisionEvent,
    Replacement,
    ReplacementEvent,
    ReplacementMode,
    Return,
    ReturnEvent,
    RmaKind,
    check_may_cancel,
    check_may_receive,
    check_may_reserve,
    return_due,
)
from fleet.domain.transitions import advance
from tests.fleet.domain.rmas import REQUESTED, check_step, matrix, reached

NOW = datetime(2025, 3, 9, 3, 30, tzinfo=UTC)  # 22:30 on the 8th in New York, the night clocks change
RMA = replace(REQUESTED, opened_at=NOW)
TRACKS: list[tuple[type[StrEnum], type[StrEnum], dict[Any, Any]]] = [
    (Decision, DecisionEvent, DECISION),
    (Replacement, ReplacementEvent, REPLACEMENT),
    (Return, ReturnEvent, RETURN),
]


@pytest.mark.parametrize(("table", "state", "event"), matrix(TRACKS))
def test_each_event_in_each_state_follows_the_table_or_is_refused(
    table: dict[Any, Any], state: StrEnum, event: StrEnum
) -> None:
    check_step(table, state, event)


def test_every_state_is_reached_from_the_first() -> None:
    for (states, _, table), first in zip(TRACKS, (RMA.decision, RMA.replacement, RMA.returning), strict=True):
        assert reached(table, first) == set(states)


@pytest.mark.parametrize("kind", sorted(set(RmaKind) - REPLACED_KINDS))
def test_nothing_is_sent_for_a_plain_return(kind: RmaKind) -> None:
    with pytest.raises(ConflictError, match="nothing is sent"):
        check_may_reserve(replace(RMA, kind=kind, decision=Decision.APPROVED))


def test_a_replacement_waits_for_the_decision() -> None:
    with pytest.raises(ConflictError, match="approve it first"):
        check_may_reserve(RMA)
    check_may_reserve(replace(RMA, decision=Decision.APPROVED))


def test_a_replacement_on_receipt_waits_for_the_old_unit() -> None:
    waiting = replace(RMA, mode=ReplacementMode.ON_RECEIPT, decision=Decision.APPROVED)
    with pytest.raises(ConflictError, match="replaces on receipt"):
        check_may_reserve(waiting)
    check_may_reserve(replace(waiting, returning=Return.RECEIVED))


@pytest.mark.parametrize(
    "state",
    [{"replacement": Replacement.SHIPPED}, {"replacement": Replacement.LOST}, {"returning": Return.IN_TRANSIT}],
    ids=str,
)
def test_an_rma_is_not_cancelled_once_something_is_on_its_way(state: dict[str, Any]) -> None:
    with pytest.raises(ConflictError, match="can no longer be cancelled"):
        check_may_cancel(replace(RMA, **state))
    check_may_cancel(replace(RMA, replacement=Replacement.RESERVED))


@pytest.mark.parametrize("mode", list(ReplacementMode))
def test_nothing_more_is_sent_for_an_rma_that_is_closed(mode: ReplacementMode) -> None:
    with pytest.raises(ConflictError, match="RMA-7 is closed"):
        check_may_reserve(replace(RMA, mode=mode, decision=Decision.APPROVED, returning=Return.CLOSED))


def test_only_the_unit_an_approved_rma_waits_for_is_received() -> None:
    with pytest.raises(ConflictError, match="only an approved one"):
        check_may_receive(RMA, RMA.serial)
    with pytest.raises(ConflictError, match="waits for PT000000018, got PT000000026"):
        check_may_receive(replace(RMA, decision=Decision.APPROVED), "PT000000026")
    check_may_receive(replace(RMA, decision=Decision.APPROVED), RMA.serial)


def test_the_return_is_due_on_the_tenth_local_day_after_the_approval() -> None:
    zone = ZoneInfo("America/New_York")
    assert return_due(RMA, NOW, PolicyBook(), zone) == date(2025, 3, 18)
    assert return_due(replace(RMA, kind=RmaKind.TRIAL_RETURN), NOW, PolicyBook(), zone) is None  # no notice yet


def test_a_trial_return_is_due_on_the_fourteenth_day_after_the_cancellation_notice() -> None:
    zone = ZoneInfo("America/New_York")
    trial = replace(RMA, kind=RmaKind.TRIAL_RETURN)
    assert return_due(trial, NOW, PolicyBook(), zone, noticed_on=date(2025, 3, 1)) == date(2025, 3, 15)
    assert return_due(RMA, NOW, PolicyBook(), zone, noticed_on=date(2025, 3, 1)) == date(2025, 3, 18)


def test_the_days_are_those_in_force_when_they_begin_to_count() -> None:
    zone = ZoneInfo("America/New_York")
    names = (PolicyName.RETURN_DAYS, PolicyName.TRIAL_RETURN_DAYS)
    book = PolicyBook(tuple(PolicyValue(name, date(2025, 3, 8), 5) for name in names))
    trial = replace(RMA, kind=RmaKind.TRIAL_RETURN)
    assert return_due(RMA, NOW, book, zone) == date(2025, 3, 13)
    assert return_due(trial, NOW, book, zone, noticed_on=date(2025, 3, 7)) == date(2025, 3, 21)
    assert return_due(trial, NOW, book, zone, noticed_on=date(2025, 3, 8)) == date(2025, 3, 13)


@pytest.mark.parametrize("state", [Return.RECEIVED, Return.IN_QUARANTINE, Return.INSPECTED, Return.CLOSED])
def test_a_scan_that_turns_up_after_the_unit_moves_nothing(state: Return) -> None:
    assert advance(RETURN, state, ReturnEvent.HAND_IN, "RMA-7") is state


@pytest.mark.parametrize("kind", [RmaKind.DEFECT, RmaKind.WRONG_ITEM])
def test_what_is_replaced_on_receipt_has_no_last_day(kind: RmaKind) -> None:
    waits = replace(RMA, kind=kind, mode=ReplacementMode.ON_RECEIPT)
    assert return_due(waits, NOW, PolicyBook(), ZoneInfo("America/New_York")) is None
