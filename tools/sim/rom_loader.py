"""The simulated chip's ROM loader: erases, writes and digests flash over the serial link, and runs what is there.

It never reads flash out. A chip that holds an identity is read-protected: before anything may be written
or digested the whole identity partition must be erased, so that nobody who holds the boot button can
load a program that gives the private key away, or find the key by digests of ever longer stretches.
"""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from boards.schema import Board
from protocol.wire import messages
from protocol.wire.errors import WireError
from protocol.wire.link import FrameReader, encode_frame
from protocol.wire.link_enumerations import LINK_RESULTS
from tools.sim.folder import Chip

Answer = tuple[str, dict[str, Any]]


class RomLoader:
    """Frames in, frames out; `run_wanted` becomes True after `loader_run`."""

    def __init__(self, flash: Path, board: Board, chip: Chip) -> None:
        self.run_wanted = False
        self._flash = flash
        self._board = board
        self._chip = chip
        self._frames = FrameReader()
        self._steps: dict[str, Callable[[messages.Message], Answer]] = {
            "loader_hello": self._hello,
            "loader_erase": self._erase,
            "loader_write": self._write,
            "loader_digest": self._digest,
            "loader_run": self._run,
        }

    def feed(self, data: bytes) -> bytes:
        """What to send in answer to `data`; damaged frames and unknown types are dropped."""
        out = b""
        for payload in self._frames.feed(data):
            try:
                message = messages.unpack(payload)
            except WireError:
                continue
            name, values = self.handle(message)
            out += encode_frame(messages.pack(name, values, message.boot_id, message.sequence))
        return out

    def handle(self, message: messages.Message) -> Answer:
        """The answer to one message."""
        step = self._steps.get(message.name)
        if step is None:
            return _done("wrong_state", "this is the ROM loader, no firmware runs")
        return step(message)

    def _hello(self, message: messages.Message) -> Answer:
        return "loader_info", {
            "board": self._chip.board,
            "hardware_revision": self._chip.hardware_revision,
            "board_uid": self._chip.board_uid,
            "flash_bytes": self._board.flash.bytes,
            "block_bytes": self._board.flash.block_bytes,
        }

    def _erase(self, message: messages.Message) -> Answer:
        block = self._board.flash.block_bytes
        start, length = message["block"] * block, message["blocks"] * block
        if start + length > self._board.flash.bytes:
            return _done("bad_value", f"flash has {self._board.flash.bytes // block} blocks")
        identity = self._board.flash.partitions["identity"]
        if self._protected() and not (start <= identity.offset and start + length >= identity.end):
            return self._refuse()
        with self._flash.open("r+b") as file:
            file.seek(start)
            file.write(b"\xff" * length)
        return _done("ok")

    def _write(self, message: messages.Message) -> Answer:
        offset, data = message["offset"], message["data"]
        if offset + len(data) > self._board.flash.bytes:
            return _done("bad_value", f"flash ends at {self._board.flash.bytes:#x}")
        if self._protected():
            return self._refuse()
        found, wanted = int.from_bytes(self._read(offset, len(data)), "big"), int.from_bytes(data, "big")
        if found & wanted != wanted:
            return _done("bad_value", f"write at {offset:#x} would set bits; erase the block first")
        with self._flash.open("r+b") as file:
            file.seek(offset)
            file.write(data)
        return _done("ok")

    def _digest(self, message: messages.Message) -> Answer:
        offset, length = message["offset"], message["length"]
        if offset + length > self._board.flash.bytes:
            return _done("bad_value", f"flash ends at {self._board.flash.bytes:#x}")
        if self._protected():
            return self._refuse()
        return "loader_digest_reply", {"sha256": sha256(self._read(offset, length)).digest()}

    def _run(self, message: messages.Message) -> Answer:
        self.run_wanted = True
        return _done("ok")

    def _protected(self) -> bool:
        identity = self._board.flash.partitions["identity"]
        return self._read(identity.offset, identity.bytes).strip(b"\xff") != b""

    def _refuse(self) -> Answer:
        identity, block = self._board.flash.partitions["identity"], self._board.flash.block_bytes
        first, last = identity.offset // block, identity.end // block - 1
        return _done("refused", f"chip holds an identity; erase its blocks {first} to {last} first, in one go")

    def _read(self, offset: int, length: int) -> bytes:
        with self._flash.open("rb") as file:
            file.seek(offset)
            return file.read(length)


def _done(result: str, detail: str = "") -> Answer:
    return "done", {"result": LINK_RESULTS.index(result), "detail": detail}
