"""One database full of units that stand still, each for a cause of its own: `why` names it, for all of them.

Everything that keeps a unit away was done by the services, as people do it, and by the unit's own messages, as the
gateway hands them over; what a unit says of an update is in the firmware's words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from fleet.domain.access import Actor, Role
from fleet.domain.account import Account
from fleet.domain.configuration import Channel, parse_window
from fleet.domain.rollout import Rollout
from fleet.domain.rollout_groups import UnitFacts, point_of
from fleet.domain.suspension import SuspensionReason
from fleet.domain.treatment import SOFTLY, Treatment
from fleet.domain.unit import Unit
from fleet.domain.update_cause import Cause
from fleet.services.build import Services
from fleet.services.ingest import Delivery
from fleet.services.jobs import SCHEDULER
from fleet.services.rollout_steering import Steering
from fleet.store.ingest import IngestStore
from protocol.wire.enumerations import EVENTS, LINE_STATES, UPDATE_REASONS, UPDATE_STATES
from protocol.wire.messages import pack
from protocol.wire.topics import up_topic
from tests.fleet.conftest import START, Clock, someone
from tests.fleet.release_owners import Owners, make_image
from tests.fleet.services.equipment import Warehouse, heartbeat, register_values
from tools.release.bundle import Bundle
from tools.release.delta import make_delta
from tools.release.keys import OfflineKeys
from tools.release.record import ReleaseFacts
from tools.release.sign import sign_image

MANAGER = someone(Role.RELEASE_MANAGER)
APPROVER = Actor(MANAGER.kind, "PE-901", someone(Role.APPROVER).permissions)
ADMIN = someone(Role.ADMIN)
FIRMWARE = Path(__file__).parents[3] / "firmware" / "adapter" / "update"
LEAST_CAUSES = 25
KIND = {"register": "register", "heartbeat": "heartbeat"}


@dataclass
class Adapter:
    """A unit in somebody's home: it speaks through the gateway and does nothing by itself."""

    services: Services
    clock: Clock
    unit: Unit
    sequence: int = 0
    assignment: int = 0
    registered: dict[str, Any] = field(default_factory=dict)

    @property
    def serial(self) -> str:
        return self.unit.serial

    def register(self, **changed: Any) -> None:
        self._say("register", register_values(self.unit) | {"clock_s": self._now_s()} | changed)

    def beat(self, clock_off_s: int = 0, update: str = "idle", line: str = "registered") -> None:
        values = dict(heartbeat(1, 60).values)
        values |= {"update_state": UPDATE_STATES.index(update), "line_state": LINE_STATES.index(line)}
        self._say("heartbeat", values | {"clock_s": self._now_s() + clock_off_s})

    def report(self, state: str, reason: str = "none", detail: str = "") -> None:
        values = {"assignment": self.assignment, "state": UPDATE_STATES.index(state)}
        values |= {"reason": UPDATE_REASONS.index(reason), "detail": detail, "clock_s": self._now_s()}
        rest = {"target_counter": 2, "target_sha256": bytes(32), "release_counter": 1}
        self._say("update_report", values | rest)

    def log(self, event: str) -> None:
        line = {"clock_s": self._now_s(), "event": EVENTS.index(event), "value": 1}
        self._say("events", {"events": [line]})

    def _now_s(self) -> int:
        return int(self.clock.now.timestamp())

    def _say(self, name: str, values: dict[str, Any]) -> None:
        self.sequence += 1
        payload = pack(name, values, boot_id=7, sequence=self.sequence)
        delivery = Delivery(up_topic(self.serial, KIND.get(name, "report")), payload, self.clock.now)
        for answer in self.services.ingest.handle([delivery]):
            if answer.name == "command" and answer.serial == self.serial:
                self.assignment = int(answer.values["argument"])


