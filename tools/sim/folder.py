"""A simulated board is a folder: chip.json, flash.bin, usb, pins.json, ethernet, strap, faults.json, unit.log."""

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from boards.schema import Board
from protocol.wire.boot_record import BootRecord, read_partition

_UID_BYTES = 8


class SimulationError(Exception):
    """The simulated board cannot do that: what was wanted, what was found."""


@dataclass(frozen=True, slots=True)
class Chip:
    """What is burnt into the chip."""

    board: str
    hardware_revision: int
    board_uid: bytes

    def __post_init__(self) -> None:
        if len(self.board_uid) != _UID_BYTES:
            raise SimulationError(f"a board UID has {_UID_BYTES} bytes, got {len(self.board_uid)}")


@dataclass(frozen=True, slots=True)
class Pins:
    """What can be seen of the board from outside; facts of the unit are empty until it reports them."""

    mode: str = "off"  # off, loader, unit, reset
    pid: int = 0  # of the MicroPython process
    boots: int = 0  # since power-on
    reset_cause: str = ""
    led: str = ""
    state: str = ""
    slot: int | None = None
    version: str = ""
    trial: bool = False
    boot_reason: str = ""
    runtime: str = ""
    heap_bytes: int = 0
    image_bytes: int = 0
    free_heap_bytes: int = 0
    boot_ms: int | None = None  # from the first line of boot.py to main
    ethernet: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Pins":
        """From the facts as the launcher wrote them; what has no attribute goes to `more`."""
        known = {item.name for item in fields(cls)} - {"more"}
        return cls(
            **{name: value for name, value in facts.items() if name in known},
            more={name: value for name, value in facts.items() if name not in known},
        )


@dataclass(frozen=True, slots=True)
class BoardFolder:
    """The files of one board, by name."""

    path: Path

    @property
    def flash(self) -> Path:
        """The flash's bytes."""
        return self.path / "flash.bin"

    @property
    def usb(self) -> Path:
        """The serial port a station opens; a link to a pseudo-terminal."""
        return self.path / "usb"

    @property
    def strap(self) -> Path:
        """There while the boot button is held."""
        return self.path / "strap"

    @property
    def ethernet(self) -> Path:
        """`up` or `down`."""
        return self.path / "ethernet"

    @property
    def faults(self) -> Path:
        """What is wrong with its hardware, by name (firmware/ports/unix/bench_board.py); absent: nothing."""
        return self.path / "faults.json"

    @property
    def pins(self) -> Path:
        """The observable facts."""
        return self.path / "pins.json"

    @property
    def log(self) -> Path:
        """The unit's standard error."""
        return self.path / "unit.log"

    def create(self, chip: Chip, board: Board) -> None:
        """A bare board: erased flash, link up; a folder that is a board already must be the same board."""
        self.path.mkdir(parents=True, exist_ok=True)
        chip_file = self.path / "chip.json"
        if chip_file.exists():
            if self.chip() != chip:
                raise SimulationError(f"{self.path} is another board already: {self.chip()}; take an empty folder")
            return
        self.flash.write_bytes(b"\xff" * board.flash.bytes)
        self.ethernet.write_text("up")
        facts = {"board": chip.board, "hardware_revision": chip.hardware_revision, "board_uid": chip.board_uid.hex()}
        write_atomically(chip_file, json.dumps(facts))

    def chip(self) -> Chip:
        """What chip.json says."""
        try:
            facts = json.loads((self.path / "chip.json").read_text())
            return Chip(facts["board"], facts["hardware_revision"], bytes.fromhex(facts["board_uid"]))
        except (OSError, KeyError, ValueError) as error:
            raise SimulationError(f"{self.path} is no simulated board: {error}") from error

    def boot_record(self, board: Board) -> BootRecord | None:
        """The newest whole boot record in flash."""
        partition = board.flash.partitions["boot_record"]
        with self.flash.open("rb") as file:
            file.seek(partition.offset)
            record: BootRecord | None = read_partition(file.read(partition.bytes))
        return record

    def read_faults(self) -> dict[str, Any]:
        """What is wrong with the hardware now."""
        try:
            faults: dict[str, Any] = json.loads(self.faults.read_text())
        except FileNotFoundError:
            return {}
        return faults

    def read_pins(self) -> Pins:
        """The observable facts now."""
        facts: dict[str, Any] = {}
        with contextlib.suppress(FileNotFoundError):
            facts = json.loads(self.pins.read_text())
        return Pins.of({**facts, "ethernet": self.ethernet.read_text()})


def write_atomically(path: Path, text: str) -> None:
    """Readers see the old text or the new one."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(text)
    fresh.replace(path)
