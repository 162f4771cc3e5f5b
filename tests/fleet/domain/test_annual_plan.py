"""The refund of an annual plan: to the day and the cent, and none after the window."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.annual_plan import AnnualRefund, annual_refund
from fleet.domain.billing_cycle import Period
from fleet.domain.errors import InvalidError
from fleet.domain.money import ZERO, Money
from fleet.domain.policy import PolicyBook, PolicyName, PolicyValue
from fleet.domain.reason import Reason

POLICY = PolicyBook()


def day(text: str) -> date:
    return date.fromisoformat(text)


def refund(
    cents: int, ends: str, *, activated: str | None = "2025-01-20", noticed: str = "2025-01-25", ordered: str = ""
) -> AnnualRefund:
    order_date = day(ordered or "2025-01-10")
    return annual_refund(
        Money(cents), order_date, None if activated is None else day(activated), day(noticed), day(ends), POLICY
    )


@pytest.mark.parametrize(
    ("cents", "ends", "unused", "expected"),
    [
        (36500, "2025-01-30", 355, 35500),  # 10 of 365 days used, a dollar each; the end date itself is unused
        (36500, "2025-01-21", 364, 36400),
        (36500, "2025-01-20", 365, 36500),
        (36500, "2025-01-19", 365, 36500),  # ended before the period began: all of it
        (36500, "2026-01-19", 1, 100),
        (36500, "2026-01-20", 0, 0),
        (36500, "2026-02-20", 0, 0),
        (29900, "2025-02-01", 353, 28917),  # 28916.99 cents
        (73, "2025-02-01", 353, 71),  # 70.6
        (0, "2025-02-01", 353, 0),
    ],
)
def test_unused_days_of_the_paid_period_go_back(cents: int, ends: str, unused: int, expected: int) -> None:
    found = refund(cents, ends)
    assert (found.amount, found.unused_days, found.rest_falls_due) == (Money(expected), unused, False)
    assert found.period == Period(day("2025-01-20"), day("2026-01-20"))


@pytest.mark.parametrize(("cents", "expected"), [(1, 1), (2, 1), (3, 2), (364, 182), (365, 183)])
def test_half_a_cent_goes_up(cents: int, expected: int) -> None:
    # 2024 is a leap year: 366 days, of which half are unused.
    found = refund(cents, "2024-07-02", activated="2024-01-01", ordered="2023-12-31", noticed="2024-01-02")
    assert (found.unused_days, found.period.days) == (183, 366)
    assert found.amount == Money(expected)


def test_a_period_begun_on_29_february_has_365_days() -> None:
    found = refund(36500, "2024-03-10", activated="2024-02-29", ordered="2024-02-25", noticed="2024-03-01")
    assert (found.period, found.period.days) == (Period(day("2024-02-29"), day("2025-02-28")), 365)
    assert found.amount == Money(35500)


def test_never_activated_the_period_starts_with_the_services_term() -> None:
    found = refund(36500, "2025-02-14", activated=None)
    assert found.period.begins == day("2025-02-09")
    assert found.amount == Money(36000)


@pytest.mark.parametrize(("noticed", "refunded"), [("2025-02-09", True), ("2025-02-10", False)])
def test_after_order_date_and_30_days_nothing_goes_back_and_the_rest_falls_due(noticed: str, refunded: bool) -> None:
    found = refund(36500, "2025-02-19", noticed=noticed)
    assert bool(found.amount) is refunded
    assert found.rest_falls_due is not refunded
    assert ("falls due" in found.reason.text) is not refunded


def test_the_window_is_the_one_in_force_on_the_order_date() -> None:
    def found(effective: str) -> Money:
        book = PolicyBook((PolicyValue(PolicyName.ANNUAL_REFUND_DAYS, day(effective), 5),))
        dates = day("2025-01-10"), day("2025-01-20"), day("2025-01-25"), day("2025-01-30")
        return annual_refund(Money(36500), *dates, book).amount

    assert found("2025-01-11") == Money(35500)
    assert found("2025-01-10") == ZERO


def test_a_price_is_not_negative() -> None:
    with pytest.raises(InvalidError, match=r"got -\$0.01"):
        refund(-1, "2025-01-30")


@given(st.integers(0, 10**7), st.integers(-50, 500))
def test_what_goes_back_is_never_more_than_was_paid_and_less_each_day(cents: int, later: int) -> None:
    ends = day("2025-01-20") + timedelta(later)
    today, tomorrow = refund(cents, str(ends)).amount, refund(cents, str(ends + timedelta(1))).amount
    assert ZERO <= tomorrow <= today <= Money(cents)


def test_a_late_notice_gets_nothing_back_and_makes_the_rest_fall_due_with_the_reason() -> None:
    text = "Notice came on 2025-02-10, after 2025-02-09: nothing is refunded, and what remains falls due."
    assert refund(36500, "2025-02-14", noticed="2025-02-10") == AnnualRefund(
        ZERO, 340, Period(day("2025-01-20"), day("2026-01-20")), True, Reason("ER 5, ToS 9.d", text)
    )


def test_a_refund_says_how_it_was_worked_out() -> None:
    text = "355 of the 365 days from 2025-01-20 are unused: $355.00 of $365.00."
    assert refund(36500, "2025-01-30").reason == Reason("ER 5, ToS 9.d", text)
