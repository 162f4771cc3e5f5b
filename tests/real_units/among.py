"""Real units among simulated ones in one rollout by groups, at a fleet service that runs.

`python -m tests.real_units.among`: eight real units and 200 simulated ones, hours shrunk to seconds, about two minutes.
The real ones come over the broker; what the simulated ones say goes through the gateway's own ingest into the same
database. Two of the real ones talk to each other until all others have the release.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from fleet.domain.rollout import RolloutState, Running
from fleet.domain.rollout_groups import point_of
from fleet.rehearsal.behaviour import Behaviour, CallPattern, Image
from fleet.rehearsal.order import Hours
from fleet.rehearsal.unit_model import UnitModel
from fleet.rehearsal.unit_session import ABI, Configuration, Hardware
from fleet.services.build import Services, build_services
from fleet.services.ingest import Delivery
from fleet.services.jobs import SCHEDULER
from fleet.settings import Settings
from fleet.store.simulated_units import SimulatedUnit, add_simulated
from hil_tests.rig.bench import SIMULATED
from hil_tests.rig.house import FIRST
from hil_tests.rig.strategy import State
from protocol.wire.messages import Message, pack, unpack
from protocol.wire.serial_number import make_serial
from protocol.wire.topics import up_topic
from tests.real_units.calling import Call
from tests.real_units.stage import RealUnit, opened
from tools.demo.living import step
from tools.demo.story import SETTINGS

FIRST_NUMBER: Final = 1_000_000  # of the simulated units' serial numbers
TICK_S: Final = 0.5
BEAT_S: Final = 5
LIMIT_S: Final = 300.0
HELD_BACK: Final = 0.2
TALKERS: Final = 2  # of the real units
CALLS: Final = CallPattern(200, 40)  # a day, of so many seconds: a unit in eleven is in a call
PLAN: Final[dict[str, Any]] = {
    "hold_back_percent": 100 * HELD_BACK,
    "group": [
        {"name": "canary", "up_to_percent": 30, "minimum_units": 5, "soak_hours": 0.001, "deadline_hours": 0.05},
        {"name": "everybody", "minimum_units": 10, "soak_hours": 0.001, "deadline_hours": 0.05},
    ],
}


class Crowd:
    """Simulated units of a service that runs; they live in a thread of their own, in real time."""

    def __init__(self, data_dir: Path, images: Sequence[Image], count: int) -> None:
        settings = {name: int(value) if value.isdigit() else value for name, value in SETTINGS.items()}
        self.services: Services = build_services(Settings(data_dir=data_dir, **settings))  # type: ignore[arg-type]
        behaviour = Behaviour(images={each.sha256: each for each in images}, calls=CALLS, load_s=(1, 4), trial_s=(1, 4))
        self.units = dict(self._made(number, images[0], behaviour) for number in range(1, count + 1))
        with self.services.transactions.begin(SCHEDULER) as uow:
            add_simulated(uow, [_row(unit) for unit in self.units.values()])
            uow.commit()
        self.in_calls: list[str] = []  # restarts that must not have been
        self.error: BaseException | None = None
        self._ended = threading.Event()
        self._judged: dict[str, int] = dict.fromkeys(self.units, 0)
        self._sequence = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Crowd:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _made(self, number: int, image: Image, behaviour: Behaviour) -> tuple[str, UnitModel]:
        serial, now_s = str(make_serial(FIRST_NUMBER + number)), int(time.time())
        unit = UnitModel(Hardware(serial, number.to_bytes(6, "big"), image.board, 1), behaviour, image, number)
        unit.settle_in(now_s, number, Configuration(1, BEAT_S, Hours(0, 0)))
        return serial, unit

    def _run(self) -> None:
        try:
            while not self._ended.wait(TICK_S):
                self._tick(int(time.time()))
        except BaseException as error:
            self.error = error

    def _tick(self, now_s: int) -> None:
        said: list[tuple[str, Message]] = []
        for serial, unit in self.units.items():
            if unit.next_s <= now_s:
                said += [(serial, message) for message in unit.wake(now_s)]
        while said:
            answers = self.services.ingest.handle([_delivery(serial, message) for serial, message in said])
            for serial, message in said:
                if message.name == "heartbeat":
                    self.units[serial].beat_at(now_s + BEAT_S)
            said = []
            for answer in answers:
                self._sequence += 1
                message = unpack(pack(answer.name, dict(answer.values), 1, self._sequence))
                said += [(answer.serial, each) for each in self.units[answer.serial].hear(now_s, message)]
            for serial in {answer.serial for answer in answers}:
                unit = self.units[serial]
                if unit.wants_order:
                    document = self.services.unit_updates.assignment(serial)
                    said += [(serial, each) for each in unit.take_order(now_s, document)]
        self._judge()

    def _judge(self) -> None:
        for serial, unit in self.units.items():
            for at_s, reason in unit.restarts[self._judged[serial] :]:
                if CALLS.until(unit.seed, at_s):
                    self.in_calls.append(f"{serial} restarted ({reason}) in a call")
            self._judged[serial] = len(unit.restarts)


def _delivery(serial: str, message: Message) -> Delivery:
    kind = message.name if message.name in ("register", "heartbeat") else "report"
    packed = pack(message.name, message.values, message.boot_id, message.sequence)
    return Delivery(up_topic(serial, kind), packed, datetime.now(UTC))


def _row(unit: UnitModel) -> SimulatedUnit:
    image, hardware = unit.image, unit.hardware
    running = Running(hardware.board, hardware.revision, ABI, image.version, image.release_counter, image.sha256)
    return SimulatedUnit(hardware.serial, int.from_bytes(hardware.mac, "big"), running, unit.session.boot_id)


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended: `counts` by the fleet, `real` what each real unit runs, `faults` what must not be."""

    state: str
    counts: Mapping[str, int]
    real: Mapping[str, str]
    simulated_restarts: int
    seconds: float
    faults: tuple[str, ...]


