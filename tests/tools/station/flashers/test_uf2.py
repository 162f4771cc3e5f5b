"""UF2 files both ways, and the boot drive: a folder stands for it, which a test takes away as the chip would."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boards import catalogue
from boards.loader import Uf2Loader
from tools.release.build import initial_boot_record
from tools.station.errors import StationError
from tools.station.flashers.uf2 import (
    BLOCK_BYTES,
    INFO_FILE,
    Drive,
    Uf2Error,
    Uf2Flasher,
    drive_of,
    read_uf2,
    write_uf2,
)

BOARD = catalogue.load("w5500-evb-pico")
assert isinstance(BOARD.loader, Uf2Loader)
FAMILY, BASE = BOARD.loader.family_id, BOARD.loader.flash_address
IMAGE = b"an image " * 5000
INFO = "UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: RPI-RP2\r\n"


@pytest.fixture
def drive(tmp_path: Path) -> Drive:
    return a_drive(tmp_path / "RPI-RP2")


def a_drive(path: Path, info: str = INFO) -> Drive:
    path.mkdir()
    (path / INFO_FILE).write_text(info, newline="")
    found = Drive.at(path)
    assert found is not None
    return found


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    program = {BASE + at: bytes([at >> 8]) * 256 for at in range(0, 4096, 256)}
    (tmp_path / "micropython.uf2").write_bytes(write_uf2(program, FAMILY))
    return tmp_path


@given(
    st.dictionaries(
        st.integers(0, 1 << 23).map(lambda page: page * 256), st.binary(min_size=1, max_size=256), min_size=1
    )
)
def test_what_is_written_is_read_again_in_its_order(pages: dict[int, bytes]) -> None:
    data = write_uf2(pages, FAMILY)
    assert len(data) == BLOCK_BYTES * len(pages)
    found = read_uf2(data, FAMILY)
    assert list(found.items()) == [(address, page.ljust(256, b"\0")) for address, page in pages.items()]


def test_a_block_is_what_the_specification_says() -> None:
    block = write_uf2({0x10000000: b"\x01\x02"}, 0xE48BFF56)
    assert block[:32].hex() == (
        "5546320a" "57515d9e" "00200000" "00000010" "00010000" "00000000" "01000000" "56ff8be4"
    )  # fmt: skip
    assert block[32:36] == b"\x01\x02\0\0"
    assert block[508:].hex() == "306fb10a"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data[:-1], "blocks of 512 bytes"),
        (lambda data: data[512:], "says it is 1 of 2"),
        (lambda data: b"x" + data[1:], "block 0 of the UF2 file is none"),
        (lambda data: data[:28] + b"\0\0\0\0" + data[32:], "is for family 0x0"),
        (lambda _: b"", "this has 0"),
    ],
)
def test_a_damaged_file_is_refused(change: object, said: str) -> None:
    data = write_uf2({BASE: b"a", BASE + 256: b"b"}, FAMILY)
    with pytest.raises(Uf2Error, match=said):
        read_uf2(change(data), FAMILY)  # type: ignore[operator]


def test_a_bare_board_gets_its_whole_flash_the_boot_record_last(drive: Drive, runtime: Path) -> None:
    flasher = Uf2Flasher(drive, BOARD, runtime)
    seen: list[tuple[int, int]] = []
    flasher.write(BOARD, IMAGE, lambda done, total: seen.append((done, total)))
    pages = read_uf2((drive.path / "plugtone.uf2").read_bytes(), FAMILY)
    flash, partitions = bytearray(BOARD.flash.bytes), BOARD.flash.partitions
    for address, page in pages.items():
        flash[address - BASE : address - BASE + 256] = page
    assert flash[:4096] == b"".join(bytes([index]) * 256 for index in range(16))
    slot, record = partitions["slot_a"].offset, partitions["boot_record"]
    first = initial_boot_record(IMAGE)
    assert flash[slot : slot + len(IMAGE)] == IMAGE
    assert flash[record.offset : record.end] == first.ljust(record.bytes, b"\xff")
    assert flash.count(0xFF) > BOARD.flash.bytes - 4096 - len(IMAGE) - 512  # all else is erased
    assert list(pages)[-1] == BASE + record.end - 256
    assert seen[-1][0] == seen[-1][1] == 512 * len(pages)


def test_a_copy_is_done_when_the_drive_is_gone(drive: Drive, runtime: Path) -> None:
    clock = iter(range(100))
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            (drive.path / INFO_FILE).unlink()

    flasher = Uf2Flasher(drive, BOARD, runtime, lambda: next(clock), pause)
    with pytest.raises(StationError, match="nothing was written"):
        flasher.run()
    flasher.write(BOARD, IMAGE)
    flasher.run()
    assert len(pauses) == 3


def test_a_drive_that_stays_did_not_take_the_file(drive: Drive, runtime: Path) -> None:
    clock = iter(range(0, 1000, 10))
    flasher = Uf2Flasher(drive, BOARD, runtime, lambda: next(clock), lambda seconds: None)
    flasher.write(BOARD, IMAGE)
    with pytest.raises(StationError, match="still there 60 s after the copy"):
        flasher.run()


def test_another_boards_drive_is_refused(tmp_path: Path, runtime: Path) -> None:
    other = a_drive(tmp_path / "RP2350", "Board-ID: RP2350\n")
    with pytest.raises(StationError, match="says Board-ID 'RP2350', board w5500-evb-pico says RPI-RP2"):
        Uf2Flasher(other, BOARD, runtime)


def test_a_runtime_that_reaches_into_our_partitions_is_refused(drive: Drive, runtime: Path) -> None:
    (runtime / "micropython.uf2").write_bytes(write_uf2({BASE + 0xA0000: b"x"}, FAMILY))
    with pytest.raises(StationError, match=r"0x100a0000, outside flash.runtime.program"):
        Uf2Flasher(drive, BOARD, runtime).write(BOARD, IMAGE)
    assert not (drive.path / "plugtone.uf2").exists()


def test_the_one_drive_that_fits_is_found(tmp_path: Path, drive: Drive) -> None:
    other = a_drive(tmp_path / "other", "Board-ID: RP2350\n")
    places = [tmp_path / "nothing", other.path, drive.path]
    assert drive_of(["RPI-RP2"], places) == drive
    with pytest.raises(StationError, match="no boot drive RPI-RP2 is mounted; hold the board's boot button"):
        drive_of(["RPI-RP2"], places[:2])
    second = a_drive(tmp_path / "second")
    with pytest.raises(StationError, match="several boot drives"):
        drive_of(["RPI-RP2"], [*places, second.path])


def test_a_wipe_that_cannot_be_proved_is_refused(drive: Drive, runtime: Path) -> None:
    with pytest.raises(StationError, match="cannot prove"):
        Uf2Flasher(drive, BOARD, runtime).wipe(BOARD)
