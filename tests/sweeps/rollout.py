"""Rollouts over 100,000 units at count level, seeded: what share of the fleet a bad release reaches until it stops.

Beside them stories of a few units, their people and a service that is killed, through the real services.
"""

from __future__ import annotations

from fleet.domain.rollout import RolloutState
from tests.sweeps.rollout_counts import BAD, Scenario, run
from tests.sweeps.rollout_stories import STORIES
from tests.sweeps.sweep import Outcome, Sweep

# By name: what is tried, and the share of the fleet it has to be stopped before (ROLLOUT, Done when 1).
TRIED: dict[str, tuple[Scenario, float | None]] = {
    "10 points": (Scenario(0.10), 0.01),
    "5 points": (Scenario(0.05), 0.02),
    "2 points": (Scenario(0.02), 0.10),
    "1 point": (Scenario(0.01), None),
    "sound": (Scenario(0.0), None),
    "10 points, the same fail again": (Scenario(0.10, repeating=True), 0.01),
    "5 points, the same fail again": (Scenario(0.05, repeating=True), 0.02),
    "2 points, the same fail again": (Scenario(0.02, repeating=True), 0.10),
    "sound, the same fail again": (Scenario(0.0, repeating=True), None),
}
REACHED_BINS = (0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.065, 0.08, 0.1, 0.15, 0.25, 0.5, 1.0)


def counted(name: str, seed: int) -> Outcome:
    """One run; `added` says how it ended, and below which share of the fleet it was stopped."""
    scenario, before = TRIED[name]
    ending = run(seed, scenario)
    return Outcome(1, added=counts_of(ending.state, ending.reason, ending.reached, before))


def counts_of(state: RolloutState, reason: str, reached: float, before: float | None) -> dict[str, int]:
    """What a run adds to the totals: how it ended, and below which share of the fleet it was stopped."""
    added = {str(state): 1}
    if state is RolloutState.STOPPED:
        below = next(each for each in REACHED_BINS if reached <= each)
        added[f"stopped_up_to_{below * 100:g}_percent"] = 1
        added["in_time"] = int(before is not None and reached < before)
        added["by_the_bad_revision"] = int(f"{BAD}:" in reason)
    return added


def sweep_of(name: str) -> Sweep:
    """The sweep of one scenario."""
    return Sweep(name, "rollouts", lambda seed: counted(name, seed))


SWEEPS = [*(sweep_of(name) for name in TRIED), *STORIES]
