"""The metadata files on MicroPython's own littlefs, cut at a seeded share of all bytes of all programs."""

from __future__ import annotations

from tests.firmware.power_cuts.device_files import sweep_files

SEED = 20261122


def test_a_cut_leaves_each_metadata_file_old_or_new() -> None:
    cut_points, faults = sweep_files(SEED, share=30)
    assert not faults
    assert cut_points > 1000


def test_the_sweep_finds_a_file_that_is_deleted_before_it_is_stored_anew() -> None:
    assert sweep_files(SEED, share=30, broken=True)[1]
