"""Call records for whom they belong to: an Administrator of that account, and the operator's support (ER 1, 8).

- Whoever acts for the operator names the account: nobody leafs through everybody's calls.
- A unit's calls are those of the account it is at now; what it told elsewhere is found by that account alone.
- Every read is kept in the audit log (fleet/api/routing.py, fleet/console/app.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Final

from fleet.domain.access import Actor, Permission
from fleet.domain.call_metering import MeteredCalls
from fleet.domain.call_quality import DayQuality, Quality, quality_by_day, quality_of
from fleet.domain.call_record import CallDirection, CallRecord
from fleet.domain.errors import InvalidError
from fleet.domain.local_dates import ONE_DAY, first_instant, local_date, months_after
from fleet.domain.reasonable_use import bounds_of_month, month_of
from fleet.services.call_table import csv_header, csv_lines
from fleet.store.accounts import AccountRepository
from fleet.store.call_records import Call, CallFilter, CallRecordRepository, CallTotals, Place
from fleet.store.unit_of_work import Transactions, UnitOfWork
from fleet.store.units import UnitRepository

EXPORT_ROWS: Final = 1000
MAX_USAGE_MONTHS: Final = 24
MAX_QUALITY_DAYS: Final = 92
MAX_QUALITY_CALLS: Final = 20_000  # the latest of these days: more than a telephone makes, not than a unit can claim


@dataclass(frozen=True, slots=True)
class CallsWanted:
    """Which calls are asked for; None: any. `since` and `until`: the first and the last day at the operator's."""

    account_id: int | None = None
    serial: str | None = None
    since: date | None = None
    until: date | None = None
    direction: CallDirection | None = None


@dataclass(frozen=True, slots=True)
class MonthOfUse:
    """An account's calls in a local month, and those of them that are metered by destination."""

    month: date
    totals: CallTotals
    metered: Sequence[MeteredCalls]


@dataclass(frozen=True, slots=True)
class UnitQuality:
    """How a unit's calls sounded since a day: together, and day by day."""

    since: date
    together: Quality
    days: Sequence[DayQuality]


class Calls:
    """Calls in the actor's scope. `zone`: the operator's."""

    def __init__(self, transactions: Transactions, zone: tzinfo) -> None:
        self._transactions = transactions
        self._zone = zone

    def get(self, actor: Actor, call_id: int) -> Call:
        """One call; NotFoundError outside the actor's scope."""
        actor.require(Permission.CALL_READ)
        with self._transactions.read(actor) as uow:
            return CallRecordRepository(uow).get(call_id)

    def page(self, actor: Actor, wanted: CallsWanted, limit: int, before: Place | None) -> list[Call]:
        """At most `limit` of the `wanted` calls of an account before that place, the latest first."""
        actor.require(Permission.CALL_READ)
        with self._transactions.read(actor) as uow:
            return CallRecordRepository(uow).page(self._of_account(uow, wanted), limit, before)

    def page_of_unit(
        self, actor: Actor, serial: str, wanted: CallsWanted, limit: int, before: Place | None
    ) -> list[Call]:
        """As `page`, of a unit's calls at the account it is at now; NotFoundError for a unit of another one."""
        actor.require(Permission.CALL_READ)
        with self._transactions.read(actor) as uow:
            here = self._of_unit(uow, serial, wanted)
            return [] if here is None else CallRecordRepository(uow).page(here, limit, before)

    def export(self, actor: Actor, wanted: CallsWanted) -> Iterator[str]:
        """The `wanted` calls of an account as CSV, in pieces of many lines, the latest first."""
        actor.require(Permission.CALL_READ)
        with self._transactions.read(actor) as uow:
            here = self._of_account(uow, wanted)
        return self._export(actor, here)

    def usage(self, actor: Actor, account_id: int, months: int) -> list[MonthOfUse]:
        """What the calls of an account come to in this month and those before it, the latest first."""
        actor.require(Permission.CALL_READ)
        if not 1 <= months <= MAX_USAGE_MONTHS:
            raise InvalidError(f"usage is shown of 1 to {MAX_USAGE_MONTHS} months, got {months}")
        with self._transactions.read(actor) as uow:
            AccountRepository(uow).get(account_id)
            this, records, found = month_of(local_date(uow.now, self._zone)), CallRecordRepository(uow), []
            for number in range(months):
                month = months_after(this, -number)
                since, until = bounds_of_month(month, self._zone)
                wanted = CallFilter(account_id, since=since, until=until)
                found.append(MonthOfUse(month, records.totals(wanted), records.metered(wanted)))
            return [each for each in found if each.totals.calls]

    def quality(self, actor: Actor, serial: str, days: int) -> UnitQuality:
        """How the unit's calls at its account sounded today and in the days before it."""
        actor.require(Permission.CALL_READ)
        if not 1 <= days <= MAX_QUALITY_DAYS:
            raise InvalidError(f"quality is shown of 1 to {MAX_QUALITY_DAYS} days, got {days}")
        with self._transactions.read(actor) as uow:
            since = local_date(uow.now, self._zone) - timedelta(days - 1)
            here = self._of_unit(uow, serial, CallsWanted(since=since))
            calls: list[tuple[datetime, CallRecord]] = []
            if here is not None:
                told = (each.taken_in for each in CallRecordRepository(uow).each(here, MAX_QUALITY_CALLS))
                calls = [(each.started_at, each.record) for each in told]
        together = quality_of(record for _, record in calls)
        return UnitQuality(since, together, quality_by_day(calls, self._zone))

    def _export(self, actor: Actor, wanted: CallFilter) -> Iterator[str]:
        yield csv_header()
        before: Place | None = None
        while True:
            with self._transactions.read(actor) as uow:
                calls = CallRecordRepository(uow).page(wanted, EXPORT_ROWS, before)
            if not calls:
                return
            yield csv_lines(calls)
            before = calls[-1].place

    def _of_account(self, uow: UnitOfWork, wanted: CallsWanted) -> CallFilter:
        """`wanted` of its account, which is in scope; InvalidError if it names none and the actor has none."""
        account_id = wanted.account_id or uow.actor.account_id
        if account_id is None:
            raise InvalidError("name the account whose calls you want: each look at them is kept with it")
        AccountRepository(uow).get(account_id)
        return self._filter(wanted, account_id, wanted.serial)

    def _of_unit(self, uow: UnitOfWork, serial: str, wanted: CallsWanted) -> CallFilter | None:
        """`wanted` of the unit at the account it is at now; None: it is at none."""
        unit = UnitRepository(uow).get(serial)
        return None if unit.account_id is None else self._filter(wanted, unit.account_id, serial)

    def _filter(self, wanted: CallsWanted, account_id: int, serial: str | None) -> CallFilter:
        try:
            since = None if wanted.since is None else first_instant(wanted.since, self._zone)
            until = None if wanted.until is None else first_instant(wanted.until + ONE_DAY, self._zone)
        except OverflowError:
            raise InvalidError("a day lies in the years 2 to 9998; leave out a bound you do not need") from None
        return CallFilter(account_id, serial, since, until, wanted.direction)
