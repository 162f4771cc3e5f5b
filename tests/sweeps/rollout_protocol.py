"""Rollouts over 100,000 units at protocol level, seeded: the fleet's own services and simulated units.

An area of its own, for one run takes minutes: the sweeps of `rollout` would wait for it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from fleet.rehearsal.fleet import Rehearsal
from fleet.rehearsal.judge import BrokenRuleError
from fleet.rehearsal.scenario import read_scenario
from tests.sweeps.rollout import counts_of
from tests.sweeps.sweep import Outcome, Sweep

SCENARIOS = Path(__file__).parents[2] / "docs" / "scenarios"
TRIED = {"10 points": "ten-points", "5 points": "five-points", "2 points": "two-points"}


def rehearsed(file: str, seed: int, units: int | None = None) -> Outcome:
    """One run of a scenario of the docs; `added` as at count level. A broken rule is a failure."""
    scenario = read_scenario(SCENARIOS / f"{file}.toml", seed=seed, units=units)
    with tempfile.TemporaryDirectory(prefix="plugtone-rehearsal-") as folder:
        try:
            ending = Rehearsal(scenario, Path(folder)).run()
        except BrokenRuleError as error:
            return Outcome(1, (str(error),))
    before = scenario.expect.before_percent
    added = counts_of(ending.state, ending.reason, ending.reached, None if before is None else before / 100)
    return Outcome(1, added=added | {"messages": ending.messages, "restarts_none_in_a_call": ending.restarts})


def sweep_of(name: str, file: str) -> Sweep:
    """The sweep of one scenario."""
    return Sweep(name, "rollouts", lambda seed: rehearsed(file, seed))


SWEEPS = [sweep_of(name, file) for name, file in TRIED.items()]
