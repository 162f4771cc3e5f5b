"""The migrations and the declared tables say the same, and running them twice or at once changes nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

import fleet.store.tables  # noqa: F401 - declares every table
from fleet.store.base import make_engine, metadata
from fleet.store.migrate import migrate, newest_revision


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'fleet.db'}"


def test_the_migrated_schema_is_the_declared_one(database: str) -> None:
    assert migrate(database) == newest_revision()
    with make_engine(database).connect() as connection:
        found = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(found, metadata) == []
        created = set(inspect(connection).get_table_names()) - {"alembic_version"}
    assert created == set(metadata.tables)


def test_migrating_again_and_at_the_same_time_changes_nothing(database: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(migrate, [database] * 8)) == {newest_revision()}


def test_a_step_that_fails_leaves_the_database_as_it_was(database: str) -> None:
    engine = make_engine(database)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE rollouts (id INTEGER)")  # in the way of the first step
    with pytest.raises(Exception, match="rollouts already exists"):
        migrate(database)
    assert inspect(engine).get_table_names() == ["rollouts"]
