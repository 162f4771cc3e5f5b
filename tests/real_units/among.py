"""Any scenario of the docs with real units among the simulated ones, in one rollout of one fleet service that runs.

`python -m tests.real_units.among two-points`: eight real units and 200 simulated ones, a day in two minutes. The real
ones come over the broker, what the simulated ones say goes through the gateway's own ingest into the same database.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from fleet.domain.rollout import IN_FLIGHT, RolloutState, UnitState
from fleet.domain.rollout_groups import HELD_BACK, Placement, UnitFacts, point_of
from fleet.domain.rollout_plan import read_course
from fleet.rehearsal.behaviour import Behaviour, Image
from fleet.rehearsal.fleet import START
from fleet.rehearsal.judge import BrokenRuleError, Judge
from fleet.rehearsal.order import Hours
from fleet.rehearsal.population import populate
from fleet.rehearsal.scenario import Scenario, read_scenario
from fleet.rehearsal.service import MANAGER
from fleet.rehearsal.unit_model import UnitModel
from fleet.rehearsal.unit_session import Configuration
from fleet.store.rollouts import RolloutRepository
from hil_tests.rig.bench import SIMULATED
from hil_tests.rig.house import FIRST
from hil_tests.rig.strategy import State
from protocol.wire.enumerations import BOOT_REASONS
from protocol.wire.serial_number import make_serial
from tests.real_units import verdict
from tests.real_units.crowd import BEAT_S, Crowd, services_in
from tests.real_units.deeds import Change, Deed, Parts, change_of, deeds_of
from tests.real_units.shrunk import DAY_LASTS_S, Shrunk, plan_of
from tests.real_units.stage import in_s, opened, sources_with
from tools.demo.living import step
from tools.demo.world import NotSeenError

SCENARIOS: Final = Path(__file__).parents[2] / "docs" / "scenarios"
FIRST_NUMBER: Final = 1_000_000  # of the simulated units' serial numbers
NUMBERS: Final = 10_000  # others for each seed: where a unit stands in a plan is by its serial number
LIMIT_S: Final = 900.0
BACK_LIMIT_S: Final = 120.0
PAUSE_S: Final = 1.0
ENDED: Final = (RolloutState.FINISHED, RolloutState.STOPPED)
OPEN: Final = IN_FLIGHT | {UnitState.WAITING}


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended: `counts` by the fleet, `causes` of units that are not where it wants them, `did` by deed.

    `real` says of each real unit what it runs, and `faults` what must not be.
    """

    scenario: str
    state: str
    reason: str
    seconds: float
    counts: Mapping[str, int]
    causes: Mapping[str, int]
    did: Mapping[str, int]
    real: Mapping[str, str]
    faults: tuple[str, ...]


