"""The inventory's long checks: stations at once, killed at statements drawn from a seed, on both databases."""

from __future__ import annotations

import atexit
import tempfile
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from fleet.store.migrate import migrate
from tests.fleet.store import inventory_races, postgresql_cluster
from tests.sweeps.sweep import Outcome, Sweep

_held = ExitStack()
atexit.register(_held.close)


def on_sqlite(seed: int) -> Outcome:
    """One race on a new SQLite file."""
    with tempfile.TemporaryDirectory(prefix="plugtone-soak-") as folder:
        return _race(f"sqlite:///{Path(folder) / 'fleet.db'}", seed)


def on_postgresql(seed: int) -> Outcome:
    """One race on a new PostgreSQL database."""
    return _race(postgresql_cluster.create_database(cluster(), f"race{seed}"), seed)


def _race(url: str, seed: int) -> Outcome:
    migrate(url)
    inventory_races.prepare(url)
    return Outcome(1, tuple(inventory_races.run(url, seed)))


@cache
def cluster() -> str:
    """A PostgreSQL of this run's own."""
    initdb, control = postgresql_cluster.program("initdb"), postgresql_cluster.program("pg_ctl")
    if initdb is None or control is None:
        raise FileNotFoundError("PostgreSQL (initdb, pg_ctl) is not installed; this sweep needs it")
    return _held.enter_context(postgresql_cluster.running(initdb, control))


SWEEPS = [
    Sweep("races on SQLite", "races", on_sqlite),
    Sweep("races on PostgreSQL", "races", on_postgresql),
]
