"""How an image gets into a chip, and all it held out of it: steps that every board's own loader can do."""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

from boards import catalogue
from boards.loader import Uf2Loader
from boards.schema import Board
from protocol.wire.errors import WireError
from protocol.wire.image import HEADER_BYTES, ImageHeader
from tools.sim.loader import Loader, LoaderInfo, Progress, SerialPort, write_first_image
from tools.station.errors import StationError
from tools.station.flashers.esp32 import EsptoolFlasher
from tools.station.flashers.uf2 import Uf2Flasher, drive_of

RUNTIMES_VARIABLE: Final = "PLUGTONE_RUNTIMES"


class Flasher(Protocol):
    """The chip's own loader, seen from the station."""

    def identify(self) -> LoaderInfo:
        """Which chip is there."""

    def write(self, board: Board, image: bytes, progress: Progress) -> None:
        """Erase everything, write the image, verify it, and write the boot record last."""

    def wipe(self, board: Board) -> str:
        """Erase everything; the SHA-256 (hex) of the whole flash, as the chip itself finds it afterwards."""

    def run(self) -> None:
        """Leave the loader and start what was written."""


class SimulatedFlasher:
    """The simulated chip's ROM loader; cut at any step, the chip is in its loader again at the next start."""

    def __init__(self, port: SerialPort) -> None:
        self._loader = Loader(port)

    def identify(self) -> LoaderInfo:
        return self._loader.hello()

    def write(self, board: Board, image: bytes, progress: Progress) -> None:
        write_first_image(self._loader, board, image, progress)

    def wipe(self, board: Board) -> str:
        self._loader.erase(0, board.flash.bytes, board.flash.block_bytes)
        return self._loader.digest(0, board.flash.bytes).hex()

    def run(self) -> None:
        self._loader.run()


UsbIds = tuple[int, int]
"""Vendor and product, as the computer sees them."""


def board_of(found: Board | UsbIds | None) -> Board:
    """The board that is meant, or the one that shows those USB ids; no ids are a pseudo-terminal's, the simulated one.

    StationError if no board shows them, or several do: a USB bridge says nothing of what is behind it.
    """
    if isinstance(found, Board):
        return found
    boards = [catalogue.load(name) for name in catalogue.names()]
    fitting = [board for board in boards if (found in board.usb.ids if found else board.loader.kind == "simulated")]
    if len(fitting) == 1:
        return fitting[0]
    shown = f"{found[0]:04x}:{found[1]:04x}" if found else "no USB ids"
    if not fitting:
        raise StationError(f"no board shows {shown}; known boards: {', '.join(catalogue.names())}")
    raise StationError(f"{', '.join(board.name for board in fitting)} all show {shown}; say which by --board")


def flasher_for(port: SerialPort | None, found: Board | UsbIds | None = None, runtimes: Path | None = None) -> Flasher:
    """The flasher of the board that is meant or found on `port`; StationError if it cannot be told.

    `runtimes` holds a folder of MicroPython's build for each real board (docs/boards.md); without it $PLUGTONE_RUNTIMES
    does, or `runtimes` here. A board with a boot drive has no port while it is bare: its drive is looked for.
    """
    board = board_of(found)
    runtime = (runtimes or Path(os.environ.get(RUNTIMES_VARIABLE, "runtimes"))) / board.name
    if isinstance(board.loader, Uf2Loader):
        return Uf2Flasher(drive_of(board.loader.board_ids), board, runtime)
    if port is None:
        raise StationError(f"board {board.name} is flashed over its serial port; name it by --port")
    return SimulatedFlasher(port) if board.loader.kind == "simulated" else EsptoolFlasher(port, board, runtime)


@dataclass(frozen=True, slots=True)
class Image:
    """An image file, checked: its bytes, its header and the hash of both together."""

    data: bytes
    header: ImageHeader
    sha256: str

    @classmethod
    def parse(cls, data: bytes) -> Image:
        """The image in `data`; StationError if it is damaged."""
        try:
            header = ImageHeader.unpack(data)
        except WireError as error:
            raise StationError(f"{error}; build it with `plugtone release build`") from error
        payload = data[HEADER_BYTES:]
        if len(payload) != header.payload_bytes or sha256(payload).digest() != header.payload_sha256:
            raise StationError(
                f"image {header.version} is damaged: {len(payload)} bytes of payload, {header.payload_bytes} in its "
                "header; copy it again"
            )
        return cls(data, header, sha256(data).hexdigest())

    def check_fits(self, board: Board, revision: int) -> None:
        """StationError unless the image runs on that board."""
        refusal = self.header.refusal(board.name, revision, board.mpy_abi)
        if refusal:
            raise StationError(f"{refusal}; take the image for board {board.name}")
