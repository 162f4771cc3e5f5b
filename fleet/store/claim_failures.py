"""Claims that failed, of each account and on each serial number that was named."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, delete, insert, select

from fleet.store.tables.trust import claim_failures
from fleet.store.unit_of_work import UnitOfWork


class ClaimFailureRepository:
    """No scope: guesses at a unit count whoever makes them."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._now = uow.now

    def add(self, account_id: int, serial: str, keep_since: datetime) -> None:
        """Note a failure, now; what the account did before `keep_since` counts no longer."""
        table = claim_failures
        old = (table.c.account_id == account_id, table.c.failed_at < keep_since)
        self._connection.execute(delete(table).where(*old))
        self._connection.execute(insert(table).values(account_id=account_id, serial=serial, failed_at=self._now))

    def of_account(self, account_id: int, since: datetime) -> list[datetime]:
        """When the account's claims failed, since then."""
        return self._find(claim_failures.c.account_id == account_id, since)

    def of_serial(self, serial: str, since: datetime) -> list[datetime]:
        """When claims of that unit failed, since then."""
        return self._find(claim_failures.c.serial == serial, since)

    def _find(self, whose: ColumnElement[bool], since: datetime) -> list[datetime]:
        query = select(claim_failures.c.failed_at).where(whose, claim_failures.c.failed_at >= since)
        return list(self._connection.scalars(query))
