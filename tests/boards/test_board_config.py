"""What the firmware on a real chip is told of its board."""

import pytest

from boards import catalogue
from boards.board_config import board_config_source


def config_of(name: str) -> dict[str, object]:
    module: dict[str, object] = {}
    exec(board_config_source(catalogue.load(name)), module)
    return module


def test_it_says_what_hangs_on_which_pin() -> None:
    config = config_of("wesp32")
    assert (config["BOARD"], config["HARDWARE_REVISION"], config["WATCHDOG_MS"]) == ("wesp32", 7, 8000)
    assert config["LINK"] == {
        "phy": "RTL8201", "phy_address": 0, "mdc": 16, "mdio": 17, "power": None, "clock": 0, "clock_mode": "in",
    }  # fmt: skip
    line = config["LINE"]
    assert isinstance(line, dict)
    assert (line["hook"], line["ear"]) == (36, {"bus": 0, "sck": 18, "ws": 23, "sd": 32})


def test_a_board_without_a_line_says_so() -> None:
    assert config_of("olimex-esp32-poe")["LINE"] is None


def test_a_button_on_the_links_clock_is_not_the_firmwares_to_read() -> None:
    assert config_of("olimex-esp32-poe")["BOOT_BUTTON"] == 34
    assert catalogue.load("esp32-lan8720").pins.boot_button == 0
    assert config_of("esp32-lan8720")["BOOT_BUTTON"] is None


def test_the_flash_of_an_rp2040_is_counted_from_its_program_on() -> None:
    assert config_of("w5500-evb-pico")["PROGRAM_BYTES"] == 0xA0000


def test_a_simulated_board_has_no_pins_to_tell_of() -> None:
    with pytest.raises(ValueError, match="is simulated"):
        board_config_source(catalogue.load("simulated"))
