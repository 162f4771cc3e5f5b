"""The update stack comes and goes: an error gives the heap back, the line may take it, and the work goes on later.

The Updater and its session stand in for themselves here; test_updater.py has the real ones.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import RunMicroPython

SCRIPT = """
import asyncio, json, sys, time
from adapter.room import Room
from adapter.turn import Turn
from ports.unix import updates

facts = json.loads(sys.stdin.read())
started = time.ticks_ms()
seen = []

class Session:
    misses = 0
    staged = None
    check_wanted = True
    state = "downloading"

class Updater:
    session = Session()
    next_ms = None
    worked = False

    async def run(self, beat):
        seen.append("run")
        if facts["fails"]:
            fails, facts["fails"] = facts["fails"], False
            raise MemoryError if fails == "memory" else OSError(5)
        try:
            await asyncio.sleep(0 if len(seen) > 2 else 30)  # the second time it comes to its end
        finally:
            if facts["slow"]:
                time.sleep_ms(50)  # no core for this process: the line asks again meanwhile
            seen.append("over")

class Unit:
    configured = True
    room = Room()
    turn = Turn()
    trial = False
    talked = facts["talked"]
    boot_reason = 1 if facts["restarted"] else 0

    def __init__(self):
        self.board = self.pins = self.reports = self.settings = self.handover = self

    def uptime(self):
        return facts["hurry"] * time.ticks_diff(time.ticks_ms(), started)

    def entropy(self, count):
        return bytes(count)

    def call_up(self):
        return False

    def restart(self, reason):
        seen.append(reason)
        raise OSError(0)  # as a restart, it does not come back

    def left_behind(self):
        return b""

    def forget_left_behind(self):
        pass

    def adopt(self, stored):
        pass

    def report(self, values):
        seen.append("left")

    def note(self, error):
        if facts["slow"]:
            time.sleep_ms(50)
        seen.append(error)

def load():
    if facts["fails"] == "load":
        raise MemoryError
    driver._updater = Updater()

unit = Unit()
driver = updates.Updates(unit)
driver._load = load

async def until(condition):
    end = time.ticks_add(time.ticks_ms(), 5000)
    while not condition():
        if time.ticks_diff(end, time.ticks_ms()) < 0:
            seen.append("too late")
            return
        await asyncio.sleep(0.01)

async def main():
    unit.room.enter()  # the line is in
    task = asyncio.create_task(driver.run(lambda: None))
    await until(lambda: unit.room.wanted)
    seen.append("waits")
    unit.room.leave()
    await until(lambda: task.done() or "run" in seen)
    if facts["expected"] == "error":
        try:
            await task
        except (OSError, MemoryError):
            seen.append("error")
    else:
        seen.append(unit.room.enter())
        await until(unit.room.enter)
        seen.append("line")
        unit.room.leave()
        await until(lambda: seen.count("left") == 2)
        task.cancel()
    seen.append(unit.room.lent)

asyncio.run(main())
print(json.dumps(seen))
"""


def seen(
    micropython: RunMicroPython,
    expected: str,
    fails: str = "",
    talked: bool = False,
    restarted: bool = True,
    slow: bool = False,
) -> list[Any]:
    """What happened, in order; uptime runs fifty times as fast, so that waits of seconds are short."""
    facts = {"expected": expected, "fails": fails, "talked": talked, "restarted": restarted, "slow": slow, "hurry": 50}
    found: list[Any] = json.loads(micropython(SCRIPT, stdin=json.dumps(facts)).splitlines()[-1])
    return found


@pytest.mark.parametrize("slow", [False, True])
def test_the_line_takes_the_heap_back_and_the_work_goes_on_after_it(micropython: RunMicroPython, slow: bool) -> None:
    found = seen(micropython, "end", slow=slow)
    assert found == [
        "waits", "run", False, "over", "an update waits for the line", "left", "line", "run", "over", "left", False,
    ]  # fmt: skip


def test_an_error_gives_the_heap_back_and_reaches_the_supervisor(micropython: RunMicroPython) -> None:
    assert seen(micropython, "error", "io") == ["waits", "run", "left", "error", False]


NOTE = "an update found the heap in pieces: the unit starts anew"


@pytest.mark.parametrize(
    ("talked", "restarted", "anew"), [(True, True, True), (False, False, True), (False, True, False)]
)
@pytest.mark.parametrize(("fails", "begun"), [("memory", ["run"]), ("load", [])])
def test_a_heap_in_pieces_is_made_whole_by_a_start_but_not_by_one_after_the_other(
    micropython: RunMicroPython, fails: str, begun: list[str], talked: bool, restarted: bool, anew: bool
) -> None:
    then = [NOTE, "restart"] if anew else []
    found = seen(micropython, "error", fails, talked, restarted)
    assert found == ["waits", *begun, *then, "left", "error", False]
