"""EQUIPMENT's long checks: histories of an account against oracle; swaps and refurbishings of real units."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Protocol

from tests.fleet.domain.equipment_model.playing import play_history
from tests.fleet.services.equipment_played.playing import play_history as play_through_services
from tests.sweeps.refurbishing_drill import refurbished
from tests.sweeps.swap_drill import Blow, opened_drill
from tests.sweeps.sweep import Outcome, Sweep
from tools.errors import ToolError
from tools.sim.service import ServiceError

_HISTORIES = 25  # a seed
_ROUNDS = 5  # of one unit, a seed
_PLAYED = 4  # a seed: the services take their time
_LENGTHS = (30, 60, 100, 160)


class _Played(Protocol):
    """A history that was played."""

    @property
    def events(self) -> Counter[str]: ...

    @property
    def refused(self) -> Counter[str]: ...


def histories(seed: int) -> Outcome:
    """Some histories through the domain, of several lengths; the count is that of their events."""
    return _play(seed, _HISTORIES, play_history)


def played(seed: int) -> Outcome:
    """Some histories through the services, on a database."""
    return _play(seed, _PLAYED, play_through_services)


def _play(seed: int, count: int, play_one: Callable[[int, int], tuple[_Played, list[str]]]) -> Outcome:
    random = Random(seed)
    events = refused = 0
    failures: list[str] = []
    for number in range(count):
        length, own = random.choice(_LENGTHS), seed * count + number
        try:
            play, differences = play_one(own, length)
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
    Sweep("played through the services", "events", played),
    Sweep("swaps", "swaps", swaps),
    Sweep("refurbishings", "rounds", refurbishings),
]
