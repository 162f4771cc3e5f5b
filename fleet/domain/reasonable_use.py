"""Which accounts use their service out of pattern, measured against those on the same plan (equipment rules 7).

- A month's use is the time of all calls that were answered and began in it, in and out, but for emergency calls.
- Measured against are all accounts on the plan that had service in the month, also those that made no call.
- The percentile is the nearest rank: the least use that at least so many percent of the accounts do not exceed. Who
  exceeds it is out of pattern; who ties with it is not. So, at 95 %, below 20 accounts nobody is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Final

from fleet.domain.call_record import CallDirection, CallRecord
from fleet.domain.calling_codes import country_of
from fleet.domain.dialled_number import world_number
from fleet.domain.errors import ConflictError, InvalidError
from fleet.domain.local_dates import first_instant, local_date, months_after
from fleet.domain.order import Plan
from fleet.domain.references import Noun, refer

PERCENT: Final = 100
MAX_COUNTRIES: Final = 5
ELSEWHERE: Final = "other"  # short numbers, and ranges that are no country's


class Outcome(StrEnum):
    """What a person found; it does nothing by itself: suspending and blocking are acts of their own."""

    REASONABLE = "reasonable"
    EXCESSIVE = "excessive"
    FRAUD = "fraud"


@dataclass(frozen=True, slots=True)
class Use:
    """What the calls of an account in a month come to."""

    calls: int = 0
    total_ms: int = 0
    outgoing_ms: int = 0
    longest_ms: int = 0
    outgoing_ms_by_country: tuple[tuple[str, int], ...] = ()  # the most first


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why an account is listed: its use, what it was measured against, and where it stands; figures only.

    `rank` 1 is the account with the most use of `accounts`. `before_ms`: its use in the month before.
    """

    use: Use
    limit_ms: int
    percent: int
    accounts: int
    rank: int
    before_ms: int


@dataclass(frozen=True, slots=True)
class UseReview:
    """An account to look at for a month; `outcome` None: nobody has yet."""

    id: int
    account_id: int
    month: date
    plan: Plan
    evidence: Evidence
    measured_at: datetime
    outcome: Outcome | None = None
    why: str = ""
    decided_by: str | None = None
    decided_at: datetime | None = None
    version: int = 1

    @property
    def reference(self) -> str:
        """Its name to people: UR-1."""
        return refer(Noun.USE_REVIEW, self.id)


def month_of(day: date) -> date:
    """The first day of its month."""
    return day.replace(day=1)


def parse_month(text: str) -> date:
    """The first day of a month written 2026-03; InvalidError for anything else."""
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise InvalidError(f"a month is written 2026-03, got {text[:20]!r}") from None


def bounds_of_month(month: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """Its first instant at the operator's, and that of the next."""
    return first_instant(month, zone), first_instant(months_after(month, 1), zone)


def last_whole_month(now: datetime, zone: tzinfo, late_days: int) -> date:
    """The last month of which no more records are waited for: it has been over for `late_days` whole days."""
    return months_after(month_of(local_date(now, zone) - timedelta(late_days)), -1)


def percentile(uses: Sequence[int], percent: int) -> int:
    """The nearest rank: the least of `uses` that at least `percent` of them do not exceed; at least one is needed."""
    rank = max(-(-percent * len(uses) // PERCENT), 1)
    return sorted(uses)[rank - 1]


def out_of_pattern(uses: Mapping[int, int], percent: int) -> tuple[int, list[int]]:
    """The limit for accounts with those uses, and who exceeds it, the most first; nobody where there are none."""
    if not uses:
        return 0, []
    limit = percentile(list(uses.values()), percent)
    over = [account for account, use in uses.items() if use > limit]
    return limit, sorted(over, key=lambda account: (-uses[account], account))


def use_of(calls: Iterable[CallRecord]) -> Use:
    """What those calls of an account come to."""
    count = total = outgoing = longest = 0
    countries: dict[str, int] = {}
    for call in calls:
        if not call.answered or call.emergency:
            continue
        count, total, longest = count + 1, total + call.duration_ms, max(longest, call.duration_ms)
        if call.direction is CallDirection.OUT:
            outgoing += call.duration_ms
            number = world_number(call.number)
            country = (country_of(number) if number else "") or ELSEWHERE
            countries[country] = countries.get(country, 0) + call.duration_ms
    most = sorted(countries.items(), key=lambda each: (-each[1], each[0]))[:MAX_COUNTRIES]
    return Use(count, total, outgoing, longest, tuple(most))


def check_undecided(review: UseReview) -> None:
    """ConflictError for a review that has its outcome: what was found is not found again."""
    if review.outcome is not None:
        raise ConflictError(f"{review.reference} was decided already: {review.outcome}, by {review.decided_by}")
