"""Brings a database to the newest schema, forward only; safe to run at every start and from several processes.

After a change to `fleet/store/tables`, `python -m fleet.store.migrate "What it does."` writes the next step;
read it before you commit it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from fleet.store.base import make_engine

MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 7_526_465  # any number of our own: PostgreSQL's advisory lock


def migrate(url: str) -> str:
    """Run what is missing, in one transaction: all of it or nothing. The revision the database is at then."""
    engine = make_engine(url)
    try:
        with engine.begin() as connection:  # a writer's: a second process waits here, then finds nothing to do
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
            command.upgrade(_config(connection), "head")
            return MigrationContext.configure(connection).get_current_revision() or ""
    finally:
        engine.dispose()


def newest_revision() -> str:
    """The revision this code is written for; empty if there is none yet."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head() or ""


def write_migration(message: str) -> None:
    """Write the step from the newest revision to the tables as they are declared now."""
    revision = f"{int(newest_revision() or 0) + 1:04}"
    with make_engine("sqlite://").begin() as connection:
        config = _config(connection)
        config.attributes["batch"] = revision != "0001"
        command.upgrade(config, "head")
        command.revision(config, message, autogenerate=True, rev_id=revision)


def _config(connection: Connection) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


if __name__ == "__main__":
    write_migration(sys.argv[1])
