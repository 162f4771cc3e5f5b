"""A fleet service and real units at it: each a simulated board with the real firmware, made, sold and in service."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from fleet.services.certificates import GATEWAYS
from hil_tests.rig.bench import SIMULATED, Place
from hil_tests.rig.hand import Hand
from hil_tests.rig.house import House
from hil_tests.rig.strategy import State, Strategy
from protocol.wire.enumerations import LINE_STATES
from tests.real_units.listener import Heard, Listener
from tools.demo import living
from tools.release.build import REPOSITORY
from tools.sim.board import SimBoard

HOST: Final = "127.0.0.1"
ZONE: Final = ZoneInfo("America/New_York")  # of a site whose owner said nothing else
START_LIMIT_S: Final = 45.0
SETTLED: Final = ("not_configured", "registered")
ANY_HOUR: Final = ("00:00", "00:00")


def sources_with(folder: Path, module: str, sound: str, changed: str) -> Path:
    """A copy of the firmware's sources in `folder` in which one place of `module` is changed."""
    for part in ("firmware", "protocol"):
        shutil.copytree(REPOSITORY / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "vectors"))
    path = folder / "firmware" / module
    text = path.read_text()
    if text.count(sound) != 1:
        raise AssertionError(f"{module} has changed: {sound!r} stands in it {text.count(sound)} times")
    path.write_text(text.replace(sound, changed))
    return folder


def _in_service(said: Sequence[Heard]) -> bool:
    names = [each.message.name for each in said]
    last = said[-1].message if said else None
    if last is None or last.name != "heartbeat" or "register" not in names:
        return False
    return LINE_STATES[last["line_state"]] in SETTLED and not last["waiting_reports"]


class RealUnit:
    """One board in service, and what it says."""

    def __init__(self, stage: Stage, name: str, state: State, revision: int) -> None:
        self.stage, self.revision = stage, revision
        self.hand = Hand(Place(board=SIMULATED), stage.folder / name, revision)
        stage.hands.append(self.hand)
        self.strategy = Strategy(self.hand, stage.house)
        self.strategy.to(state)
        self.serial = self.strategy.serial

    @property
    def board(self) -> SimBoard:
        """The simulated hardware."""
        return self.hand.simulated

    def hears_from_now(self) -> Callable[[str, Callable[[Sequence[Heard]], Any], float], Any]:
        """`wait(what, holds, limit_s)` on what it says from now on."""
        mark = self.stage.listener.mark()
        return lambda what, holds, limit_s: self.stage.listener.wait(what, holds, mark, self.serial, limit_s)

    def start_anew(self) -> None:
        """Power off and on, up to a heartbeat that has nothing to tell: a heap in pieces, or a line, is no chance."""
        wait = self.hears_from_now()
        self.board.power_off()
        self.board.power_on()
        wait("in service after power on", _in_service, START_LIMIT_S)

    def command(self, name: str) -> None:
        """The fleet sends it a command."""
        self.stage.admin.post(f"/v1/units/{self.serial}/commands", {"command": name})

    def set_hours(self, window: tuple[str, str]) -> None:
        """Its maintenance window, in its site's time."""
        version = self.stage.house.world.unit(self.serial)["configuration"]["version"]
        self.stage.admin.put(
            f"/v1/units/{self.serial}/configuration", {"window": list(window)}, headers={"If-Match": f'"{version}"'}
        )


class Stage:
    """The service of `house`, with somebody who listens."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hands: list[Hand] = []
        self.house = House(folder / "house", SIMULATED)
        service = self.house.world.service
        self.listener = Listener(service.data_dir / "pki", folder, HOST, int(service.ports["broker_port"]))

    @property
    def admin(self) -> Any:
        """The client of somebody who may send commands and set hours."""
        return self.house.world.people.admin.client

    def unit(self, name: str = "unit", state: State = State.ACTIVE, revision: int = 1) -> RealUnit:
        """A new board of that hardware revision, in that state."""
        return RealUnit(self, name, state, revision)

    def order(self, version: str, targets: list[str], **limits: Any) -> str:
        """A rollout that runs; `limits`: not_before, deadline. Its id."""
        manager = self.house.world.people.release_manager.client
        wanted = {"release": version, "targets": targets, "pause_after_failures": 1, **limits}
        name: str = manager.post("/v1/rollouts", wanted)["id"]
        for verb in ("approve", "start"):
            living.step(self.house.world, name, verb)
        return name

    def stop(self, rollout: str) -> None:
        """Ends it; who has not the release yet is not to have it."""
        self.house.world.people.release_manager.client.post(f"/v1/rollouts/{rollout}/stop", {"reason": "taken back"})

    @contextmanager
    def deaf(self) -> Iterator[None]:
        """The fleet hears nothing meanwhile: its gateways stand still. The broker goes on."""
        pids = [pid for name in GATEWAYS if (pid := self.house.world.service.pid_of(name))]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def close(self) -> None:
        """Ends what was started."""
        for hand in self.hands:
            hand.simulated.power_off()
        self.listener.close()
        self.house.close()


@contextmanager
def opened(folder: Path) -> Iterator[Stage]:
    """A stage in `folder`, closed at the end."""
    stage = Stage(folder)
    try:
        yield stage
    finally:
        stage.close()


def other_hours() -> tuple[str, str]:
    """Maintenance hours that are half a day away."""
    begins = datetime.now(ZONE) + timedelta(hours=12)
    return f"{begins:%H:%M}", f"{begins + timedelta(hours=1):%H:%M}"


def in_s(seconds: float) -> str:
    """The instant so many seconds from now, as the API takes it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
