"""A seeded sample of the power-cut sweep, and proof that it finds what it is for; all by `make soak AREA=update`."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import pytest

from adapter import factory_reset
from adapter.identity import IdentityStore
from tests.firmware.power_cuts import stand_ins
from tests.firmware.power_cuts.broken import WAYS
from tests.firmware.power_cuts.provisioning import ProvisioningSweep
from tests.firmware.power_cuts.resetting import ResetSweep
from tests.firmware.power_cuts.scenarios import SCENARIOS, tell
from tests.firmware.power_cuts.sweep import StorySweep

SEED = 20261122
CUT_POINTS = 3000  # in all of this module's sample
SAMPLED_SHARE = 0.02


@pytest.fixture(autouse=True)
def _verdicts() -> Iterator[None]:
    with stand_ins.remembered_verdicts():
        yield


@pytest.mark.parametrize("name", SCENARIOS)
def test_wherever_the_power_goes_the_unit_boots_and_ends_as_it_should(name: str) -> None:
    tally = StorySweep(tell(name, SEED), random.Random(SEED), SAMPLED_SHARE).run()
    assert not tally.failures
    assert tally.cut_points * len(SCENARIOS) >= CUT_POINTS
    assert tally.second_cuts


def test_wherever_the_power_goes_while_it_is_provisioned_a_unit_keeps_what_it_answered() -> None:
    tally = ProvisioningSweep(SEED, SAMPLED_SHARE).run()
    assert not tally.failures
    assert tally.cut_points > 200
    assert tally.second_cuts


def test_wherever_the_power_goes_in_a_factory_reset_the_unit_is_as_it_was_or_reset_and_closed() -> None:
    tally = ResetSweep(SEED, SAMPLED_SHARE * 5).run()
    assert not tally.failures
    assert tally.cut_points > 200
    assert tally.second_cuts


RESET_WRONG: dict[str, Callable[[], Any]] = {
    "only one half is written": lambda: patch.object(factory_reset, "_holds_only", lambda *_: True),
    "the customer's calls stay": lambda: patch.object(factory_reset, "_FORGOTTEN", ("settings",)),
    "the identity is erased first": lambda: patch.object(factory_reset, "IdentityStore", _ErasingStore),
}


class _ErasingStore(IdentityStore):  # type: ignore[misc]
    """Erases the identity once it is read, before anything stands in its place."""

    def load(self, wanted: Any = None) -> Any:
        found = super().load(wanted)
        partition = self._pair._partition
        partition.erase(0, partition.size)
        return found


@pytest.mark.parametrize("way", RESET_WRONG)
def test_the_sweep_finds_a_reset_that_is_got_wrong(way: str) -> None:
    with RESET_WRONG[way]():
        assert ResetSweep(SEED, SAMPLED_SHARE).run().failures


@pytest.mark.parametrize("way", ["one record instead of two", "the newest record erased first", "no checksum"])
def test_the_sweep_finds_an_identity_that_is_kept_wrong(way: str) -> None:
    with WAYS[way]():
        assert ProvisioningSweep(SEED, SAMPLED_SHARE * 4).run().failures


@pytest.mark.parametrize("way", WAYS)
def test_the_sweep_finds_storage_that_is_got_wrong(way: str) -> None:
    for name in ("broken line", "second update right after the first", "settings migrated up and reverted"):
        story = tell(name, SEED)
        with WAYS[way]():
            failures = StorySweep(story, random.Random(SEED), SAMPLED_SHARE).run(max_failures=1).failures
        # Those would show that the stand-in no longer fits the code it stands for.
        assert not any(error in failure for failure in failures for error in ("AttributeError", "TypeError"))
        if failures:
            return
    pytest.fail(f"{way}: not found")


def test_a_seed_gives_the_same_cuts_again() -> None:
    first, second = (StorySweep(tell("full update", 7), random.Random(7), SAMPLED_SHARE).run() for _ in range(2))
    assert (first.cut_points, first.states) == (second.cut_points, second.states)
