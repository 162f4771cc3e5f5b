"""The MicroPython that a real board needs, as a board folder for MicroPython's own build: `make BOARD_DIR=FOLDER`.

A runtime is built once per board and flashed by the station under every image: MicroPython with ROMFS and Ethernet and
without a file system, the boot stage frozen into it, and our partition table. docs/boards.md says how it is built.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from boards.link import SpiLink
from boards.partition_table import table_csv
from boards.schema import Board
from tools.release.build import HOST_PORT, BuildError, boot_sources

_MODULES: Final = "modules"
# MicroPython runs a frozen _boot.py, then a frozen boot.py (shared/runtime/pyexec.c): its own would make a file system.
_NO_FILE_SYSTEM: Final = b'"""No file system is mounted: the boot stage is boot.py."""\n'
_MANIFEST: Final = """# Frozen into the runtime of board {name}: asyncio, and the boot stage.
include("$(MPY_DIR)/extmod/asyncio")
freeze("modules")
"""
_ESP32_CMAKE: Final = """set(SDKCONFIG_DEFAULTS
    boards/sdkconfig.base
    ${SDKCONFIG_IDF_VERSION_SPECIFIC}
    ${MICROPY_BOARD_DIR}/sdkconfig.board
)
set(MICROPY_FROZEN_MANIFEST ${MICROPY_BOARD_DIR}/manifest.py)
"""
_ESP32_SDKCONFIG: Final = """CONFIG_ESPTOOLPY_FLASHSIZE_{megabytes}MB=y
CONFIG_PARTITION_TABLE_CUSTOM=y
CONFIG_PARTITION_TABLE_CUSTOM_FILENAME="{folder}/partitions.csv"
CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE=y
"""
_RP2_CMAKE: Final = """set(PICO_BOARD wiznet_w5100s_evb_pico)
set(MICROPY_PY_LWIP 1)
set(MICROPY_PY_NETWORK_WIZNET5K {controller})
set(MICROPY_FROZEN_MANIFEST ${{MICROPY_BOARD_DIR}}/manifest.py)
"""


def board_folder(board: Board, folder: Path) -> dict[str, bytes]:
    """The files of the board's folder, by their path in it; `folder` is where it will stand, as ESP-IDF asks for it."""
    if board.port == HOST_PORT:
        raise BuildError(f"board {board.name} needs no runtime built: it is the unix port, as installed")
    files = {f"{_MODULES}/{name}": source for name, source in boot_sources(board).items()}
    files[f"{_MODULES}/_boot.py"] = _NO_FILE_SYSTEM
    files["manifest.py"] = _MANIFEST.format(name=board.name).encode()
    files["mpconfigboard.h"] = _header(board).encode()
    if isinstance(board.link, SpiLink):
        files["mpconfigboard.cmake"] = _RP2_CMAKE.format(controller=board.link.controller).encode()
    else:
        files["mpconfigboard.cmake"] = _ESP32_CMAKE.encode()
        megabytes = board.flash.bytes >> 20
        files["sdkconfig.board"] = _ESP32_SDKCONFIG.format(megabytes=megabytes, folder=folder.resolve()).encode()
        files["partitions.csv"] = table_csv(board).encode()
    return files


def write_board_folder(board: Board, folder: Path) -> list[Path]:
    """Write those files; BuildError if the folder holds something else already."""
    files = board_folder(board, folder)
    found = [path for path in folder.rglob("*") if path.is_file()]
    strange = [path for path in found if path.relative_to(folder).as_posix() not in files]
    if strange:
        raise BuildError(f"{folder} holds {strange[0].name}, which is no file of a runtime's; take an empty folder")
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return sorted(folder / name for name in files)


def _header(board: Board) -> str:
    defines: list[tuple[str, object]] = [
        ("MICROPY_HW_BOARD_NAME", f'"Plugtone {board.name}"'),
        ("MICROPY_HW_MCU_NAME", f'"{board.chip.upper()}"'),
        ("MICROPY_VFS_ROM", 1),
        ("MICROPY_PY_BLUETOOTH", 0),
    ]
    link = board.link
    if isinstance(link, SpiLink):
        defines += [
            ("MICROPY_HW_FLASH_STORAGE_BYTES", board.flash.bytes - board.flash.runtime["program"].end),
            ("MICROPY_PY_NETWORK", 1),
            ("MICROPY_HW_WIZNET_SPI_ID", link.bus),
            ("MICROPY_HW_WIZNET_SPI_BAUDRATE", link.frequency_hz),
            ("MICROPY_HW_WIZNET_SPI_SCK", link.sck),
            ("MICROPY_HW_WIZNET_SPI_MOSI", link.mosi),
            ("MICROPY_HW_WIZNET_SPI_MISO", link.miso),
            ("MICROPY_HW_WIZNET_PIN_CS", link.cs),
            ("MICROPY_HW_WIZNET_PIN_RST", link.reset),
            ("MICROPY_HW_WIZNET_PIN_INTN", link.interrupt),
        ]
    lines = [f"// Board {board.name}; generated from boards/{board.name}.toml."]
    return "\n".join([*lines, *(f"#define {name} {_in_brackets(value)}" for name, value in defines), ""])


def _in_brackets(value: object) -> str:
    """A number as MicroPython's headers write it; a text as it is."""
    return f"({value})" if isinstance(value, int) else str(value)
