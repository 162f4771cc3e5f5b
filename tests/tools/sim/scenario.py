"""Images with a main of a test's own, and boards that run them: everything else is the real firmware."""

import shutil
from pathlib import Path
from typing import Any

import serial

from boards import catalogue
from protocol.wire import messages
from protocol.wire.link import FrameReader, encode_frame
from tools.release.build import REPOSITORY, build_image
from tools.sim.board import SimBoard
from tools.sim.folder import Pins
from tools.sim.loader import Loader, write_first_image

BOARD = catalogue.load("simulated")
LIMIT_S = 20.0

# A unit that installs next.img from its folder, and confirms what it finds itself running on trial.
UPDATER = """
import time
from hashlib import sha256
from ports.unix.board import Board
from ports.unix.slots import Slots


def run(handover):
    board = Board(handover)
    slots = Slots(handover.flash, handover.slot)
    if slots.trial:
        slots.confirm()
    if handover.header.version == "1.0.0" and not slots.revert_reason:
        install(handover.directory + "/next.img", board, slots)
        board.restart()
    board.pins.report({"state": "ready", "revert_reason": slots.revert_reason})
    while True:
        board.feed_watchdog()
        time.sleep_ms(200)


def install(path, board, slots):
    digest, at = sha256(), 0
    buffer = bytearray(1024)
    with open(path, "rb") as file:
        while True:
            count = file.readinto(buffer)
            if not count:
                break
            if at % 4096 == 0:
                slots.other.erase(at, 4096)
            slots.other.program(at, memoryview(buffer)[:count])
            digest.update(memoryview(buffer)[:count])
            at += count
            board.pins.report({"written": at})
    slots.stage(at, digest.digest())
    slots.arm_trial()
    board.pins.report({"armed": True})
"""

FAILING = """
def run(handover):
    raise RuntimeError("broken on purpose")
"""


def image_of(folder: Path, main: str, version: str = "1.0.0", counter: int = 1) -> bytes:
    """An image of the repository's firmware with `main` as its main.py."""
    source = folder / f"source-{version}"
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(REPOSITORY / "firmware", source / "firmware", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(
        REPOSITORY / "protocol" / "wire", source / "protocol" / "wire", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(REPOSITORY / "protocol" / "__init__.py", source / "protocol")
    (source / "firmware" / "main.py").write_text(main)
    return build_image("simulated", version, counter, source=source)


def flash(board: SimBoard, image: bytes) -> None:
    """Writes a bare board over its serial port, as a station does, and starts it."""
    with serial.Serial(str(board.usb), timeout=1) as port:
        loader = Loader(port)
        write_first_image(loader, BOARD, image)
        loader.run()


def running(board: SimBoard, image: bytes) -> SimBoard:
    """`board`, switched on, flashed and started."""
    board.power_on()
    flash(board, image)
    return board


def reports(**facts: Any) -> Any:
    """A predicate on Pins: every fact has that value."""

    def holds(pins: Pins) -> bool:
        return all(getattr(pins, name, pins.more.get(name)) == value for name, value in facts.items())

    return holds


def ask(port: serial.Serial, name: str, **values: Any) -> messages.Message:
    """The unit's answer to one question."""
    port.write(encode_frame(messages.pack(name, values, 1, 1)))
    frames = FrameReader()
    while data := port.read(max(1, port.in_waiting)):
        for payload in frames.feed(data):
            return messages.unpack(payload)
    raise AssertionError(f"no answer to {name}")
