"""The ESP32's ROM loader, spoken to by esptool's library: erase, write, verify by MD5, eFuses against the board file.

esptool is a package apart (docs/decisions/0017); without it every step says how to get it. Nothing is erased before
the chip, its flash and its eFuses were found to be what the board file says, and the boot record is written last: cut
at any step, the chip starts no image and can be flashed again.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import md5, sha256
from pathlib import Path
from typing import Any, Final

from boards.loader import EsptoolLoader
from boards.partition_table import table_bytes
from boards.schema import Board
from tools.release.build import initial_boot_record
from tools.sim.loader import LoaderInfo, Progress, SerialPort
from tools.station.errors import StationError

PIECE_BYTES: Final = 64 * 1024
CONNECT_ATTEMPTS: Final = 3
CONSOLE_BAUD: Final = 115_200  # of the ROM loader, and of MicroPython's console
_UID_BYTES: Final = 8
_MAC_BYTES: Final = 6
_PARTS: Final = (("bootloader", "bootloader.bin"), ("ota_0", "micropython.bin"))  # where each file of a runtime goes


class EsptoolFlasher:
    """A board on `port`; `runtime` is the folder of MicroPython's build for it.

    `reset` is how esptool gets the chip into its loader, `stub` whether it loads its faster one into the chip's RAM.
    """

    def __init__(
        self, port: SerialPort, board: Board, runtime: Path, *, reset: str = "default-reset", stub: bool = True
    ) -> None:
        if not isinstance(board.loader, EsptoolLoader):
            raise StationError(f"esptool does not speak to board {board.name}; its loader is {board.loader.kind}")
        self._port = port
        self._board = board
        self._loader = board.loader
        self._runtime = runtime
        self._reset = reset
        self._stub = stub
        self._timeout_s = port.timeout
        self._esp: Any = None  # esptool has no types

    def identify(self) -> LoaderInfo:
        """Which chip is there; its flash must be the board's or larger. `board_uid` is its MAC, padded in front."""
        esp = self._connected()
        board = self._board
        with _told():
            chip_bytes = _size_bytes(_esptool("cmds").detect_flash_size(esp))
            mac = bytes(esp.read_mac())
        if chip_bytes < board.flash.bytes:
            raise StationError(
                f"the chip's flash has {chip_bytes:#x} bytes, board {board.name} has {board.flash.bytes:#x}; see that "
                "the board is the one its file describes"
            )
        uid = bytes(_UID_BYTES - _MAC_BYTES) + mac
        return LoaderInfo(board.name, board.hardware_revisions[0], uid, chip_bytes, board.flash.block_bytes)

    def write(self, board: Board, image: bytes, progress: Progress = lambda done, total: None) -> None:
        """Erase everything, then bootloader, partition table, MicroPython, image, and the boot record last."""
        parts = self._parts(board, image)
        self.identify()
        self._check_fuses()
        self._erase(board)
        encrypted = self._loader.flash_encryption == "development"
        total, done = sum(len(data) for _, data, _ in parts), 0
        for offset, data, runs in parts:
            for at in range(0, len(data), PIECE_BYTES):
                piece = data[at : at + PIECE_BYTES]
                with _told():
                    # esptool compares the MD5 that the chip finds with its own, unless the flash is encrypted.
                    _esptool("cmds").write_flash(
                        self._esp, [(offset + at, piece)], encrypt=encrypted and runs, no_progress=True
                    )
                done += len(piece)
                progress(done, total)
        if not encrypted:
            for offset, data, _ in parts:
                self._verify(offset, data)

    def wipe(self, board: Board) -> str:
        """Erase everything; the SHA-256 of erased flash, once the chip's own MD5 of all of it says it is that."""
        self.identify()
        self._check_fuses()
        self._erase(board)
        blank = b"\xff" * board.flash.bytes
        self._verify(0, blank)
        return sha256(blank).hexdigest()

    def run(self) -> None:
        """Leave the loader by a reset; the port is as it was before."""
        with _told():
            if self._reset == "no-reset":
                self._esp.flash_begin(0, 0)
                self._esp.flash_finish(reboot=True)
            else:
                self._connected().hard_reset()
            self._esp = None
            self._port.baudrate = CONSOLE_BAUD  # type: ignore[attr-defined]  # pyserial's, of which we need no more
            self._port.timeout = self._timeout_s

    def _connected(self) -> Any:
        if self._esp is None:
            with _told():
                esp = _esptool("targets").ESP32ROM(self._port, CONSOLE_BAUD)
                esp.connect(self._reset, CONNECT_ATTEMPTS, warnings=False)
                commands = _esptool("cmds")
                if self._stub:
                    esp = commands.run_stub(esp)
                    esp.change_baud(self._loader.baud)
                commands.attach_flash(esp)
            self._esp = esp
        return self._esp

    def _check_fuses(self) -> None:
        """What the chip's eFuses say must be what the board file says: eFuses are burnt once, by nobody here."""
        with _told():
            esp = self._connected()
            encrypted, closed = esp.get_flash_encryption_enabled(), esp.get_encrypted_download_disabled()
            first, any_boot = esp.get_secure_boot_v1_enabled(), esp.get_secure_boot_enabled()
        found = {
            "flash_encryption": ("release" if closed else "development") if encrypted else "off",
            "secure_boot": ("v1" if first else "v2") if any_boot else "off",
        }
        for name, value in found.items():
            wanted = getattr(self._loader, name)
            if value != wanted:
                raise StationError(
                    f"the chip's eFuses say {name} {value}, boards/{self._board.name}.toml says {wanted}; it is "
                    f"another board, or burn its eFuses first (espefuse), or mend [loader] {name}"
                )
        if found["flash_encryption"] == "release":
            raise StationError(
                "the chip takes encrypted flash only and encrypts none itself (flash_encryption release); it can be "
                "updated by its firmware, not flashed here: scrap it or give it another chip"
            )

    def _erase(self, board: Board) -> None:
        with _told():
            if self._esp.IS_STUB:
                self._esp.erase_flash()
            else:
                self._esp.flash_begin(board.flash.bytes, 0)  # the ROM erases what it is going to be written

    def _verify(self, offset: int, data: bytes) -> None:
        with _told():
            found = self._esp.flash_md5sum(offset, len(data))
        if found != md5(data, usedforsecurity=False).hexdigest():
            raise StationError(f"flash at {offset:#x} holds other bytes than the {len(data)} meant; flash again")

    def _parts(self, board: Board, image: bytes) -> list[tuple[int, bytes, bool]]:
        """(offset, data, whether the chip runs it and so encrypts it), the boot record last."""
        flash = board.flash
        slot, record = flash.partitions["slot_a"], flash.partitions["boot_record"]
        if len(image) > slot.bytes:
            raise StationError(f"the image has {len(image)} bytes, a slot of board {board.name} takes {slot.bytes}")
        parts = []
        for name, file in _PARTS:
            place, data = flash.runtime[name], self._runtime_file(file)
            if len(data) > place.bytes:
                raise StationError(f"{file} has {len(data)} bytes, flash.runtime.{name} takes {place.bytes}")
            parts.append((place.offset, data, True))
        parts.append((flash.runtime["partition_table"].offset, table_bytes(board), True))
        parts.append((slot.offset, image, False))
        return [*parts, (record.offset, initial_boot_record(image), False)]

    def _runtime_file(self, name: str) -> bytes:
        path = self._runtime / name
        try:
            return path.read_bytes()
        except OSError as error:
            raise StationError(f"no runtime for board {self._board.name}: {error}; docs/boards.md says how") from error


def _esptool(module: str) -> Any:
    """A module of esptool, which says nothing by itself."""
    try:
        importlib.import_module("esptool.logger").log.set_verbosity("silent")
        return importlib.import_module(f"esptool.{module}")
    except ImportError as error:
        raise StationError(f"esptool is not installed ({error}); run `make esptool` once") from error


@contextmanager
def _told() -> Iterator[None]:
    """esptool's errors, and those of the port under it, as a StationError."""
    try:
        fatal: type[Exception] = importlib.import_module("esptool.util").FatalError
    except ImportError as error:
        raise StationError(f"esptool is not installed ({error}); run `make esptool` once") from error
    try:
        yield
    except fatal as error:
        first = str(error).splitlines()[0]
        raise StationError(f"{first}; see that the board is powered and its boot button held, and run again") from error
    except OSError as error:
        raise StationError(f"the port failed: {error}; plug the board in again and run again") from error


def _size_bytes(text: str | None) -> int:
    """`4MB` as bytes; 0 if the flash did not say."""
    if text is None:
        return 0
    units: dict[str, Callable[[int], int]] = {"KB": lambda count: count << 10, "MB": lambda count: count << 20}
    return units[text[-2:]](int(text[:-2]))
