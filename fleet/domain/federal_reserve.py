"""The holidays of the Federal Reserve Banks by their own rule, for an operator who loads no list (ToS 1.7).

One that falls on a Sunday is observed on Monday; one on a Saturday is not moved, and banks are closed anyway.
"""

from __future__ import annotations

from datetime import date, timedelta

from fleet.domain.business_days import BusinessCalendar
from fleet.domain.errors import InvalidError

FIRST_YEAR = 2022  # the first in which Juneteenth National Independence Day is on the list
MONDAY, THURSDAY, SUNDAY = 0, 3, 6
DAYS_OF_WEEK = 7

FIXED = ((1, 1), (6, 19), (7, 4), (11, 11), (12, 25))  # month, day
# Month, weekday and which one of the month: Martin Luther King, Washington, Labor Day, Columbus, Thanksgiving.
NTH_WEEKDAY = ((1, MONDAY, 3), (2, MONDAY, 3), (9, MONDAY, 1), (10, MONDAY, 2), (11, THURSDAY, 4))


def federal_reserve_calendar(first_year: int, last_year: int) -> BusinessCalendar:
    """The calendar of those years; InvalidError for a year before this list was the rule."""
    if first_year < FIRST_YEAR:
        raise InvalidError(f"this list of holidays holds from {FIRST_YEAR} on, got {first_year}; load that year's own")
    days = (day for year in range(first_year, last_year + 1) for day in holidays_of(year))
    return BusinessCalendar(frozenset(days), first_year, last_year)


def holidays_of(year: int) -> list[date]:
    """The eleven holidays of `year` as observed, in order."""
    fixed = [_observed(date(year, month, day)) for month, day in FIXED]
    moving = [_nth_weekday(year, month, weekday, nth) for month, weekday, nth in NTH_WEEKDAY]
    memorial_day = _nth_weekday(year, 6, MONDAY, 1) - timedelta(days=DAYS_OF_WEEK)  # the last Monday of May
    return sorted([*fixed, *moving, memorial_day])


def _observed(day: date) -> date:
    return day + timedelta(days=1) if day.weekday() == SUNDAY else day


def _nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % DAYS_OF_WEEK + DAYS_OF_WEEK * (nth - 1))