class Rehearsal:
    """One rollout to `real` real units and `scenario.units` simulated ones, at a stage of its own in `folder`."""

    def __init__(self, scenario: Scenario, change: Change | None, folder: Path, real: int, stack: ExitStack) -> None:
        self.scenario, self.stage, self._stack = scenario, stack.enter_context(opened(folder)), stack
        revisions = [each.revision for each in scenario.revision]
        self.units = [
            self.stage.unit(f"unit-{n}", State.REGISTERED, revisions[(n + scenario.seed) % len(revisions)])
            for n in range(real)
        ]
        self.version = self.stage.house.publish_next(change and sources_with(folder / "changed", *change))
        self.old, self.new = (self._image(version) for version in (FIRST, self.version))
        self.services = services_in(self.stage.house.world.service.data_dir)
        self.crowd = Crowd(self.services, self._simulated())
        self.rollout, self.did, self._begun_s = "", Counter[str](), 0.0

    def run(self) -> Ending:
        """From the order to where nobody has anything left to do, and what the fleet says of it then."""
        deeds = deeds_of(self.scenario, self.units, self._stack)
        mark = self.stage.listener.mark()
        self._begin()

        def act(parts: Parts) -> None:
            for deed in deeds:
                deed.look(parts, time.monotonic() - self._begun_s)

        try:
            self._until("the rollout over", lambda parts: self._is_over(parts, deeds), LIMIT_S, act)
        finally:
            for deed in deeds:
                deed.end()
        seconds = time.monotonic() - self._begun_s
        self._until("all real units back, and done", self._all_done, BACK_LIMIT_S, lambda _: None)
        self.crowd.end()
        for deed in deeds:
            self.did.update(deed.did)
        for unit in self.units:
            for heard in self.stage.listener.since(mark, unit.serial):
                self.crowd.judge.reported(unit.serial, heard.message)
                if heard.message.name == "register":
                    self.did[f"real starts by {BOOT_REASONS[heard.message['boot_reason']]}"] += 1
        return self._ending(seconds)

    def detail(self) -> dict[str, Any]:
        """The rollout as the API shows it; one that paused is resumed, as by a person."""
        client = self.stage.house.world.people.release_manager.client
        found: dict[str, Any] = client.get(f"/v1/rollouts/{self.rollout}")
        if found["state"] == RolloutState.PAUSED:
            self.did["resumed by a person"] += 1
            found = client.post(f"/v1/rollouts/{self.rollout}/resume", None)
        return found

    def parts(self) -> dict[str, UnitState]:
        """Every unit's state in the rollout, as far as the fleet has one."""
        with self.services.transactions.read(MANAGER) as uow:
            parts = RolloutRepository(uow).units(int(self.rollout.partition("-")[2]), len(self.placements) + 1, None)
        return {part.serial: part.state for part in parts}

    def _begin(self) -> None:
        """Created, approved and started; and where each unit stands by its plan."""
        world, plan = self.stage.house.world, plan_of(self.scenario, self.scenario.units + len(self.units))
        wanted = {"release": self.version, "targets": "all", "plan": plan, "mode": self.scenario.mode}
        if self.scenario.deadline_days is not None:
            wanted["deadline"] = in_s(self.scenario.deadline_days * DAY_LASTS_S)
        self.rollout = world.people.release_manager.client.post("/v1/rollouts", wanted)["id"]
        placed, hardware = read_course(plan).plan, {unit.serial: unit.revision for unit in self.units}
        hardware |= {serial: unit.hardware.revision for serial, unit in self.crowd.units.items()}
        self.placements: dict[str, Placement | None] = {
            serial: placed.place(
                UnitFacts(serial, SIMULATED, revision, FIRST, "stable", "AC-1", "new"), point_of(serial, self.rollout)
            )
            for serial, revision in hardware.items()
        }
        self.revisions = hardware
        number = int(self.rollout.partition("-")[2])
        self.crowd.begin(Judge(self.placements), number, frozenset({self.new.sha256}))
        for verb in ("approve", "start"):
            step(world, self.rollout, verb)
        self._begun_s = time.monotonic()

    def _is_over(self, parts: Parts, deeds: Sequence[Deed]) -> bool:
        """At its end; or all that is missing are units that went dark: simulated ones for good, real ones till then."""
        detail = self.detail()
        if detail["state"] in ENDED:
            return True
        waits = IN_FLIGHT if detail["state"] == RolloutState.STOPPING else OPEN
        missing = [
            serial
            for serial, placement in self.placements.items()
            if placement != HELD_BACK and parts.get(serial, UnitState.WAITING) in waits
        ]
        kept = {serial for deed in deeds for serial in deed.kept}
        return bool(missing) and all(serial in kept or self.crowd.gone(serial) for serial in missing)

    def _all_done(self, parts: Parts) -> bool:
        return all(
            unit.board.pins().state == "ready" and parts.get(unit.serial) not in IN_FLIGHT for unit in self.units
        )

    def _until(self, what: str, is_so: Callable[[Parts], bool], limit_s: float, act: Callable[[Parts], None]) -> None:
        """`act` often, for a trial takes seconds; `is_so` more seldom, for it costs the machine what units need."""
        parts, next_s = self.parts(), 0.0

        def seen() -> bool:
            nonlocal parts, next_s
            self.crowd.check()
            act(parts)
            if time.monotonic() < next_s:
                return False
            parts, next_s = self.parts(), time.monotonic() + PAUSE_S
            return is_so(parts)

        self.stage.house.world.until(what, seen, limit_s)

    def _image(self, version: str) -> Image:
        found = self.stage.admin.get(f"/v1/releases/{version}")["images"][0]
        return Image(version, found["release_counter"], found["sha256"], SIMULATED)

    def _simulated(self) -> dict[str, UnitModel]:
        """The scenario's units, with the images and the time of this stage."""
        configuration, now_s = Configuration(1, BEAT_S, Hours(0, 0)), int(time.time())
        shrunk = Shrunk(START, now_s, self.old, self.new)
        units: dict[str, UnitModel] = {}
        behaviours: dict[int, Behaviour] = {}
        first = FIRST_NUMBER + NUMBERS * self.scenario.seed
        for number, made in enumerate(populate(self.scenario, START, configuration).units.values(), first):
            serial = str(make_serial(number))
            behaviour = behaviours.setdefault(id(made.behaviour), shrunk.behaviour(made.behaviour))
            unit = UnitModel(replace(made.hardware, serial=serial), behaviour, self.old, made.seed)
            unit.settle_in(now_s, number, configuration)
            units[serial] = unit
        return units

    def _ending(self, seconds: float) -> Ending:
        detail, found = self.detail(), verdict.of(self)
        real = {f"{unit.serial} revision {unit.revision}": unit.board.pins().version for unit in self.units}
        return Ending(
            self.scenario.about, detail["state"], detail["reason"], round(seconds), detail["counts"],
            found.causes, dict(self.did), real, found.faults,
        )  # fmt: skip


def rehearse(name: str, seed: int, real: int = 8, simulated: int = 200, round_of: int = 0) -> Ending:
    """One run of that scenario of the docs; a rule that breaks is a fault of its ending.

    `round_of` counts its runs: a bad release is bad in another way each time.
    """
    scenario = read_scenario(SCENARIOS / f"{name}.toml", units=simulated, seed=seed)
    with tempfile.TemporaryDirectory(prefix="plugtone-among-") as folder, ExitStack() as stack:
        rehearsal = Rehearsal(scenario, change_of(scenario, round_of), Path(folder), real, stack)
        try:
            return rehearsal.run()
        except (BrokenRuleError, AssertionError, NotSeenError) as error:
            fault = f"{type(error).__name__}: {error}"
            return Ending(scenario.about, "broken off", "", 0, {}, {}, dict(rehearsal.did), {}, (fault,))


def main() -> int:
    """The command line; status 1 if something was that must not be."""
    parser = argparse.ArgumentParser(prog="python -m tests.real_units.among", description=__doc__)
    parser.add_argument("scenario", choices=sorted(path.stem for path in SCENARIOS.glob("*.toml")))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--round", type=int, default=0, help="odd: a bad release fails its self-test, else it crashes")
    parser.add_argument("--real", type=int, default=8, help="real units, eight or more")
    parser.add_argument("--simulated", type=int, default=200)
    arguments = parser.parse_args()
    ending = rehearse(arguments.scenario, arguments.seed, arguments.real, arguments.simulated, arguments.round)
    print(json.dumps(asdict(ending), indent=2))
    return 1 if ending.faults else 0


if __name__ == "__main__":
    sys.exit(main())
