"""A whole unit updates itself with no more heap than its image says it needs, and by a delta with its board's."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from boards import catalogue
from tests.firmware import updating_board
from tools.release.build import MINIMUM_HEAP_BYTES

COLLECTOR_KB = 4  # of the interpreter's heap, its own tables

images = cache(updating_board.images)


def told(found: updating_board.Updated, capsys: pytest.CaptureFixture[str]) -> str:
    with capsys.disabled():
        print(f"\nheap {found.heap_bytes} B, of it free before {found.free_heap_bytes} B: {found.how}")
    return found.how


def test_an_update_works_with_the_least_heap_that_an_image_asks_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = updating_board.update(tmp_path / "board", *images(), MINIMUM_HEAP_BYTES // 1024 + COLLECTOR_KB, False)
    assert told(found, capsys).startswith("whole")


def test_and_where_a_delta_finds_no_piece_of_heap_the_image_comes_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = updating_board.update(tmp_path / "board", *images(), MINIMUM_HEAP_BYTES // 1024 + COLLECTOR_KB, True)
    assert told(found, capsys).startswith("by a delta") or "memory allocation" in found.how


def test_a_delta_works_with_the_heap_of_the_board(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    heap_bytes = catalogue.load(updating_board.BOARD).simulated_heap_bytes(0)
    found = updating_board.update(tmp_path / "board", *images(), heap_bytes // 1024, True)
    assert told(found, capsys).startswith("by a delta")
