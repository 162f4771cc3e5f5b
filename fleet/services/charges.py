"""What accounts were charged, credited and refunded, for whom may read it (equipment rules 8)."""

from __future__ import annotations

from collections.abc import Iterator

from fleet.domain.access import Actor, Permission
from fleet.services.charge_facts import csv_header, csv_lines
from fleet.store.accounts import AccountRepository
from fleet.store.charges import ChargeFilter, ChargeRepository, RecordedCharge
from fleet.store.unit_of_work import Transactions, UnitOfWork

EXPORT_ROWS = 1000


class Charges:
    """The charge events in the actor's scope."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def page(self, actor: Actor, wanted: ChargeFilter, limit: int, after: int | None) -> list[RecordedCharge]:
        """At most `limit` of the `wanted` events with an id above `after`; NotFoundError for a foreign account."""
        actor.require(Permission.CHARGE_READ)
        with self._transactions.read(actor) as uow:
            _check_account(uow, wanted)
            return ChargeRepository(uow).page(wanted, limit, after)

    def export(self, actor: Actor, wanted: ChargeFilter) -> Iterator[str]:
        """The `wanted` events as CSV, in pieces of many lines; NotFoundError for a foreign account."""
        actor.require(Permission.CHARGE_READ)
        with self._transactions.read(actor) as uow:
            _check_account(uow, wanted)
        return self._export(actor, wanted)

    def _export(self, actor: Actor, wanted: ChargeFilter) -> Iterator[str]:
        yield csv_header()
        after = 0
        while True:
            with self._transactions.read(actor) as uow:
                charges = ChargeRepository(uow).page(wanted, EXPORT_ROWS, after)
            if not charges:
                return
            yield csv_lines(charges)
            after = charges[-1].id


def _check_account(uow: UnitOfWork, wanted: ChargeFilter) -> None:
    if wanted.account_id is not None:
        AccountRepository(uow).get(wanted.account_id)
