"""How long each class of data stays, to the day, and what a purge proves."""

from __future__ import annotations

from datetime import date, timedelta
from hashlib import sha256

import pytest

from fleet.domain.policy import PolicyBook, PolicyName, PolicyValue
from fleet.domain.retention import RETENTION, RetentionClass, is_due, purge_from, purge_proof, purged_until

POLICY = PolicyBook()
TODAY = date(2025, 6, 1)


@pytest.mark.parametrize(
    ("data", "counted_from", "first"),
    [
        (RetentionClass.CALL_RECORDS, "2024-02-29", "2025-08-29"),
        (RetentionClass.CALL_RECORDS, "2024-08-31", "2026-02-28"),
        (RetentionClass.CONNECTION_LOGS, "2025-01-01", "2025-04-02"),  # day 90, 1 April, is kept whole
        (RetentionClass.PERSONAL_DATA, "2024-12-31", "2025-04-01"),
        (RetentionClass.UNDELIVERED_MESSAGES, "2025-01-01", "2025-02-01"),
    ],
)
def test_data_is_purged_from_the_day_its_period_is_over(data: RetentionClass, counted_from: str, first: str) -> None:
    begun, due = date.fromisoformat(counted_from), date.fromisoformat(first)
    assert purge_from(data, begun, TODAY, POLICY) == due
    assert is_due(data, begun, due, POLICY)
    assert not is_due(data, begun, due - timedelta(1), POLICY)


def test_unit_history_stays_for_ever() -> None:
    assert purge_from(RetentionClass.UNIT_HISTORY, date(1990, 1, 1), TODAY, POLICY) is None
    assert not is_due(RetentionClass.UNIT_HISTORY, date(1990, 1, 1), TODAY, POLICY)


@pytest.mark.parametrize(
    ("data", "today", "last"),
    [
        (RetentionClass.CONNECTION_LOGS, "2025-04-02", "2025-01-01"),
        (RetentionClass.CALL_RECORDS, "2026-02-27", "2024-08-27"),
        (RetentionClass.CALL_RECORDS, "2026-02-28", "2024-08-31"),  # February has no 29th to 31st to wait for
        (RetentionClass.CALL_RECORDS, "2026-03-01", "2024-09-01"),
    ],
)
def test_a_purge_takes_all_until_the_last_day_that_is_due(data: RetentionClass, today: str, last: str) -> None:
    day = date.fromisoformat(today)
    until = purged_until(data, day, POLICY)
    assert until == date.fromisoformat(last)
    assert [is_due(data, until + timedelta(n), day, POLICY) for n in (-40, -1, 0, 1, 40)] == [True] * 3 + [False] * 2
    assert purged_until(RetentionClass.UNIT_HISTORY, day, POLICY) is None


def test_a_purge_acts_by_the_rule_of_its_own_day() -> None:
    book = PolicyBook((PolicyValue(PolicyName.CONNECTION_LOGS_DAYS, TODAY, 10),))
    logged = TODAY - timedelta(11)
    assert is_due(RetentionClass.CONNECTION_LOGS, logged, TODAY, book)
    assert not is_due(RetentionClass.CONNECTION_LOGS, logged - timedelta(1), TODAY - timedelta(1), book)


def test_every_class_says_what_counts_and_what_goes() -> None:
    assert set(RETENTION) == set(RetentionClass)
    assert all(kept.counts_from and kept.purged for kept in RETENTION.values())


def test_a_purge_proves_what_it_purged_whatever_the_order() -> None:
    proof = purge_proof(RetentionClass.CALL_RECORDS, TODAY, ["call-2", "call-1", "call-3"])
    assert (proof.count, proof.first, proof.last) == (3, "call-1", "call-3")
    assert proof.sha256 == sha256(b"call-1\ncall-2\ncall-3\n").hexdigest()
    assert proof == purge_proof(RetentionClass.CALL_RECORDS, TODAY, ["call-3", "call-2", "call-1"])
    assert proof != purge_proof(RetentionClass.CALL_RECORDS, TODAY, ["call-1", "call-2"])


def test_a_purge_of_nothing_is_proved_too() -> None:
    proof = purge_proof(RetentionClass.CALL_RECORDS, TODAY, [])
    assert (proof.count, proof.first, proof.last, proof.sha256) == (0, "", "", sha256().hexdigest())
