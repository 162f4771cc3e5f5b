"""A call of the story counts once the units have kept its record; one that a loss of power took is made again.

The boards stand in for themselves here: their pins are what a launcher shows of them, one look after the other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from adapter.line import HANG_UP_MS
from tools.demo.calling import ATTEMPTS, called_until_kept
from tools.demo.narrator import Narrator
from tools.demo.world import NotSeenError, World
from tools.sim.board import SimBoard
from tools.sim.folder import Pins
from tools.sim.service import Service

SERIAL = "PT000000018"


class Board:
    """Shows the next of its pins at each look, and the last one from then on."""

    def __init__(self, *looks: tuple[int, str]) -> None:
        self._looks = [Pins.of({"pid": pid, "line": line}) for pid, line in looks]

    def pins(self) -> Pins:
        return self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]


def call_at(folder: Path, board: Board) -> Callable[[], tuple[float, int]]:
    """Makes a call there: what it came to, and how many it took."""
    made: list[float] = []
    world = World(folder, Service(folder, {}), Narrator(as_json=True), passphrase="")
    world.boards[SERIAL] = cast("SimBoard", board)

    def attempt() -> float:
        assert not made or time.monotonic() - made[-1] > HANG_UP_MS / 1000, "the hook was only tapped"
        made.append(time.monotonic())
        return float(len(made))

    return lambda: (called_until_kept(world, [SERIAL], attempt), len(made))


def test_a_call_is_over_when_the_unit_says_so(tmp_path: Path) -> None:
    board = Board((7, "registered"), (7, "in_call"), (7, "in_call"), (7, "registered"))
    assert call_at(tmp_path, board)() == (1.0, 1)
    assert board.pins().more["line"] == "registered"


def test_a_call_whose_unit_loses_its_power_before_it_keeps_the_record_is_made_again(tmp_path: Path) -> None:
    board = Board(
        (7, "registered"), (7, "in_call"), (0, "in_call"), (8, "registered"), (8, "in_call"), (8, "registered")
    )
    assert call_at(tmp_path, board)() == (2.0, 2)


def test_a_unit_that_never_keeps_a_call_is_told_of(tmp_path: Path) -> None:
    boards = [look for pid in range(ATTEMPTS) for look in ((2 * pid + 1, "registered"), (2 * pid + 2, "registered"))]
    with pytest.raises(NotSeenError, match="lost its power"):
        call_at(tmp_path, Board(*boards))()
