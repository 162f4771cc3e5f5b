"""Business Days skip weekends and loaded holidays, and refuse years that nobody loaded."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.business_days import BusinessCalendar, CalendarError
from fleet.domain.errors import InvalidError
from fleet.domain.federal_reserve import federal_reserve_calendar, holidays_of

CALENDAR = federal_reserve_calendar(2024, 2028)
DAYS = st.dates(date(2024, 3, 1), date(2028, 10, 1))


def day(text: str) -> date:
    return date.fromisoformat(text)


# From the Federal Reserve's own lists for these years.
@pytest.mark.parametrize(
    ("year", "listed"),
    [
        (2025, "01-01 01-20 02-17 05-26 06-19 07-04 09-01 10-13 11-11 11-27 12-25"),
        (2026, "01-01 01-19 02-16 05-25 06-19 07-04 09-07 10-12 11-11 11-26 12-25"),
        (2027, "01-01 01-18 02-15 05-31 06-19 07-05 09-06 10-11 11-11 11-25 12-25"),
        (2022, "01-01 01-17 02-21 05-30 06-20 07-04 09-05 10-10 11-11 11-24 12-26"),
    ],
)
def test_the_federal_reserves_holidays(year: int, listed: str) -> None:
    assert [f"{holiday:%m-%d}" for holiday in holidays_of(year)] == listed.split()


def test_a_holiday_on_sunday_closes_the_monday_and_one_on_saturday_no_other_day() -> None:
    assert not CALENDAR.is_business_day(day("2027-07-05"))  # 4 July 2027 is a Sunday
    assert CALENDAR.is_business_day(day("2026-07-03"))  # 4 July 2026 is a Saturday: the Friday is open
    assert CALENDAR.is_business_day(day("2026-07-06"))


@pytest.mark.parametrize(("text", "is_open"), [("2025-06-06", True), ("2025-06-07", False), ("2025-06-08", False)])
def test_saturday_and_sunday_are_none(text: str, is_open: bool) -> None:
    assert CALENDAR.is_business_day(day(text)) is is_open


@pytest.mark.parametrize(
    ("start", "count", "expected"),
    [
        ("2025-06-12", 3, "2025-06-09"),
        ("2025-06-10", 3, "2025-06-05"),  # over a weekend
        ("2025-05-29", 3, "2025-05-23"),  # and over Memorial Day
        ("2025-06-08", 1, "2025-06-06"),  # from a Sunday
        ("2025-01-02", 1, "2024-12-31"),
        ("2025-06-12", 0, "2025-06-12"),
    ],
)
def test_going_back_the_day_itself_does_not_count(start: str, count: int, expected: str) -> None:
    assert CALENDAR.before(day(start), count) == day(expected)


@pytest.mark.parametrize(
    ("start", "count", "expected"),
    [("2025-06-06", 5, "2025-06-13"), ("2025-06-07", 5, "2025-06-13"), ("2025-12-24", 5, "2026-01-02")],
)
def test_going_on_the_day_itself_is_day_0(start: str, count: int, expected: str) -> None:
    assert CALENDAR.after(day(start), count) == day(expected)


@given(DAYS, st.integers(1, 30))
def test_counting_forward_and_back_agree_with_counting_day_by_day(start: date, count: int) -> None:
    end = CALENDAR.after(start, count)
    between = [start + timedelta(n) for n in range(1, (end - start).days + 1)]
    assert sum(map(CALENDAR.is_business_day, between)) == count
    assert CALENDAR.is_business_day(end)
    back = CALENDAR.before(end + timedelta(1), count)
    assert back > start
    assert CALENDAR.before(back, 1) <= start


@pytest.mark.parametrize("text", ["2023-12-31", "2029-01-01"])
def test_a_date_beyond_the_loaded_years_is_an_error_not_a_guess(text: str) -> None:
    with pytest.raises(CalendarError, match=f"2024 to 2028, not for {text}; load the holidays"):
        CALENDAR.is_business_day(day(text))


def test_counting_into_a_year_that_is_not_loaded_is_an_error() -> None:
    with pytest.raises(CalendarError):
        CALENDAR.after(day("2028-12-29"), 1)
    with pytest.raises(CalendarError):
        CALENDAR.before(day("2024-01-02"), 1)


def test_a_calendars_holidays_lie_in_its_years() -> None:
    with pytest.raises(CalendarError):
        BusinessCalendar(frozenset({day("2026-01-01")}), 2025, 2025)
    with pytest.raises(InvalidError, match="go forward"):
        BusinessCalendar(frozenset(), 2026, 2025)


def test_years_before_the_rule_are_loaded_from_their_own_list() -> None:
    with pytest.raises(InvalidError, match="from 2022 on, got 2021"):
        federal_reserve_calendar(2021, 2025)
