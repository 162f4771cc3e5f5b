"""Which flasher a port gets: by the board that is meant, or by the USB ids that are seen."""

from pathlib import Path

import pytest

from boards import catalogue
from tools.station.errors import StationError
from tools.station.flasher import SimulatedFlasher, board_of, flasher_for
from tools.station.flashers.esp32 import EsptoolFlasher


class QuietPort:
    """A serial port nobody answers on."""

    timeout: float | None = None

    def read(self, size: int = 1, /) -> bytes:
        return b""

    def write(self, data: bytes, /) -> int:
        return len(data)


def test_a_port_without_usb_ids_is_the_simulated_boards() -> None:
    assert board_of(None).name == "simulated"
    assert isinstance(flasher_for(QuietPort()), SimulatedFlasher)
    assert isinstance(flasher_for(QuietPort(), catalogue.load("simulated")), SimulatedFlasher)


@pytest.mark.parametrize("ids", [(0x2E8A, 0x0003), (0x2E8A, 0x0005)])
def test_a_board_is_known_by_its_ids_in_either_mode(ids: tuple[int, int]) -> None:
    assert board_of(ids).name == "w5500-evb-pico"


def test_a_bridge_that_several_boards_have_is_not_guessed_at() -> None:
    with pytest.raises(StationError, match=r"esp32-lan8720, wesp32 all show 10c4:ea60; say which by --board"):
        board_of((0x10C4, 0xEA60))


def test_unknown_ids_are_named() -> None:
    with pytest.raises(StationError, match=r"no board shows 1209:0001; known boards: .*wesp32"):
        board_of((0x1209, 0x0001))


def test_each_kind_of_loader_has_its_flasher(tmp_path: Path) -> None:
    assert isinstance(flasher_for(QuietPort(), catalogue.load("wesp32"), tmp_path), EsptoolFlasher)
    with pytest.raises(StationError, match="no boot drive RPI-RP2 is mounted"):
        flasher_for(None, catalogue.load("w5500-evb-pico"), tmp_path)
    with pytest.raises(StationError, match="name it by --port"):
        flasher_for(None, catalogue.load("wesp32"), tmp_path)
