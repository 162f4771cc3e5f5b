"""Which dates an account is billed on, and which period each bill pays for (equipment rules 5, ToS 10.a)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from fleet.domain.errors import InvalidError
from fleet.domain.local_dates import MONTHS_OF_YEAR, months_after

MONTHLY = 1
ANNUAL = MONTHS_OF_YEAR


@dataclass(frozen=True, slots=True)
class Period:
    """From the first instant of `begins` to the first instant of `ends`."""

    begins: date
    ends: date

    @property
    def days(self) -> int:
        """How many dates it has."""
        return (self.ends - self.begins).days


@dataclass(frozen=True, slots=True)
class BillingCycle:
    """Billing starts on the Activation date `starts` and comes every `months`.

    A billing day missing from a month is that month's last day; the original day returns after it.
    """

    starts: date
    months: int = MONTHLY

    def __post_init__(self) -> None:
        if self.months not in (MONTHLY, ANNUAL):
            raise InvalidError(f"an account is billed every {MONTHLY} or {ANNUAL} months, got {self.months}")

    def period_of(self, day: date) -> Period:
        """The paid period that `day`, from `starts` on, belongs to."""
        if day < self.starts:
            raise InvalidError(f"billing starts on {self.starts}; {day} belongs to no paid period")
        months = (day.year - self.starts.year) * MONTHS_OF_YEAR + day.month - self.starts.month
        periods = months // self.months
        if self._date(periods) > day:
            periods -= 1
        return Period(self._date(periods), self._date(periods + 1))

    def next_after(self, day: date) -> date:
        """The first billing date later than `day`."""
        return self.starts if day < self.starts else self.period_of(day).ends

    def _date(self, periods: int) -> date:
        # Always from the first date: going on from a shortened month would lose the original day.
        return months_after(self.starts, periods * self.months)
