"""The sweep with real units takes each scenario in turn and counts what came of it; a run takes minutes (make soak)."""

from __future__ import annotations

import pytest

from tests.real_units.among import Ending
from tests.sweeps import rollout_real
from tests.sweeps.rollout_real import NAMES, SWEEPS


def test_each_scenario_has_its_turn_and_faults_are_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []

    def rehearse(name: str, seed: int, round_of: int) -> Ending:
        ran.append((name, seed, round_of))
        faults = ("PT000000018 restarted in a call",) if name == "storm" else ()
        counts = {"confirmed": 197, "reverted": 0}
        return Ending("", "finished", "", 120, counts, {}, {"in a call at their order": 2}, {}, faults)

    monkeypatch.setattr(rollout_real, "rehearse", rehearse)
    outcomes = [SWEEPS[0].run(seed) for seed in range(2 * len(NAMES))]
    assert ran == [(name, seed, seed // len(NAMES)) for seed, name in enumerate(2 * NAMES)]
    assert [outcome.failures for outcome in outcomes if outcome.failures] == 2 * [
        ("storm: PT000000018 restarted in a call",)
    ]
    assert outcomes[0].added == {
        f"{NAMES[0]} finished": 1, "seconds": 120, "units confirmed": 197, "in a call at their order": 2,
    }  # fmt: skip
