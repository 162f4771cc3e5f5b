"""Two operators at once, killed at any statement: no double charge, no MAC twice, no half swap, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fleet.store import equipment_acts as acts
from tests.fleet.store import equipment_races
from tests.fleet.store.equipment_meetings import meet
from tests.fleet.store.equipment_world import ELSEWHERE, HIGH, LOW, postgresql_world, sqlite_world

SEEDS = 10
SWAPS = acts.registrations(HIGH, LOW, ELSEWHERE)  # by number the replacements come last and first
RECEIVE = acts.named("receive RMA-2")
LOSE = acts.named("lose RMA-1")
SUSPEND = acts.named("suspend for security")
END = acts.named("end services")


@pytest.mark.parametrize("seed", range(SEEDS))
def test_on_sqlite_nothing_is_done_twice_or_by_half(tmp_path: Path, seed: int) -> None:
    assert equipment_races.run(sqlite_world(tmp_path), seed).faults == []


@pytest.mark.parametrize("seed", range(SEEDS))
def test_on_postgresql_nothing_is_done_twice_or_by_half(cluster: str, seed: int) -> None:
    assert equipment_races.run(postgresql_world(cluster, f"race{seed}"), seed).faults == []


@pytest.mark.parametrize("lock", [0, 2])
@pytest.mark.parametrize("other", [END, SUSPEND, RECEIVE, LOSE], ids=lambda act: act.name)
def test_a_swap_and_what_meets_it_at_a_lock_both_get_through(cluster: str, other: acts.Act, lock: int) -> None:
    for number, (first, second) in enumerate(((SWAPS, other), (other, SWAPS))):
        name = f"meeting {other.name} {lock} {number}"
        assert meet(postgresql_world(cluster, name), first, second, lock).faults == []
