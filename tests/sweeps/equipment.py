"""EQUIPMENT's long checks: histories of an account, domain against oracle; swaps and refurbishings of real units."""

from __future__ import annotations

from random import Random

from tests.fleet.domain.equipment_model.playing import play_history
from tests.sweeps.refurbishing_drill import refurbished
from tests.sweeps.swap_drill import Blow, opened_drill
from tests.sweeps.sweep import Outcome, Sweep
from tools.demo.service import ServiceError
from tools.errors import ToolError

_HISTORIES = 25  # a seed
_ROUNDS = 5  # of one unit, a seed
_LENGTHS = (30, 60, 100, 160)


def histories(seed: int) -> Outcome:
    """Some histories, of several lengths; the count is that of their events."""
    random = Random(seed)
    events = refused = 0
    failures: list[str] = []
    for number in range(_HISTORIES):
        length, own = random.choice(_LENGTHS), seed * _HISTORIES + number
        try:
            play, differences = play_history(own, length)
        except Exception as error:
            failures.append(f"history {own} of {length}: {type(error).__name__}: {error}")
            continue
        events += play.events.total()
        refused += play.refused.total()
        failures += [f"history {own} of {length}: {line}" for line in differences]
    return Outcome(events, tuple(failures), {"refused_acts": refused})


def swaps(seed: int) -> Outcome:
    """Real units, each replaced by the next: every blow once, in an order and at moments drawn from `seed`."""
    random, failures, count = Random(seed), list[str](), 0
    blows = random.sample(list(Blow), len(Blow))
    try:
        with opened_drill(random) as drill:
            for blow in blows:
                swap = drill.swap(blow)
                count += 1
                failures += swap.faults
                print(f"swap drill {seed}: {swap}", flush=True)
    except (AssertionError, ToolError, ServiceError) as error:
        failures.append(f"{blows[count : count + 1]}: {type(error).__name__}: {error}")
    return Outcome(count, tuple(failures))


def refurbishings(seed: int) -> Outcome:
    """A real unit, sold, taken back and refurbished again and again; all it ever was is tried at the door."""
    return refurbished(_ROUNDS)


SWEEPS = [
    Sweep("histories", "events", histories),
    Sweep("swaps", "swaps", swaps),
    Sweep("refurbishings", "rounds", refurbishings),
]
