"""Every migration runs with rows in every table, written as its revision's program could have, on both databases.

One database goes up step by step; at each revision every table of that day gets a row more. So the newest migration
meets a row of every revision before it, and one that is added meets data without a line here.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import (
    Boolean,
    Column,
    Date,
    DateTime,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Time,
    func,
    insert,
    select,
)

import fleet.store.tables  # noqa: F401 - declares every table
from fleet.store.base import make_engine, metadata
from fleet.store.migrate import MIGRATIONS, _config, newest_revision
from protocol.wire.serial_number import make_serial

STAMP = datetime(2026, 3, 2, 15, 0)  # noqa: DTZ001 - as the tables keep it: UTC, without saying so
FIRST_MAC = 0x8C1F64000000
BLOCK = 0x1000
DROPPED = {"sequences"}  # tables that a migration took away again, with what stood in them carried over

# What a migration reads, or a table bounds, by the column's name; all else is made of the column's type.
PLAUSIBLE: dict[str, Any] = {
    "custody": "at_account",
    "service": "active",
    "trust": "good",
    "board": "simulated",
    "registry": "MA-S",
    "size": 16,
    "taken": 1,
    "names": "[]",
    "quote": "[]",
    "fields": "[]",
    "payload": "{}",
}


def revisions() -> list[str]:
    """All, the oldest first."""
    steps = ScriptDirectory(str(MIGRATIONS)).walk_revisions()
    return [step.revision for step in reversed(list(steps))]


def upgrade(engine: Engine, revision: str) -> None:
    with engine.begin() as connection:
        command.upgrade(_config(connection), revision)


def add_rows(engine: Engine, number: int) -> dict[str, int]:
    """Adds the row of that number to every table that there is now, and says how many each has."""
    found = MetaData()
    found.reflect(engine)
    written: dict[str, dict[str, Any]] = {}
    counts = {}
    with engine.begin() as connection:
        for table in (each for each in found.sorted_tables if each.name != "alembic_version"):
            row = {column.name: _value(column, number) for column in table.columns}
            for reference in table.foreign_key_constraints:
                referred = written.get(reference.referred_table.name)  # none: its own table, or one that comes later
                for column, element in zip(reference.columns, reference.elements, strict=True):
                    row[column.name] = None if referred is None else referred[element.column.name]
            connection.execute(insert(table).values(row))
            written[table.name] = row
            counts[table.name] = connection.scalar(select(func.count()).select_from(table)) or 0
    return counts


def _value(column: Column[Any], number: int) -> Any:
    if column.name == "serial":
        return make_serial(number)
    if column.name in ("mac", "first"):
        return FIRST_MAC + number * BLOCK
    if column.name in PLAUSIBLE and not isinstance(column.type, LargeBinary):
        return PLAUSIBLE[column.name]
    match column.type:
        case Boolean():
            return True
        case DateTime():
            return STAMP
        case Date():
            return date(2026, 3, 2)
        case Time():
            return time(2)
        case LargeBinary():
            return number.to_bytes(8, "big")
        case Integer() | Numeric():
            return number * 1000 if column.primary_key else number
    length = getattr(column.type, "length", None) or 16
    return f"{number:02}-{column.name}"[:length]


def test_a_chain_of_steps_has_one_end() -> None:
    assert revisions()[-1] == newest_revision()
    assert revisions() == sorted(revisions())


def test_every_step_keeps_the_rows_of_all_before_it(either_database: str) -> None:
    engine, counts = make_engine(either_database), dict[str, int]()
    for number, revision in enumerate(revisions(), start=1):
        upgrade(engine, revision)
        after = add_rows(engine, number)
        lost = {name: (had, after.get(name)) for name, had in counts.items() if after.get(name, 0) < had + 1}
        assert {name for name in lost if name not in DROPPED} == set(), f"{revision} lost rows: {lost}"
        counts = after
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            assert len(connection.execute(select(table)).all()) == counts[table.name]
    assert counts.keys() == metadata.tables.keys()
    engine.dispose()
