"""esptool against a ROM loader on a pseudo-terminal (esp32_rom.py): what is written, verified, refused.

The chip's own reset lines and esptool's stub need a real chip: docs/hardware-bring-up.md.
"""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
import serial

from boards import catalogue
from boards.partition_table import table_bytes
from boards.schema import Board
from tests.tools.station.conftest import Bench
from tests.tools.station.flashers.esp32_rom import Esp32Rom
from tests.tools.station.fleet_double import client_of
from tools.release.build import build_image, initial_boot_record
from tools.station import provision
from tools.station.errors import LinkError, StationError
from tools.station.flasher import Image
from tools.station.flashers.esp32 import EsptoolFlasher
from tools.station.journal import Journal
from tools.station.link import UnitLink
from tools.station.provision import Job

pytest.importorskip("esptool", reason="make esptool installs it")
BOARD = catalogue.load("esp32-lan8720")
IMAGE = b"an image " * 9000
# So short that a test of seconds holds it; a real one has 25 KB and 1.5 MB. 0xE9 begins a program of the ESP32.
RUNTIME = {"bootloader.bin": b"\xe9bootloader" * 300, "micropython.bin": b"\xe9micropython" * 3000}


@pytest.fixture
def chip() -> Iterator[Esp32Rom]:
    with Esp32Rom() as chip:
        yield chip


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    for name, data in RUNTIME.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


@pytest.fixture
def port(chip: Esp32Rom) -> Iterator[serial.Serial]:
    with serial.Serial(chip.port, 115200, exclusive=True) as port:
        yield port


def flasher_of(port: serial.Serial, runtime: Path, board: Board = BOARD) -> EsptoolFlasher:
    return EsptoolFlasher(port, board, runtime, reset="no-reset", stub=False)


def with_loader(**settings: str) -> Board:
    loader = BOARD.loader.model_copy(update=settings)
    return BOARD.model_copy(update={"loader": loader})


def test_the_chip_says_its_mac_and_its_flash(port: serial.Serial, runtime: Path) -> None:
    found = flasher_of(port, runtime).identify()
    assert (found.board, found.board_uid.hex(), found.flash_bytes) == ("esp32-lan8720", "0000240ac4010203", 4 << 20)


def test_a_bare_board_gets_all_there_is_and_starts(chip: Esp32Rom, port: serial.Serial, runtime: Path) -> None:
    flasher = flasher_of(port, runtime)
    seen: list[tuple[int, int]] = []
    flasher.write(BOARD, IMAGE, lambda done, total: seen.append((done, total)))
    flasher.run()
    flash = BOARD.flash
    wanted = bytearray(b"\xff" * flash.bytes)
    for offset, data in (
        (flash.runtime["bootloader"].offset, RUNTIME["bootloader.bin"]),
        (flash.runtime["partition_table"].offset, table_bytes(BOARD)),
        (flash.runtime["ota_0"].offset, RUNTIME["micropython.bin"]),
        (flash.partitions["slot_a"].offset, IMAGE),
        (flash.partitions["boot_record"].offset, initial_boot_record(IMAGE)),
    ):
        wanted[offset : offset + len(data)] = data
    assert chip.flash == wanted
    assert chip.started
    assert seen[-1][0] == seen[-1][1]


def test_a_bit_that_the_flash_lost_is_found(chip: Esp32Rom, port: serial.Serial, runtime: Path) -> None:
    chip.forgets_bit_at = BOARD.flash.partitions["slot_a"].offset + 1000
    with pytest.raises(StationError, match=r"MD5|other bytes"):
        flasher_of(port, runtime).write(BOARD, IMAGE)
    record = BOARD.flash.partitions["boot_record"]
    assert chip.flash[record.offset : record.end] == b"\xff" * record.bytes  # it starts no image


def test_a_wiped_chip_proves_it(chip: Esp32Rom, port: serial.Serial, runtime: Path) -> None:
    assert flasher_of(port, runtime).wipe(BOARD) == sha256(b"\xff" * BOARD.flash.bytes).hexdigest()
    assert chip.flash == b"\xff" * BOARD.flash.bytes


# Bits of the ESP32's eFuses (esptool/targets/esp32.py): FLASH_CRYPT_CNT, ABS_DONE_0, DISABLE_DL_ENCRYPT.
CRYPT, SECURE_V1, CLOSED = (0, 1 << 20), (6, 1 << 4), (6, 1 << 7)


@pytest.mark.parametrize(
    ("fuses", "settings", "said"),
    [
        ([CRYPT], {}, "flash_encryption development, boards/esp32-lan8720.toml says off"),
        ([], {"flash_encryption": "development"}, "flash_encryption off, boards/esp32-lan8720.toml says development"),
        ([SECURE_V1], {}, "secure_boot v1, boards/esp32-lan8720.toml says off"),
        ([], {"secure_boot": "v2"}, "secure_boot off, boards/esp32-lan8720.toml says v2"),
        ([CRYPT, CLOSED], {"flash_encryption": "release"}, "it can be updated by its firmware, not flashed here"),
    ],
)
def test_efuses_that_do_not_fit_the_board_file_are_refused_before_anything_is_erased(
    chip: Esp32Rom,
    port: serial.Serial,
    runtime: Path,
    fuses: list[tuple[int, int]],
    settings: dict[str, str],
    said: str,
) -> None:
    for word, bits in fuses:
        chip.fuses[word] = chip.fuses.get(word, 0) | bits
    before = bytes(chip.flash)
    with pytest.raises(StationError, match=said):
        flasher_of(port, runtime, with_loader(**settings)).write(BOARD, IMAGE)
    assert chip.flash == before


def test_a_smaller_flash_than_the_boards_is_refused(port: serial.Serial, runtime: Path) -> None:
    board = catalogue.load("wesp32")
    with pytest.raises(StationError, match="flash has 0x400000 bytes, board wesp32 has 0x800000"):
        flasher_of(port, runtime, board).write(board, IMAGE)


def test_a_silent_port_is_told_with_what_to_do(chip: Esp32Rom, port: serial.Serial, runtime: Path) -> None:
    chip.fall_silent()
    with pytest.raises(StationError, match="boot button held"):
        flasher_of(port, runtime).identify()


def test_a_runtime_that_is_not_there_stops_it_before_the_chip_is_asked(chip: Esp32Rom, port: serial.Serial) -> None:
    with pytest.raises(StationError, match=r"no runtime for board esp32-lan8720.*docs/boards\.md"):
        flasher_of(port, Path("nowhere")).write(BOARD, IMAGE)
    assert chip.operations == 0


def test_the_station_writes_an_esp32_that_answers_no_hello(
    chip: Esp32Rom, port: serial.Serial, runtime: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = build_image("esp32-lan8720", "1.0.0", 1)
    job = Job(Image.parse(image), bench.folder, "http://fleet.example/claim")
    monkeypatch.setattr(UnitLink.find, "__defaults__", (0.2,))
    monkeypatch.setattr(provision, "flasher_for", lambda port, board: flasher_of(port, runtime, board))
    with pytest.raises(LinkError, match="nobody answers"):  # this chip has no MicroPython to run it with
        provision.flash_unit(port, job, client_of(bench.fleet), Journal(bench.folder / "journal"), lambda *_: None)
    slot = BOARD.flash.partitions["slot_a"].offset
    assert chip.flash[slot : slot + len(image)] == image
    assert chip.started
    assert port.baudrate == 115_200
