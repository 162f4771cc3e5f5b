"""A unit that nobody tells to looks for an order by itself: once a day, not with others, not soon after its start."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from tests.conftest import RunMicroPython

HOUR_S = 3600
DAYS = 12

SCRIPT = """
import asyncio, json, sys
from adapter.room import Room
from adapter.turn import Turn
from ports.unix import updates

facts = json.loads(sys.stdin.read())
now_ms = [0]
looks = []

class Done(Exception):
    pass

class Session:  # one that finds nothing new
    misses = 0
    staged = None
    check_wanted = False
    state = "idle"

class Updater:
    session = Session()
    next_ms = None

    def __init__(self, worked):
        self.worked = worked

    async def run(self, beat):
        if self.worked and facts["fails"]:
            facts["fails"] -= 1
            raise OSError(5)
        if self.worked:
            looks.append(now_ms[0] // 1000)

class Handover:
    trial = False

class Settings:
    def left_behind(self):
        return b""

    def forget_left_behind(self):
        pass

class Unit:
    configured = True
    handover = Handover()
    settings = Settings()
    room = Room()
    turn = Turn()

    def __init__(self):
        self.board = self.pins = self.reports = self

    def uptime(self):
        now_ms[0] += 200_000
        if now_ms[0] > facts["days"] * 86_400_000:
            raise Done
        return now_ms[0]

    def entropy(self, count):
        return bytes([facts["draw"]] * count)

    def adopt(self, stored):
        pass

    def report(self, values):
        pass

slept = asyncio.sleep

async def at_once(seconds):
    await slept(0)

def load():
    driver._updater = Updater(driver._check)
    driver._check = False

asyncio.sleep = at_once
driver = updates.Updates(Unit())
driver._load = load

def beat():
    if facts["told_at_s"] and now_ms[0] // 1000 >= facts["told_at_s"]:
        facts["told_at_s"] = 0
        driver.check()

while True:
    try:
        asyncio.run(driver.run(beat))
    except OSError:  # as the supervisor, which starts it again
        continue
    except Done:
        break
print(json.dumps(looks))
"""


def looks(
    micropython: RunMicroPython, draw: int = 0, told_at_s: int = 0, days: int = DAYS, fails: int = 0
) -> list[int]:
    """The seconds of uptime at which the unit asked; every draw of entropy gives bytes of `draw`."""
    facts = {"draw": draw, "told_at_s": told_at_s, "days": days, "fails": fails}
    found: list[int] = json.loads(micropython(SCRIPT, stdin=json.dumps(facts)).splitlines()[-1])
    return found


@pytest.mark.parametrize("draw", [0, 0x5A, 0xFF])
def test_a_unit_looks_about_once_a_day(micropython: RunMicroPython, draw: int) -> None:
    found = looks(micropython, draw)
    assert HOUR_S <= found[0] <= 3 * HOUR_S + 900
    waits = [later - earlier for earlier, later in pairwise(found)]
    assert all(23 * HOUR_S <= wait <= 25 * HOUR_S + 900 for wait in waits)
    assert DAYS - 1 <= len(found) <= DAYS + 1


def test_units_do_not_look_at_the_same_time(micropython: RunMicroPython) -> None:
    assert len({looks(micropython, draw, days=1)[0] // 600 for draw in (0, 40, 77, 200)}) > 2


def test_a_look_that_the_fleet_asked_for_puts_the_next_one_off(micropython: RunMicroPython) -> None:
    first = looks(micropython, days=1)[0]
    found = looks(micropython, told_at_s=first - 3000, days=2)
    assert first - 3000 <= found[0] < first
    assert found[1] >= found[0] + 23 * HOUR_S


def test_a_look_that_ends_by_a_fault_is_made_again_as_soon_as_updates_run_again(micropython: RunMicroPython) -> None:
    first = looks(micropython, days=1)[0]
    assert looks(micropython, days=1, fails=3)[0] < first + HOUR_S
    told_at_s = first - 3000
    assert looks(micropython, told_at_s=told_at_s, days=1, fails=1)[0] < told_at_s + HOUR_S
