"""Files over a prompt: the unix port's own, on a pseudo-terminal, stands for a board with stock MicroPython."""

import os
import subprocess
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import micropython_path
from tools.station.errors import StationError
from tools.station.flashers import files
from tools.station.flashers.files import at_prompt


@pytest.fixture
def port(tmp_path: Path) -> Iterator[str]:
    master, slave = os.openpty()
    tty.setraw(slave)
    board = subprocess.Popen([micropython_path()], stdin=master, stdout=master, stderr=subprocess.DEVNULL, cwd=tmp_path)
    yield os.ttyname(slave)
    board.kill()
    board.wait()
    os.close(master)
    os.close(slave)


def test_files_are_put_there_whole_and_once(port: str, tmp_path: Path) -> None:
    wanted = {f"{tmp_path}/lib/deep/x.py": b"print(1)\n" * 300, f"{tmp_path}/y": bytes(range(256)) * 3}
    with at_prompt(port) as board:
        assert (board.identify().name, board.identify().platform) == ("micropython", "linux")
        assert board.put(wanted) == sorted(wanted)
        changed = {**wanted, f"{tmp_path}/y": b"other"}
        assert board.put(changed) == [f"{tmp_path}/y"]
    assert {str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == changed


def test_what_the_board_cannot_do_is_told(port: str) -> None:
    with pytest.raises(StationError, match=r"could not: .*/proc/nothing"), at_prompt(port) as board:
        board.put({"/proc/nothing/x": b"1"})


def test_a_unit_without_a_prompt_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PROMPT_LIMIT_S", 0.3)
    master, slave = os.openpty()
    tty.setraw(slave)
    with pytest.raises(StationError, match="no prompt of MicroPython"), at_prompt(os.ttyname(slave)):
        pytest.fail("there is nobody")
    os.close(master)
    os.close(slave)
