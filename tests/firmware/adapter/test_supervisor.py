"""The supervisor: crashed tasks come back, too many crashes restart the unit, a stalled task starves the watchdog."""

import asyncio
import json

from adapter.supervisor import FIRST_WAIT_MS, RESTARTS, WINDOW_MS, Health, Supervisor
from tests.conftest import RunMicroPython


def test_a_task_is_stalled_after_its_silence_and_not_before() -> None:
    health = Health()
    health.watch("plug_in", 1000, 0)
    health.watch("other", 5000, 0)
    assert health.stalled(1000) == ""
    assert health.stalled(1001) == "plug_in"
    health.beat("plug_in", 1001)
    assert health.stalled(2001) == ""
    health.forget("plug_in")
    assert (health.stalled(5000), health.stalled(5001)) == ("", "other")


def test_waits_grow_with_each_crash_and_too_many_end_it() -> None:
    health = Health()
    waits = [health.crashed("task", at) for at in range(RESTARTS)]
    assert waits == [*[FIRST_WAIT_MS << at for at in range(RESTARTS - 1)], None]


def test_crashes_long_ago_do_not_count() -> None:
    health = Health()
    for at in range(20):
        assert health.crashed("task", at * (WINDOW_MS + 1)) == FIRST_WAIT_MS
    assert health.crashed("other", 0) == FIRST_WAIT_MS


SCENARIO = """
import asyncio
from adapter import supervisor
from adapter.supervisor import Supervisor

supervisor.FIRST_WAIT_MS = 1
supervisor.FEED_MS = 5
seen = []
clock = [0]

class Restarted(BaseException):
    pass

def restart(reason):
    seen.append("restart " + reason)
    raise Restarted

async def crashing(beat):
    seen.append("started")
    raise OSError("broken")

async def story():
    unit = Supervisor(lambda: clock[0], lambda: seen.append("fed"), restart, lambda name, error: seen.append(name))
    unit.start("task", crashing)
    try:
        await asyncio.wait_for(unit._tasks[0], 5)
    except Restarted:
        pass

async def spared():
    supervisor.REST_MS = 7
    worth = [True, False, False]
    unit = Supervisor(lambda: clock[0], lambda: None, restart, lambda name, error: seen.append(name))
    slept = supervisor.asyncio.sleep
    async def sleep(seconds):
        if seconds == 0.007:
            seen.append("rested")
            clock[0] += supervisor.WINDOW_MS
        await slept(0)
    supervisor.asyncio.sleep = sleep
    unit.start("task", crashing, 100, worth.pop)
    try:
        await unit._tasks[0]
    except Restarted:
        pass
    finally:
        supervisor.asyncio.sleep = slept

async def stalling():
    fed = []
    unit = Supervisor(lambda: clock[0], lambda: fed.append(clock[0]), restart, lambda name, error: None)
    async def quiet(beat):
        await asyncio.sleep(60)
    unit.start("quiet", quiet, 100)
    running = asyncio.create_task(unit.run())
    for _ in range(6):
        await asyncio.sleep(0.02)
        clock[0] += 40
    running.cancel()
    seen.append("fed until %d" % max(fed))
"""


def play(name: str) -> list[str]:
    names: dict[str, object] = {}
    exec(SCENARIO, names)
    asyncio.run(names[name]())  # type: ignore[operator]
    return list(names["seen"])  # type: ignore[call-overload]


def test_a_task_that_keeps_crashing_restarts_the_unit(micropython: RunMicroPython) -> None:
    expected = ["started", "task"] * RESTARTS + ["restart crash"]
    assert play("story") == expected
    there = micropython(
        # There a BaseException, as SystemExit is, leaves the loop at once.
        SCENARIO + "\ntry:\n    asyncio.run(story())\nexcept Restarted:\n    pass\nimport json\nprint(json.dumps(seen))"
    )
    assert json.loads(there) == expected


def test_a_task_that_is_not_worth_it_rests_and_is_started_again(micropython: RunMicroPython) -> None:
    crashes = ["started", "task"] * RESTARTS
    expected = [*crashes, "rested", *crashes, "rested", *crashes, "restart crash"]
    assert play("spared") == expected
    there = micropython(
        SCENARIO
        + "\ntry:\n    asyncio.run(spared())\nexcept Restarted:\n    pass\nimport json\nprint(json.dumps(seen))"
    )
    assert json.loads(there) == expected


def test_a_stalled_task_starves_the_watchdog(micropython: RunMicroPython) -> None:
    assert play("stalling") == ["fed until 80"]
    there = micropython(SCENARIO + "\nasyncio.run(stalling())\nimport json\nprint(json.dumps(seen))")
    assert json.loads(there) == ["fed until 80"]


def test_a_task_that_ends_is_not_started_again() -> None:
    runs = []

    async def story() -> None:
        unit = Supervisor(lambda: 0, lambda: None, lambda reason: None, lambda name, error: None)

        async def once(beat: object) -> None:
            runs.append(beat)

        unit.start("once", once, 100)
        await asyncio.sleep(0.01)
        assert unit.health.stalled(10_000) == ""

    asyncio.run(story())
    assert len(runs) == 1
