"""Which local date an instant falls on, and which date lies some months on (equipment rules, Counting)."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, time, tzinfo

MONTHS_OF_YEAR = 12


def local_date(instant: datetime, zone: tzinfo) -> date:
    """The operator's date of `instant`, which must know its own zone."""
    if instant.tzinfo is None:
        raise ValueError(f"an instant needs a time zone, got {instant!r}")
    return instant.astimezone(zone).date()


def first_instant(day: date, zone: tzinfo) -> datetime:
    """When `day` begins for the operator."""
    return datetime.combine(day, time.min, zone)


def months_after(day: date, months: int) -> date:
    """The same day of the month, `months` on; the month's last day where it has no such day."""
    year, month0 = divmod(day.year * MONTHS_OF_YEAR + day.month - 1 + months, MONTHS_OF_YEAR)
    return date(year, month0 + 1, min(day.day, monthrange(year, month0 + 1)[1]))
