"""The operator's policy values, each with the date it takes effect: added, never changed."""

from __future__ import annotations

from sqlalchemy import insert, select

from fleet.domain.policy import PolicyBook, PolicyName, PolicyValue
from fleet.store.tables.commerce import policy_values
from fleet.store.unit_of_work import UnitOfWork

BOOK = "policy"  # what the values are called as a whole; its version counts them
POLICY_LOCK = 7_526_466  # any number of our own: PostgreSQL's advisory lock


class PolicyRepository:
    """Policy values are the operator's and the same for every account: no scope."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        self._connection = uow.connection

    def book(self) -> PolicyBook:
        """All values there are, the earliest first."""
        rows = self._connection.execute(select(policy_values).order_by(policy_values.c.effective_from))
        return PolicyBook(tuple(PolicyValue(PolicyName(row.name), row.effective_from, row.value) for row in rows))

    def hold(self) -> PolicyBook:
        """The same; no other transaction adds a value until this one ends."""
        if self._connection.dialect.name == "postgresql":  # SQLite has one writer anyway
            self._connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({POLICY_LOCK})")
        book = self.book()
        self._uow.check_seen(BOOK, len(book.values))
        return book

    def add(self, new: PolicyValue) -> None:
        """A value the rules allow beside those there are."""
        values = {"name": new.name, "effective_from": new.effective_from, "value": new.value}
        self._connection.execute(insert(policy_values).values(values))