# Of a unit that says how it ended: state, reason, and its detail as the firmware writes it, with what it fills in.
ENDS: dict[Cause, tuple[str, str, str, tuple[Any, ...]]] = {
    Cause.WITHDRAWN: ("failed", "mismatch", "no role of the image repository lists %s", ("simulated_2.0.0.img",)),
    Cause.BLOCKED: ("failed", "refused_before", "this image went back before; sign newer metadata that lists it", ()),
    Cause.SIGNATURE: ("failed", "signature", "%s has %d valid signatures, %d are needed", ("targets", 0, 1)),
    Cause.DISAGREE: ("failed", "mismatch", "director and image repository do not agree on %s", ("2.0.0.img",)),
    Cause.SECURITY_FLOOR: ("failed", "rollback", "release counter %d is below the security floor %d", (2, 3)),
    Cause.OLDER: ("failed", "rollback", "timestamp %d is trusted, got %d", (9, 8)),
    Cause.MALFORMED: ("failed", "mismatch", "JSON is cut off at byte %d", (100,)),
    Cause.HASH: ("failed", "hash", "%s is not the file that was signed for", ("image",)),
    Cause.LENGTH: ("failed", "length", "%s has %d bytes, the server sent %d", ("image", 9, 8)),
    Cause.WRONG_BOARD: ("failed", "wrong_board", "image is for board %s, this is %s", ("other", "simulated")),
    Cause.TOO_BIG: ("failed", "too_big", "image has %d bytes, a slot takes %d", (900_000, 500_000)),
    Cause.HEAP: ("failed", "too_big", "image needs %d bytes of heap, here are %d", (300_000, 224_000)),
    Cause.FLASH: ("failed", "flash", "writing the slot at byte %d: %s", (4096, "[Errno 5] EIO")),
    Cause.NETWORK: ("failed", "network", "%d tries did not bring the image", (20,)),
    Cause.SPENT: ("failed", "deadline", "the image did not come in %d s", (172_800,)),
    Cause.SELF_TEST: ("reverted", "self_test", "", ()),
    Cause.LINE: ("reverted", "self_test", "the line did not register in %d ms", (180_000,)),
    Cause.CRASH: ("reverted", "crash", "", ()),
    Cause.WATCHDOG: ("reverted", "watchdog", "", ()),
    Cause.TRIAL_DEADLINE: ("reverted", "deadline", "%d ms passed", (180_000,)),
    Cause.FLEET_UNREACHABLE: ("reverted", "fleet_unreachable", "%d ms passed", (180_000,)),
    Cause.SLOT_DAMAGED: ("reverted", "hash", "the slot was found damaged", ()),
}  # fmt: skip


class Stage:
    """The fleet, and who was made to stand still for what."""

    def __init__(self, services: Services, clock: Clock, owners: Owners) -> None:
        self.services, self.clock = services, clock
        self.warehouse = Warehouse(services, ADMIN)
        self.warehouse.load_block()
        self.expected: list[tuple[Cause, str]] = []
        self.online: list[Callable[[], None]] = []  # their last heartbeats
        self._publish(owners)

    def home(self, account: Account, board: str = "simulated", **registered: Any) -> Adapter:
        """A unit at the account that is plugged in."""
        unit = self.warehouse.stock(board)
        self.warehouse.send(account, unit)
        adapter = Adapter(self.services, self.clock, unit)
        adapter.register(**registered)
        return adapter

    def stuck(self, cause: Cause, who: Adapter | Unit, beat: dict[str, Any] | None = None) -> None:
        """That unit stands still for that cause; `beat`: what it goes on saying."""
        self.expected.append((cause, who.serial))
        if isinstance(who, Adapter) and beat is not None:
            self.online.append(lambda: who.beat(**beat))

    def roll_out(
        self,
        release: str,
        *units: Adapter,
        plan: dict[str, Any] | None = None,
        treatment: Treatment = SOFTLY,
        started: bool = True,
    ) -> Rollout:
        """A rollout to those units, or by a plan."""
        serials = None if plan is not None else [unit.serial for unit in units]
        rollout = self.services.rollouts.create(MANAGER, release, serials, 100, treatment=treatment, plan=plan)
        self.services.rollouts.approve(APPROVER, rollout.id)
        return self.services.rollouts.start(MANAGER, rollout.id) if started else rollout

    def _publish(self, owners: Owners) -> None:
        owners.initialise()
        modules = b"".join(sha256(bytes([block])).digest() for block in range(64))  # nothing deflates them
        owners.sign("1.0.0", 1, payload=modules)
        image = make_image("2.0.0", 2, payload=modules + b"more")
        sign_image(owners.bundle, owners.keys, image, START, make_delta=make_delta)
        beta = make_image("3.0.0", 3, payload=b"beta")
        sign_image(owners.bundle, owners.keys, beta, START, facts=ReleaseFacts(beta=True))
        self.services.releases.publish(MANAGER, owners.bundle.files_after({}), owners.bundle.payloads_after({}))


