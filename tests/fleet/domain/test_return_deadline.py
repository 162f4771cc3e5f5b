"""Returns against their deadline: the scan decides, five days of grace without one, and what absence costs."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.ownership import Ownership
from fleet.domain.policy import PolicyBook, PolicyName, PolicyValue
from fleet.domain.reason import Reason
from fleet.domain.return_deadline import (
    DEADLINE_RULE,
    ReturnFacts,
    ReturnVerdict,
    Timeliness,
    is_credited,
    judge_return,
    lost_on_the_way_back,
    pays_when_absent,
    reminder_on,
)
from fleet.domain.rma import Replacement, ReplacementMode, RmaKind
from tests.fleet.domain.rmas import REQUESTED as RMA

POLICY = PolicyBook()
DUE = date(2025, 3, 18)
CHARGED = date(2025, 3, 19)


def march(day: int | None) -> date | None:
    return None if day is None else date(2025, 3, 1) + timedelta(day - 1)


def judged(today: int, scan: int | None = None, received: int | None = None) -> ReturnVerdict:
    facts = ReturnFacts(handed_in_on=march(scan), received_on=march(received))
    now = march(today)
    assert now is not None
    return judge_return(DUE, facts, now, POLICY)


@pytest.mark.parametrize(
    ("today", "scan", "received", "expected", "overdue_from"),
    [
        (10, None, None, Timeliness.AWAITED, 19),
        (18, None, None, Timeliness.AWAITED, 19),
        (19, None, None, Timeliness.LATE, 19),  # charged now, though it may still arrive and count
        (24, None, None, Timeliness.LATE, 19),
        (40, 18, None, Timeliness.IN_TIME, None),  # scanned on the last day, still on its way
        (20, 19, None, Timeliness.LATE, 19),  # scanned the day after: no grace
        (24, 19, 22, Timeliness.LATE, 19),
        (20, 19, 18, Timeliness.IN_TIME, None),  # received by the last day, whatever a scan says
        (30, None, 18, Timeliness.IN_TIME, None),
        (30, None, 19, Timeliness.IN_TIME, None),
        (30, None, 23, Timeliness.IN_TIME, None),
        (30, None, 24, Timeliness.LATE, 19),
        (24, None, 24, Timeliness.LATE, 19),
        (60, 18, 59, Timeliness.IN_TIME, None),
    ],
)
def test_a_return_due_on_the_18th(
    today: int, scan: int | None, received: int | None, expected: Timeliness, overdue_from: int | None
) -> None:
    verdict = judged(today, scan, received)
    assert (verdict.timeliness, verdict.overdue_from) == (expected, march(overdue_from))
    assert verdict.reason.text.startswith("Due on 2025-03-18: ")


def test_each_reason_names_what_was_seen() -> None:
    assert judged(20).reason.text == (
        "Due on 2025-03-18: neither scan nor receipt is known; without a scan a unit received by 2025-03-23 is in time."
    )
    assert judged(20, 17).reason.text == "Due on 2025-03-18: the carrier accepted it on 2025-03-17."
    assert "received on 2025-03-25; without a scan, 2025-03-23 was the last day" in judged(26, None, 25).reason.text


def test_the_grace_is_that_of_the_last_day_and_the_credits_days_that_of_the_charge() -> None:
    def book(day: int) -> PolicyBook:
        since = date(2025, 3, day)
        return PolicyBook(
            (
                PolicyValue(PolicyName.LATE_SCAN_GRACE_DAYS, since, 0),
                PolicyValue(PolicyName.LATE_RETURN_CREDIT_DAYS, since, 0),
            )
        )

    late = ReturnFacts(received_on=date(2025, 3, 20))
    assert judge_return(DUE, late, date(2025, 3, 20), book(19)).timeliness is Timeliness.IN_TIME
    assert judge_return(DUE, late, date(2025, 3, 20), book(18)).timeliness is Timeliness.LATE
    assert is_credited(CHARGED, date(2025, 3, 20), True, book(20))[0] is True
    assert is_credited(CHARGED, date(2025, 3, 20), True, book(19))[0] is False


@pytest.mark.parametrize(
    ("begins", "reminded"), [("2025-03-08", "2025-03-15"), ("2025-03-15", "2025-03-15"), ("2025-03-17", "2025-03-17")]
)
def test_a_reminder_goes_out_three_days_before_never_before_the_deadline_is_known(begins: str, reminded: str) -> None:
    assert reminder_on(DUE, date.fromisoformat(begins), POLICY) == date.fromisoformat(reminded)


@pytest.mark.parametrize(
    ("received", "sound", "credited"),
    [
        ("2025-03-25", True, True),
        ("2025-04-18", True, True),
        ("2025-04-19", True, False),
        ("2025-03-25", False, False),
    ],
)
def test_the_value_comes_back_for_a_unit_received_sound_within_30_days_after_its_charge(
    received: str, sound: bool, credited: bool
) -> None:
    decided, reason = is_credited(CHARGED, date.fromisoformat(received), sound, POLICY)
    assert decided is credited
    assert "by 2025-04-18" in reason.text


@pytest.mark.parametrize("kind", list(RmaKind))
@pytest.mark.parametrize("mode", list(ReplacementMode))
@pytest.mark.parametrize("replacement", list(Replacement))
@pytest.mark.parametrize("ownership", list(Ownership))
def test_who_keeps_an_advance_replaced_or_leased_unit_pays(
    kind: RmaKind, mode: ReplacementMode, replacement: Replacement, ownership: Ownership
) -> None:
    reason = pays_when_absent(replace(RMA, kind=kind, mode=mode, replacement=replacement), ownership)
    in_advance = mode is ReplacementMode.ADVANCE and replacement in (Replacement.SHIPPED, Replacement.DELIVERED)
    expected = {
        RmaKind.DEFECT: in_advance,
        RmaKind.WRONG_ITEM: in_advance,
        RmaKind.TRIAL_RETURN: False,
        RmaKind.CANCELLATION_RETURN: ownership is Ownership.LEASED,
    }
    assert (reason is not None) is expected[kind]
    if reason is not None:
        assert RMA.serial in reason.text


def test_the_way_back_is_at_the_accounts_risk() -> None:
    lost = ReturnFacts(handed_in_on=date(2025, 3, 12), lost_on=date(2025, 3, 30))
    on_receipt = replace(RMA, mode=ReplacementMode.ON_RECEIPT)
    reason = lost_on_the_way_back(on_receipt, Ownership.OPERATOR, lost)
    assert reason is not None
    assert "lost on 2025-03-30" in reason.text
    assert lost_on_the_way_back(RMA, Ownership.LEASED, lost) is not None


def test_nobody_pays_for_their_own_unit_but_one_that_was_replaced_in_advance() -> None:
    lost = ReturnFacts(lost_on=date(2025, 3, 30))
    assert lost_on_the_way_back(RMA, Ownership.CUSTOMER, lost) is None
    sent = replace(RMA, replacement=Replacement.DELIVERED)
    assert lost_on_the_way_back(sent, Ownership.CUSTOMER, lost) is not None


def test_a_unit_that_turned_up_is_not_lost() -> None:
    found = ReturnFacts(lost_on=date(2025, 3, 30), received_on=date(2025, 4, 2))
    assert lost_on_the_way_back(RMA, Ownership.OPERATOR, found) is None
    assert lost_on_the_way_back(RMA, Ownership.OPERATOR, ReturnFacts()) is None


DAYS = st.none() | st.integers(1, 60)


@given(st.integers(1, 60), DAYS, DAYS)
def test_no_return_is_late_before_it_is_overdue(today: int, scan: int | None, received: int | None) -> None:
    scan, received = (n if n is None or n <= today else None for n in (scan, received))  # nothing from the future
    verdict = judged(today, scan, received)
    now = march(today)
    assert now is not None
    if verdict.timeliness is Timeliness.LATE:
        assert verdict.overdue_from is not None
        assert DUE < verdict.overdue_from <= now
    if verdict.timeliness is Timeliness.AWAITED:
        assert scan is received is None
    if verdict.timeliness is Timeliness.IN_TIME:  # no later day and no more evidence of a receipt changes that
        assert judged(today + 30, scan, received).timeliness is Timeliness.IN_TIME


@pytest.mark.parametrize(
    ("proof", "scan", "received", "expected"),
    [
        (18, None, 30, Timeliness.IN_TIME),  # on the last day, and known when the unit was here
        (18, 19, 30, Timeliness.IN_TIME),
        (19, None, 23, Timeliness.IN_TIME),  # without a scan it was in time: this one may not say otherwise
        (19, None, 24, Timeliness.LATE),
        (19, 20, 23, Timeliness.LATE),
    ],
)
def test_a_scan_that_turns_up_after_the_receipt_may_only_help(
    proof: int, scan: int | None, received: int, expected: Timeliness
) -> None:
    facts = ReturnFacts(march(scan), received_on=march(received), proved_on=march(proof))
    assert judge_return(DUE, facts, date(2025, 4, 20), POLICY).timeliness is expected


def test_the_reminder_s_days_are_those_of_the_day_the_deadline_began_to_count() -> None:
    book = PolicyBook((PolicyValue(PolicyName.REMINDER_DAYS, date(2025, 3, 9), 5),))
    assert reminder_on(DUE, date(2025, 3, 8), book) == date(2025, 3, 15)
    assert reminder_on(DUE, date(2025, 3, 9), book) == date(2025, 3, 13)


def test_who_pays_for_a_unit_that_stays_away_is_told_the_rule() -> None:
    sent = replace(RMA, replacement=Replacement.SHIPPED)
    assert pays_when_absent(sent, Ownership.OPERATOR) == Reason(
        "ER 4, es 7.d", "PT000000018 was replaced in advance and is not back in time."
    )
    leased = replace(RMA, kind=RmaKind.CANCELLATION_RETURN, mode=ReplacementMode.ON_RECEIPT)
    assert pays_when_absent(leased, Ownership.LEASED) == Reason(
        "ER 4, es 7.d", "PT000000018 is leased and is not back in time after the end of service."
    )


@pytest.mark.parametrize(("sound", "how"), [(True, "sound"), (False, "not sound")])
def test_a_late_unit_s_credit_says_how_and_when_it_came(sound: bool, how: str) -> None:
    assert is_credited(CHARGED, date(2025, 3, 25), sound, POLICY)[1] == Reason(
        "ER 4", f"Received {how} on 2025-03-25; the value is credited if received sound by 2025-04-18."
    )


def test_a_unit_received_in_time_says_when_though_its_scan_was_late() -> None:
    assert judged(20, 19, 18).reason == Reason(DEADLINE_RULE, "Due on 2025-03-18: received on 2025-03-18.")
