"""A database as an earlier revision left it, filled by its own names: the tables of today do not fit it."""

from __future__ import annotations

from typing import Any

from alembic import command
from sqlalchemy import Engine, text

from fleet.store.base import make_engine
from fleet.store.migrate import _config

STAMP = "2026-03-02 15:00:00"


def old_database(url: str, revision: str) -> Engine:
    """The empty database of `url`, brought to `revision` and no further."""
    engine = make_engine(url)
    with engine.begin() as connection:
        command.upgrade(_config(connection), revision)
    return engine


def add_row(engine: Engine, table: str, **values: Any) -> None:
    """Put a row in as the program of that revision did."""
    names = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), values)
