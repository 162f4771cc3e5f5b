"""What switches a board's power and its Ethernet cable: the simulated board itself, or commands of the bench file."""

from __future__ import annotations

import subprocess
from typing import Protocol

from hil_tests.rig.bench import Switch
from hil_tests.rig.errors import RigError
from tools.sim.board import SimBoard


class Switched(Protocol):
    """Three methods: power is on or off, a cable is in (on) or out (off)."""

    def on(self) -> None: ...
    def off(self) -> None: ...
    def is_on(self) -> bool: ...


class SimulatedPower:
    """The power of a simulated board."""

    def __init__(self, board: SimBoard) -> None:
        self._board = board

    def on(self) -> None:
        """Returns when the chip runs."""
        self._board.power_on()

    def off(self) -> None:
        """Cuts it, wherever the unit is; its port goes, too: that terminal may soon be somebody else's."""
        self._board.power_off()
        self._board.usb.unlink(missing_ok=True)

    def is_on(self) -> bool:
        """Whether the chip runs."""
        return self._board.powered


class SimulatedEthernet:
    """The cable of a simulated board."""

    def __init__(self, board: SimBoard) -> None:
        self._board = board

    def on(self) -> None:
        """Plugs it in."""
        self._board.set_ethernet(True)

    def off(self) -> None:
        """Pulls it out."""
        self._board.set_ethernet(False)

    def is_on(self) -> bool:
        """Whether it is in."""
        return self._board.pins().ethernet == "up"


class CommandSwitch:
    """Commands of the bench file; each has to end with status 0 within the time limit."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch

    def on(self) -> None:
        """Runs the command that switches on."""
        self._run(self._switch.on)

    def off(self) -> None:
        """Runs the command that switches off."""
        self._run(self._switch.off)

    def is_on(self) -> bool:
        """Whether the command that asks prints what it prints when on."""
        return self._switch.says_on in self._run(self._switch.state)

    def _run(self, argv: list[str]) -> str:
        command = " ".join(argv)
        try:
            done = subprocess.run(
                argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=self._switch.limit_s,
                check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise RigError(f"`{command}` did not end in {self._switch.limit_s:g} s; does the switch answer?") from error
        except OSError as error:
            raise RigError(f"`{command}` cannot be run: {error.strerror}; mend the bench file") from error
        if done.returncode:
            said = (done.stderr or done.stdout).strip()[-300:]
            raise RigError(f"`{command}` ended with status {done.returncode}: {said or 'it said nothing'}")
        return done.stdout
