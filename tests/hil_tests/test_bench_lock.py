"""Two jobs never share a board, and the second is told who has it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hil_tests.rig.bench_lock import held
from hil_tests.rig.errors import BenchHeldError


def test_a_second_job_is_told_who_has_the_board(tmp_path: Path) -> None:
    with (
        held("left", ["/dev/ttyUSB0"], tmp_path),
        pytest.raises(BenchHeldError, match=f"/dev/ttyUSB0 .* process {os.getpid()} since"),
        held("left", ["/dev/ttyUSB0"], tmp_path),
    ):
        pass


def test_the_board_is_free_again_afterwards_also_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), held("left", ["/dev/ttyUSB0"], tmp_path):
        raise ZeroDivisionError
    with held("left", ["/dev/ttyUSB0"], tmp_path):
        pass


def test_who_cannot_have_all_boards_of_a_bench_holds_none(tmp_path: Path) -> None:
    with held("right", ["/dev/ttyUSB1"], tmp_path):
        with pytest.raises(BenchHeldError), held("left", ["/dev/ttyUSB0", "/dev/ttyUSB1"], tmp_path):
            pass
        with held("other", ["/dev/ttyUSB0"], tmp_path):
            pass


def test_a_board_is_the_same_by_whatever_name_its_port_has(tmp_path: Path) -> None:
    (tmp_path / "ttyUSB0").touch()
    (tmp_path / "by-path").symlink_to(tmp_path / "ttyUSB0")
    with (
        held("left", [str(tmp_path / "ttyUSB0")], tmp_path),
        pytest.raises(BenchHeldError),
        held("left", [str(tmp_path / "by-path")], tmp_path),
    ):
        pass
