"""Scenarios of the docs with eight real MicroPython units among 200 simulated ones: a seed is one of them, in turn.

An area of its own, for one run takes minutes; what is done and judged stands in tests/real_units.
"""

from __future__ import annotations

from tests.real_units.among import SCENARIOS, Ending, rehearse
from tests.sweeps.sweep import Outcome, Sweep

NAMES = sorted(path.stem for path in SCENARIOS.glob("*.toml"))


def rehearsed(seed: int) -> Outcome:
    """One run of the scenario whose turn it is."""
    name = NAMES[seed % len(NAMES)]
    return outcome_of(name, rehearse(name, seed, round_of=seed // len(NAMES)))


def outcome_of(name: str, ending: Ending) -> Outcome:
    """What a run adds to the totals: how it ended, how long it took, what was done to real units, what units had."""
    added = {f"{name} {ending.state}": 1, "seconds": ending.seconds}
    added |= {f"units {state}": count for state, count in ending.counts.items() if count}
    return Outcome(1, tuple(f"{name}: {fault}" for fault in ending.faults), added | dict(ending.did))


SWEEPS = [Sweep("real units among simulated", "rollouts", rehearsed)]