def out_of_reach(stage: Stage, account: Account) -> None:
    """No rollout reaches these."""
    services, warehouse = stage.services, stage.warehouse
    revoked, doubted, old, sent_back = (stage.home(account) for _ in range(4))
    services.units.revoke(ADMIN, revoked.serial, "stolen")
    services.units.quarantine(ADMIN, doubted.serial, "two at once")
    stage.stuck(Cause.REVOKED, revoked)
    stage.stuck(Cause.QUARANTINED, doubted)
    never = warehouse.stock()
    warehouse.send(account, never)
    stage.stuck(Cause.NEVER_REGISTERED, never)
    warehouse.stock()  # what replaces it
    replacement = warehouse.replace(warehouse.approved(old.unit))
    Adapter(services, stage.clock, replacement).register()
    stage.stuck(Cause.REPLACED, old)
    warehouse.take_back(sent_back.unit)
    stage.stuck(Cause.RETURNED, sent_back)
    stage.stuck(Cause.NOT_IN_SERVICE, warehouse.stock())


def on_their_way(stage: Stage, account: Account) -> None:
    """A rollout that lists them is running, and each stands somewhere else on the way."""
    slow, away, *others = (stage.home(account) for _ in range(9))
    whole = stage.home(account, version="0.9.0")
    any_hour = stage.home(account)
    stage.services.units.configure(ADMIN, any_hour.serial, Channel.STABLE, parse_window("00:00", "00:00"))
    fleet = [slow, away, *others, whole, any_hour]
    stage.roll_out("2.0.0", *fleet)
    for unit in (slow, away):
        unit.beat()
    slow.report("downloading")
    stage.clock.advance(hours=1)
    for unit in fleet:
        if unit is not away:
            unit.beat()
    begun, starved, wrong, calling, loading, hours, trial = others
    for unit in (loading, whole, hours, any_hour, trial, calling):
        unit.report("downloading")
    hours.report("staged", detail="by a delta of 5 bytes")
    any_hour.report("staged", detail="whole, 2112 bytes; delta: not enough memory")
    trial.report("trial")
    starved.log("no_heap")
    stage.stuck(Cause.SLOW_DOWNLOAD, slow, {"update": "downloading"})
    stage.stuck(Cause.OFFLINE, away)
    stage.stuck(Cause.NOT_BEGUN, begun, {})
    stage.stuck(Cause.NO_HEAP, starved, {})
    stage.stuck(Cause.CLOCK, wrong, {"clock_off_s": -86_400})
    stage.stuck(Cause.CALL_UP, calling, {"line": "in_call", "update": "downloading"})
    stage.stuck(Cause.DOWNLOADING, loading, {"update": "downloading"})
    stage.stuck(Cause.NO_DELTA, whole, {"update": "downloading"})
    stage.stuck(Cause.HOURS, hours, {"update": "staged"})
    stage.stuck(Cause.RESTARTING, any_hour, {"update": "armed"})
    stage.stuck(Cause.ON_TRIAL, trial, {"update": "trial"})


