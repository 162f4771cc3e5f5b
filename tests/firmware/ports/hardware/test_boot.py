"""The images of real boards, started on MicroPython's unix port with the chip's modules faked (fake_chip.py)."""

import os
import select
import subprocess
import time
from pathlib import Path

import pytest

from boards import catalogue
from boards.schema import Board
from protocol.wire import messages
from protocol.wire.enumerations import BOOT_REASONS
from protocol.wire.link import FrameReader, encode_frame
from protocol.wire.link_enumerations import LINK_MODES
from tests.conftest import micropython_path
from tools.release.build import build_boot_rom, build_image, initial_boot_record, modules_of

ONE_OF_EACH_PORT = ("esp32-lan8720", "w5500-evb-pico")
HEAP_BYTES = 8 << 20  # beside the flash, which lies in it here
SCRIPT = Path(__file__).parent / "fake_chip.py"
LIMIT_S = 30.0


def flashed(board: Board, path: Path) -> Path:
    """A file as the flash of that board after its station wrote version 1.2.3."""
    image = build_image(board.name, "1.2.3", 5)
    flash = bytearray(b"\xff" * board.flash.bytes)
    for name, data in (("slot_a", image), ("boot_record", initial_boot_record(image))):
        offset = board.flash.partitions[name].offset
        flash[offset : offset + len(data)] = data
    path.write_bytes(flash)
    return path


def started(board: Board, flash: Path, what: str, boot_rom: Path | None = None) -> subprocess.Popen[bytes]:
    heap = f"heapsize={board.flash.bytes + HEAP_BYTES}"
    arguments = [SCRIPT, boot_rom or build_boot_rom(board.name), flash, board.port, what]
    return subprocess.Popen(
        [micropython_path(), "-X", heap, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("name", ONE_OF_EACH_PORT)
def test_every_module_of_a_boards_image_can_be_imported(name: str, tmp_path: Path) -> None:
    board = catalogue.load(name)
    out, errors = started(board, flashed(board, tmp_path / "flash"), "import").communicate(timeout=LIMIT_S)
    assert out.decode().split() == [
        str(len(modules_of(board.name))), board.name, "0", str(BOOT_REASONS.index("power_on")),
    ], (out + errors).decode()  # fmt: skip


@pytest.mark.parametrize(
    ("name", "uid"), [("esp32-lan8720", "0000240ac4010203"), ("w5500-evb-pico", "e661041003040506")]
)
def test_a_bare_board_waits_in_factory_mode_and_answers_the_station(name: str, uid: str, tmp_path: Path) -> None:
    board = catalogue.load(name)
    unit = started(board, flashed(board, tmp_path / "flash"), "run")
    try:
        reply = hello(unit)
    finally:
        unit.kill()
        _, errors = unit.communicate()
    assert reply is not None, errors.decode()
    assert (reply["board"], reply["version"], LINK_MODES[reply["mode"]]) == (name, "1.2.3", "factory")
    assert reply["board_uid"].hex() == uid


def hello(unit: subprocess.Popen[bytes]) -> messages.Message | None:
    assert unit.stdin is not None
    assert unit.stdout is not None
    unit.stdin.write(encode_frame(messages.pack("hello", {}, 1, 1)))
    unit.stdin.flush()
    frames = FrameReader()
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until and select.select([unit.stdout], [], [], LIMIT_S)[0]:
        data = os.read(unit.stdout.fileno(), 4096)
        if not data:
            return None
        for payload in frames.feed(data):
            message: messages.Message = messages.unpack(payload)
            return message
    return None


def test_an_image_whose_bytes_changed_in_flash_does_not_run(tmp_path: Path) -> None:
    board = catalogue.load("w5500-evb-pico")
    path = flashed(board, tmp_path / "flash")
    flash = bytearray(path.read_bytes())
    flash[board.flash.partitions["slot_a"].offset + 5000] ^= 1
    path.write_bytes(flash)
    unit = started(board, path, "import")
    _, errors = unit.communicate(timeout=LIMIT_S)
    assert unit.returncode == 4
    assert "slot 0: fails its hash" in errors.decode()
