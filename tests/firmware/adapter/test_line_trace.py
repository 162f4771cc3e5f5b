"""Both interpreters live the same lives of a line, sample by sample."""

from __future__ import annotations

from tests.firmware.adapter.line_both import compare
from tests.firmware.adapter.line_trace import trace

SEEDS, STEPS = 12, 150


def test_micropython_and_cpython_agree_on_every_sample_and_act() -> None:
    assert compare(0, SEEDS, STEPS) == []


def test_seeds_live_different_lives() -> None:
    assert len({trace(seed, 50) for seed in range(SEEDS)}) == SEEDS
