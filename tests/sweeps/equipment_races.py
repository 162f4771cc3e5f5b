"""EQUIPMENT's races: two operators at once, at every lock and killed at every statement, on both databases."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache, partial
from itertools import product
from pathlib import Path

from tests.fleet.store import equipment_races as races
from tests.fleet.store.equipment_acts import Act, lasting
from tests.fleet.store.equipment_meetings import meet
from tests.fleet.store.equipment_world import World, drop, postgresql_world, sqlite_world
from tests.sweeps.inventory import cluster
from tests.sweeps.sweep import Outcome, Sweep

LOCKS = 4  # of one act, counted from the first: after these it has all that it takes


def on_sqlite(check: Callable[[World, int], Outcome], seed: int) -> Outcome:
    """The check on a new copy in a SQLite file."""
    with tempfile.TemporaryDirectory(prefix="plugtone-soak-") as folder:
        return check(sqlite_world(Path(folder)), seed)


def on_postgresql(check: Callable[[World, int], Outcome], seed: int) -> Outcome:
    """The check on a new copy in a PostgreSQL database."""
    name = f"{check.__name__}{seed}"
    try:
        return check(postgresql_world(cluster(), name), seed)
    finally:
        drop(cluster(), name)


def race(world: World, seed: int) -> Outcome:
    """One race; beside it how often a process was killed, and how many calls were carried out."""
    found = races.run(world, seed)
    return Outcome(1, tuple(found.faults), {"kills": found.kills, "calls_carried_out": found.done})


def meeting(world: World, seed: int) -> Outcome:
    """Two acts meet at a lock of the first: every two acts at every lock, one after the other, by the seed."""
    acts = lasting()
    first, second, lock = list(product(acts, acts, range(LOCKS)))[seed % (len(acts) ** 2 * LOCKS)]
    met = meet(world, first, second, lock)
    return Outcome(int(met.held), tuple(f"{first.name}, {second.name}, lock {lock}: {fault}" for fault in met.faults))


def kill(world: World, seed: int) -> Outcome:
    """An act that is killed at one of its statements and made again: every act at every statement, by the seed."""
    every = _statements()
    act, statement = every[seed % len(every)]
    found = races.killed_once(world, act, statement)
    return Outcome(found.kills, tuple(f"{act.name}, statement {statement}: {fault}" for fault in found.faults))


@cache
def _statements() -> list[tuple[Act, int]]:
    found = []
    for act in lasting():
        with tempfile.TemporaryDirectory(prefix="plugtone-soak-") as folder:
            found += [(act, n) for n in range(races.statements_of(sqlite_world(Path(folder)), act))]
    return found


SWEEPS = [
    Sweep("races on SQLite", "races", partial(on_sqlite, race)),
    Sweep("races on PostgreSQL", "races", partial(on_postgresql, race)),
    Sweep("meetings on PostgreSQL", "meetings", partial(on_postgresql, meeting)),
    Sweep("kills on SQLite", "kills", partial(on_sqlite, kill)),
    Sweep("kills on PostgreSQL", "kills", partial(on_postgresql, kill)),
]
