"""The host's side of the simulated chip's ROM loader: erase, write, verify, run over a serial port."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

from boards.schema import Board
from protocol.wire import messages
from protocol.wire.errors import WireError
from protocol.wire.link import FrameReader, encode_frame
from protocol.wire.link_enumerations import LINK_RESULTS
from tools.release.build import initial_boot_record

Progress = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all."""

_WRITE_BYTES = 2048
_BLANK = b"\xff"
_ANSWER_LIMIT_S = 3.0
_ATTEMPTS = 3


class LoaderError(Exception):
    """The ROM loader does not answer, refuses, or wrote other bytes than it was given."""


class SerialPort(Protocol):
    """What is needed of a pyserial port; `timeout` bounds a read, in seconds."""

    timeout: float | None

    def read(self, size: int = 1, /) -> bytes: ...
    def write(self, data: bytes, /) -> int | None: ...


@dataclass(frozen=True, slots=True)
class LoaderInfo:
    """What the chip says of itself."""

    board: str
    hardware_revision: int
    board_uid: bytes
    flash_bytes: int
    block_bytes: int


class Loader:
    """Asks one question at a time; each is safe to repeat, and is repeated when no answer comes."""

    def __init__(self, port: SerialPort) -> None:
        self._port = port
        self._frames = FrameReader()
        self._sequence = 0

    def hello(self) -> LoaderInfo:
        """Who is there; LoaderError if it is no ROM loader."""
        return LoaderInfo(**self._ask("loader_hello", {}, "loader_info").values)

    def erase(self, offset: int, length: int, block_bytes: int) -> None:
        """Erases the blocks that `length` bytes from `offset` on touch."""
        first = offset // block_bytes
        self._ask("loader_erase", {"block": first, "blocks": -(-(offset + length) // block_bytes) - first}, "done")

    def write(self, offset: int, data: bytes, progress: Progress = lambda done, total: None) -> None:
        """Writes `data` to erased flash and verifies it by its digest."""
        for at in range(0, len(data), _WRITE_BYTES):
            part = data[at : at + _WRITE_BYTES]
            if part.strip(_BLANK):
                self._ask("loader_write", {"offset": offset + at, "data": part}, "done")
            progress(at + len(part), len(data))
        if self.digest(offset, len(data)) != sha256(data).digest():
            raise LoaderError(f"flash at {offset:#x} holds other bytes than the {len(data)} written; flash again")

    def digest(self, offset: int, length: int) -> bytes:
        """The SHA-256 of `length` bytes of flash from `offset` on."""
        found: bytes = self._ask("loader_digest", {"offset": offset, "length": length}, "loader_digest_reply")["sha256"]
        return found

    def run(self) -> None:
        """Leaves the loader and starts what is in flash."""
        self._ask("loader_run", {}, "done")

    def _ask(self, name: str, values: dict[str, Any], wanted: str) -> messages.Message:
        self._sequence += 1
        frame = encode_frame(messages.pack(name, values, 0, self._sequence))
        for _ in range(_ATTEMPTS):
            self._port.write(frame)
            answer = self._answer(time.monotonic() + _ANSWER_LIMIT_S)
            if answer is None:
                continue
            if answer.name == "done" and answer["result"] != LINK_RESULTS.index("ok"):
                raise LoaderError(f"{name}: {LINK_RESULTS[answer['result']]}: {answer['detail']}")
            if answer.name != wanted:
                raise LoaderError(f"{name} was answered by {answer.name}; is another program on the port?")
            return answer
        raise LoaderError(f"no answer to {name}: is the board on, and in its ROM loader?")

    def _answer(self, deadline: float) -> messages.Message | None:
        """The message that repeats this request's sequence; None when time is up."""
        self._port.timeout = _ANSWER_LIMIT_S / 10
        while time.monotonic() < deadline:
            waiting = getattr(self._port, "in_waiting", 1)
            for payload in self._frames.feed(self._port.read(max(1, waiting))):
                try:
                    message: messages.Message = messages.unpack(payload)
                except WireError:
                    continue
                if message.sequence == self._sequence:
                    return message
        return None


def write_first_image(
    loader: Loader, board: Board, image: bytes, progress: Progress = lambda done, total: None
) -> None:
    """Fills a bare board: the whole flash is erased, the image goes to slot A, the boot record comes last.

    Cut at any step, the board is in its ROM loader at the next start, and this can be done again.
    """
    flash = board.flash
    slot, record = flash.partitions["slot_a"], flash.partitions["boot_record"]
    if len(image) > slot.bytes:
        raise LoaderError(f"the image has {len(image)} bytes, a slot of board {board.name} takes {slot.bytes}")
    loader.erase(0, flash.bytes, flash.block_bytes)
    loader.write(slot.offset, image, progress)
    loader.write(record.offset, initial_boot_record(image))
