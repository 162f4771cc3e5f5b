"""Both interpreters live the same lives of a line, sample by sample."""

from __future__ import annotations

from tests.conftest import RunMicroPython
from tests.firmware.adapter.line_trace import trace

SEEDS, STEPS = 12, 150
SCRIPT = """
import sys
from tests.firmware.adapter.line_trace import trace
for seed in range(int(sys.argv[1])):
    print(trace(seed, int(sys.argv[2])))
"""


def test_micropython_and_cpython_agree_on_every_sample_and_act(micropython: RunMicroPython) -> None:
    assert micropython(SCRIPT, SEEDS, STEPS).split() == [trace(seed, STEPS) for seed in range(SEEDS)]


def test_seeds_live_different_lives() -> None:
    assert len({trace(seed, 50) for seed in range(SEEDS)}) == SEEDS
