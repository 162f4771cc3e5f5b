"""The rig: a board on a port, in a state a test names; the simulated board unless `--port` names a real one.

The same tests run on both. What they see of a board is its USB serial link, through pytest-embedded's `dut`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import serial
from pytest_embedded import Dut

from boards import catalogue
from hil_tests.link import Link
from tools.release.build import build_image
from tools.sim.board import SimBoard
from tools.sim.loader import Loader, write_first_image


@pytest.fixture(scope="session")
def image() -> bytes:
    """The first image a station writes."""
    return build_image("simulated", "1.0.0", 1)


@pytest.fixture
def bare_board(tmp_path: Path) -> Iterator[SimBoard]:
    """State `bare`: powered, nothing in flash, in its ROM loader."""
    with SimBoard.create(tmp_path / "board") as board:
        board.power_on()
        yield board


@pytest.fixture
def factory_board(bare_board: SimBoard, image: bytes) -> SimBoard:
    """State `factory`: the first image runs, nothing is provisioned."""
    with serial.Serial(str(bare_board.usb), timeout=1) as port:
        loader = Loader(port)
        write_first_image(loader, catalogue.load("simulated"), image)
        loader.run()
    bare_board.wait(lambda pins: pins.slot is not None, 10)
    return bare_board


@pytest.fixture
def port(request: pytest.FixtureRequest) -> str:
    """The serial port pytest-embedded opens: `--port`, or a simulated board's, in factory mode."""
    given: str | None = request.config.getoption("port", None)
    return given or str(request.getfixturevalue("factory_board").usb)


@pytest.fixture
def embedded_services() -> str:
    """What pytest-embedded brings: a serial port and the `dut` that reads it."""
    return "serial"


@pytest.fixture
def link(dut: Dut) -> Link:
    """Questions and answers over the board's USB serial link."""
    return Link(dut)
