"""The eleven bank holidays of a year, each on the day it is observed."""

from __future__ import annotations

from datetime import date

import pytest

from fleet.domain.errors import InvalidError
from fleet.domain.federal_reserve import FIRST_YEAR, federal_reserve_calendar, holidays_of

OF_2025 = "01-01 01-20 02-17 05-26 06-19 07-04 09-01 10-13 11-11 11-27 12-25"
OF_2027 = "01-01 01-18 02-15 05-31 06-19 07-05 09-06 10-11 11-11 11-25 12-25"  # the fourth of July is a Sunday
OF_2023 = "01-02 01-16 02-20 05-29 06-19 07-04 09-04 10-09 11-11 11-23 12-25"  # the first of January is a Sunday


@pytest.mark.parametrize(("year", "days"), [(2023, OF_2023), (2025, OF_2025), (2027, OF_2027)])
def test_the_holidays_of_a_year_in_their_order(year: int, days: str) -> None:
    assert holidays_of(year) == [date.fromisoformat(f"{year}-{day}") for day in days.split()]


def test_a_calendar_has_the_holidays_of_its_years_the_last_one_included() -> None:
    calendar = federal_reserve_calendar(2025, 2027)
    assert (calendar.first_year, calendar.last_year) == (2025, 2027)
    assert calendar.holidays == frozenset([*holidays_of(2025), *holidays_of(2026), *holidays_of(2027)])


def test_the_list_holds_from_the_first_year_of_juneteenth_on() -> None:
    assert date(2022, 6, 20) in federal_reserve_calendar(FIRST_YEAR, FIRST_YEAR).holidays
    with pytest.raises(InvalidError, match="holds from 2022 on, got 2021"):
        federal_reserve_calendar(2021, 2025)
