"""A simulated board to switch on and off, watch and disturb; `python -m tools.sim.board run DIR` runs one alone."""

import argparse
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

from boards import catalogue
from tools.sim.folder import BoardFolder, Chip, Pins, SimulationError, write_atomically
from tools.sim.launcher import Launcher

__all__ = ["Pins", "SimBoard", "SimulationError"]

_START_LIMIT_S = 20.0
_STOP_LIMIT_S = 5.0
# The doorbell may be heard by another waiter of this process: look again at least this often.
_LOOK_S = 0.1


class SimBoard:
    """The board in `directory`; leaving its context cuts the power."""

    def __init__(self, directory: Path) -> None:
        self.folder = BoardFolder(Path(directory).resolve())
        self.chip = self.folder.chip()
        self._launcher: subprocess.Popen[bytes] | None = None

    @classmethod
    def create(
        cls, directory: Path, board: str = "simulated", hardware_revision: int = 1, board_uid: bytes | None = None
    ) -> Self:
        """A bare board in `directory`; without a UID it gets a random one."""
        chip = Chip(board, hardware_revision, board_uid or os.urandom(8))
        BoardFolder(Path(directory)).create(chip, catalogue.load(board))
        return cls(directory)

    @property
    def usb(self) -> Path:
        """The serial port a station opens."""
        return self.folder.usb

    @property
    def powered(self) -> bool:
        """True while the launcher runs."""
        return self._launcher is not None and self._launcher.poll() is None

    def power_on(self) -> None:
        """Starts the chip and returns when it runs, in the ROM loader or in boot."""
        if self.powered:
            return
        self.folder.pins.unlink(missing_ok=True)
        with self.folder.log.open("ab") as log:
            self._launcher = subprocess.Popen(
                [sys.executable, "-m", "tools.sim.board", "run", "--owned", str(self.folder.path)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.wait(lambda pins: pins.mode != "off", _START_LIMIT_S)

    def power_off(self) -> None:
        """Cuts the power: the unit gets SIGKILL, wherever it is."""
        if self._launcher is None:
            return
        self._launcher.send_signal(signal.SIGTERM)
        try:
            self._launcher.wait(_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._launcher.kill()
            self._launcher.wait()
        for pipe in (self._launcher.stdin, self._launcher.stdout):
            cast("IO[bytes]", pipe).close()
        self._launcher = None

    def kill_unit(self) -> None:
        """SIGKILL to the MicroPython process; the chip starts it again as after power-on."""
        launcher = self._launcher
        if launcher is None:
            raise SimulationError(f"{self.folder.path.name} is off; power_on() first")
        self.wait(lambda pins: pins.mode != "off", _START_LIMIT_S)  # a launcher that starts does not listen yet
        launcher.send_signal(signal.SIGUSR1)

    def set_ethernet(self, up: bool) -> None:
        """Plugs the Ethernet cable in or out."""
        write_atomically(self.folder.ethernet, "up" if up else "down")

    def set_fault(self, name: str, value: object) -> None:
        """Breaks a part of the hardware (the table is in firmware/ports/unix/bench_board.py); None mends it."""
        faults = {**self.folder.read_faults(), name: value}
        told = {name: value for name, value in faults.items() if value is not None}
        write_atomically(self.folder.faults, json.dumps(told))

    def hold_strap(self, held: bool) -> None:
        """Presses or releases the boot button; the chip looks at it when it starts, a unit at a factory reset."""
        if held:
            self.folder.strap.touch()
        else:
            self.folder.strap.unlink(missing_ok=True)

    def pins(self) -> Pins:
        """What can be seen of the board now."""
        return self.folder.read_pins()

    def wait(self, predicate: Callable[[Pins], bool], timeout_s: float) -> Pins:
        """The pins as soon as `predicate` holds; SimulationError with the last ones when time is up."""
        deadline = time.monotonic() + timeout_s
        while True:
            pins = self.pins()
            if predicate(pins):
                return pins
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not self.powered:
                why = "in time" if self.powered else "and its launcher has ended; see unit.log"
                raise SimulationError(f"{self.folder.path.name} did not get there {why}; last seen: {pins}")
            self._listen(min(left_s, _LOOK_S))

    def _listen(self, limit_s: float) -> None:
        if self._launcher is None or self._launcher.stdout is None:
            return
        doorbell = self._launcher.stdout.fileno()
        if select.select([doorbell], [], [], limit_s)[0]:
            os.read(doorbell, 4096)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.power_off()


def main() -> None:
    """The command line; `--owned` ties the board's life to standard input."""
    parser = argparse.ArgumentParser(prog="python -m tools.sim.board", description=__doc__)
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", help="play the chip of the board in DIRECTORY until it is ended")
    run.add_argument("--owned", action="store_true", help="end with standard input, ring standard output at changes")
    run.add_argument("directory", type=Path)
    arguments = parser.parse_args()
    owned = bool(arguments.owned)
    folder = BoardFolder(arguments.directory.resolve())
    Launcher(folder, sys.stdin.fileno() if owned else None, sys.stdout.fileno() if owned else None).run()


if __name__ == "__main__":
    main()
