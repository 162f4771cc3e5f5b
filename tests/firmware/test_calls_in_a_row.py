"""A sample of `make soak AREA=calls`: units that call each other over and over keep nothing of it."""

from __future__ import annotations

from pathlib import Path

from tests.firmware.calls_in_a_row import MAX_GROWTH_BYTES, opened, play

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


def test_a_request_that_was_answered_just_now_is_nothing_left_behind(tmp_path: Path) -> None:
    with opened(tmp_path, hurried=True) as pair:
        before = pair.rest()
        for board in pair.boards:  # a REGISTER now, as an OPTIONS may come at any time
            mark = len(board.events)
            board.set_ethernet(False)
            board.wait_line("registering", after=mark)
            board.set_ethernet(True)
            board.wait_line("registered", after=mark)
        grown = [after - earlier for earlier, after in zip(before, pair.used_heap(), strict=True)]
        assert max(grown) <= MAX_GROWTH_BYTES, grown
