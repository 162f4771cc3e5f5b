"""A sample of `make soak AREA=calls`: units that call each other over and over keep nothing of it."""

from __future__ import annotations

from pathlib import Path

from tests.firmware.calls_in_a_row import play

SEED = 20261123
CALLS = 20


def test_twenty_calls_in_a_row_leave_nothing_behind(tmp_path: Path) -> None:
    result = play(tmp_path, SEED, CALLS)
    assert not result.faults
    assert result.calls == CALLS
    assert len(result.kinds) == 5
    print(f"{result.kinds}, heap grown by {result.grown_bytes} bytes")


def test_a_unit_that_keeps_something_of_each_call_is_found_out(tmp_path: Path) -> None:
    result = play(tmp_path, SEED, 6, leak=True)
    assert any("heap has grown" in fault for fault in result.faults), result
