"""A check-in costs the same in a fleet four times as large; `make bench` asks this of a million units."""

from __future__ import annotations

from pathlib import Path

from tests.rollout_scale import GROWTH_LIMIT, Cost, grown, measure

SMALL, LARGE = 10_000, 40_000
ASKED = 500
ROUNDS = 5
BATCH = 10  # a few units for each set of queries: what a scan would cost is not spread over many


def test_a_check_in_costs_no_more_in_a_larger_fleet(tmp_path: Path) -> None:
    costs = []
    for count in (SMALL, LARGE):
        (tmp_path / str(count)).mkdir()
        costs.append(measure(tmp_path / str(count), count, ASKED, ROUNDS, BATCH))
    small, large = costs
    assert grown(small, large) <= GROWTH_LIMIT, costs
    assert large.start_s < 2.0


def test_the_worse_of_both_check_ins_counts() -> None:
    small = Cost(1, 0.0, first_us=10.0, again_us=10.0)
    assert grown(small, Cost(2, 0.0, first_us=20.0, again_us=10.0)) == 2.0
    assert grown(small, Cost(2, 0.0, first_us=10.0, again_us=30.0)) == 3.0
