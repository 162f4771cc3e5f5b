"""A telephone at the board's line, by steps (tools/sim/phone_steps.py): the simulated one, or a bench's own program."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any, Final, Protocol

from hil_tests.rig.bench import LineLoop
from hil_tests.rig.errors import RigError
from tools.sim.folder import SimulationError
from tools.sim.phone import Phone
from tools.sim.phone_steps import Performance, parsed

DOWN_S: Final = 1.2  # a handset lifted within 0.8 s of hanging up has only tapped the hook

Told = list[dict[str, Any]]


class Telephone(Protocol):
    """Plays a whole script and ends with the handset down for `DOWN_S`; what was heard and seen, one dict each."""

    def play(self, script: str) -> Told: ...


class SimulatedTelephone:
    """At the simulated board in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def play(self, script: str) -> Told:
        """RigError says which step did not come about."""
        told: Told = []
        with Phone(self._folder) as phone:
            try:
                phone.attach()
                Performance(phone, told.append).perform(parsed(_put_down(script)))
            except SimulationError as error:
                phone.hang_up()
                time.sleep(DOWN_S)
                raise RigError(f"{error}; so far: {told[-12:]}") from error
        return told


class CommandTelephone:
    """A bench's own program, called as `plugtone sim phone` is."""

    def __init__(self, loop: LineLoop) -> None:
        self._loop = loop

    def play(self, script: str) -> Told:
        """RigError with what the program said if it does not end with status 0 in time."""
        argv = [*self._loop.command, "--script", _put_down(script), "--json"]
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=self._loop.limit_s, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise RigError(f"the telephone of the bench did not do it: {error}") from error
        if done.returncode:
            raise RigError(f"the telephone ended with status {done.returncode}: {(done.stderr or done.stdout)[-400:]}")
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def _put_down(script: str) -> str:
    return f"{script}; hang-up; wait {DOWN_S:g}"
