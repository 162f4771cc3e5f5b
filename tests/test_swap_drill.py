"""A replacement takes over from the unit it replaces: real units, a real broker, whatever fails on the way."""

from __future__ import annotations

import pytest

from tests.sweeps.equipment import swaps
from tests.sweeps.swap_drill import REFUSED_WITHIN_S, Blow, Look, measured

OLD, NEW = "PT000000018", "PT000000026"


@pytest.mark.slow
def test_one_of_both_units_is_in_service_and_the_old_one_is_refused_whatever_fails_in_the_swap() -> None:
    outcome = swaps(1)
    assert not outcome.failures
    assert outcome.count == 4


def look(at: float, serves: str, line: str, refused: bool) -> Look:
    """At `at`, `serves` is ready with its session and `line` has the line."""
    states = dict.fromkeys((OLD, NEW), "register") | {serves: "ready"}
    return Look(at, frozenset({line}), frozenset({serves}), states, {OLD: 1, NEW: 2}, refused)


@pytest.mark.parametrize("late_s", [0.2, REFUSED_WITHIN_S + 1])
def test_the_refusal_counts_from_the_swap_and_not_from_the_new_units_service(late_s: float) -> None:
    """A gateway killed in the swap answers the new unit 5 s later: that is not how long the refusal took."""
    looks = [look(0, OLD, OLD, False), look(1, "", NEW, False)]
    looks += sorted([look(1 + late_s, "", NEW, True), look(6.2, NEW, NEW, late_s < 5)], key=lambda each: each.at)
    swap = measured(Blow.GATEWAY_KILLED, looks, OLD, NEW, back_at=0)
    assert swap.refused_s == pytest.approx(late_s)
    assert any("refused" in fault for fault in swap.faults) == (late_s > REFUSED_WITHIN_S)
