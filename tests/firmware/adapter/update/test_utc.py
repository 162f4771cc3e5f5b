"""Instants are read as the calendar has them, and nothing else is."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.update.errors import MismatchError
from adapter.update.utc import seconds_of


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31)))  # noqa: DTZ001
def test_every_second_since_1970_is_read(at: datetime) -> None:
    at = at.replace(microsecond=0, tzinfo=UTC)
    assert seconds_of(at.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")) == at.timestamp()


@pytest.mark.parametrize(
    "text",
    ["", "2026-11-22", "2026-11-22T09:30:00", "2026-11-22T09:30:00+00:00", "2026-11-22 09:30:00Z",
    "2026-13-01T00:00:00Z",
     "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-00-10T00:00:00Z", "2026-01-00T00:00:00Z",
     "2026-01-01T24:00:00Z",
     "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z", "1969-12-31T23:59:59Z", "2026-1-011T00:00:00Z",
     "-026-01-01T00:00:00Z"],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(MismatchError):
        seconds_of(text)


def test_leap_days_count() -> None:
    assert seconds_of("2000-02-29T00:00:00Z") == datetime(2000, 2, 29, tzinfo=UTC).timestamp()
    assert seconds_of("2100-03-01T00:00:00Z") == datetime(2100, 3, 1, tzinfo=UTC).timestamp()
