"""Which local date an instant falls on, and which date or instant lies some time on (equipment rules, Counting)."""

from __future__ import annotations

from calendar import monthrange
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta, tzinfo

from fleet.domain.errors import InvalidError

MONTHS_OF_YEAR = 12
ONE_DAY = timedelta(days=1)


def local_date(instant: datetime, zone: tzinfo) -> date:
    """The operator's date of `instant`, which must know its own zone."""
    return local_time(instant, zone).date()


def local_time(instant: datetime, zone: tzinfo) -> datetime:
    """`instant` by the operator's clock."""
    if instant.tzinfo is None:
        raise ValueError(f"an instant needs a time zone, got {instant!r}")
    return instant.astimezone(zone)


def first_instant(day: date, zone: tzinfo) -> datetime:
    """When `day` begins for the operator, in UTC: two instants of one zone compare by the wall, not by time."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def hours_later(instant: datetime, hours: int) -> datetime:
    """`hours` of elapsed time after `instant`, in UTC: a zone's own arithmetic would count wall hours."""
    return instant.astimezone(UTC) + timedelta(hours=hours)


def first_date_from(instant: datetime, zone: tzinfo) -> date:
    """The first date that begins at or after `instant`."""
    day = local_date(instant, zone)
    return day if first_instant(day, zone) >= instant.astimezone(UTC) else day + ONE_DAY


def months_after(day: date, months: int) -> date:
    """The same day of the month, `months` on; the month's last day where it has no such day.

    InvalidError after the last year there is.
    """
    year, month0 = divmod(day.year * MONTHS_OF_YEAR + day.month - 1 + months, MONTHS_OF_YEAR)
    if year > MAXYEAR:
        raise InvalidError(f"{months} months after {day} is later than the year {MAXYEAR}; take an earlier date")
    return date(year, month0 + 1, min(day.day, monthrange(year, month0 + 1)[1]))
