"""Two operators at once on one account, killed at statements drawn from a seed, until what they asked is answered.

In each round both make their call at the same moment, in a process with connections of its own that is slow at
statements of its own. One that is killed makes the same call again. What has to hold in the end is in `faults`.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from random import Random
from typing import Any, Final

from sqlalchemy import Engine, event
from starlette.testclient import TestClient

from tests.fleet.store.equipment_acts import DONE, JOBS, Act, Caller, draw, job
from tests.fleet.store.equipment_faults import Call, faults
from tests.fleet.store.equipment_world import MEET, OPERATORS, World, door

ROUNDS: Final = 7
LATER_DAYS: Final = (6, 34)  # after these the rounds go on
END: Final = MEET + timedelta(days=sum(LATER_DAYS) + 40)  # when everything is due that ever will be
MAX_STATEMENTS: Final = 60  # about what an act needs
MAX_PAUSE_MS: Final = 3
LIMIT_S: Final = 60
FORK: Final = multiprocessing.get_context("fork")

Disturb = Callable[[Engine], None]


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a race: what is wrong, in words; how often a process was killed in it; what was carried out."""

    faults: list[str]
    kills: int
    done: int


def run(world: World, seed: int) -> Run:
    """One race on a copy of the world."""
    chance, calls, kills, now = Random(seed), list[Call](), 0, MEET
    for number in range(ROUNDS):
        if number in (3, 5):
            now += timedelta(days=LATER_DAYS[number // 5])
        acts = draw(chance, OPERATORS)
        asked = [
            Asked(world, operator, act, 2 * number + operator, now, chance.randrange(1 << 30))
            for operator, act in enumerate(acts)
        ]
        done, killed = at_once(
            asked, [chance.randrange(MAX_STATEMENTS) if chance.random() < 0.5 else None for _ in acts]
        )
        kills += killed
        calls += done
    calls += all_jobs(world)
    return Run(faults(world, calls, END), kills, sum(call.outcome == DONE for call in calls))


def killed_once(world: World, act: Act, statement: int) -> Run:
    """The act alone, killed at that statement and asked for again."""
    calls, kills = at_once([Asked(world, 0, act, 0, MEET, 0)], [statement])
    calls += all_jobs(world)
    return Run(faults(world, calls, END), kills, sum(call.outcome == DONE for call in calls))


def statements_of(world: World, act: Act) -> int:
    """How many statements the act has, each commit among them."""
    ours, theirs = FORK.Pipe(duplex=False)
    outcome_of(
        *start(Asked(world, 0, act, 0, MEET, 0), lambda engine: _on_statement(engine, lambda *_: theirs.send(1)))
    )
    count = 0
    while ours.poll():
        count += ours.recv()
    return count


def all_jobs(world: World) -> list[Call]:
    """Each recurring job, once everything is due that ever will be."""
    return [alone(Asked(world, 0, job(name), 100 + number, END, 0)) for number, name in enumerate(JOBS)]


@dataclass(frozen=True, slots=True)
class Asked:
    """A call to be made: by whom, of what, when."""

    world: World
    operator: int
    act: Act
    number: int
    now: datetime
    pauses: int  # the seed of where it is slow


def alone(asked: Asked) -> Call:
    """The call as it is answered when nobody is in the way."""
    return at_once([asked], [None])[0][0]


def at_once(asked: list[Asked], kill_at: list[int | None]) -> tuple[list[Call], int]:
    """The calls, made at one moment and again when they were killed; and how often that was."""
    barrier = FORK.Barrier(len(asked))

    def disturbed(number: int) -> Disturb:
        def disturb(engine: Engine) -> None:
            slow_down(engine, asked[number].pauses)
            if (statements := kill_at[number]) is not None:
                kill_after(engine, statements)
            barrier.wait()

        return disturb

    running = [start(each, disturbed(number)) for number, each in enumerate(asked)]
    outcomes = [outcome_of(*each) for each in running]
    killed = outcomes.count(None)
    for number, outcome in enumerate(outcomes):
        if outcome is None:
            outcomes[number] = outcome_of(*start(asked[number]))
    return [Call(e.act, e.number, outcome or "killed") for e, outcome in zip(asked, outcomes, strict=True)], killed


def start(asked: Asked, disturb: Disturb | None = None) -> tuple[Any, Connection]:
    """A process that makes the call, connected already when `disturb` sees its engine; and where its answer comes."""
    ours, theirs = FORK.Pipe(duplex=False)
    process = FORK.Process(target=_make, args=(asked, disturb, theirs))
    process.start()
    theirs.close()
    return process, ours


def outcome_of(process: Any, answer: Connection) -> str | None:
    """What the caller heard; None: it was killed."""
    process.join(LIMIT_S)
    if process.exitcode is None:
        process.kill()
        return "fault: it hangs"
    if process.exitcode == -signal.SIGKILL:
        return None
    return str(answer.recv()) if answer.poll() else f"fault: it ended with {process.exitcode}"


def _make(asked: Asked, disturb: Disturb | None, answer: Connection) -> None:
    entrance = door()
    engine = entrance.open(asked.world.url, asked.now)
    with engine.connect():  # it is there before anything is asked
        pass
    if disturb is not None:
        disturb(engine)
    client = TestClient(entrance.app, base_url="http://testserver")
    try:
        outcome = asked.act.run(Caller(entrance, asked.world, asked.operator, asked.number, client))
    except Exception as error:
        outcome = f"fault: {type(error).__name__}: {error}"
    answer.send(outcome)
    os._exit(0)


def slow_down(engine: Engine, seed: int) -> None:
    """Pause for a moment before some statements, as a busy machine does: so that the two meet at each of them."""
    chance = Random(seed)

    def pause(*_: Any) -> None:
        if chance.random() < 0.2:
            time.sleep(chance.random() * MAX_PAUSE_MS / 1000)

    _on_statement(engine, pause)


def kill_after(engine: Engine, statements: int) -> None:
    """Kill this process at the statement after so many; a commit counts as one."""
    left = [statements]

    def count(*_: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    _on_statement(engine, count)


def _on_statement(engine: Engine, heard: Callable[..., None]) -> None:
    listen: Callable[..., None] = event.listen
    listen(engine, "before_cursor_execute", heard)
    listen(engine, "commit", heard)
