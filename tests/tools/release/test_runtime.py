"""The board folder for MicroPython's own build; that build needs its compilers and is done by hand (docs/boards.md)."""

from pathlib import Path

import pytest

from boards import catalogue
from boards.partition_table import table_csv
from tests.firmware.ports.hardware.test_boot import flashed, hello, started
from tools.release.build import HOST_PORT, BuildError
from tools.release.runtime import board_folder, write_board_folder

REAL = [name for name in catalogue.names() if catalogue.load(name).port != HOST_PORT]


@pytest.mark.parametrize("name", REAL)
def test_a_real_board_has_a_folder_for_micropythons_build(name: str, tmp_path: Path) -> None:
    files = board_folder(catalogue.load(name), tmp_path)
    assert {"manifest.py", "mpconfigboard.cmake", "mpconfigboard.h", "modules/boot.py", "modules/_boot.py"} <= set(
        files
    )
    assert b"#define MICROPY_VFS_ROM (1)" in files["mpconfigboard.h"]
    assert f'"Plugtone {name}"'.encode() in files["mpconfigboard.h"]


def test_an_esp32s_build_is_told_where_the_partitions_are(tmp_path: Path) -> None:
    board = catalogue.load("wesp32")
    files = board_folder(board, tmp_path)
    assert files["partitions.csv"].decode() == table_csv(board)
    assert f'"{tmp_path}/partitions.csv"' in files["sdkconfig.board"].decode()
    assert b"CONFIG_ESPTOOLPY_FLASHSIZE_8MB=y" in files["sdkconfig.board"]


def test_an_rp2040s_header_is_micropythons_own_for_that_board(tmp_path: Path) -> None:
    header = board_folder(catalogue.load("w5500-evb-pico"), tmp_path)["mpconfigboard.h"].decode()
    # ports/rp2/boards/W5500_EVB_PICO/mpconfigboard.h: 1408 KB of storage, SPI 0 on 18, 19 and 16, 17, 20, 21.
    found = dict(line.removeprefix("#define ").split(" ", 1) for line in header.splitlines() if line.startswith("#"))
    assert found["MICROPY_HW_FLASH_STORAGE_BYTES"] == f"({1408 * 1024})"
    pins = ("SPI_SCK", "SPI_MOSI", "SPI_MISO", "PIN_CS", "PIN_RST", "PIN_INTN")
    assert [found[f"MICROPY_HW_WIZNET_{pin}"] for pin in pins] == ["(18)", "(19)", "(16)", "(17)", "(20)", "(21)"]


def test_the_boot_stage_that_is_frozen_boots_an_image(tmp_path: Path) -> None:
    board = catalogue.load("w5500-evb-pico")
    write_board_folder(board, tmp_path / "runtime")
    unit = started(board, flashed(board, tmp_path / "flash"), "run", tmp_path / "runtime" / "modules")
    try:
        reply = hello(unit)
    finally:
        unit.kill()
        unit.communicate()
    assert reply is not None
    assert reply["board"] == board.name


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(BuildError, match=r"holds letters\.txt"):
        write_board_folder(catalogue.load("wesp32"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


def test_the_simulated_board_needs_none(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="needs no runtime"):
        board_folder(catalogue.load("simulated"), tmp_path)