class Rehearsal:
    """One rollout to `real` real units and `simulated` ones, at a stage of its own in `folder`."""

    def __init__(self, folder: Path, real: int, simulated: int, stack: ExitStack) -> None:
        self.stage = stack.enter_context(opened(folder))
        self.units = [
            self.stage.unit(f"unit-{n}", State.REGISTERED if n < TALKERS else State.ACTIVE) for n in range(real)
        ]
        self.version = self.stage.house.publish_next()
        images = [self._image(version) for version in (FIRST, self.version)]
        service = self.stage.house.world.service
        self.crowd = stack.enter_context(Crowd(service.data_dir, images, simulated))
        self.rollout = ""

    def run(self, stack: ExitStack) -> Ending:
        """Two talk; all others whose point says so get the release; then the two hang up, and get theirs."""
        call = Call(self.units[0], self.units[1], stack)
        begun_s = time.monotonic()
        self._begin()
        self._until("all but those who talk have their release", lambda: all(map(self._is_right, self.units[TALKERS:])))
        self._until("the simulated ones too", lambda: self._confirmed() >= sum(map(self.gets_it, self.crowd.units)))
        call.goes_on()
        call.hang_up()
        self._until("finished", lambda: self._detail()["state"] == RolloutState.FINISHED)
        return self._ending(time.monotonic() - begun_s)

    def gets_it(self, serial: str) -> bool:
        """Whether the plan gives that unit the release; worked out here once more."""
        return point_of(serial, self.rollout) < 1 - HELD_BACK

    def _begin(self) -> None:
        world = self.stage.house.world
        manager = world.people.release_manager.client
        wanted = {"release": self.version, "targets": "all", "plan": PLAN}
        self.rollout = manager.post("/v1/rollouts", wanted)["id"]
        for verb in ("approve", "start"):
            step(world, self.rollout, verb)

    def _until(self, what: str, look: Callable[[], bool]) -> None:
        def seen() -> bool:
            if self.crowd.error is not None:
                raise self.crowd.error
            return look()

        self.stage.house.world.until(what, seen, LIMIT_S)

    def _detail(self) -> dict[str, Any]:
        client = self.stage.house.world.people.release_manager.client
        found: dict[str, Any] = client.get(f"/v1/rollouts/{self.rollout}")
        if found["state"] not in (RolloutState.RUNNING, RolloutState.FINISHED):
            raise AssertionError(f"it is {found['state']}: {found['reason']}; {found['counts']}")
        return found

    def _is_right(self, unit: RealUnit) -> bool:
        pins = unit.board.pins()
        wanted = self.version if self.gets_it(unit.serial) else FIRST
        return pins.version == wanted and pins.state == "ready"

    def _confirmed(self) -> int:
        return int(self._detail()["counts"].get("confirmed", 0))

    def _image(self, version: str) -> Image:
        found = self.stage.admin.get(f"/v1/releases/{version}")
        counter, sha256 = found["images"][0]["release_counter"], found["images"][0]["sha256"]
        return Image(version, counter, sha256, SIMULATED)

    def _ending(self, seconds: float) -> Ending:
        """What came of it, each unit's own word against the plan and the fleet's counts."""
        detail, crowd = self._detail(), self.crowd
        runs = {unit.serial: unit.board.pins().version for unit in self.units}
        runs |= {serial: unit.image.version for serial, unit in crowd.units.items()}
        faults = [*crowd.in_calls]
        for serial, version in runs.items():
            if version != (self.version if self.gets_it(serial) else FIRST):
                faults.append(f"{serial} runs {version}, its point is {point_of(serial, self.rollout):.2f}")
        for state, count in (("confirmed", self.version), ("held_back", FIRST)):
            there = sum(version == count for version in runs.values())
            if detail["counts"].get(state, 0) != there:
                faults.append(f"the fleet counts {detail['counts'].get(state, 0)} {state}, there are {there}")
        real = {unit.serial: runs[unit.serial] for unit in self.units}
        restarts = sum(len(unit.restarts) for unit in crowd.units.values())
        return Ending(detail["state"], detail["counts"], real, restarts, seconds, tuple(faults))


def rehearse(folder: Path, real: int, simulated: int) -> Ending:
    """One run; it closes what it opened."""
    with ExitStack() as stack:
        return Rehearsal(folder, real, simulated, stack).run(stack)


def main() -> int:
    """The command line; status 1 if something was that must not be."""
    parser = argparse.ArgumentParser(prog="python -m tests.real_units.among", description=__doc__)
    parser.add_argument("--real", type=int, default=8, help="real units, three or more")
    parser.add_argument("--simulated", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ending = rehearse(Path(folder), arguments.real, arguments.simulated)
    print(json.dumps(asdict(ending), indent=2))
    return 1 if ending.faults else 0


if __name__ == "__main__":
    sys.exit(main())
