"""People, units, the steering job and a service that is killed do with rollouts what chance says, on either database.

A kill is at a statement or a commit drawn from the seed: what was not committed is gone, and a fresh service goes on.
Some are SIGKILL of a process that does the act, also after its commit and before anybody has heard of it.
Every act is held against what it may change; what holds between two acts is in `rollout_faults`.
"""

from __future__ import annotations

import json
import os
import signal
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Any, Final, NoReturn

from securesystemslib.signer import CryptoSigner
from sqlalchemy import Engine, event, insert, update

from fleet.domain.access import Actor, ForbiddenError, Role
from fleet.domain.errors import ConflictError, FleetError, IllegalTransitionError, InvalidError
from fleet.domain.rollout import TRANSITIONS, Rollout, RolloutEvent, RolloutState, UnitState
from fleet.domain.rollout_course import LAST_GROUP_LIMIT
from fleet.domain.treatment import Mode
from fleet.services.ingest import GATEWAY
from fleet.services.jobs import SCHEDULER
from fleet.services.rollout_signals import note_heartbeats
from fleet.services.rollout_steering import Steering
from fleet.services.rollouts import Rollouts
from fleet.services.unit_messages import Incoming, Outgoing
from fleet.services.unit_updates import UnitUpdates
from fleet.store.assignments import AssignmentRepository
from fleet.store.heartbeats import HeartbeatRepository
from fleet.store.rollout_gate import RolloutGateRepository
from fleet.store.tables.equipment import units as units_table
from fleet.store.tables.releases import release_images, releases
from fleet.store.unit_of_work import Transactions
from fleet.updates.director import Director
from protocol.wire.enumerations import BOOT_REASONS, LINE_STATES, UPDATE_STATES
from protocol.wire.messages import Message, pack, unpack
from tests.fleet.conftest import START, someone
from tests.fleet.services.equipment import snapshot
from tests.fleet.services.fleet_of_units import HEARTBEAT, put_in_service
from tests.fleet.services.rollout_faults import Memory, after_check_in, faults, parts_of
from tests.fleet.services.rollout_wishes import a_plan, a_treatment

UNITS: Final = 8
LATE: Final = 2  # of them register some time later
OPEN_ROLLOUTS: Final = 3  # more, and the newer ones hide what can go wrong with the older
VERSIONS: Final = ("1.5.0", "2.0.0", "3.0.0")
MANAGER: Final = someone(Role.RELEASE_MANAGER)
APPROVER: Final = Actor(MANAGER.kind, "PE-901", someone(Role.APPROVER).permissions)
AUTHOR_WHO_APPROVES: Final = replace(APPROVER, reference=MANAGER.reference)
VERBS: Final = ("submit", "approve", "start", "pause", "resume", "stop")
REPORTS: Final = ("downloading", "staged", "trial", "confirmed", "confirmed", "reverted", "failed")
ENDS: Final = (RolloutState.FINISHED, RolloutState.STOPPED)
RECALLED: Final = (UnitState.WAITING, UnitState.ASSIGNED, UnitState.DOWNLOADING, UnitState.STAGED)
STEPS_OF_TIME: Final = (
    timedelta(seconds=1), timedelta(seconds=20), timedelta(minutes=30), timedelta(hours=1), timedelta(hours=3),
    timedelta(days=8), timedelta(days=30), LAST_GROUP_LIMIT,
)  # fmt: skip
TIME_WEIGHTS: Final = (30, 10, 6, 4, 2, 0.5, 0.3, 0.5)
MAX_STATEMENTS: Final = 60  # about what an act needs
REPOSITORY: Final[Any] = type("Signed", (), {"images": lambda _: {f"simulated_{each}.img" for each in VERSIONS}})()


class KilledError(Exception):
    """The service was killed here: nothing in it catches this, and its transaction is rolled back."""


@dataclass
class HomeUnit:
    """A unit as its messages tell it."""

    serial: str
    revision: int
    version: str = "1.0.0"
    counter: int = 1
    sha256: str = "0" * 64
    uptime_s: int = 0
    heard: list[int] = field(default_factory=list)

    def registration(self, boot_reason: str) -> Message:
        facts = {"serial": self.serial, "mac": bytes(6), "epoch": 1, "board": "simulated", "abi": 6, "slot": 0}
        image = {"version": self.version, "release_counter": self.counter, "image_sha256": bytes.fromhex(self.sha256)}
        start = {"boot_reason": BOOT_REASONS.index(boot_reason), "free_heap_bytes": 0, "clock_s": 0}
        return _travelled("register", facts | image | start | {"hardware_revision": self.revision})


