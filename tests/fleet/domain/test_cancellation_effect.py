"""When a cancellation takes effect: 72 elapsed hours, the date asked for, 3 Business Days before a bill."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.billing_cycle import ANNUAL, BillingCycle, Period
from fleet.domain.business_days import CalendarError
from fleet.domain.cancellation_effect import Effect, effect_of
from fleet.domain.local_dates import first_instant
from fleet.domain.policy import PolicyBook, PolicyName, PolicyValue
from fleet.domain.reason import Reason
from tests.fleet.domain.cancelling import CALENDAR, NEW_YORK, POLICY, call, day


def effect(at: str, asked_for: str | None = None, billed: str | None = None, months: int = 1) -> Effect:
    cycle = None if billed is None else BillingCycle(day(billed), months)
    return effect_of(call(at, asked_for), cycle, CALENDAR, POLICY, NEW_YORK)


# Before billing has started: the 72 hours and the date asked for.


@pytest.mark.parametrize(
    ("at", "on"),
    [
        ("2025-06-10 06:00", "2025-06-14"),  # Friday 06:00, so the first date that begins after is Saturday
        ("2025-06-10 19:59", "2025-06-14"),
        ("2025-06-10 00:00", "2025-06-13"),  # through a Distributor: a date that begins exactly then
        ("2025-06-10 00:01", "2025-06-14"),
        ("2025-03-07 00:00", "2025-03-11"),  # 72 elapsed hours end at 01:00 after clocks went forward
        ("2025-10-31 00:00", "2025-11-03"),  # and at 23:00 of the 2nd after they went back
        ("2025-10-31 01:00", "2025-11-03"),
        ("2025-10-31 01:01", "2025-11-04"),
        ("2024-02-26 12:00", "2024-03-01"),  # over 29 February
    ],
)
def test_the_earliest_date_begins_72_elapsed_hours_after_the_notice(at: str, on: str) -> None:
    found = effect(at)
    assert found.on == day(on)
    assert found.at == first_instant(day(on), NEW_YORK)
    assert (found.avoids, found.renewed) == (None, None)
    assert found.reason.text == f"{on} is the first date that begins 72 hours after the notice."


@pytest.mark.parametrize(
    ("asked_for", "on"),
    [("2025-06-01", "2025-06-14"), ("2025-06-13", "2025-06-14"), ("2025-06-14", "2025-06-14")],
)
def test_a_date_asked_for_that_comes_too_early_is_the_earliest(asked_for: str, on: str) -> None:
    assert effect("2025-06-10 12:00", asked_for).on == day(on)


def test_a_later_date_asked_for_is_kept() -> None:
    found = effect("2025-06-10 12:00", "2025-08-01")
    assert found.on == day("2025-08-01")
    assert found.reason.text == "2025-08-01 is the date asked for; the earliest would be 2025-06-14."


# The next bill.


@pytest.mark.parametrize(
    ("at", "billed", "on", "avoids"),
    [
        # Billed on Thursday the 12th: notice by Monday the 9th. The 72 hours may reach past the bill.
        ("2025-06-09 06:00", "2025-05-12", "2025-06-13", "2025-06-12"),
        ("2025-06-09 19:59", "2025-05-12", "2025-06-13", "2025-06-12"),
        # Billed on Thursday, 29 May: the Monday is Memorial Day, so Friday the 23rd is the last day.
        ("2025-05-23 19:59", "2025-04-29", "2025-05-27", "2025-05-29"),
        # Billed on Wednesday, 11 June: Friday, Monday, Tuesday.
        ("2025-06-06 12:00", "2025-05-11", "2025-06-10", "2025-06-11"),
        # A notice on a Saturday, with Monday to Wednesday left before Thursday.
        ("2025-06-07 12:00", "2025-05-12", "2025-06-11", "2025-06-12"),
        # On the billing date itself the next bill is the one after.
        ("2025-06-12 12:00", "2025-05-12", "2025-06-16", "2025-07-12"),
    ],
)
def test_notice_three_business_days_before_avoids_the_next_bill(at: str, billed: str, on: str, avoids: str) -> None:
    found = effect(at, billed=billed)
    assert (found.on, found.avoids, found.renewed) == (day(on), day(avoids), None)


@pytest.mark.parametrize(
    ("at", "billed", "begins", "ends"),
    [
        ("2025-06-10 06:00", "2025-05-12", "2025-06-12", "2025-07-12"),
        ("2025-05-24 12:00", "2025-04-29", "2025-05-29", "2025-06-29"),
        ("2025-06-09 12:00", "2025-05-11", "2025-06-11", "2025-07-11"),
        ("2025-06-08 12:00", "2025-05-11", "2025-06-11", "2025-07-11"),  # Sunday: only Monday and Tuesday left
        ("2025-02-26 12:00", "2025-01-31", "2025-02-28", "2025-03-31"),  # the billing day returns
        ("2024-02-28 12:00", "2024-01-31", "2024-02-29", "2024-03-31"),
        ("2025-12-30 12:00", "2025-11-01", "2026-01-01", "2026-02-01"),
    ],
)
def test_a_later_notice_ends_with_the_renewed_period(at: str, billed: str, begins: str, ends: str) -> None:
    found = effect(at, billed=billed)
    assert (found.on, found.avoids, found.renewed) == (day(ends), None, Period(day(begins), day(ends)))
    assert f"to avoid the bill of {begins}" in found.reason.text


@pytest.mark.parametrize(
    ("asked_for", "on"),
    [("2025-06-14", "2025-07-12"), ("2025-07-11", "2025-07-12"), ("2025-07-20", "2025-07-20")],
)
def test_a_late_notice_ends_at_the_later_of_the_date_asked_for_and_the_renewed_period(asked_for: str, on: str) -> None:
    assert effect("2025-06-10 12:00", asked_for, "2025-05-12").on == day(on)


def test_a_weekend_makes_a_notice_late_though_the_72_hours_end_before_the_bill() -> None:
    found = effect("2025-06-05 12:00", billed="2025-05-10")  # Tuesday's bill: Thursday, Friday, Monday
    assert found.avoids == day("2025-06-10")
    late = effect("2025-06-06 06:00", billed="2025-05-10")
    assert late.renewed == Period(day("2025-06-10"), day("2025-07-10"))


@pytest.mark.parametrize(
    ("asked_for", "avoids"),
    [
        ("2025-06-12", "2025-06-12"),  # up to the bill: that one is avoided
        ("2025-06-13", "2025-07-12"),  # past it by the account's own wish: it is due
        ("2025-07-12", "2025-07-12"),
        ("2025-07-13", "2025-08-12"),
    ],
)
def test_who_asks_for_a_date_past_a_bill_pays_it(asked_for: str, avoids: str) -> None:
    found = effect("2025-06-02 12:00", asked_for, "2025-05-12")
    assert (found.on, found.avoids) == (day(asked_for), day(avoids))


def test_who_asks_for_the_billing_date_itself_does_not_pay_for_what_the_72_hours_add() -> None:
    found = effect("2025-06-09 12:00", "2025-06-12", "2025-05-12")
    assert (found.on, found.avoids) == (day("2025-06-13"), day("2025-06-12"))
    # Nor who asks for the very date that the 72 hours give; a date past it is a wish to stay.
    assert effect("2025-06-09 12:00", "2025-06-13", "2025-05-12").avoids == day("2025-06-12")
    assert effect("2025-06-09 12:00", "2025-06-14", "2025-05-12").avoids == day("2025-07-12")


def test_a_lead_longer_than_the_renewed_period_ends_service_after_it() -> None:
    book = PolicyBook((PolicyValue(PolicyName.CANCELLATION_LEAD_HOURS, day("2025-01-01"), 720),))
    found = effect_of(call("2025-02-11 12:00"), BillingCycle(day("2025-01-12")), CALENDAR, book, NEW_YORK)
    assert (found.renewed, found.on) == (Period(day("2025-02-12"), day("2025-03-12")), day("2025-03-14"))


def test_a_late_notice_renews_an_annual_plan_by_a_year() -> None:
    assert effect("2025-06-10 12:00", billed="2024-06-12", months=ANNUAL).on == day("2026-06-12")
    assert effect("2025-06-09 12:00", billed="2024-06-12", months=ANNUAL).avoids == day("2025-06-12")


def test_the_values_are_those_in_force_on_the_day_of_the_notice() -> None:
    book = PolicyBook(
        (
            PolicyValue(PolicyName.CANCELLATION_LEAD_HOURS, day("2025-06-10"), 24),
            PolicyValue(PolicyName.CANCELLATION_NOTICE_BUSINESS_DAYS, day("2025-06-10"), 1),
        )
    )
    cycle = BillingCycle(day("2025-05-12"))
    found = effect_of(call("2025-06-10 12:00"), cycle, CALENDAR, book, NEW_YORK)
    assert (found.on, found.avoids) == (day("2025-06-12"), day("2025-06-12"))
    assert effect_of(call("2025-06-09 12:00"), cycle, CALENDAR, book, NEW_YORK).on == day("2025-06-13")


def test_a_bill_beyond_the_loaded_holidays_is_an_error() -> None:
    with pytest.raises(CalendarError):
        effect("2030-12-30 12:00", billed="2030-01-05")


INSTANTS = st.integers(1_719_800_000, 1_877_500_000).map(lambda s: datetime.fromtimestamp(s, UTC))


@given(INSTANTS, st.none() | st.integers(-40, 400), st.none() | st.integers(0, 500))
def test_no_end_comes_before_the_72_hours_or_the_date_asked_for(
    at: datetime, asked_days: int | None, billed_days: int | None
) -> None:
    today = at.astimezone(NEW_YORK).date()
    asked = None if asked_days is None else today + timedelta(asked_days)
    cycle = None if billed_days is None else BillingCycle(today - timedelta(billed_days))
    notice = call("2025-06-10 12:00", None if asked is None else str(asked))
    found = effect_of(replace(notice, at=at), cycle, CALENDAR, POLICY, NEW_YORK)
    assert found.at >= at + timedelta(hours=72)
    assert found.on >= (asked or found.on)
    assert found.at == first_instant(found.on, NEW_YORK)
    if cycle is not None:
        assert (found.avoids is None) is not (found.renewed is None)
    if found.avoids is not None:
        assert _business_days(today, found.avoids) >= 3
    if found.renewed is not None:
        assert _business_days(today, found.renewed.begins) < 3
        assert found.on >= found.renewed.ends


def _business_days(first: date, bill: date) -> int:
    """How many lie between, the notice day counted and the billing date not."""
    return sum(CALENDAR.is_business_day(first + timedelta(n)) for n in range((bill - first).days))


@pytest.mark.parametrize(
    ("at", "asked_for", "reason"),
    [
        (
            "2025-06-10 11:30",
            None,
            Reason("ER 5, ToS 9.c", "2025-06-14 is the first date that begins 72 hours after the notice."),
        ),
        (
            "2025-06-10 11:30",
            "2025-06-19",
            Reason("ER 5, ToS 9.c", "2025-06-19 is the date asked for; the earliest would be 2025-06-14."),
        ),
        (
            "2025-06-17 11:30",
            None,
            Reason(
                "ER 5, ToS 9.b",
                "Notice would have been due by 2025-06-16 to avoid the bill of 2025-06-20: "
                "the service is renewed to 2025-07-20 and ends on 2025-07-20.",
            ),
        ),
    ],
)
def test_a_billed_account_is_told_the_rule_its_end_rests_on(at: str, asked_for: str | None, reason: Reason) -> None:
    assert effect(at, asked_for, billed="2025-01-20").reason == reason
