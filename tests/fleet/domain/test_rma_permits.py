"""What one track of an RMA demands of the others, kind by kind."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fleet.domain.errors import ConflictError
from fleet.domain.inspection import Inspection, InspectionCode
from fleet.domain.ownership import Ownership
from fleet.domain.policy import PolicyBook, PolicyName, PolicyValue
from fleet.domain.return_deadline import ReturnFacts, judge_return
from fleet.domain.rma import Decision, Replacement, ReplacementMode, Return, RmaKind
from fleet.domain.rma_permits import (
    CallSeen,
    Opening,
    check_is_owed,
    check_may_close,
    check_may_expire,
    check_may_open,
    check_may_ship,
    is_repair,
    swap_waits,
)
from tests.fleet.domain.rmas import REQUESTED

POLICY = PolicyBook()
ORDERED, TODAY = date(2025, 1, 10), date(2025, 2, 1)
RMA = replace(REQUESTED, decision=Decision.APPROVED)
SPOILT = Inspection(InspectionCode.LIQUID, note="Corroded.")
SOUND = Inspection(InspectionCode.HARDWARE_DEFECT, note="No power.")


def opening(kind: RmaKind, ownership: Ownership = Ownership.OPERATOR, **known: Any) -> Opening:
    return Opening(kind, ownership, ORDERED, known.pop("opened_on", TODAY), **known)


@pytest.mark.parametrize("ownership", list(Ownership))
def test_a_defect_is_put_right_while_the_service_runs(ownership: Ownership) -> None:
    check_may_open(opening(RmaKind.DEFECT, ownership), POLICY)
    check_may_open(opening(RmaKind.DEFECT, ownership, service_ended_on=date(2025, 2, 2)), POLICY)
    with pytest.raises(ConflictError, match="service ended on 2025-02-01"):
        check_may_open(opening(RmaKind.DEFECT, ownership, service_ended_on=TODAY), POLICY)


def test_a_wrong_item_may_be_sent_back_at_any_time() -> None:
    check_may_open(opening(RmaKind.WRONG_ITEM, service_ended_on=TODAY), POLICY)


def test_a_trial_return_is_opened_in_time() -> None:
    in_time = opening(RmaKind.TRIAL_RETURN, opened_on=date(2025, 2, 9))
    check_may_open(in_time, POLICY)
    with pytest.raises(ConflictError, match="opened by 2025-02-09"):
        check_may_open(replace(in_time, opened_on=date(2025, 2, 10)), POLICY)


def test_only_a_leased_unit_has_to_come_back_and_from_the_day_service_ends() -> None:
    leased = opening(RmaKind.CANCELLATION_RETURN, Ownership.LEASED, service_ended_on=TODAY)
    check_may_open(leased, POLICY)
    for ended in (None, date(2025, 2, 2)):
        with pytest.raises(ConflictError, match="on the day service ends, not before"):
            check_may_open(replace(leased, service_ended_on=ended), POLICY)
    for ownership in (Ownership.OPERATOR, Ownership.CUSTOMER):
        with pytest.raises(ConflictError, match=f"the unit is {ownership}"):
            check_may_open(replace(leased, ownership=ownership), POLICY)


@pytest.mark.parametrize("decision", list(Decision))
@pytest.mark.parametrize("replacement", list(Replacement))
def test_a_replacement_ships_when_it_is_reserved_and_still_granted(
    decision: Decision, replacement: Replacement
) -> None:
    rma = replace(RMA, decision=decision, replacement=replacement)
    if (decision, replacement) == (Decision.APPROVED, Replacement.RESERVED):
        check_may_ship(rma, None)
        check_may_ship(rma, SOUND)
    else:
        with pytest.raises(ConflictError, match=f"RMA-7 is {decision}, its replacement {replacement}"):
            check_may_ship(rma, None)


def test_nothing_is_sent_for_a_defect_that_was_caused_outside() -> None:
    reserved = replace(RMA, replacement=Replacement.RESERVED)
    with pytest.raises(ConflictError, match="found liquid"):
        check_may_ship(reserved, SPOILT)
    check_may_ship(replace(reserved, kind=RmaKind.WRONG_ITEM), SPOILT)  # the right item is owed all the same
    with pytest.raises(ConflictError, match="RMA-7 has no replacement, its value is charged"):
        check_is_owed(RMA, SPOILT)
    check_is_owed(RMA, SOUND)
    check_is_owed(RMA, None)
    check_is_owed(replace(RMA, kind=RmaKind.WRONG_ITEM), SPOILT)


@pytest.mark.parametrize(("today", "overdue"), [("2025-03-18", False), ("2025-03-19", True)])
def test_a_return_expires_when_its_last_day_is_over(today: str, overdue: bool) -> None:
    day = date.fromisoformat(today)
    verdict = judge_return(date(2025, 3, 18), ReturnFacts(), day, POLICY)
    if overdue:
        check_may_expire(RMA, verdict, day)
    else:
        with pytest.raises(ConflictError, match="RMA-7 is not overdue: Due on 2025-03-18"):
            check_may_expire(RMA, verdict, day)


def test_a_verdict_of_a_later_day_does_not_expire_a_return_earlier() -> None:
    verdict = judge_return(date(2025, 3, 18), ReturnFacts(), date(2025, 4, 1), POLICY)
    with pytest.raises(ConflictError, match="not overdue"):
        check_may_expire(RMA, verdict, date(2025, 3, 18))


def test_what_was_in_time_never_expires_nor_what_was_not_approved() -> None:
    in_time = judge_return(date(2025, 3, 18), ReturnFacts(date(2025, 3, 18)), date(2025, 5, 1), POLICY)
    with pytest.raises(ConflictError, match="not overdue"):
        check_may_expire(RMA, in_time, date(2025, 5, 1))
    late = judge_return(date(2025, 3, 18), ReturnFacts(), date(2025, 5, 1), POLICY)
    for decision in (Decision.REQUESTED, Decision.DENIED, Decision.CANCELLED):
        with pytest.raises(ConflictError, match="nothing is awaited"):
            check_may_expire(replace(RMA, decision=decision), late, date(2025, 5, 1))


@pytest.mark.parametrize("replacement", [Replacement.RESERVED, Replacement.SHIPPED])
def test_an_rma_is_not_closed_while_a_replacement_is_under_way(replacement: Replacement) -> None:
    with pytest.raises(ConflictError, match=f"the replacement is {replacement}"):
        check_may_close(replace(RMA, replacement=replacement, returning=Return.INSPECTED), Ownership.OPERATOR)


def test_an_rma_is_not_closed_over_a_unit_that_is_owed() -> None:
    delivered = replace(RMA, replacement=Replacement.DELIVERED)
    with pytest.raises(ConflictError, match="PT000000018 is still owed"):
        check_may_close(delivered, Ownership.OPERATOR)
    check_may_close(replace(delivered, returning=Return.INSPECTED), Ownership.OPERATOR)
    check_may_close(replace(delivered, returning=Return.OVERDUE), Ownership.OPERATOR)
    check_may_close(replace(RMA, mode=ReplacementMode.ON_RECEIPT), Ownership.OPERATOR)
    check_may_close(replace(delivered, decision=Decision.DENIED), Ownership.OPERATOR)


def test_a_swap_waits_for_the_call_on_the_old_unit() -> None:
    now, silence, policy = datetime(2025, 6, 1, 12, tzinfo=UTC), timedelta(seconds=180), PolicyBook()

    def waits(heard_ago: timedelta | None, registered_ago: timedelta = timedelta(0)) -> bool:
        call = None if heard_ago is None else CallSeen(now - heard_ago, silence)
        reason = swap_waits(call, now - registered_ago, now, policy, UTC)
        assert reason is None or "until it ends" in reason.text
        return reason is not None

    moment = timedelta(microseconds=1)
    assert not waits(None)
    assert waits(silence)
    assert not waits(silence + moment), "a unit that fell silent is in no call"
    assert waits(timedelta(0), timedelta(hours=4) - moment)
    assert not waits(timedelta(0), timedelta(hours=4)), "nor does it wait for ever"


def test_how_long_a_swap_waits_is_the_value_of_the_operators_day() -> None:
    zone, registered_at = ZoneInfo("America/New_York"), datetime(2025, 6, 2, 2, tzinfo=UTC)
    policy = PolicyBook((PolicyValue(PolicyName.SWAP_WAIT_HOURS, date(2025, 6, 2), 1),))
    now = registered_at + timedelta(hours=2)
    call = CallSeen(now, timedelta(seconds=180))
    assert swap_waits(call, registered_at, now, policy, zone), "it is still the day before in New York"
    assert not swap_waits(call, registered_at, now, policy, UTC)


def test_a_unit_that_replaces_itself_was_repaired() -> None:
    assert is_repair(replace(RMA, replacement_serial=RMA.serial))
    assert not is_repair(replace(RMA, replacement_serial="PT000000026"))
    assert not is_repair(RMA)