class Story:
    """One seed's story on the empty database of `engine`, which has its tables."""

    def __init__(self, engine: Engine, chance: Random) -> None:
        self.chance, self.now = chance, START
        self.transactions = Transactions(engine, lambda: self.now)
        self.left: int | None = None  # statements until the service is killed
        self.done = Counter[str]()
        self.memory = Memory()
        self.states: set[tuple[int, RolloutState]] = set()
        listen: Callable[..., None] = event.listen
        listen(engine, "before_cursor_execute", self._count)
        listen(engine, "commit", self._count)
        self._publish()
        serials = put_in_service(self, UNITS, START)  # type: ignore[arg-type]
        self.units = [HomeUnit(serial, 1 + number % 2) for number, serial in enumerate(serials)]
        self.begin_anew()
        for unit in self.units[LATE:]:
            self._say(unit, unit.registration("power_on"))

    def begin_anew(self) -> None:
        """A fresh service on the same database."""
        self.transactions.engine.dispose()
        self.done["services"] += 1
        director = Director(CryptoSigner.generate_ecdsa())
        self.unit_updates = UnitUpdates(self.transactions, lambda: director)
        self.people = Rollouts(self.transactions, REPOSITORY)

    def act(self) -> None:
        """One act, maybe cut off by a kill and done again; what is wrong then is raised."""
        acts = (self.create, self.step, self.check_in, self.report, self.steer, self.sign_anew)
        (act,) = self.chance.choices(acts, weights=(3, 2, 8, 8, 3, 0.5))
        self.now += self.chance.choices(STEPS_OF_TIME, weights=TIME_WEIGHTS)[0]
        state = self.chance.getstate()
        killed = self.chance.random()
        if killed < 0.25:
            self.left = self.chance.randrange(MAX_STATEMENTS)
        try:
            if killed < 0.05:
                self._killed_outright(act)
            act()
        except KilledError:
            self.done["kills"] += 1
            self.begin_anew()
            self.check()
            if self.chance.random() < 0.5:  # who asked for it asks again
                self.chance.setstate(state)
                self.chance.random()
                act()
        self.left = None
        self.done["acts"] += 1
        self.check()
        for each in self.all():
            self.states.add((each.id, each.state))

    def check(self) -> None:
        """What holds whenever nobody is in the middle of something."""
        self.left = None
        found = faults(self.transactions, self.memory)
        assert found == [], found

    # --- People ---

    def create(self) -> None:
        unended = [rollout for rollout in self.all() if rollout.state not in (*ENDS, RolloutState.STOPPING)]
        if len(unended) >= OPEN_ROLLOUTS:
            if self.chance.random() < 0.6:
                return
            self.ask(self.chance.choice(unended), "stop", MANAGER)
        version, limit, plan = self.chance.choice(VERSIONS), self.chance.randint(1, 3), None
        serials = [unit.serial for unit in self.chance.sample(self.units, self.chance.randint(1, 4))]
        way, hurried = self.chance.random(), self.chance.random()
        if way < 0.7:
            plan = a_plan(self.chance)
        treatment = a_treatment(self.chance, self.now)
        listed = serials if 0.7 <= way < 0.85 else None
        try:
            rollout = self.people.create(MANAGER, version, listed, limit, hurried > 0.9, treatment, plan)
            self.done[treatment.mode] += 1
            self.done["paced"] += bool(plan and "pace" in plan)
            if hurried < 0.8:
                self.people.approve(APPROVER, rollout.id)
                self.people.start(MANAGER, rollout.id)
        except (ConflictError, InvalidError):
            self.done["refused"] += 1

    def started(self, version: str, serials: list[str]) -> int:
        """A rollout to those units that was started; its number."""
        rollout = self.people.create(MANAGER, version, serials, len(serials))
        self.people.approve(APPROVER, rollout.id)
        return self.people.start(MANAGER, rollout.id).id

    def step(self) -> None:
        """What a person asks of a rollout in any state: it is done, or refused with nothing changed."""
        rollouts = self.all()
        if not rollouts:
            return
        rollout = self.chance.choice(rollouts[: 2 * OPEN_ROLLOUTS])
        possible = [verb for verb in VERBS if (rollout.state, RolloutEvent(verb)) in TRANSITIONS and verb != "stop"]
        verb = self.chance.choice(possible if possible and self.chance.random() < 0.6 else VERBS)
        actor = self.chance.choice((APPROVER, AUTHOR_WHO_APPROVES)) if verb == "approve" else MANAGER
        self.ask(rollout, verb, actor)

    def ask(self, rollout: Rollout, verb: str, actor: Actor) -> None:
        before, parts, error = self.everything(), self.parts(), None
        allowed = (rollout.state, RolloutEvent(verb)) in TRANSITIONS
        reason = ("because",) if verb in ("pause", "stop") else ()
        self.done[f"{rollout.state} {verb}"] += 1
        try:
            getattr(self.people, verb)(actor, rollout.id, *reason)
        except (FleetError, ForbiddenError) as refusal:
            error = refusal
        if error is None:
            assert allowed, f"{verb} of {rollout.reference}, which was {rollout.state}"
            assert actor is not AUTHOR_WHO_APPROVES, "its author approved it"
            recalled = {key for key in parts if key[0] == rollout.id and parts[key] in RECALLED and verb == "stop"}
            assert self.parts() == parts | dict.fromkeys(recalled, UnitState.SUPERSEDED)
            return
        expected = (
            (ForbiddenError, ConflictError, InvalidError) if allowed else (ForbiddenError, IllegalTransitionError)
        )
        assert isinstance(error, expected), error
        assert not isinstance(error, ForbiddenError) or actor is AUTHOR_WHO_APPROVES, error
        assert self.everything() == before, f"{verb} of {rollout.state} was refused and changed something"

    def steer(self) -> None:
        """The job: what it does to units is to recall those of a rollout that ends, and to send back."""
        before, known = self.parts(), {each.id: each for each in self.all()}
        Steering(self.transactions).steer(SCHEDULER)
        after = {each.id: each for each in self.all()}
        for (number, serial), state in self.parts().items():
            if number not in known:
                assert state is UnitState.WAITING, "a unit that is sent back"
            elif state is not before[number, serial]:
                recalled = state is UnitState.SUPERSEDED and before[number, serial] in RECALLED
                assert recalled, (number, serial, state)
                assert after[number].state in (*ENDS, RolloutState.STOPPING)
                assert known[number].state not in ENDS
        self.done["sent back"] += len(after) - len(known)

    def sign_anew(self) -> None:
        before = self.parts()
        with self.transactions.begin(SCHEDULER) as uow:
            self.unit_updates.sign_anew(uow, UNITS)
            uow.commit()
        assert self.parts() == before

    # --- Units ---

    def check_in(self) -> None:
        unit, how, line = self.chance.choice(self.units), self.chance.random(), self.chance.random()
        unit.uptime_s += 60
        with self.transactions.read(GATEWAY) as uow:
            registered = AssignmentRepository(uow).running(unit.serial)
        if how < 0.3 or registered is None:
            unit.uptime_s = 0
            message = unit.registration("crash" if how < 0.08 else "power_on")
            runs = unit.version, unit.sha256
        else:
            state = LINE_STATES.index("failed" if line < 0.3 else "registered")
            message = _travelled("heartbeat", HEARTBEAT | {"uptime_s": unit.uptime_s, "line_state": state})
            runs = registered[0].version, registered[0].image_sha256  # as far as the fleet knows
        first_at = self.now if registered is None else registered[1]
        boxed = self.memory.boxed(unit.serial, self.now)
        with self.transactions.read(GATEWAY) as uow:
            last = RolloutGateRepository(uow).last_starts([unit.serial])
            started_at = self.now if message.name == "register" else last[unit.serial]
            due = after_check_in(uow, unit.serial, unit.revision, *runs, first_at, started_at, boxed)
        known = sum(serial == unit.serial for _, serial in self.parts())
        others = {key: state for key, state in self.parts().items() if key[1] != unit.serial}
        heard = self._say(unit, message)
        after = self.parts()
        mine = {key[0]: state for key, state in after.items() if key[1] == unit.serial}
        assert mine == due, f"{unit.serial} is {mine}, it was to be {due}"
        assert {key: state for key, state in after.items() if key[1] != unit.serial} == others
        assert len(heard) <= 1, heard
        self.done["joined"] += len(mine) - known
        for told in heard:
            sequence = self.order(told)["version"]
            assert sequence >= max(unit.heard, default=0)
            if self.chance.random() < 0.9:  # else it is lost on the way
                unit.heard.append(sequence)

    def report(self) -> None:
        unit, state = self.chance.choice(self.units), self.chance.choice(REPORTS)
        if unit.heard:
            self._report(unit, state, self.chance.choice(unit.heard[-2:]))

    def beat(self, unit: HomeUnit) -> list[Outgoing]:
        """A heartbeat of the unit; what it hears of an order."""
        heard = self._say(unit, _travelled("heartbeat", HEARTBEAT))
        unit.heard += [told.values["argument"] for told in heard]
        return heard

    def tell(self, unit: HomeUnit, state: str) -> None:
        """The unit reports that state of its last order."""
        self._send_report(unit, state, unit.heard[-1])

    def order(self, told: Outgoing) -> dict[str, Any]:
        """What the director says to who was told so."""
        order: dict[str, Any] = json.loads(self.unit_updates.assignment(told.serial))["signed"]
        assert order["version"] == told.values["argument"]
        return order

    def _send_report(self, unit: HomeUnit, state: str, sequence: int) -> None:
        values = {"assignment": sequence, "state": UPDATE_STATES.index(state), "reason": 0, "target_counter": 0}
        values |= {"target_sha256": bytes(32), "release_counter": unit.counter, "detail": "", "clock_s": 0}
        with self.transactions.begin(GATEWAY) as uow:
            self.unit_updates.record_report(uow, unit.serial, _travelled("update_report", values))
            uow.commit()

    def _report(self, unit: HomeUnit, state: str, sequence: int) -> None:
        before = self.parts()
        self._send_report(unit, state, sequence)
        changed = {key: new for key, new in self.parts().items() if before.get(key) is not new}
        for (number, _), new in changed.items():
            stays = self.people.get(MANAGER, number).treatment.mode is Mode.DOWNLOAD_ONLY
            assert new is UnitState("downloading" if state == "staged" and not stays else state)
            self.done["staged"] += new is UnitState.STAGED
        assert all(serial == unit.serial for _, serial in changed)
        assert len(changed) <= 1
        if changed and state == "confirmed":
            (key,) = changed
            number = VERSIONS.index(self.people.get(MANAGER, key[0]).release) + 1
            unit.version, unit.counter, unit.sha256 = VERSIONS[number - 1], number + 1, f"{number:064x}"

    def everything(self) -> dict[str, list[Any]]:
        """Every row of every table."""
        return snapshot(self)  # type: ignore[arg-type]

    def all(self) -> list[Rollout]:
        return self.people.page(MANAGER, 1000, None)

    def parts(self) -> dict[tuple[int, str], UnitState]:
        with self.transactions.read(GATEWAY) as uow:
            return parts_of(uow.connection)

    def _say(self, unit: HomeUnit, message: Message) -> list[Outgoing]:
        """What the gateway does with a registration or a heartbeat, but for what is no matter of rollouts."""
        with self.transactions.begin(GATEWAY) as uow:
            if message.name == "heartbeat":
                note_heartbeats(uow, [Incoming(unit.serial, message, self.now)])
                row = {**message.values, "serial": unit.serial, "received_at": self.now}
                HeartbeatRepository(uow).save([row])
            else:
                this = units_table.c.serial == unit.serial
                uow.connection.execute(update(units_table).where(this).values(registered_at=self.now))
            answers = self.unit_updates.check_in_all(uow, {unit.serial: message})
            uow.commit()
        return answers

    def _count(self, *_: Any) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.left = None
                self._die()

    def _die(self) -> None:
        raise KilledError

    def _killed_outright(self, act: Callable[[], None]) -> NoReturn:
        """Do `act` in a process of its own, killed on the way or when it is done: nobody hears how it went."""
        self.transactions.engine.dispose()
        child = os.fork()
        if not child:
            try:
                self._die = lambda: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign]
                act()
                self._die()
            except BaseException:
                traceback.print_exc()
            os._exit(1)
        status = os.waitpid(child, 0)[1]
        assert os.WIFSIGNALED(status), f"what went wrong in process {child} is above"
        self.done["processes killed"] += 1
        raise KilledError

    def _publish(self) -> None:
        facts = dict.fromkeys(("security_counter", "data_schema", "minimum_heap_bytes"), 0)
        fit = {"board": "simulated", "revision_from": 1, "revision_to": 9, "abi": 6}
        with self.transactions.begin(GATEWAY) as uow:
            for number, version in enumerate(VERSIONS, 1):
                release = {"id": number, "version": version, "notes": "", "published_by": "x", "published_at": START}
                uow.connection.execute(insert(releases).values(release))
                image = {"name": f"simulated_{version}.img", "length": 300, "sha256": f"{number:064x}"}
                row = {"release_id": number, "release_counter": number + 1, **image, **fit, **facts}
                uow.connection.execute(insert(release_images).values(row))
            uow.commit()


def _travelled(name: str, values: dict[str, Any]) -> Message:
    message: Message = unpack(pack(name, values))
    return message
