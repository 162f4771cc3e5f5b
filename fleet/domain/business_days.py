"""Which dates are Business Days: banks are open (equipment rules 1, ToS 1.7). Holidays are data the operator loads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from fleet.domain.errors import InvalidError
from fleet.domain.local_dates import ONE_DAY

SATURDAY = 5  # of date.weekday(), in which Monday is 0


class CalendarError(InvalidError):
    """A date lies beyond the years whose holidays are loaded."""

    code = "calendar"


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """The bank `holidays`, as observed, of all years from `first_year` to `last_year`.

    A date of any other year is a CalendarError: a holiday nobody loaded would be taken for a Business Day.
    """

    holidays: frozenset[date]
    first_year: int
    last_year: int

    def __post_init__(self) -> None:
        if self.first_year > self.last_year:
            raise InvalidError(f"a calendar's years go forward, got {self.first_year} to {self.last_year}")
        for day in self.holidays:
            self._check(day)

    def is_business_day(self, day: date) -> bool:
        """Whether banks are open on `day`."""
        self._check(day)
        return day.weekday() < SATURDAY and day not in self.holidays

    def before(self, day: date, count: int) -> date:
        """The `count`-th Business Day going back from `day`, which does not count itself."""
        return self._count(day, count, -1)

    def after(self, day: date, count: int) -> date:
        """The `count`-th Business Day after `day`, which is day 0."""
        return self._count(day, count, 1)

    def _count(self, day: date, count: int, direction: int) -> date:
        while count > 0:
            day += direction * ONE_DAY
            count -= self.is_business_day(day)
        return day

    def _check(self, day: date) -> None:
        if not self.first_year <= day.year <= self.last_year:
            raise CalendarError(
                f"bank holidays are loaded for {self.first_year} to {self.last_year}, not for {day}; "
                "load the holidays of that year"
            )
