"""Local dates, months and Business Days in America/New_York, as the rules count them (rules "Counting", 1, 3.2, 5).

Holidays are the Federal Reserve Banks' from their legal rules, for the years 2000 to 2100; a date outside raises
CalendarError.
"""

from __future__ import annotations

import calendar as months
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

OPERATOR_ZONE = ZoneInfo("America/New_York")
FIRST_YEAR, LAST_YEAR = 2000, 2100
JUNETEENTH_SINCE_YEAR = 2021
MONDAY, THURSDAY, SATURDAY, SUNDAY = 0, 3, 5, 6
ONE_DAY = timedelta(days=1)


class CalendarError(Exception):
    """A date beyond the loaded years (rules 1, Business Day)."""


def local_date(instant: datetime) -> date:
    """The operator's local date of an instant (rules, Counting)."""
    return instant.astimezone(OPERATOR_ZONE).date()


def local_time(instant: datetime) -> time:
    """The operator's wall clock at an instant."""
    return instant.astimezone(OPERATOR_ZONE).time()


def first_instant(day: date) -> datetime:
    """00:00 local of a date, as UTC. New York changes its clocks at 02:00, so this instant always exists, once."""
    return datetime.combine(day, time(), tzinfo=OPERATOR_ZONE).astimezone(UTC)


def plus_days(day: date, days: int) -> date:
    """The date `days` local days later: the day of an event is day 0."""
    return day + timedelta(days=days)


def plus_months(day: date, count: int) -> date:
    """The same day of the month `count` months later, or that month's last day where it is missing (rules 3.2, 5)."""
    index = day.year * 12 + (day.month - 1) + count
    year, month = index // 12, index % 12 + 1
    last = months.monthrange(year, month)[1]
    return date(year, month, min(day.day, last))


def first_date_after_hours(instant: datetime, hours: int) -> date:
    """The first date that begins at least `hours` elapsed hours after an instant (rules 5)."""
    target = instant.astimezone(UTC) + timedelta(hours=hours)
    day = local_date(target)
    return day if first_instant(day) >= target else day + ONE_DAY


def nth_weekday(year: int, month: int, weekday: int, n: int) -> date:
    """The n-th such weekday of a month, counted from 1."""
    day = date(year, month, 1)
    while day.weekday() != weekday:
        day += ONE_DAY
    return day + timedelta(weeks=n - 1)


def last_weekday(year: int, month: int, weekday: int) -> date:
    """The last such weekday of a month."""
    day = date(year, month, months.monthrange(year, month)[1])
    while day.weekday() != weekday:
        day -= ONE_DAY
    return day


def moved_from_sunday(day: date) -> date:
    """A holiday on a Sunday is observed on Monday; one on a Saturday is not moved (rules 1)."""
    return day + ONE_DAY if day.weekday() == SUNDAY else day


@cache
def federal_reserve_holidays(year: int) -> frozenset[date]:
    """The days of a year on which the Federal Reserve Banks are shut. Raises CalendarError outside 2000 to 2100."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise CalendarError(f"year {year} is not loaded; ask for {FIRST_YEAR} to {LAST_YEAR}")
    holidays = {
        moved_from_sunday(date(year, 1, 1)),  # New Year's Day
        nth_weekday(year, 1, MONDAY, 3),  # Birthday of Martin Luther King, Jr.
        nth_weekday(year, 2, MONDAY, 3),  # Washington's Birthday
        last_weekday(year, 5, MONDAY),  # Memorial Day
        moved_from_sunday(date(year, 7, 4)),  # Independence Day
        nth_weekday(year, 9, MONDAY, 1),  # Labor Day
        nth_weekday(year, 10, MONDAY, 2),  # Columbus Day
        moved_from_sunday(date(year, 11, 11)),  # Veterans Day
        nth_weekday(year, 11, THURSDAY, 4),  # Thanksgiving Day
        moved_from_sunday(date(year, 12, 25)),  # Christmas Day
    }
    if year >= JUNETEENTH_SINCE_YEAR:
        holidays.add(moved_from_sunday(date(year, 6, 19)))
    return frozenset(holidays)


def is_business_day(day: date) -> bool:
    """Not Saturday, not Sunday, not a Federal Reserve Bank holiday (rules 1)."""
    holidays = federal_reserve_holidays(day.year)
    return day.weekday() not in (SATURDAY, SUNDAY) and day not in holidays


def business_days_in(first: date, end: date) -> int:
    """How many Business Days lie in [first, end): the first day counts, the end does not."""
    count, day = 0, first
    while day < end:
        count += is_business_day(day)
        day += ONE_DAY
    return count


def after_business_days(day: date, count: int) -> date:
    """The `count`-th Business Day after a date, which is day 0 itself."""
    while count > 0:
        day += ONE_DAY
        count -= is_business_day(day)
    return day
