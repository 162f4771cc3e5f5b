"""Dates are the operator's, hours are elapsed ones, in the nights too when clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.local_dates import first_date_from, first_instant, hours_later, local_date, local_time

NEW_YORK = ZoneInfo("America/New_York")
INSTANTS = st.integers(946_684_800, 3_471_292_800).map(lambda s: datetime.fromtimestamp(s, UTC))


@pytest.mark.parametrize(
    ("day", "begins"),
    [
        ("2025-03-09", "2025-03-09T05:00"),  # clocks go forward at 02:00
        ("2025-03-10", "2025-03-10T04:00"),
        ("2025-11-02", "2025-11-02T04:00"),  # clocks go back at 02:00
        ("2025-11-03", "2025-11-03T05:00"),
    ],
)
def test_a_day_begins_at_its_local_midnight(day: str, begins: str) -> None:
    assert first_instant(date.fromisoformat(day), NEW_YORK) == datetime.fromisoformat(begins).replace(tzinfo=UTC)


def test_a_day_without_a_midnight_begins_where_its_clock_does() -> None:
    day = date(2018, 11, 4)  # clocks went from 24:00 to 01:00
    begins = first_instant(day, ZoneInfo("America/Sao_Paulo"))
    assert begins == datetime(2018, 11, 4, 3, tzinfo=UTC)
    assert local_date(begins - timedelta(seconds=1), ZoneInfo("America/Sao_Paulo")) < day


@pytest.mark.parametrize(
    ("noticed", "later"),
    [("2025-03-08T12:00-05:00", "2025-03-11T13:00-04:00"), ("2025-11-01T12:00-04:00", "2025-11-04T11:00-05:00")],
)
def test_seventy_two_hours_are_elapsed_ones(noticed: str, later: str) -> None:
    begun = datetime.fromisoformat(noticed).astimezone(NEW_YORK)
    assert hours_later(begun, 72) == datetime.fromisoformat(later)


@given(INSTANTS)
def test_the_first_date_from_an_instant_begins_at_or_after_it_and_none_before_does(instant: datetime) -> None:
    day = first_date_from(instant, NEW_YORK)
    assert first_instant(day, NEW_YORK) >= instant > first_instant(day - timedelta(days=1), NEW_YORK)


def test_a_date_that_begins_at_the_instant_itself_is_the_first() -> None:
    assert first_date_from(datetime(2025, 6, 1, 4, tzinfo=UTC), NEW_YORK) == date(2025, 6, 1)
    assert first_date_from(datetime(2025, 6, 1, 4, 0, 0, 1, tzinfo=UTC), NEW_YORK) == date(2025, 6, 2)


def test_an_instant_without_a_zone_has_no_local_time() -> None:
    with pytest.raises(ValueError, match="time zone"):
        local_time(datetime(2025, 1, 1), NEW_YORK)  # noqa: DTZ001 - what must be refused
