"""A soak counts up over its runs, keeps every failure with its seed, and sums what a sweep adds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import soak
from tests.sweeps.sweep import Outcome, Sweep


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "TOTALS_DIR", tmp_path)


def stopping(seeds: list[int], outcome: Outcome, monkeypatch: pytest.MonkeyPatch) -> Sweep:
    """A sweep after whose second seed the time is up."""

    def run(seed: int) -> Outcome:
        seeds.append(seed)
        if len(seeds) % 2 == 0:
            monkeypatch.setattr(soak.time, "monotonic", lambda: 1e9)
        return outcome

    return Sweep("one", "things", run)


def test_the_next_run_goes_on_with_the_next_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []
    outcome = Outcome(5, ("broke",), {"lives": 2}, {"states": 7})
    for _ in range(2):
        monkeypatch.setattr(soak.time, "monotonic", lambda: 0.0)
        assert soak.soak("area", [stopping(seeds, outcome, monkeypatch)], 1) == 2
    assert seeds == [0, 1, 2, 3]
    assert soak.read_totals("area") == {
        "one": {
            "next_seed": 4, "count": 20, "lives": 8, "states": 7,
            "failures": [f"seed {seed}: broke" for seed in seeds],
        }
    }  # fmt: skip
