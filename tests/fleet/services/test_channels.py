"""Channels stable and beta: who opts in, whom a beta release reaches, and how a unit leaves."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from fleet.domain.access import Actor, ForbiddenError, Role
from fleet.domain.account import Account
from fleet.domain.configuration import Channel
from fleet.domain.errors import ConflictError, InvalidError, NotFoundError
from fleet.domain.rollout import Rollout, RolloutState, UnitState
from fleet.services.build import Services
from fleet.services.channels import Channels
from fleet.services.jobs import SCHEDULER
from tests.fleet.conftest import START, Clock, someone
from tests.fleet.release_owners import Owners, make_image
from tests.fleet.services.equipment import Warehouse, snapshot
from tests.fleet.services.fleet_of_units import FakeUnit
from tools.release.bundle import Bundle
from tools.release.keys import OfflineKeys
from tools.release.record import ReleaseFacts
from tools.release.sign import sign_image

MANAGER = someone(Role.RELEASE_MANAGER)
APPROVER = Actor(MANAGER.kind, "PE-901", someone(Role.APPROVER).permissions)
BETA_COUNTER = 5
PLAN = {"group": [{"name": "all", "minimum_units": 1, "soak_hours": 1, "deadline_hours": 4}]}


def sha256(version: str, counter: int, security: int = 0) -> bytes:
    return hashlib.sha256(make_image(version, counter, security=security)).digest()


BETA = {"version": "5.0.0", "release_counter": BETA_COUNTER, "image_sha256": sha256("5.0.0", BETA_COUNTER)}


@pytest.fixture
def owners(services: Services, tmp_path: Path, offline_keys: OfflineKeys) -> Owners:
    """2.0.0 and 3.0.0 are stable, 5.0.0 is beta, 6.0.0 is beta and raises the security floor to 4."""
    owners = Owners(offline_keys, Bundle(tmp_path / "bundle"), services.repository, START)
    owners.initialise()
    owners.sign("2.0.0", 2)
    owners.sign("3.0.0", 3)
    beta = ReleaseFacts(beta=True)
    sign_image(owners.bundle, offline_keys, make_image("5.0.0", BETA_COUNTER), START, facts=beta)
    sign_image(owners.bundle, offline_keys, make_image("6.0.0", 6, security=4), START, facts=beta)
    services.releases.publish(MANAGER, owners.bundle.files_after({}), owners.bundle.payloads_after({}))
    return owners


@pytest.fixture
def fleet(warehouse: Warehouse, account: Account, owners: Owners, clock: Clock) -> list[FakeUnit]:
    """Three units of the account in service; the first of them is on channel beta."""
    fleet = []
    for _ in range(3):
        unit = warehouse.place(account)
        fleet.append(FakeUnit(warehouse.services, unit.serial))
        fleet[-1].register()
    choose(warehouse.services, account, fleet[0], Channel.BETA)
    clock.advance(minutes=1)
    return fleet


def administrator(account: Account) -> Actor:
    return someone(Role.ACCOUNT_ADMINISTRATOR, account_id=account.id)


def choose(services: Services, account: Account, unit: FakeUnit, channel: Channel) -> str:
    """The words of the answer."""
    back = services.channels.choose(someone(Role.SUPPORT), unit.serial, channel, "PE-1").way_back
    return back.words if back else ""


def run(
    services: Services, release: str, serials: list[str] | None = None, plan: dict[str, object] | None = None
) -> Rollout:
    rollout = services.rollouts.create(MANAGER, release, serials, 1, plan=plan)
    services.rollouts.approve(APPROVER, rollout.id)
    return services.rollouts.start(MANAGER, rollout.id)


def states(services: Services, rollout: Rollout) -> dict[str, tuple[UnitState, str]]:
    return {each.serial: (each.state, each.reason) for each in services.rollouts.units(MANAGER, rollout.id, 100, None)}


def state(services: Services, rollout: Rollout) -> RolloutState:
    return services.rollouts.get(MANAGER, rollout.id).state


def send_back(services: Services) -> int:
    return services.channels.send_back(SCHEDULER)


def last(services: Services) -> Rollout:
    return services.rollouts.page(MANAGER, 1, None)[0]


def carry_out(unit: FakeUnit, **runs: object) -> None:
    assert [told.name for told in unit.heartbeat()] == ["command"]
    unit.report("trial")
    unit.register(**runs)
    unit.report("confirmed")


@pytest.mark.parametrize("plan", [None, PLAN])
def test_a_beta_release_reaches_only_units_on_channel_beta(
    services: Services, fleet: list[FakeUnit], plan: dict[str, object] | None
) -> None:
    rollout = run(services, "5.0.0", plan=plan)
    assert (rollout.beta, rollout.expected) == (True, 1)
    for unit in fleet[1:]:
        assert unit.heartbeat() == []
        assert unit.register() == []
    carry_out(fleet[0], **BETA)
    assert list(states(services, rollout)) == [fleet[0].serial]
    assert plan or state(services, rollout) is RolloutState.FINISHED


def test_a_stable_release_reaches_both_channels(services: Services, fleet: list[FakeUnit]) -> None:
    rollout = run(services, "2.0.0")
    assert (rollout.beta, rollout.expected) == (False, 3)
    assert all(unit.heartbeat() for unit in fleet)


def test_a_list_that_names_a_stable_unit_is_refused(services: Services, fleet: list[FakeUnit]) -> None:
    before = snapshot(services)
    with pytest.raises(InvalidError, match=f"{fleet[1].serial}: the release is beta, and the unit is on channel"):
        services.rollouts.create(MANAGER, "5.0.0", [fleet[0].serial, fleet[1].serial], 1)
    assert snapshot(services) == before


def test_a_listed_unit_that_left_meanwhile_is_no_failure(
    services: Services, account: Account, fleet: list[FakeUnit]
) -> None:
    rollout = services.rollouts.create(MANAGER, "5.0.0", [fleet[0].serial], 1)
    choose(services, account, fleet[0], Channel.STABLE)
    services.rollouts.approve(APPROVER, rollout.id)
    services.rollouts.start(MANAGER, rollout.id)
    assert fleet[0].heartbeat() == []
    why = "the release is beta, and the unit is on channel stable"
    assert states(services, rollout) == {fleet[0].serial: (UnitState.SUPERSEDED, why)}
    assert state(services, rollout) is RolloutState.FINISHED


def test_who_leaves_before_the_trial_is_recalled(services: Services, account: Account, fleet: list[FakeUnit]) -> None:
    other = fleet[1]
    choose(services, account, other, Channel.BETA)
    rollout = run(services, "5.0.0")
    (told,) = fleet[0].heartbeat()
    fleet[0].report("downloading")
    choose(services, account, fleet[0], Channel.STABLE)
    assert states(services, rollout)[fleet[0].serial] == (UnitState.SUPERSEDED, "the unit left channel beta")
    (recalled,) = fleet[0].heartbeat()
    assert recalled.values["argument"] > told.values["argument"]
    assert b'"target":null' in services.unit_updates.assignment(fleet[0].serial)
    assert fleet[0].heartbeat() == []
    assert state(services, rollout) is RolloutState.RUNNING, "the other unit's is not taken"
    assert other.heartbeat() != []


def test_who_leaves_goes_back_to_the_newest_stable_release_that_was_rolled_out(
    services: Services, account: Account, fleet: list[FakeUnit]
) -> None:
    unit = fleet[0]
    run(services, "3.0.0", [fleet[2].serial])
    stopped = run(services, "2.0.0", [fleet[2].serial])
    services.rollouts.stop(MANAGER, stopped.id, "bad")
    run(services, "5.0.0")
    carry_out(unit, **BETA)
    assert send_back(services) == 0, "it is on the channel"
    assert choose(services, account, unit, Channel.STABLE) == "it goes back to 3.0.0"
    assert send_back(services) == 1
    back = last(services)
    assert (back.release, back.author, back.approver) == ("3.0.0", MANAGER.reference, APPROVER.reference)
    assert back.reason == "units left channel beta; approved with RO-1"
    assert send_back(services) == 0, "its way back is under way"
    carry_out(unit, version="3.0.0", release_counter=3, image_sha256=sha256("3.0.0", 3))
    assert state(services, back) is RolloutState.FINISHED
    assert (send_back(services), unit.heartbeat()) == (0, [])


def test_who_leaves_on_trial_goes_back_once_it_confirmed(
    services: Services, account: Account, fleet: list[FakeUnit]
) -> None:
    run(services, "2.0.0", [fleet[2].serial])
    beta = run(services, "5.0.0")
    fleet[0].heartbeat()
    fleet[0].report("trial")
    fleet[0].register(**BETA)
    choose(services, account, fleet[0], Channel.STABLE)
    assert states(services, beta)[fleet[0].serial][0] is UnitState.TRIAL
    assert send_back(services) == 0, "it may still go back by itself"
    fleet[0].report("confirmed")
    assert send_back(services) == 1
    assert fleet[0].heartbeat() != []


def test_it_stays_where_the_security_floor_is_above_and_the_answer_says_so(
    services: Services, account: Account, fleet: list[FakeUnit]
) -> None:
    unit = fleet[0]
    run(services, "3.0.0", [fleet[2].serial])
    run(services, "6.0.0")
    carry_out(unit, version="6.0.0", release_counter=6, image_sha256=sha256("6.0.0", 6, security=4))
    words = choose(services, account, unit, Channel.STABLE)
    assert "3.0.0, has release counter 3, below the unit's security floor 4" in words
    before = snapshot(services)
    assert send_back(services) == 0
    assert snapshot(services) == before


def test_a_release_that_did_not_work_on_it_is_not_tried_for_ever(
    services: Services, account: Account, fleet: list[FakeUnit]
) -> None:
    run(services, "2.0.0", [fleet[2].serial])
    run(services, "3.0.0", [fleet[2].serial])
    run(services, "5.0.0")
    carry_out(fleet[0], **BETA)
    choose(services, account, fleet[0], Channel.STABLE)
    tried = []
    while send_back(services):
        tried.append(last(services).release)
        fleet[0].heartbeat()
        fleet[0].report("reverted")
    assert tried == ["3.0.0", "2.0.0"]


def test_a_job_that_was_cut_off_sends_the_rest_once(
    services: Services, account: Account, fleet: list[FakeUnit], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.services.channels.BATCH_UNITS", 1)
    run(services, "2.0.0", [fleet[2].serial])
    choose(services, account, fleet[1], Channel.BETA)
    run(services, "5.0.0")
    for unit in fleet[:2]:
        carry_out(unit, **BETA)
        choose(services, account, unit, Channel.STABLE)
    whole = Channels._send_back

    def cut_off(self: Channels, uow: object, units: list[object]) -> int:
        count = whole(self, uow, units)  # type: ignore[arg-type]
        monkeypatch.setattr(Channels, "_send_back", killed)
        return count

    def killed(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(Channels, "_send_back", cut_off)
    with pytest.raises(KeyboardInterrupt):
        send_back(services)
    monkeypatch.setattr(Channels, "_send_back", whole)
    assert send_back(services) == 1
    assert [len(unit.heartbeat()) for unit in fleet[:2]] == [1, 1]


def test_an_administrator_opts_in_and_it_is_recorded(
    warehouse: Warehouse, account: Account, fleet: list[FakeUnit]
) -> None:
    services = warehouse.services
    other = warehouse.open_account("Somebody else")
    with pytest.raises(NotFoundError):
        services.channels.choose(administrator(other), fleet[1].serial, Channel.BETA)
    chosen = services.channels.choose(administrator(account), fleet[1].serial, Channel.BETA, "PE-1")
    assert (chosen.configuration.channel, chosen.way_back) == (Channel.BETA, None)
    entry = next(e for e in services.audit.page(warehouse.actor, 10, None, fleet[1].serial) if "channel" in e.action)
    assert (entry.action, list(entry.fields)) == ("unit:choose_channel", ["beta", "PE-1"])
    again = services.channels.choose(administrator(account), fleet[1].serial, Channel.BETA)
    assert again.configuration == chosen.configuration


def test_the_operator_needs_an_administrator_on_record(
    warehouse: Warehouse, account: Account, fleet: list[FakeUnit]
) -> None:
    services, stocked = warehouse.services, warehouse.stock()
    before = snapshot(services)
    for act in (services.channels.choose, lambda a, s, c, who=None: services.units.configure(a, s, c, None, who)):
        with pytest.raises(InvalidError, match="name one of the Administrators"):
            act(warehouse.actor, fleet[1].serial, Channel.BETA, "PE-99")
        with pytest.raises(ConflictError, match="no account has"):
            act(warehouse.actor, stocked.serial, Channel.BETA)
    with pytest.raises(ForbiddenError, match="channel:choose"):
        services.channels.choose(MANAGER, fleet[1].serial, Channel.BETA)
    assert snapshot(services) == before


def test_beta_is_marked_where_it_is_shown(
    warehouse: Warehouse, services: Services, fleet: list[FakeUnit], account: Account
) -> None:
    assert [(each.version, each.beta) for each in services.releases.page(MANAGER, 4, None)][:2] == [
        ("6.0.0", True),
        ("5.0.0", True),
    ]
    run(services, "5.0.0")
    carry_out(fleet[0], **BETA)
    shown = [services.units.get(warehouse.actor, unit.serial).runs_beta for unit in fleet]
    assert shown == [True, False, False]
