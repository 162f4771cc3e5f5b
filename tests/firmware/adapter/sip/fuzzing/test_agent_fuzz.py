"""A seeded sample of mutants against agents in every state; in full by `make soak AREA=line`."""

from __future__ import annotations

from unittest.mock import patch

from adapter.sip import endpoint
from tests.firmware.adapter.sip.fuzzing.agent_bench import STATES, Bench
from tests.firmware.adapter.sip.fuzzing.agent_fuzz import fuzz, mutants

SEED = 20261123
COUNT = 5_000


def test_no_mutant_raises_anything_leaks_or_leaves_options_without_an_answer() -> None:
    assert fuzz(SEED, COUNT) == []


def test_every_state_is_fed_with_what_could_come_next_in_it() -> None:
    for state in STATES:
        bench = Bench(state)
        assert bench.alive()
        assert len(bench.nexts()) > 30
    assert {state & 0x7F for state, _ in mutants(SEED, 2_000)} == set(range(len(STATES)))


def test_an_agent_that_does_not_answer_is_seen() -> None:
    bench = Bench("up")
    with patch.object(endpoint, "MAX_SENDS", 0):
        assert not bench.alive()