def ended(stage: Stage, account: Account) -> None:
    """They said how it ended, in the firmware's words."""
    at = int(stage.clock.now.timestamp())
    expired = "%s %d expired at %d s, now is %d s"
    issued = "assignment %d was issued at %d s, now is %d s"
    told = [(cause, *said) for cause, said in ENDS.items()]
    told += [
        (Cause.EXPIRED, "failed", "expired", expired, ("timestamp", 7, at - 60, at)),
        (Cause.CLOCK, "failed", "expired", expired, ("timestamp", 7, at + 3_600, at + 86_400)),
        (Cause.CLOCK, "failed", "mismatch", issued, (9, at, at - 86_400)),
        (Cause.WRONG_REVISION, "failed", "wrong_board", "image is for revisions %s, this is %d", ([1, 9], 12)),
        (Cause.WRONG_ABI, "failed", "wrong_board", "image has .mpy ABI %d, this runtime has %d", (6, 5)),
    ]
    sources = "".join(path.read_text() for path in FIRMWARE.glob("*.py"))
    fleet = [stage.home(account) for _ in told]
    stage.roll_out("2.0.0", *fleet)
    for unit, (cause, state, reason, template, values) in zip(fleet, told, strict=True):
        assert template in sources, template
        unit.beat()
        if state == "reverted":
            unit.report("trial")
        unit.report(state, reason, template % values)
        stage.stuck(cause, unit, {})


def not_come(stage: Stage, account: Account) -> None:
    """Their rollout has not come to them, or was taken back."""
    services = stage.services
    draft, unapproved, unstarted, paused, stopped, early, asked = (stage.home(account) for _ in range(7))
    services.rollouts.create(MANAGER, "2.0.0", [draft.serial], 1, draft=True)
    services.rollouts.create(MANAGER, "2.0.0", [unapproved.serial], 1)
    stage.roll_out("2.0.0", unstarted, started=False)
    services.rollouts.pause(MANAGER, stage.roll_out("2.0.0", paused).id, "support is busy")
    rollout = stage.roll_out("2.0.0", stopped)
    stopped.beat()
    services.rollouts.stop(MANAGER, rollout.id, "a crash")
    stage.roll_out("2.0.0", asked)
    stage.roll_out("2.0.0", early, treatment=Treatment(not_before=stage.clock.now + timedelta(days=3)))
    early.beat()
    early.report("downloading")
    early.report("staged", detail="by a delta of 5 bytes")
    stage.stuck(Cause.NOT_SUBMITTED, draft, {})
    stage.stuck(Cause.NOT_APPROVED, unapproved, {})
    stage.stuck(Cause.NOT_STARTED, unstarted, {})
    stage.stuck(Cause.PAUSED, paused, {})
    stage.stuck(Cause.STOPPED, stopped, {})
    stage.stuck(Cause.NOT_BEFORE, early, {"update": "staged"})
    stage.stuck(Cause.NOT_ASKED, asked)


def overtaken(stage: Stage) -> None:
    """A newer rollout took its place, and ended before it brought the unit anything."""
    account = stage.warehouse.open_account("Overtaken")
    unit = stage.home(account, version="2.0.0", release_counter=2)
    stage.roll_out("1.0.0", unit)
    stage.clock.advance(seconds=1)
    newer = stage.roll_out("2.0.0", plan={"targets": {"account": account.reference}, "group": [{}]})
    stage.services.rollouts.pause(MANAGER, newer.id, "a doubt")
    unit.beat()
    stage.services.rollouts.stop(MANAGER, newer.id, "a crash")
    stage.stuck(Cause.SUPERSEDED, unit, {})


def off_the_channel(stage: Stage, account: Account) -> None:
    """It left the channel before the beta release that it was assigned had come."""
    unit = stage.home(account)
    stage.services.channels.choose(someone(Role.SUPPORT), unit.serial, Channel.BETA, "PE-1")
    stage.roll_out("3.0.0", unit)
    unit.beat()
    stage.services.channels.choose(someone(Role.SUPPORT), unit.serial, Channel.STABLE, "PE-1")
    stage.stuck(Cause.BETA_ONLY, unit, {})


