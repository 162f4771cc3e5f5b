"""Distinct things are counted over all runs, also after a run that was killed while it wrote."""

from __future__ import annotations

from pathlib import Path

from tests.sweeps.distinct import DIGEST_BYTES, Distinct


def test_a_digest_counts_once_over_all_runs(tmp_path: Path) -> None:
    path = tmp_path / "soak" / "update.states"
    first = Distinct(path)
    assert first.add([1, 2, 2, (1 << 64) - 1]) == 3
    assert first.add([2, 3]) == 4
    assert Distinct(path).add([3, 4]) == 5
    assert path.stat().st_size == 5 * DIGEST_BYTES


def test_half_a_digest_of_a_killed_run_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "update.states"
    Distinct(path).add([1, 2])
    path.write_bytes(path.read_bytes()[:-3])
    assert Distinct(path).add([2]) == 2
    assert path.stat().st_size == 2 * DIGEST_BYTES
