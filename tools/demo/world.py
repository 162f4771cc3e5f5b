"""The things of the story: its folder, the service, who acts, the boards, and what is asked of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.client import UnreachableError
from tools.demo.narrator import Narrator
from tools.demo.people import Cast, Member
from tools.demo.switchboard import Switchboard
from tools.errors import ToolError
from tools.sim.board import SimBoard
from tools.sim.service import Service

COMMAND_TIMEOUT_S = 90
COMMAND_RUNS = 4
LOOK_S = 0.05


class NotSeenError(ToolError):
    """Something the story waits for did not happen in time."""


@dataclass(slots=True)
class World:
    """`boards` by serial number once they are flashed; `account` and the like are public ids."""

    folder: Path
    service: Service
    narrator: Narrator
    passphrase: str
    cast: Cast | None = None
    switchboard: Switchboard | None = None
    all_boards: list[SimBoard] = field(default_factory=list)
    boards: dict[str, SimBoard] = field(default_factory=dict)
    account: str = ""
    measured: dict[str, list[Any]] = field(default_factory=lambda: {"boards": [], "kills": []})

    @property
    def people(self) -> Cast:
        """Who acts; an error before they were admitted."""
        if self.cast is None:
            raise ToolError("nobody has been admitted yet")
        return self.cast

    def unit(self, serial: str) -> dict[str, Any]:
        """A unit as the fleet knows it now."""
        found: dict[str, Any] = self.people.admin.client.get(f"/v1/units/{serial}")
        return found

    def command(self, who: Member, *arguments: str) -> Any:
        """Run `plugtone ARGUMENTS --json` as a person would, signed in as `who`; its JSON."""
        return json.loads(self._run(who, arguments))

    def command_lines(self, who: Member, *arguments: str) -> list[Any]:
        """The same for a command that tells its progress: a line of JSON each."""
        return [json.loads(line) for line in self._run(who, arguments).splitlines()]

    def _run(self, who: Member, arguments: Sequence[str]) -> str:
        """What the command said. It is run again when something came between: every command here may be."""
        for _ in range(COMMAND_RUNS):
            done = self._run_once(who, arguments)
            if done.returncode == 0:
                return done.stdout
            said = (done.stdout[-600:] + done.stderr[-600:]).strip()
            self.narrator.say(f"plugtone {arguments[0]} is run again: {said.splitlines()[-1] if said else ''}")
        raise ToolError(f"plugtone {' '.join(arguments[:2])} ended with {done.returncode}: {said}")

    def _run_once(self, who: Member, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {
            "PLUGTONE_URL": self.service.url,
            "PLUGTONE_TOKEN": who.secret,
            "PLUGTONE_KEY_PASSPHRASE": self.passphrase,
        }
        return subprocess.run(
            [sys.executable, "-m", "tools.cli", *arguments, "--json"],
            env=environment, capture_output=True, timeout=COMMAND_TIMEOUT_S, check=False, text=True,
        )  # fmt: skip

    def until(self, what: str, look: Callable[[], Any], timeout_s: float) -> Any:
        """The first true answer of `look`; NotSeenError with the last one when time is up."""
        deadline = time.monotonic() + timeout_s
        last: Any = None
        while time.monotonic() < deadline:
            try:
                last = look()
            except UnreachableError as error:
                last = error
            else:
                if last:
                    return last
            time.sleep(LOOK_S)
        boards = ", ".join(f"{serial} {board.pins().state or 'off'}" for serial, board in self.boards.items())
        raise NotSeenError(f"not seen in {timeout_s:.0f} s: {what} (last: {last!r}; boards: {boards})")
