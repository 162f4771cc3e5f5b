"""Insert rows or replace those with the same primary key: one statement for many rows, on either database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, Table
from sqlalchemy.dialects import postgresql, sqlite


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Each row holds every column; of two with one key the later wins, if they come in separate calls."""
    if not rows:
        return
    connection.execute(_statement(connection.dialect.name, table), list(rows))


@cache
def _statement(dialect: str, table: Table) -> Executable:
    statement = (sqlite if dialect == "sqlite" else postgresql).insert(table)
    keys = list(table.primary_key.columns)
    kept = {column.name: statement.excluded[column.name] for column in table.columns if column not in keys}
    replacing: Executable = statement.on_conflict_do_update(index_elements=keys, set_=kept)
    return replacing
