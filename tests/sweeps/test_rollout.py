"""A bad release stops early and a sound one goes on: a sample of the soak's runs (`make soak AREA=rollout`)."""

from __future__ import annotations

from collections import Counter

import pytest

from fleet.domain.rollout import RolloutState
from tests.sweeps.rollout import TRIED, counted
from tests.sweeps.rollout_counts import Scenario, run

SAMPLE = 60
BAD = [name for name, (_, before) in TRIED.items() if before is not None and "again" not in name]


@pytest.mark.parametrize("name", BAD)
def test_a_bad_revision_of_a_quarter_is_stopped_in_time_in_95_of_100_runs(name: str) -> None:
    seen = Counter[str]()
    for seed in range(SAMPLE):
        seen.update(counted(name, seed).added)
    assert seen["in_time"] >= 0.95 * SAMPLE, dict(seen)
    assert seen["by_the_bad_revision"] >= 0.95 * SAMPLE, dict(seen)


def test_a_sound_release_reaches_everybody_who_is_not_held_back() -> None:
    for seed in range(SAMPLE // 2):
        ending = run(seed, Scenario(0.0))
        assert ending.state is RolloutState.FINISHED, ending
        assert ending.reached == pytest.approx(0.95, abs=0.005)


def test_a_release_that_is_better_than_the_one_before_is_not_stopped() -> None:
    for seed in range(SAMPLE // 10):
        assert run(seed, Scenario(-0.004)).state is RolloutState.FINISHED


def test_a_run_goes_the_same_way_each_time() -> None:
    assert run(7, Scenario(0.05)) == run(7, Scenario(0.05)) != run(8, Scenario(0.05))
