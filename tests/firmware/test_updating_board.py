"""A whole unit updates itself, in full and by a delta, with no more heap than its image says it needs."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from tests.firmware import updating_board
from tools.release.build import MINIMUM_HEAP_BYTES

COLLECTOR_KB = 4  # of the interpreter's heap, its own tables

images = cache(updating_board.images)


@pytest.mark.parametrize("by_delta", [False, True])
def test_an_update_works_with_the_least_heap_that_an_image_asks_for(
    tmp_path: Path, by_delta: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    found = updating_board.update(tmp_path / "board", *images(), MINIMUM_HEAP_BYTES // 1024 + COLLECTOR_KB, by_delta)
    with capsys.disabled():
        print(f"\nheap {found.heap_bytes} B, of it free before {found.free_heap_bytes} B: {found.how}")
    assert found.how.startswith("by a delta" if by_delta else "whole")
