"""Whether faults of the updates restart a unit: on trial at once, in service after a day, in a call never."""

import json

import pytest

from tests.conftest import RunMicroPython

SCRIPT = """
import json, sys
import main

class Stand:
    pass

trial, uptime_ms, call_up = json.loads(sys.stdin.read())
unit = Stand()
unit.handover = Stand()
unit.handover.trial = trial
unit.uptime = lambda: uptime_ms
unit.call_up = lambda: call_up
print(main.Unit._updates_worth_restart(unit))
"""
DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("trial", "uptime_ms", "call_up", "worth"),
    [
        (True, 0, False, True),
        (False, DAY_MS - 1, False, False),
        (False, DAY_MS, False, True),
        (False, DAY_MS, True, False),
    ],
)
def test_worth(micropython: RunMicroPython, trial: bool, uptime_ms: int, call_up: bool, worth: bool) -> None:
    assert micropython(SCRIPT, stdin=json.dumps([trial, uptime_ms, call_up])).strip() == str(worth)
