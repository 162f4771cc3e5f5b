"""Everything the database holds of a person, table by table; what would let somebody in is left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import Column, Row, Select, select

from fleet.domain.people import Person
from fleet.store.base import metadata
from fleet.store.people import GONE
from fleet.store.personal_data import ACCOUNT_COLUMNS, ACCOUNT_DATA, SECRETS, rows_of_person
from fleet.store.unit_of_work import UnitOfWork

Rows = Iterator[dict[str, Any]]
FETCHED_ROWS = 500


class SubjectExport:
    """Of one person in the actor's scope, who was found there."""

    def __init__(self, uow: UnitOfWork, person: Person) -> None:
        self._connection = uow.connection
        self._person = person

    def of_person(self) -> Iterator[tuple[str, Rows]]:
        """The rows about the person, and those that say what they did, by table: without what is of an account."""
        for table in metadata.sorted_tables:
            columns = [column for column in table.columns if column not in SECRETS | ACCOUNT_COLUMNS]
            yield table.name, self._rows(columns, select(*columns).where(rows_of_person(table, self._person)))

    def of_account(self) -> Iterator[tuple[str, Rows]]:
        """What is personal in the rows of the account whose Administrator the person is now, by table (ER 8)."""
        if self._person.account_id is None or self._person.state in GONE:
            return
        for held in ACCOUNT_DATA:
            names = {*(column.name for column in held.table.primary_key), *held.emptied}
            columns = [column for column in held.table.columns if column.name in names]
            yield held.table.name, self._rows(columns, select(*columns).where(held.of_account(self._person.account_id)))

    def _rows(self, columns: Sequence[Column[Any]], query: Select[Any]) -> Rows:
        names = [column.name for column in columns]
        rows: Iterator[Row[Any]] = iter(self._connection.execute(query).yield_per(FETCHED_ROWS))
        return ({name: _plain(value) for name, value in zip(names, row, strict=True)} for row in rows)


def _plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return value.decode(errors="replace") if isinstance(value, bytes) else value
