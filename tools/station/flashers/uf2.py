"""UF2 files, and the RP2040's boot drive, which takes them: a unit's whole flash is copied as one file.

Microsoft's UF2 specification: blocks of 512 bytes, each with up to 476 bytes for one address; we write 256, a page of
the flash, as the RP2040's boot ROM wants it (RP2040 Datasheet 2.8.4.2). The drive shows nothing of what is in the
flash, takes a file only whole, and goes away when it has taken it. So nothing can be read back here; the boot stage
checks the image's hash at each start.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from boards.loader import Uf2Loader
from boards.schema import Board
from tools.release.build import initial_boot_record
from tools.sim.loader import LoaderInfo, Progress
from tools.station.errors import StationError

BLOCK_BYTES: Final = 512
PAGE_BYTES: Final = 256
INFO_FILE: Final = "INFO_UF2.TXT"
GONE_LIMIT_S: Final = 60.0
_GONE_PAUSE_S: Final = 0.1
_COPY_BYTES: Final = 64 * 1024
_START: Final = struct.Struct("<8I")
_MAGICS: Final = (0x0A324655, 0x9E5D5157)
_END_MAGIC: Final = 0x0AB16F30
_FAMILY_FLAG: Final = 0x2000
_MAX_FILE_BYTES: Final = 64 << 20


class Uf2Error(StationError):
    """A UF2 file that is none, or is for another chip."""


def write_uf2(pages: Mapping[int, bytes], family_id: int) -> bytes:
    """A UF2 file of `pages` (address: up to 256 bytes, padded with zeros), in the mapping's order."""
    out = bytearray()
    for number, (address, data) in enumerate(pages.items()):
        if address % PAGE_BYTES or not 0 < len(data) <= PAGE_BYTES:
            raise Uf2Error(f"a page has up to {PAGE_BYTES} bytes at a multiple of it, not {len(data)} at {address:#x}")
        head = _START.pack(*_MAGICS, _FAMILY_FLAG, address, PAGE_BYTES, number, len(pages), family_id)
        block = (head + data).ljust(BLOCK_BYTES - 4, b"\0")
        out += block + struct.pack("<I", _END_MAGIC)
    return bytes(out)


def read_uf2(data: bytes, family_id: int) -> dict[int, bytes]:
    """The pages of a UF2 file, by address; Uf2Error if a block is damaged, missing or for another family."""
    if not data or len(data) % BLOCK_BYTES or len(data) > _MAX_FILE_BYTES:
        raise Uf2Error(f"a UF2 file is blocks of {BLOCK_BYTES} bytes, this has {len(data)}; copy it again")
    pages: dict[int, bytes] = {}
    total = len(data) // BLOCK_BYTES
    for number in range(total):
        block = data[number * BLOCK_BYTES : (number + 1) * BLOCK_BYTES]
        first, second, flags, address, size, index, count, family = _START.unpack_from(block)
        if (first, second) != _MAGICS or struct.unpack_from("<I", block, BLOCK_BYTES - 4)[0] != _END_MAGIC:
            raise Uf2Error(f"block {number} of the UF2 file is none; copy it again")
        if not flags & _FAMILY_FLAG or family != family_id:
            raise Uf2Error(f"the UF2 file is for family {family:#x}, the board is {family_id:#x}; take its own runtime")
        if (index, count) != (number, total) or size != PAGE_BYTES or address % PAGE_BYTES:
            raise Uf2Error(f"block {number} says it is {index} of {count}, {size} bytes at {address:#x}; copy it again")
        pages[address] = bytes(block[_START.size : _START.size + size])
    return pages


@dataclass(frozen=True, slots=True)
class Drive:
    """A boot drive that is mounted: where, and what its INFO_UF2.TXT says."""

    path: Path
    board_id: str

    @classmethod
    def at(cls, path: Path) -> Drive | None:
        """The drive mounted at `path`; None if it is none."""
        try:
            text = (path / INFO_FILE).read_text(encoding="ascii", errors="replace")[:1024]
        except OSError:
            return None
        fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        return cls(path, fields.get("Board-ID", "").strip())


def drive_of(board_ids: Collection[str], mount_points: Iterable[Path] | None = None) -> Drive:
    """The one boot drive that is mounted and says one of those ids; StationError for none, and for several."""
    found = [Drive.at(path) for path in (_mount_points() if mount_points is None else mount_points)]
    fitting = [drive for drive in found if drive is not None and drive.board_id in board_ids]
    if len(fitting) == 1:
        return fitting[0]
    wanted = " or ".join(board_ids)
    if not fitting:
        raise StationError(f"no boot drive {wanted} is mounted; hold the board's boot button and plug it in")
    places = ", ".join(sorted(str(drive.path) for drive in fitting))
    raise StationError(f"several boot drives {wanted} are mounted ({places}); leave one board plugged in")


