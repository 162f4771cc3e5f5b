"""Billing dates keep their day of the month, but where a month has no such day."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.billing_cycle import ANNUAL, MONTHLY, BillingCycle, Period
from fleet.domain.errors import InvalidError

DAYS = st.dates(date(2020, 1, 1), date(2040, 1, 1))


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("starts", "today", "begins", "ends"),
    [
        ("2025-01-31", "2025-01-31", "2025-01-31", "2025-02-28"),
        ("2025-01-31", "2025-02-27", "2025-01-31", "2025-02-28"),
        ("2025-01-31", "2025-02-28", "2025-02-28", "2025-03-31"),  # the original day returns
        ("2025-01-31", "2025-04-29", "2025-03-31", "2025-04-30"),
        ("2024-01-30", "2024-02-29", "2024-02-29", "2024-03-30"),
        ("2025-12-15", "2026-01-14", "2025-12-15", "2026-01-15"),
    ],
)
def test_a_missing_billing_day_is_the_months_last_and_returns(starts: str, today: str, begins: str, ends: str) -> None:
    assert BillingCycle(day(starts)).period_of(day(today)) == Period(day(begins), day(ends))


def test_an_annual_plan_begun_on_29_february() -> None:
    cycle = BillingCycle(day("2024-02-29"), ANNUAL)
    assert cycle.next_after(day("2024-02-29")) == day("2025-02-28")
    assert cycle.period_of(day("2027-12-31")) == Period(day("2027-02-28"), day("2028-02-29"))
    assert cycle.period_of(day("2024-03-01")).days == 365


@given(DAYS, st.integers(0, 4000), st.sampled_from([MONTHLY, ANNUAL]))
def test_each_day_lies_in_one_period_and_periods_join(starts: date, later: int, months: int) -> None:
    cycle = BillingCycle(starts, months)
    today = date.fromordinal(starts.toordinal() + later)
    period = cycle.period_of(today)
    assert period.begins <= today < period.ends == cycle.next_after(today)
    assert cycle.period_of(period.ends).begins == period.ends
    assert cycle.period_of(date.fromordinal(period.ends.toordinal() - 1)) == period


def test_before_billing_starts_there_is_no_period_and_the_next_bill_is_the_first() -> None:
    cycle = BillingCycle(day("2025-01-31"))
    assert cycle.next_after(day("2025-01-30")) == day("2025-01-31")
    with pytest.raises(InvalidError, match="billing starts on 2025-01-31"):
        cycle.period_of(day("2025-01-30"))


@pytest.mark.parametrize("months", [0, 2, 24, -1])
def test_billing_is_monthly_or_annual(months: int) -> None:
    with pytest.raises(InvalidError, match="every 1 or 12 months"):
        BillingCycle(day("2025-01-31"), months)
