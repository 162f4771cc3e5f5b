"""The ROM loader and its client: writing, verifying, and what a chip that holds an identity refuses."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from boards import catalogue
from protocol.wire import messages
from protocol.wire.boot_record import read_partition
from protocol.wire.link_enumerations import LINK_RESULTS
from tools.release.build import build_image
from tools.sim.folder import Chip
from tools.sim.loader import Loader, LoaderError, write_first_image
from tools.sim.rom_loader import RomLoader

BOARD = catalogue.load("simulated")
PARTITIONS = BOARD.flash.partitions
UID = bytes(range(8))


class LoopbackPort:
    """A serial port whose other end is the loader; loses the first `lost` answers."""

    def __init__(self, rom: RomLoader, lost: int = 0) -> None:
        self.timeout: float | None = None
        self._rom = rom
        self._lost = lost
        self._waiting = b""

    @property
    def in_waiting(self) -> int:
        return len(self._waiting)

    def write(self, data: bytes, /) -> int:
        answer = self._rom.feed(data)
        if self._lost:
            self._lost -= 1
        else:
            self._waiting += answer
        return len(data)

    def read(self, size: int = 1, /) -> bytes:
        data, self._waiting = self._waiting[:size], self._waiting[size:]
        return data


@pytest.fixture
def flash(tmp_path: Path) -> Path:
    path = tmp_path / "flash.bin"
    path.write_bytes(b"\xff" * BOARD.flash.bytes)
    return path


@pytest.fixture
def rom(flash: Path) -> RomLoader:
    return RomLoader(flash, BOARD, Chip("simulated", 3, UID))


def result(rom: RomLoader, name: str, **values: Any) -> str:
    answer, found = rom.handle(messages.unpack(messages.pack(name, values)))
    return str(LINK_RESULTS[found["result"]]) if answer == "done" else answer


def put_identity(flash: Path, data: bytes = b"\x00secret key") -> None:
    with flash.open("r+b") as file:
        file.seek(PARTITIONS["identity"].offset + 5000)
        file.write(data)


def test_a_bare_board_gets_its_first_image_and_a_boot_record_that_names_it(rom: RomLoader, flash: Path) -> None:
    image = build_image("simulated", "1.0.0", 1)
    steps: list[tuple[int, int]] = []
    loader = Loader(LoopbackPort(rom))
    assert loader.hello().board_uid == UID
    write_first_image(loader, BOARD, image, lambda done, total: steps.append((done, total)))
    loader.run()
    written = flash.read_bytes()
    slot, record = PARTITIONS["slot_a"], PARTITIONS["boot_record"]
    assert written[slot.offset : slot.offset + len(image)] == image
    boot_record = read_partition(written[record.offset : record.end])
    assert boot_record is not None
    assert (boot_record.confirmed, boot_record.slots[0]) == (0, (len(image), sha256(image).digest()))
    assert steps[-1] == (len(image), len(image))
    assert steps == sorted(steps)
    assert rom.run_wanted


def test_a_lost_answer_is_asked_for_again(rom: RomLoader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.sim.loader._ANSWER_LIMIT_S", 0.01)
    assert Loader(LoopbackPort(rom, lost=2)).hello().hardware_revision == 3
    with pytest.raises(LoaderError, match="no answer to loader_hello"):
        Loader(LoopbackPort(rom, lost=3)).hello()


def test_a_write_that_went_wrong_is_found_by_its_digest(rom: RomLoader, flash: Path) -> None:
    class WornPort(LoopbackPort):
        def write(self, data: bytes, /) -> int:
            sent = super().write(data)
            with flash.open("r+b") as file:
                file.seek(0x80010)
                file.write(b"\x00")
            return sent

    with pytest.raises(LoaderError, match="other bytes"):
        Loader(WornPort(rom)).write(0x80000, b"\x55" * 5000)


def test_flash_must_be_erased_before_it_is_written_again(rom: RomLoader, flash: Path) -> None:
    loader = Loader(LoopbackPort(rom))
    loader.write(0x80000, b"\x0f")
    before = flash.read_bytes()
    with pytest.raises(LoaderError, match="bad_value: write at 0x80000 would set bits"):
        loader.write(0x80000, b"\xf0")
    assert flash.read_bytes() == before
    loader.erase(0x80000, 1, 4096)
    loader.write(0x80000, b"\xf0")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("loader_erase", {"block": 511, "blocks": 2}),
        ("loader_write", {"offset": BOARD.flash.bytes - 1, "data": b"ab"}),
        ("loader_digest", {"offset": BOARD.flash.bytes - 1, "length": 2}),
    ],
)
def test_nothing_beyond_the_flash_is_touched(rom: RomLoader, flash: Path, name: str, values: dict[str, Any]) -> None:
    before = flash.read_bytes()
    assert result(rom, name, **values) == "bad_value"
    assert flash.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("loader_erase", {"block": 0x80, "blocks": 1}),
        ("loader_erase", {"block": 2, "blocks": 23}),
        ("loader_write", {"offset": 0x80000, "data": b"a program that tells the key"}),
        ("loader_digest", {"offset": PARTITIONS["identity"].offset, "length": 5001}),
        ("loader_digest", {"offset": 0, "length": BOARD.flash.bytes}),
    ],
)
def test_a_chip_with_an_identity_is_read_protected(
    rom: RomLoader, flash: Path, name: str, values: dict[str, Any]
) -> None:
    put_identity(flash)
    before = flash.read_bytes()
    assert result(rom, name, **values) == "refused"
    assert flash.read_bytes() == before


def test_erasing_the_whole_identity_opens_the_chip_again(rom: RomLoader, flash: Path) -> None:
    put_identity(flash)
    assert result(rom, "loader_erase", block=2, blocks=24) == "ok"
    assert b"secret" not in flash.read_bytes()
    assert result(rom, "loader_write", offset=0x80000, data=b"image") == "ok"


def test_the_firmwares_questions_are_answered_as_out_of_place(rom: RomLoader) -> None:
    assert result(rom, "hello") == "wrong_state"
