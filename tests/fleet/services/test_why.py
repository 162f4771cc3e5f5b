"""One database full of units that stand still, each for a cause of its own: `why` names it, for all of them.

Everything that keeps a unit away was done by the services, as people do it, and by the unit's own messages, as the
gateway hands them over; what a unit says of an update is in the firmware's words.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fleet.domain.access import Role
from fleet.domain.account import Account
from fleet.domain.configuration import Channel, parse_window
from fleet.domain.rollout_groups import UnitFacts, point_of
from fleet.domain.suspension import SuspensionReason
from fleet.domain.treatment import Treatment
from fleet.domain.update_cause import Cause
from fleet.services.build import Services
from fleet.services.jobs import SCHEDULER
from fleet.services.rollout_steering import Steering
from fleet.store.ingest import IngestStore
from protocol.wire.enumerations import BOOT_REASONS
from tests.fleet.conftest import START, Clock, someone
from tests.fleet.release_owners import Owners
from tests.fleet.services.stuck_units import ADMIN, MANAGER, Adapter, Stage
from tools.release.bundle import Bundle
from tools.release.keys import OfflineKeys

FIRMWARE = Path(__file__).parents[3] / "firmware" / "adapter" / "update"
LEAST_CAUSES = 25
UPDATE_TRIAL = BOOT_REASONS.index("update_trial")

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
    trial.report("staged", detail="by a delta of 5 bytes")
    trial.register(version="2.0.0", release_counter=2, image_sha256=stage.image_sha256, boot_reason=UPDATE_TRIAL)
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
            unit.report("downloading")
        unit.report(state, reason, template % values)
        stage.stuck(cause, unit, {})


def not_come(stage: Stage, account: Account) -> None:
    """Their rollout has not come to them, or was taken back."""
    services = stage.services
    draft, unapproved, unstarted, paused, stopped, early = (stage.home(account) for _ in range(6))
    services.rollouts.create(MANAGER, "2.0.0", [draft.serial], 1, draft=True)
    services.rollouts.create(MANAGER, "2.0.0", [unapproved.serial], 1)
    stage.roll_out("2.0.0", unstarted, started=False)
    services.rollouts.pause(MANAGER, stage.roll_out("2.0.0", paused).id, "support is busy")
    rollout = stage.roll_out("2.0.0", stopped)
    stopped.beat()
    services.rollouts.stop(MANAGER, rollout.id, "a crash")
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


def at_the_gate(stage: Stage) -> None:
    """Their rollout wants them, and not now."""
    failing = stage.home(stage.warehouse.open_account("Penalty"))
    for _ in range(3):
        stage.roll_out("2.0.0", failing)
        failing.beat()
        failing.report("failed", "flash", "arming the trial: [Errno 5] EIO")
    stage.stuck(Cause.PENALTY_BOX, failing, {})
    for name, pace in (("Slots", {"download_slots": 1}), ("Pace", {"units_per_hour": 1})):
        account = stage.warehouse.open_account(name)
        homes = [stage.home(account) for _ in range(4)]
        stage.clock.advance(minutes=11)  # a unit that has just started waits so long at most
        stage.roll_out("2.0.0", plan={"targets": {"account": account.reference}, "group": [{}], "pace": pace})
        for unit in homes:
            unit.beat()
        waiting = [unit for unit in homes if not unit.assignment]
        assert waiting
        stage.stuck(Cause.NO_SLOT if "download_slots" in pace else Cause.PACE, waiting[0], {})


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
    at_the_gate(stage)
    by_groups(stage)
    for unit, beat in stage.online:
        unit.beat(**beat)
    explain = stage.services.update_explanations.explain
    told = [(explain(MANAGER, who.serial), cause) for cause, who in stage.expected]
    wrong = [f"{cause}: {found.cause}, {found.sentence}" for found, cause in told if found.cause is not cause]
    assert not wrong, "\n".join(wrong)
    assert all(found.remedy for found, _ in told)
    assert len({cause for cause, _ in stage.expected}) >= LEAST_CAUSES
    _check_against_check_in(stage)
    with stage.services.transactions.read(ADMIN) as uow:
        assert IngestStore(uow.connection).dead_letters() == []


def _check_against_check_in(stage: Stage) -> None:
    """The next heartbeat brings an order to those that only wait for it, and to nobody else."""
    for unit, beat in stage.online:
        before = unit.assignment
        unit.beat(**beat)
        assert unit.assignment == before, unit.serial
    for cause, who in stage.expected:
        if cause is Cause.NOT_ASKED and isinstance(who, Adapter):
            who.beat()
            assert who.assignment, who.serial


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
