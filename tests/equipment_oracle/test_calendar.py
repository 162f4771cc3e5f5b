"""Local dates, Business Days and holidays count as the rules count them."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.equipment_oracle.calendar import (
    CalendarError,
    after_business_days,
    business_days_in,
    federal_reserve_holidays,
    first_date_after_hours,
    first_instant,
    is_business_day,
    local_date,
    plus_months,
)
from tests.equipment_oracle.telling import local


def test_the_holidays_of_2025_are_those_the_federal_reserve_publishes():
    assert sorted(federal_reserve_holidays(2025)) == [
        date(2025, 1, 1), date(2025, 1, 20), date(2025, 2, 17), date(2025, 5, 26), date(2025, 6, 19), date(2025, 7, 4),
        date(2025, 9, 1), date(2025, 10, 13), date(2025, 11, 11), date(2025, 11, 27), date(2025, 12, 25),
    ]  # fmt: skip


def test_a_holiday_on_a_sunday_is_observed_on_monday():
    assert date(2023, 1, 1).weekday() == 6
    assert not is_business_day(date(2023, 1, 2))  # New Year's Day 2023
    assert not is_business_day(date(2022, 12, 26))  # Christmas Day 2022
    assert not is_business_day(date(2022, 6, 20))  # Juneteenth 2022


def test_a_holiday_on_a_saturday_is_not_moved():
    assert date(2026, 7, 4).weekday() == 5
    assert is_business_day(date(2026, 7, 3))
    assert is_business_day(date(2021, 12, 31))  # the day before Saturday 1 January 2022


def test_juneteenth_counts_since_2021():
    assert is_business_day(date(2020, 6, 19))
    assert not is_business_day(date(2024, 6, 19))


def test_every_loaded_year_has_its_holidays_and_no_other_year_answers():
    for year in range(2000, 2101):
        assert len(federal_reserve_holidays(year)) == (11 if year >= 2021 else 10)
    for year in (1999, 2101):
        with pytest.raises(CalendarError):
            is_business_day(date(year, 5, 5))


def test_business_days_count_the_first_day_and_not_the_last():
    friday, monday = date(2025, 1, 17), date(2025, 1, 20)  # the Monday is a holiday
    assert business_days_in(friday, monday) == 1
    assert business_days_in(friday, date(2025, 1, 22)) == 2
    assert after_business_days(friday, 1) == date(2025, 1, 21)
    assert after_business_days(monday, 1) == date(2025, 1, 21)


@pytest.mark.parametrize(
    ("start", "months", "expected"),
    [
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2023, 2, 28), 12, date(2024, 2, 28)),
        (date(2025, 1, 31), 1, date(2025, 2, 28)),
        (date(2025, 1, 31), 2, date(2025, 3, 31)),
        (date(2025, 12, 15), 1, date(2026, 1, 15)),
        (date(2024, 2, 29), 48, date(2028, 2, 29)),
    ],
)
def test_months_keep_the_day_or_take_the_last(start: date, months: int, expected: date):
    assert plus_months(start, months) == expected


def test_the_local_date_is_new_yorks():
    assert local_date(datetime(2025, 1, 1, 4, 59, tzinfo=UTC)) == date(2024, 12, 31)
    assert local_date(datetime(2025, 7, 1, 4, 0, tzinfo=UTC)) == date(2025, 7, 1)


def test_days_around_a_change_of_clocks_have_23_and_25_hours():
    assert first_instant(date(2025, 3, 10)) - first_instant(date(2025, 3, 9)) == timedelta(hours=23)
    assert first_instant(date(2025, 11, 3)) - first_instant(date(2025, 11, 2)) == timedelta(hours=25)


@pytest.mark.parametrize(
    ("notice", "expected"),
    [
        ("2025-06-02T00:00", date(2025, 6, 5)),  # exactly 72 hours
        ("2025-06-02T00:01", date(2025, 6, 6)),
        ("2025-03-07T00:00", date(2025, 3, 11)),  # the 9th has 23 hours: 72 hours end at 01:00 on the 10th
        ("2025-03-06T23:00", date(2025, 3, 10)),
        ("2025-10-31T01:00", date(2025, 11, 3)),  # the 2nd has 25 hours
        ("2025-10-31T01:01", date(2025, 11, 4)),
    ],
)
def test_72_hours_are_elapsed_hours(notice: str, expected: date):
    assert first_date_after_hours(local(notice), 72) == expected
