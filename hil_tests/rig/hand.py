"""A board in hand: what switches it, what it says on its USB link, and the simulated hardware where it is one."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from boards import catalogue
from hil_tests.rig.bench import Place
from hil_tests.rig.errors import RigError, StateError
from hil_tests.rig.line import CommandTelephone, SimulatedTelephone, Telephone
from hil_tests.rig.switches import CommandSwitch, SimulatedEthernet, SimulatedPower, Switched
from protocol.wire.messages import Message
from tools.sim.board import SimBoard
from tools.station.errors import LinkError, StationError
from tools.station.link import UnitLink
from tools.station.watch import opened

HELLO_LIMIT_S: Final = 15.0
LOOK_S: Final = 0.05


class Hand:
    """The board at a place of the bench. `sim` is None for a real one; `revision` is the hardware's of one we make."""

    def __init__(self, place: Place, folder: Path, revision: int = 1) -> None:
        self.place = place
        self.board = catalogue.load(place.board)
        self.sim = _simulated(place, folder, revision)
        self.folder = self.sim.folder.path if self.sim else folder
        self.power: Switched | None = None
        self.ethernet: Switched | None = None
        self.line: Telephone | None = None
        if self.sim and place.owned:
            self.power, self.ethernet = SimulatedPower(self.sim), SimulatedEthernet(self.sim)
            self.line = SimulatedTelephone(self.sim.folder.path)
        if place.power:
            self.power = CommandSwitch(place.power)
        if place.ethernet:
            self.ethernet = CommandSwitch(place.ethernet)
        if place.line_loop:
            self.line = CommandTelephone(place.line_loop)

    @property
    def port(self) -> Path:
        """Its serial port."""
        return Path(self.place.port) if self.place.port else self.simulated.usb

    @property
    def simulated(self) -> SimBoard:
        """The simulated hardware; RigError for a real board."""
        if self.sim is None:
            raise RigError(f"{self.board.name} is a real board; the test needs `needs` of what it looks at")
        return self.sim

    def switch_on(self) -> None:
        """Power, if it can be switched; a board that nobody switches is on."""
        if self.power is not None:
            self.power.on()

    def hello(self, limit_s: float = HELLO_LIMIT_S) -> Message | None:
        """What answers on the port: a hello_reply, `done` of a ROM loader, or None where it stays silent."""
        if not self.port.exists():
            return None
        try:
            with opened(self.port) as port:
                return UnitLink(port).find(limit_s)
        except LinkError:
            return None
        except StationError as error:
            if self.sim is not None:  # the terminal went away with the power
                return None
            raise RigError(str(error)) from error

    def ask(self, name: str, wanted: str = "done", **values: Any) -> Message:
        """The answer to one question of the link; RefusedByUnitError, LinkError as the station has them."""
        with opened(self.port) as port:
            return UnitLink(port).ask(name, values, wanted)

    def wait(self, what: str, look: Callable[[], Any], limit_s: float) -> Any:
        """The first true answer of `look`; StateError when time is up."""
        until = time.monotonic() + limit_s
        while True:
            found = look()
            if found:
                return found
            if time.monotonic() > until:
                raise StateError(f"not seen in {limit_s:g} s: {what}; last: {found!r}; {self.told()}")
            time.sleep(LOOK_S)

    def told(self) -> str:
        """What can be said of the board now."""
        return f"pins: {self.sim.pins()}" if self.sim else f"{self.board.name} on {self.port}"

    def figures(self) -> list[str]:
        """What the simulated hardware shows without being asked: the heap it last told of."""
        pins = self.sim.pins() if self.sim else None
        return [f"free heap: {pins.free_heap_bytes:,} bytes"] if pins and pins.free_heap_bytes else []

    def set_right(self) -> None:
        """Undoes what a test may have left: the button released, no faults, the cable in, power on."""
        if self.sim is not None:
            self.sim.hold_strap(False)
            self.sim.folder.faults.unlink(missing_ok=True)
        if self.ethernet is not None and not self.ethernet.is_on():
            self.ethernet.on()
        self.switch_on()

    def keep(self, name: str) -> None:
        """Copies the simulated flash aside; the board is off."""
        shutil.copyfile(self.simulated.folder.flash, self.folder / f"kept-{name}.bin")

    def has(self, name: str) -> bool:
        """Whether a copy of that name was kept."""
        return (self.folder / f"kept-{name}.bin").exists()

    def bring_back(self, name: str) -> None:
        """The kept copy becomes the flash again; the board is off."""
        shutil.copyfile(self.folder / f"kept-{name}.bin", self.simulated.folder.flash)


def _simulated(place: Place, folder: Path, revision: int) -> SimBoard | None:
    return SimBoard.create(folder / "board", hardware_revision=revision) if place.owned else None
