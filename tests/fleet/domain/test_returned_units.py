"""Units that come back without an RMA, and what makes stock of a returned one: every state against every event."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fleet.domain.blind_return import (
    BLIND_RETURN,
    OPEN,
    BlindCase,
    BlindReturn,
    BlindReturnEvent,
    check_delivered,
    check_may_match,
    matches,
)
from fleet.domain.errors import ConflictError
from fleet.domain.refurbishing import REFURBISHING, Refurbishing, RefurbishingEvent
from fleet.domain.rma import Condition, Decision, Return
from tests.fleet.domain.rmas import REQUESTED, check_step, matrix, reached

MACHINES: list[tuple[type[StrEnum], type[StrEnum], dict[Any, Any]]] = [
    (BlindReturn, BlindReturnEvent, BLIND_RETURN),
    (Refurbishing, RefurbishingEvent, REFURBISHING),
]


@pytest.mark.parametrize(("table", "state", "event"), matrix(MACHINES))
def test_each_event_in_each_state_follows_the_table_or_is_refused(
    table: dict[Any, Any], state: StrEnum, event: StrEnum
) -> None:
    check_step(table, state, event)


def test_every_state_is_reached() -> None:
    assert reached(BLIND_RETURN, BlindReturn.IN_QUARANTINE) == set(BlindReturn)
    assert reached(REFURBISHING, Refurbishing.WAITING) == set(Refurbishing)


def test_nothing_is_restocked_but_wiped_in_a_new_epoch_flashed_and_tested() -> None:
    for skipped in (Refurbishing.WIPED, Refurbishing.NEW_EPOCH, Refurbishing.FLASHED, Refurbishing.TESTED):
        without = {step: after for step, after in REFURBISHING.items() if after is not skipped}
        assert Refurbishing.RESTOCKED not in reached(without, Refurbishing.WAITING)


def test_a_blind_return_ends_with_its_rma_or_its_owner() -> None:
    ends = set(BlindReturn) - {state for state, _ in BLIND_RETURN}
    assert ends == {BlindReturn.MATCHED, BlindReturn.DELIVERED}


RMA = replace(REQUESTED, decision=Decision.APPROVED)


def test_a_blind_return_matches_the_approved_rmas_that_wait_for_that_unit_the_newest_first() -> None:
    newer = replace(RMA, id=9, returning=Return.OVERDUE)
    others = [
        replace(RMA, id=10, serial="PT000000026"),
        *(replace(RMA, id=11, decision=decision) for decision in Decision if decision is not Decision.APPROVED),
    ]
    assert matches(RMA.serial, [RMA, newer, *others]) == [newer, RMA]


@pytest.mark.parametrize("state", list(Return))
def test_only_an_rma_that_still_waits_is_matched(state: Return) -> None:
    waits = state in {Return.AWAITED, Return.IN_TRANSIT, Return.OVERDUE}
    assert bool(matches(RMA.serial, [replace(RMA, returning=state)])) is waits


CASE = BlindCase(4, 1, RMA.serial, RMA.placement, Condition.SOUND, datetime(2025, 3, 9, 3, 30, tzinfo=UTC))
NEW_YORK = ZoneInfo("America/New_York")


def test_it_is_matched_only_to_an_approved_rma_of_the_same_stay() -> None:
    check_may_match(CASE, RMA)
    elsewhere = replace(RMA, placement=5, account_id=2)
    for rma, words in (
        (replace(RMA, serial="PT000000026"), "waits for PT000000026"),
        (replace(RMA, decision=Decision.REQUESTED), "only an approved one"),
        (elsewhere, "RMA-7 is for another stay of PT000000018, at AC-2; BR-4 came back from its stay at AC-1"),
    ):
        with pytest.raises(ConflictError, match=words):
            check_may_match(CASE, rma)


@pytest.mark.parametrize("state", list(BlindReturn))
def test_it_waits_by_local_dates_until_it_is_settled(state: BlindReturn) -> None:
    case = replace(CASE, state=state)  # came in at 22:30 of the 8th
    waits = {day: case.waits_days(date(2025, 3, day), NEW_YORK) for day in (8, 9, 12)}
    assert waits == ({8: 0, 9: 1, 12: 4} if state in OPEN else dict.fromkeys((8, 9, 12)))


def test_delivery_lies_between_its_leaving_and_now() -> None:
    sent_at, moment = CASE.received_at, timedelta(microseconds=1)
    now = sent_at + timedelta(days=3)
    case = replace(CASE, sent_at=sent_at)
    check_delivered(case, sent_at, now)
    check_delivered(case, now, now)
    for wrong, at in ((case, sent_at - moment), (case, now + moment), (CASE, now)):
        with pytest.raises(ConflictError, match="BR-4 was sent back"):
            check_delivered(wrong, at, now)
