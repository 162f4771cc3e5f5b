"""The operator's table of metered destinations, and the charge of each month's metered calls (equipment rules 7).

A month is charged when it was over for as long as late records are waited for; one that comes later still is charged by
the next run, as one more event. Calls are marked in the transaction that charges them, so that each is charged once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import BinaryIO, Final

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.call_metering import (
    MeteredDestination,
    check_new_destinations,
    metered_calls_charge,
    metered_destination,
    next_charge_key,
)
from fleet.domain.errors import InvalidError
from fleet.domain.local_dates import local_date
from fleet.domain.policy import PolicyName
from fleet.domain.reasonable_use import bounds_of_month, last_whole_month, month_of
from fleet.domain.references import Noun, refer
from fleet.services.csv_table import csv_rows
from fleet.services.ledger import hold_ledger, record_charges
from fleet.services.operators import require_operator
from fleet.store.call_records import CallRecordRepository
from fleet.store.metered_destinations import MeteredDestinationRepository
from fleet.store.policy import PolicyRepository
from fleet.store.unit_of_work import Transactions

COLUMNS: Final = ("prefix", "name", "price", "effective_from")
MAX_ROWS: Final = 50_000
MAX_REPORTED: Final = 20
BATCH_ACCOUNTS: Final = 100


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load came to: how many rows are new; `refused` names the first that are wrong, and nothing was changed."""

    new: int
    refused: Sequence[str]


class MeteredDestinations:
    """The table: rows are added, with the day they take effect, and never changed. `zone`: the operator's."""

    def __init__(self, transactions: Transactions, zone: tzinfo) -> None:
        self._transactions = transactions
        self._zone = zone

    def page(
        self, actor: Actor, limit: int, after: tuple[str, date] | None, on: date | None = None
    ) -> list[MeteredDestination]:
        """At most `limit` rows by prefix and day; `on`: without those that take effect later."""
        actor.require(Permission.METERING_READ)
        with self._transactions.read(actor) as uow:
            return MeteredDestinationRepository(uow).page(limit, after, on)

    def load(self, actor: Actor, file: BinaryIO, dry_run: bool) -> Loaded:
        """Add the file's rows, all or none; one that is there already stays as it is."""
        require_operator(actor, Permission.METERING_MANAGE)
        rows, refused = _read(csv_rows(file, COLUMNS))
        with self._transactions.begin(actor) as uow:
            repository = MeteredDestinationRepository(uow)
            known = repository.under({row.prefix for _, row in rows})
            here = {(row.prefix, row.effective_from) for row in known}
            reasons = check_new_destinations([row for _, row in rows], known, local_date(uow.now, self._zone))
            refused += [(line, reason) for (line, _), reason in zip(rows, reasons, strict=True) if reason]
            new = {key: row for _, row in rows if (key := (row.prefix, row.effective_from)) not in here}
            if new and not refused and not dry_run:
                repository.add(list(new.values()))
                uow.audit(AuditAction.METERING_LOAD, "metered-destinations", COLUMNS)
                uow.commit()
        return Loaded(len(new), [f"line {line}: {reason}" for line, reason in sorted(refused)[:MAX_REPORTED]])


class Metering:
    """The charges of metered calls. `zone`: the operator's."""

    def __init__(self, transactions: Transactions, zone: tzinfo) -> None:
        self._transactions = transactions
        self._zone = zone

    def charge(self, actor: Actor) -> int:
        """Charge every account for the metered calls of months that are over; of how many months there were any."""
        count = 0
        while True:
            with self._transactions.read(actor) as uow:
                day = local_date(uow.now, self._zone)
                late_days = PolicyRepository(uow).book().on(PolicyName.LATE_CALL_RECORDS_DAYS, day)
                _, before = bounds_of_month(last_whole_month(uow.now, self._zone, late_days), self._zone)
                due = CallRecordRepository(uow).uncharged(before, BATCH_ACCOUNTS)
            for account_id, first in due:
                self._charge_month(actor, account_id, month_of(local_date(first, self._zone)))
            count += len(due)
            if not due:
                return count

    def _charge_month(self, actor: Actor, account_id: int, month: date) -> None:
        since, until = bounds_of_month(month, self._zone)
        with self._transactions.begin(actor) as uow:
            ledger, account = hold_ledger(uow, account_id), refer(Noun.ACCOUNT, account_id)
            key = next_charge_key(account, month, ledger)
            calls = CallRecordRepository(uow).mark_charged(account_id, since, until, key)
            record_charges(uow, account_id, ledger, metered_calls_charge(account, month, calls, ledger))
            uow.commit()


def _read(
    rows: Iterable[tuple[int, Sequence[str]]],
) -> tuple[list[tuple[int, MeteredDestination]], list[tuple[int, str]]]:
    found: list[tuple[int, MeteredDestination]] = []
    refused: list[tuple[int, str]] = []
    for line, cells in rows:
        try:
            found.append((line, metered_destination(*cells)))
        except InvalidError as error:
            refused.append((line, str(error)))
        if len(found) > MAX_ROWS:
            raise InvalidError(f"a file has at most {MAX_ROWS} destinations; load it in parts")
    return found, refused