def _mount_points() -> Iterator[Path]:
    """Linux says it in /proc/self/mounts, macOS in /Volumes, Windows by letters."""
    mounts = Path("/proc/self/mounts")
    if mounts.exists():
        for line in mounts.read_text().splitlines():
            yield Path(line.split()[1].encode().decode("unicode_escape"))
    elif Path("/Volumes").is_dir():
        yield from Path("/Volumes").iterdir()
    else:
        yield from (Path(f"{letter}:/") for letter in "DEFGHIJKLMNOPQRSTUVWXYZ")


class Uf2Flasher:
    """A board on its boot `drive`; `runtime` is the folder of MicroPython's build for it (docs/boards.md)."""

    def __init__(
        self, drive: Drive, board: Board, runtime: Path, clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        if not isinstance(board.loader, Uf2Loader):
            raise StationError(f"board {board.name} has no boot drive; its loader is {board.loader.kind}")
        if drive.board_id not in board.loader.board_ids:
            raise StationError(
                f"the drive at {drive.path} says Board-ID {drive.board_id!r}, board {board.name} says "
                f"{' or '.join(board.loader.board_ids)}; plug in the right board"
            )
        self._drive = drive
        self._board = board
        self._loader = board.loader
        self._runtime = runtime
        self._clock = clock
        self._pause = pause
        self._copied = False

    def identify(self) -> LoaderInfo:
        """Which board it is; `board_uid` is empty: the boot ROM does not tell it, the firmware's first hello does."""
        flash = self._board.flash
        return LoaderInfo(self._board.name, self._board.hardware_revisions[0], b"", flash.bytes, flash.block_bytes)

    def write(self, board: Board, image: bytes, progress: Progress = lambda done, total: None) -> None:
        """Copy the whole flash: runtime, erased partitions, image, and the boot record last."""
        data = write_uf2(self._pages(board, image), self._loader.family_id)
        target = self._drive.path / "plugtone.uf2"
        try:
            with target.open("wb") as file:
                for at in range(0, len(data), _COPY_BYTES):
                    file.write(data[at : at + _COPY_BYTES])
                    file.flush()
                    os.fsync(file.fileno())
                    progress(min(at + _COPY_BYTES, len(data)), len(data))
        except OSError as error:
            # The chip resets as soon as it has the last block: the end of the copy may find its drive gone.
            if Drive.at(self._drive.path) is not None:
                raise StationError(f"copying to {self._drive.path}: {error}; plug the board in again") from error
        self._copied = True

    def wipe(self, board: Board) -> str:
        """Always StationError: the drive cannot show what is left in the flash."""
        raise StationError(
            f"the boot drive of board {board.name} cannot prove that its flash is erased; scrap the unit, or wipe it "
            "by hand with picotool and keep what `picotool save --all` reads"
        )

    def run(self) -> None:
        """Wait until the drive is gone: the chip starts what was copied by itself."""
        if not self._copied:
            raise StationError("nothing was written: unplug the board and plug it in without its boot button")
        until = self._clock() + GONE_LIMIT_S
        while Drive.at(self._drive.path) is not None:
            if self._clock() >= until:
                raise StationError(
                    f"{self._drive.path} is still there {GONE_LIMIT_S:.0f} s after the copy: the board did not take "
                    "the file; plug it in again with its boot button held"
                )
            self._pause(_GONE_PAUSE_S)

    def _pages(self, board: Board, image: bytes) -> dict[int, bytes]:
        base, flash = self._loader.flash_address, board.flash
        slot, record = flash.partitions["slot_a"], flash.partitions["boot_record"]
        program = flash.runtime["program"]
        if len(image) > slot.bytes:
            raise StationError(f"the image has {len(image)} bytes, a slot of board {board.name} takes {slot.bytes}")
        content = bytearray(b"\xff" * flash.bytes)
        for address, page in read_uf2(self._runtime_file(), self._loader.family_id).items():
            offset = address - base
            if not program.offset <= offset <= program.end - PAGE_BYTES:
                raise StationError(
                    f"the runtime has a page at {address:#x}, outside flash.runtime.program of board {board.name}; "
                    "build it for this board (docs/boards.md)"
                )
            content[offset : offset + len(page)] = page
        content[slot.offset : slot.offset + len(image)] = image
        first = initial_boot_record(image)
        content[record.offset : record.offset + len(first)] = first
        last = range(record.offset, record.end, PAGE_BYTES)
        order = [offset for offset in range(0, flash.bytes, PAGE_BYTES) if offset not in last] + list(last)
        return {base + offset: bytes(content[offset : offset + PAGE_BYTES]) for offset in order}

    def _runtime_file(self) -> bytes:
        path = self._runtime / "micropython.uf2"
        try:
            return path.read_bytes()
        except OSError as error:
            raise StationError(f"no runtime for board {self._board.name}: {error}; docs/boards.md says how") from error
