"""Two calls that meet at a lock: the first holds at it while the second runs as far as it gets, then goes on.

On PostgreSQL, where a transaction locks rows and not the whole database. Of two calls that take their locks in
opposite orders, one would be thrown out as a deadlock at one of these meetings; `meet` tells of it as a fault.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final

from sqlalchemy import create_engine, event, text
from sqlalchemy.pool import NullPool

from tests.fleet.store import equipment_races as races
from tests.fleet.store.equipment_acts import Act
from tests.fleet.store.equipment_faults import Call, faults
from tests.fleet.store.equipment_races import END, LIMIT_S, Asked
from tests.fleet.store.equipment_world import MEET, World

POLL_S: Final = 0.002
BLOCKED: Final = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@dataclass(frozen=True, slots=True)
class Meeting:
    """Whether the first had a lock of that number to hold at; what is wrong afterwards, in words."""

    held: bool
    faults: list[str]


def meet(world: World, first: Act, second: Act, lock: int) -> Meeting:
    """`second` comes while `first` holds at its lock of that number, from 0 on."""
    ours, theirs = races.FORK.Pipe()
    calls = [Asked(world, 0, first, 0, MEET, 0), Asked(world, 1, second, 1, MEET, 0)]
    holding, answer = races.start(calls[0], lambda engine: _hold_at(engine, lock, theirs))
    met = _wait(lambda: ours.poll(0) or holding.exitcode is not None)
    held = ours.poll(0)
    running = races.start(calls[1])
    engine = create_engine(world.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        met = met and _wait(lambda: running[0].exitcode is not None or bool(connection.scalar(BLOCKED)))
    ours.send("go")
    outcomes = [races.outcome_of(holding, answer), races.outcome_of(*running)]
    done = [Call(asked.act, asked.number, str(said)) for asked, said in zip(calls, outcomes, strict=True)]
    done += races.all_jobs(world)
    return Meeting(held, ([] if met else ["they never met"]) + faults(world, done, END))


def _hold_at(engine: Any, lock: int, gate: Connection) -> None:
    left = [lock]

    def hold(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if " FOR " in statement and "SKIP LOCKED" not in statement:
            left[0] -= 1
            if left[0] == -1:
                gate.send("held")
                gate.recv()

    event.listen(engine, "after_cursor_execute", hold)


def _wait(happened: Callable[[], bool]) -> bool:
    until = time.monotonic() + LIMIT_S
    while not happened():
        if time.monotonic() > until:
            return False
        time.sleep(POLL_S)
    return True
