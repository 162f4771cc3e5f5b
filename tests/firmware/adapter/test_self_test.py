"""Which faults of the hardware a new image answers for."""

from pathlib import Path

import pytest

from adapter import self_test
from tests.firmware.adapter.factory_bench import Bench, BenchBoard


@pytest.fixture
def board(tmp_path: Path) -> BenchBoard:
    return Bench(tmp_path / "flash").board


class DeafUsb:
    """A computer that asks and never reads the answers."""

    dropped = 80


def failed(board: BenchBoard) -> list[str]:
    clock_ms = iter(range(1 << 20))
    names: list[str] = self_test.failures(self_test.run(board, None, lambda: next(clock_ms)))
    return names


def test_an_image_is_not_sent_back_for_what_is_at_the_other_end_of_its_cables(board: BenchBoard) -> None:
    board.link_up = False
    board.usb = DeafUsb()
    assert failed(board) == ["ethernet", "usb"]
    assert self_test.of_image(failed(board)) == []


def test_an_image_is_sent_back_for_what_it_may_have_broken(board: BenchBoard) -> None:
    board.link_up = False
    board.random = bytes
    assert self_test.of_image(failed(board)) == ["entropy"]
