"""Stations at once, killed at any statement: no address twice, none lost, on SQLite and on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleet.store.migrate import migrate
from tests.fleet.store import inventory_races

SEEDS = 10


@pytest.mark.parametrize("seed", range(SEEDS))
def test_on_sqlite_no_address_is_given_twice_or_lost(tmp_path: Path, seed: int) -> None:
    url = f"sqlite:///{tmp_path / 'fleet.db'}"
    migrate(url)
    inventory_races.prepare(url)
    assert inventory_races.run(url, seed) == []


@pytest.mark.parametrize("seed", range(SEEDS))
def test_on_postgresql_no_address_is_given_twice_or_lost(postgresql: str, seed: int) -> None:
    migrate(postgresql)
    inventory_races.prepare(postgresql)
    assert inventory_races.run(postgresql, seed) == []