def finished_without(stage: Stage) -> None:
    """It was quarantined while the rollout went on, and is good again."""
    account = stage.warehouse.open_account("Finished")
    there, doubted = stage.home(account), stage.home(account)
    stage.services.units.quarantine(ADMIN, doubted.serial, "a doubt")
    stage.clock.advance(seconds=1)
    plan = {"targets": {"account": account.reference}, "group": [{"minimum_units": 1, "soak_hours": 0}]}
    stage.roll_out("2.0.0", plan=plan)
    there.beat()
    there.report("confirmed")
    Steering(stage.services.transactions).steer(SCHEDULER)
    Steering(stage.services.transactions).steer(SCHEDULER)
    stage.services.units.clear(ADMIN, doubted.serial, "it was one")
    doubted.register()
    stage.stuck(Cause.FINISHED, doubted, {})


def by_groups(stage: Stage) -> None:
    """A rollout by groups to one account, in which each has another place, or none."""
    account = stage.warehouse.open_account("Groups")
    homes = [stage.home(account) for _ in range(12)]
    elsewhere = stage.home(stage.warehouse.open_account("Elsewhere"))
    other = stage.home(account, "wesp32")
    revision, runtime = stage.home(account, hardware_revision=12), stage.home(account, abi=5)
    stage.clock.advance(seconds=1)
    first = {"name": "first", "up_to_percent": 40, "minimum_units": 1}
    plan = {"hold_back_percent": 30, "targets": {"account": account.reference}, "group": [first, {"name": "rest"}]}
    rollout = stage.roll_out("2.0.0", plan=plan)
    stage.clock.advance(seconds=1)
    places: dict[int | None, Adapter] = {}
    for unit in homes:
        facts = UnitFacts(unit.serial, "simulated", 1, "1.0.0", "stable", account.reference, "new")
        placement = stage.services.rollouts.standing(MANAGER, rollout.id).course.plan.place(
            facts, point_of(unit.serial, rollout.reference)
        )
        assert placement is not None
        places[placement.group] = unit
    stage.stuck(Cause.NOT_ASKED, places[0])
    stage.stuck(Cause.LATER_GROUP, places[1], {})
    stage.stuck(Cause.HELD_BACK, places[None], {})
    stage.stuck(Cause.LEFT_OUT, elsewhere, {})
    stage.stuck(Cause.WRONG_BOARD, other, {})
    stage.stuck(Cause.WRONG_REVISION, revision, {})
    stage.stuck(Cause.WRONG_ABI, runtime, {})
    stage.stuck(Cause.JOINED_LATE, stage.home(account), {})


@pytest.fixture
def stage(services: Services, tmp_path: Path, offline_keys: OfflineKeys, clock: Clock) -> Stage:
    return Stage(services, clock, Owners(offline_keys, Bundle(tmp_path / "bundle"), services.repository, START))


def test_why_names_the_one_right_cause_of_every_unit(stage: Stage) -> None:
    account = stage.warehouse.open_account()
    on_their_way(stage, account)
    out_of_reach(stage, account)
    ended(stage, account)
    not_come(stage, account)
    overtaken(stage)
    off_the_channel(stage, account)
    finished_without(stage)
    by_groups(stage)
    for beat in stage.online:
        beat()
    explain = stage.services.update_explanations.explain
    told = [(explain(MANAGER, serial), cause) for cause, serial in stage.expected]
    wrong = [f"{cause}: {found.cause}, {found.sentence}" for found, cause in told if found.cause is not cause]
    assert not wrong, "\n".join(wrong)
    assert all(found.remedy for found, _ in told)
    assert len({cause for cause, _ in stage.expected}) >= LEAST_CAUSES
    with stage.services.transactions.read(ADMIN) as uow:
        assert IngestStore(uow.connection).dead_letters() == []


def test_a_suspended_account_keeps_its_updates_and_why_says_so(stage: Stage) -> None:
    account = stage.warehouse.open_account()
    unit = stage.home(account)
    stage.services.suspensions.suspend(ADMIN, account.id, SuspensionReason.NON_PAYMENT)
    stage.roll_out("2.0.0", unit)
    unit.beat()
    found = stage.services.update_explanations.explain(MANAGER, unit.serial)
    assert unit.assignment > 0
    assert found.cause is Cause.NOT_BEGUN
    assert found.sentence.endswith("its account is suspended, which holds back no update.")
