"""Stories of rollouts in which people, units, the job and kills come in any order, on both databases."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from random import Random

from sqlalchemy import Engine

from fleet.store.base import make_engine, metadata
from tests.fleet.new_database import make_tables
from tests.fleet.services.rollout_story import Story
from tests.fleet.store import postgresql_cluster
from tests.fleet.store.equipment_world import drop
from tests.sweeps.inventory import cluster
from tests.sweeps.sweep import Outcome, Sweep

ACTS = 300
TEMPLATE = "rollout_tables"
ADDED = ("kills", "processes killed", "joined", "sent back", "soft", "forced", "download_only", "staged", "paced")


def told(engine: Engine, seed: int) -> Outcome:
    """One story; counts its acts."""
    failures: tuple[str, ...] = ()
    story = Story(engine, Random(seed))
    try:
        for _ in range(ACTS):
            story.act()
    except Exception as error:
        failures = (f"act {story.done['acts']}: {type(error).__name__}: {error}",)
    finally:
        engine.dispose()
    return Outcome(story.done["acts"], failures, {name: story.done[name] for name in ADDED})


def on_sqlite(seed: int) -> Outcome:
    """A story on a new SQLite file."""
    with tempfile.TemporaryDirectory(prefix="plugtone-soak-") as folder:
        engine = make_engine(f"sqlite:///{Path(folder) / 'fleet.db'}")
        make_tables(engine)
        return told(engine, seed)


def on_postgresql(seed: int) -> Outcome:
    """A story on a new PostgreSQL database."""
    name = f"story{seed}"
    try:
        return told(make_engine(postgresql_cluster.create_database(_tables(), name, TEMPLATE)), seed)
    finally:
        drop(cluster(), name)


@cache
def _tables() -> str:
    """The cluster, with a database that has the tables and nothing in them."""
    engine = make_engine(postgresql_cluster.create_database(cluster(), TEMPLATE))
    metadata.create_all(engine)
    engine.dispose()
    return cluster()


STORIES = [
    Sweep("stories on SQLite", "acts", on_sqlite),
    Sweep("stories on PostgreSQL", "acts", on_postgresql),
]
