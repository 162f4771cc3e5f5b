"""Minimum versions held to: who is told, who loses voice, and how it comes back."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from fleet.domain.access import Actor, ForbiddenError, Role
from fleet.domain.account import Account
from fleet.domain.errors import IllegalTransitionError, InvalidError
from fleet.domain.line_allowance import LineLevel
from fleet.domain.minimum_version import TRANSITIONS, MinimumEvent, MinimumState, MinimumVersion
from fleet.domain.unit import Unit
from fleet.services.build import Services
from fleet.services.jobs import SCHEDULER
from fleet.services.minimum_versions import MinimumVersions
from fleet.store.assignments import AssignmentRepository
from tests.fleet.conftest import START, Clock, someone
from tests.fleet.release_owners import Owners, make_image
from tests.fleet.services.equipment import Warehouse, sent, snapshot
from tests.fleet.services.fleet_of_units import FakeUnit
from tools.release.bundle import Bundle
from tools.release.keys import OfflineKeys
from tools.release.record import ReleaseFacts
from tools.release.sign import sign_image

MANAGER = someone(Role.RELEASE_MANAGER)
APPROVER = Actor(MANAGER.kind, "PE-901", someone(Role.APPROVER).permissions)
PLAIN, FIX, BETA = "2.0.0", "3.0.0", "4.0.0"


@pytest.fixture
def owners(services: Services, tmp_path: Path, offline_keys: OfflineKeys) -> Owners:
    """2.0.0 is no security fix, 3.0.0 is one, 4.0.0 is beta."""
    owners = Owners(offline_keys, Bundle(tmp_path / "bundle"), services.repository, START)
    owners.initialise()
    owners.sign(PLAIN, 2)
    for version, counter, facts in ((FIX, 3, ReleaseFacts(security=True)), (BETA, 4, ReleaseFacts(beta=True))):
        sign_image(owners.bundle, offline_keys, make_image(version, counter), START, facts=facts)
    services.releases.publish(MANAGER, owners.bundle.files_after({}), owners.bundle.payloads_after({}))
    return owners


@pytest.fixture
def units(warehouse: Warehouse, account: Account, owners: Owners) -> list[Unit]:
    """Three units of the account in service with version 1."""
    placed = [warehouse.place(account) for _ in range(3)]
    for unit in placed:
        come_on(warehouse, unit, 1)
    return placed


def come_on(warehouse: Warehouse, unit: Unit, counter: int) -> None:
    values = {"version": f"{counter}.0.0", "release_counter": counter}
    warehouse.register(unit, **values)
    FakeUnit(warehouse.services, unit.serial).register(**values)


def approved(services: Services, clock: Clock, release: str = FIX) -> MinimumVersion:
    begins_on = clock.now.date() + timedelta(30)
    minimum = services.minimum_versions.propose(MANAGER, release, None, begins_on)
    return services.minimum_versions.approve(APPROVER, minimum.id)


def run(services: Services, *units: Unit, release: str = FIX) -> int:
    rollout = services.rollouts.create(MANAGER, release, [unit.serial for unit in units], 9)
    services.rollouts.approve(APPROVER, rollout.id)
    services.rollouts.start(MANAGER, rollout.id)
    for unit in units:
        assert FakeUnit(services, unit.serial).heartbeat() != []
    return rollout.id


def hold(services: Services) -> int:
    return services.minimum_versions.hold_units(SCHEDULER)


def days_pass(warehouse: Warehouse, clock: Clock, days: int, *heard: Unit) -> int:
    """How many lines changed, with those units heard each day."""
    changed = 0
    for _ in range(days):
        clock.advance(days=1)
        if heard:
            warehouse.beat(*heard)
        changed += hold(warehouse.services)
    return changed


def level(warehouse: Warehouse, unit: Unit) -> tuple[LineLevel, str]:
    detail = warehouse.services.units.get(warehouse.actor, unit.serial)
    assert detail.configuration.line_level == detail.line.level, "what the unit is told"
    return detail.line.level, detail.line.reason.text


def letters(services: Services) -> list[dict[str, Any]]:
    return [letter for letter in sent(services, "mail") if "need version" in letter["subject"]]


def test_who_lets_a_security_update_lie_keeps_911_alone_and_has_voice_back_at_once(
    warehouse: Warehouse, units: list[Unit], clock: Clock
) -> None:
    services = warehouse.services
    refuses, absent, unoffered = units
    approved(services, clock)
    hold(services)
    run(services, refuses, absent)
    clock.advance(days=20)
    assert days_pass(warehouse, clock, 9, refuses, unoffered) == 0
    assert level(warehouse, refuses)[0] is LineLevel.FULL, "its day has not come"
    assert days_pass(warehouse, clock, 1, refuses, unoffered) == 1
    found, why = level(warehouse, refuses)
    assert (found, "refused a mandatory security update" in why) == (LineLevel.EMERGENCY_ONLY, True)
    assert sent(services, "command")[-1]["serial"] == refuses.serial, "it is told"
    assert level(warehouse, absent)[0] is LineLevel.FULL, "it was not heard, so it could not take it"
    assert level(warehouse, unoffered)[0] is LineLevel.FULL, "it had no way"
    assert services.unit_updates.assignment(refuses.serial), "the way to the update stays"
    come_on(warehouse, refuses, 3)
    assert level(warehouse, refuses)[0] is LineLevel.FULL
    assert hold(services) == 1
    assert hold(services) == 0
    actions = [entry.action for entry in services.audit.page(warehouse.actor, 50, None, refuses.serial)]
    assert ("unit:withhold_voice" in actions, "unit:restore_voice" in actions) == (True, True)


def test_a_unit_that_was_away_has_its_days_when_it_is_back(
    warehouse: Warehouse, units: list[Unit], clock: Clock
) -> None:
    approved(warehouse.services, clock)
    hold(warehouse.services)
    run(warehouse.services, units[0])
    clock.advance(days=60)
    assert days_pass(warehouse, clock, 6, units[0]) == 0
    assert days_pass(warehouse, clock, 1, units[0]) == 1


@pytest.mark.parametrize("end", ["stopped", "failed", "trial", "withdrawn"])
def test_voice_is_back_when_it_refuses_no_more(warehouse: Warehouse, units: list[Unit], clock: Clock, end: str) -> None:
    services, unit = warehouse.services, units[0]
    minimum = approved(services, clock)
    hold(services)
    rollout = run(services, unit)
    clock.advance(days=23)
    days_pass(warehouse, clock, 7, unit)
    assert level(warehouse, unit)[0] is LineLevel.EMERGENCY_ONLY
    if end == "stopped":
        services.rollouts.stop(MANAGER, rollout, "it was bad")
    elif end == "withdrawn":
        services.minimum_versions.withdraw(MANAGER, minimum.id, "3.0.1 follows")
    else:
        fake = FakeUnit(services, unit.serial)
        with services.transactions.read(SCHEDULER) as uow:
            assignment = AssignmentRepository(uow).pending([unit.serial])[unit.serial]
        fake.report(end, assignment=assignment.sequence)
    assert hold(services) == 1
    assert level(warehouse, unit)[0] is LineLevel.FULL
    assert days_pass(warehouse, clock, 3, unit) == 0


def test_what_is_no_security_fix_takes_nothing_away(warehouse: Warehouse, units: list[Unit], clock: Clock) -> None:
    approved(warehouse.services, clock, PLAIN)
    hold(warehouse.services)
    run(warehouse.services, units[0], release=PLAIN)
    clock.advance(days=30)
    assert days_pass(warehouse, clock, 8, units[0]) == 0
    assert "emergency calls" not in letters(warehouse.services)[0]["text"]


def test_administrators_are_told_once_and_nobody_without_such_units(
    warehouse: Warehouse, units: list[Unit], account: Account, clock: Clock
) -> None:
    services = warehouse.services
    other = warehouse.open_account("Somebody else")
    come_on(warehouse, warehouse.place(other), 3)
    approved(services, clock)
    assert letters(services) == []
    for _ in range(2):
        hold(services)
        clock.advance(days=40)
        services.outbox.sweep(SCHEDULER)
    (letter,) = letters(services)
    assert letter["subject"] == "Your adapters need version 3.0.0 from 2026-04-01 on"
    assert "emergency calls only" in letter["text"]


def test_an_account_that_comes_late_has_its_own_notice(warehouse: Warehouse, units: list[Unit], clock: Clock) -> None:
    services = warehouse.services
    approved(services, clock)
    hold(services)
    clock.advance(days=40)
    late = warehouse.place(warehouse.open_account("Somebody else"))
    come_on(warehouse, late, 1)
    hold(services)
    run(services, late)
    clock.advance(days=20)
    assert days_pass(warehouse, clock, 9, late) == 0
    assert days_pass(warehouse, clock, 1, late) == 1


def test_a_job_that_was_cut_off_tells_and_counts_once(
    warehouse: Warehouse, units: list[Unit], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = warehouse.services
    approved(services, clock)
    hold(services)
    run(services, *units)
    monkeypatch.setattr("fleet.services.minimum_versions.BATCH", 1)
    settle, cuts = MinimumVersions._settle, iter(range(1000))

    def cut_off(self: MinimumVersions, *what: Any) -> bool:
        if next(cuts) % 2:
            raise KeyboardInterrupt
        return settle(self, *what)

    clock.advance(days=23)
    for _ in range(7):
        clock.advance(days=1)
        warehouse.beat(*units)
        with monkeypatch.context() as patch:
            patch.setattr(MinimumVersions, "_settle", cut_off)
            with pytest.raises(KeyboardInterrupt):
                hold(services)
    hold(services)
    assert [level(warehouse, unit)[0] for unit in units] == [LineLevel.EMERGENCY_ONLY] * 3
    assert len(letters(services)) == 1


def test_a_minimum_is_proposed_approved_by_another_and_withdrawn(
    services: Services, owners: Owners, clock: Clock
) -> None:
    minima, soon, day = services.minimum_versions, clock.now.date() + timedelta(29), date(2026, 6, 1)
    before = snapshot(services)
    with pytest.raises(InvalidError, match="told 30 days before"):
        minima.propose(MANAGER, FIX, None, soon)
    with pytest.raises(InvalidError, match="no image for 'other'"):
        minima.propose(MANAGER, FIX, "other", day)
    with pytest.raises(InvalidError, match="is beta"):
        minima.propose(MANAGER, BETA, None, day)
    with pytest.raises(ForbiddenError, match="rollout:manage"):
        minima.propose(APPROVER, FIX, None, day)
    assert snapshot(services) == before
    minimum = minima.propose(MANAGER, FIX, "simulated", day)
    with pytest.raises(ForbiddenError, match="somebody else has to approve"):
        minima.approve(someone(Role.ADMIN), minimum.id)  # its author, with more rights
    clock.advance(days=80)
    with pytest.raises(InvalidError, match="told 30 days before"):
        minima.approve(APPROVER, minimum.id)
    assert minima.withdraw(MANAGER, minimum.id, "too late").state is MinimumState.WITHDRAWN
    with pytest.raises(IllegalTransitionError):
        minima.approve(APPROVER, minimum.id)
    assert [(each.reference, each.reason) for each in minima.page(MANAGER, 10, None)] == [("MV-1", "too late")]


@pytest.mark.parametrize("event", MinimumEvent)
@pytest.mark.parametrize("state", MinimumState)
def test_at_every_state_people_do_what_the_table_lists_or_leave_no_trace(
    services: Services, owners: Owners, clock: Clock, state: MinimumState, event: MinimumEvent
) -> None:
    minima = services.minimum_versions
    acts = {
        MinimumEvent.APPROVE: lambda number: minima.approve(APPROVER, number),
        MinimumEvent.WITHDRAW: lambda number: minima.withdraw(MANAGER, number, "3.0.1 follows"),
    }
    minimum = minima.propose(MANAGER, FIX, None, clock.now.date() + timedelta(30))
    if state is not MinimumState.PROPOSED:
        acts[next(one for (_, one), to in TRANSITIONS.items() if to is state)](minimum.id)
    before = snapshot(services)
    if (state, event) in TRANSITIONS:
        assert acts[event](minimum.id).state is TRANSITIONS[state, event]
    else:
        with pytest.raises(IllegalTransitionError, match=f"MV-1 is {state}"):
            acts[event](minimum.id)
        assert snapshot(services) == before
