"""The engine tells nobody what was in a statement."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, insert
from sqlalchemy.exc import IntegrityError

from fleet.store.base import make_engine


def test_an_error_of_the_database_repeats_no_value(tmp_path: Path) -> None:
    """Errors reach the log and the dead letters; password hashes and addresses must not."""
    engine = make_engine(f"sqlite:///{tmp_path / 'fleet.db'}")
    table = Table("t", MetaData(), Column("id", Integer, primary_key=True), Column("email", String))
    table.create(engine)
    with engine.begin() as connection, pytest.raises(IntegrityError) as error:
        connection.execute(insert(table), [{"id": 1, "email": "ada@example.net"}] * 2)
    assert "ada@example.net" not in str(error.value)
