"""Units that check in where a plan paces, slots are few, or their updates keep failing: who gets the release when."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fleet.domain.errors import ConflictError, NotFoundError
from fleet.domain.rollout import Rollout, UnitState
from fleet.domain.rollout_gate import FIRST_PENALTY, JITTER, Hindered, Hindrance
from fleet.domain.treatment import Mode, Treatment
from fleet.domain.unit import Custody, Service
from fleet.services.build import Services
from fleet.services.epochs import next_identity
from fleet.services.jobs import SCHEDULER
from fleet.services.rollout_gate import Gate
from fleet.services.rollout_groups import open_groups
from fleet.services.unit_messages import Outgoing
from fleet.store.assignments import AssignmentRepository
from fleet.store.rollout_gate import RolloutGateRepository
from fleet.store.rollouts import RolloutRepository
from fleet.store.tables.equipment import configurations
from fleet.store.units import UnitRepository
from tests.fleet.conftest import START, Clock
from tests.fleet.release_owners import Owners
from tests.fleet.services.fleet_of_units import FakeUnit, beat_together, put_in_service
from tests.fleet.services.test_rollouts_by_groups import APPROVER, MANAGER, now, run, standing, state_of, steer
from tools.release.bundle import Bundle
from tools.release.keys import OfflineKeys

UNITS = 40
ALL: dict[str, Any] = {"name": "all", "minimum_units": 3, "soak_hours": 1, "deadline_hours": 4}


@pytest.fixture
def fleet(services: Services, tmp_path: Path, offline_keys: OfflineKeys, clock: Clock) -> list[FakeUnit]:
    """Units in service that registered long ago, with release 2.0.0 published."""
    owners = Owners(offline_keys, Bundle(tmp_path / "bundle"), services.repository, START)
    owners.initialise()
    owners.sign("2.0.0", 3, payload=b"newer")
    services.releases.publish(MANAGER, owners.bundle.files_after({}), owners.bundle.payloads_after({}))
    fleet = [FakeUnit(services, serial) for serial in put_in_service(services, UNITS, clock.now)]
    for unit in fleet:
        unit.register()
    clock.advance(hours=1)
    return fleet


def paced(services: Services, **pace: Any) -> Rollout:
    return run(services, {"pace": pace, "group": [ALL]})


def assigned(services: Services, rollout: Rollout) -> int:
    return now(services, rollout).counts[UnitState.ASSIGNED]


def hindered(services: Services, rollout: Rollout, serial: str) -> Hindered | None:
    with services.transactions.read(SCHEDULER) as uow:
        found = RolloutRepository(uow).get(rollout.id)
        return Gate(uow, [serial]).hindrance(found, open_groups(uow, found), serial, 0)


def slots(services: Services, rollout: Rollout) -> int:
    with services.transactions.read(SCHEDULER) as uow:
        return RolloutGateRepository(uow).count_slots(rollout.id)


def fail(services: Services, unit: FakeUnit, times: int) -> list[Outgoing]:
    """The unit gets as many rollouts of its own and fails each; what it is told by one more."""
    for _ in range(times):
        listed(services, unit)
        assert unit.heartbeat() != []
        unit.report("failed", "flash")
    listed(services, unit)
    return unit.heartbeat()


def listed(services: Services, unit: FakeUnit) -> Rollout:
    rollout = services.rollouts.create(MANAGER, "2.0.0", [unit.serial], 5)
    services.rollouts.approve(APPROVER, rollout.id)
    return services.rollouts.start(MANAGER, rollout.id)


def test_slots_go_to_so_many_and_are_given_back_with_the_download(services: Services, fleet: list[FakeUnit]) -> None:
    rollout = paced(services, download_slots=5)
    beat_together(services, fleet)
    assert assigned(services, rollout) == slots(services, rollout) == 5
    states = state_of(services, rollout)
    first, second, third, fourth, fifth = (unit for unit in fleet if unit.serial in states)
    waiting = next(unit for unit in fleet if unit.serial not in states)
    assert hindered(services, rollout, waiting.serial) == Hindered(Hindrance.NO_SLOT, None)
    first.heartbeat()
    for unit in (first, second, third, fourth, fifth):
        unit.heard = [_order(services, unit)]
    first.report("downloading")
    assert waiting.heartbeat() == []
    first.report("staged")
    assert waiting.heartbeat() != []
    assert slots(services, rollout) == 5
    for unit, said in ((second, "trial"), (third, "confirmed"), (fourth, "reverted"), (fifth, "failed")):
        unit.report(said)
    assert slots(services, rollout) == 1


def _order(services: Services, unit: FakeUnit) -> Outgoing:
    """The order as the unit was told it in a batch."""
    with services.transactions.read(SCHEDULER) as uow:
        pending = AssignmentRepository(uow).pending([unit.serial])[unit.serial]
    return Outgoing(unit.serial, "command", {"argument": pending.sequence})


def test_a_unit_that_vanishes_loses_its_slot_and_one_that_loads_keeps_it(
    services: Services, fleet: list[FakeUnit], clock: Clock
) -> None:
    rollout = paced(services, download_slots=2, slot_minutes=20)
    loads, vanishes, waits, late, *_ = fleet
    assert [bool(unit.heartbeat()) for unit in (loads, vanishes, waits)] == [True, True, False]
    clock.advance(minutes=19)
    loads.report("downloading", detail="40 %")
    clock.advance(minutes=1)
    assert [bool(unit.heartbeat()) for unit in (waits, late)] == [True, False]
    vanishes.report("downloading")  # it is back: it loads on, and the next waits for one slot more
    assert slots(services, rollout) == 3
    loads.report("staged")
    assert late.heartbeat() == []
    waits.report("staged")
    assert late.heartbeat() != []


def test_a_stopped_rollout_has_no_slots(services: Services, fleet: list[FakeUnit]) -> None:
    rollout = paced(services, download_slots=5)
    beat_together(services, fleet)
    services.rollouts.stop(MANAGER, rollout.id, "enough")
    assert slots(services, rollout) == 0


def test_the_newer_rollout_takes_the_unit_from_the_slot_of_the_older(services: Services, fleet: list[FakeUnit]) -> None:
    rollout = paced(services, download_slots=5)
    fleet[0].heartbeat()
    listed(services, fleet[0])
    fleet[0].heartbeat()
    assert slots(services, rollout) == 0


def test_a_group_opens_at_its_pace(services: Services, fleet: list[FakeUnit], clock: Clock) -> None:
    rollout = paced(services, units_per_hour=UNITS)
    seen = []
    for _ in range(6):
        beat_together(services, fleet)
        seen.append(assigned(services, rollout))
        clock.advance(minutes=12)
    assert seen[0] <= 1
    assert seen == sorted(seen)
    assert 10 <= seen[2] <= 26
    assert seen[5] == UNITS
    assert standing(services, rollout).course.pace is not None


def test_a_unit_hears_when_its_turn_is_and_gets_the_release_then(
    services: Services, fleet: list[FakeUnit], clock: Clock
) -> None:
    rollout = paced(services, units_per_hour=UNITS)
    expected = hindered(services, rollout, fleet[0].serial)
    assert expected is not None
    assert expected.until is not None
    assert expected.by is Hindrance.PACE
    clock.now = expected.until - timedelta(seconds=1)
    assert fleet[0].heartbeat() == []
    clock.advance(seconds=1)
    assert fleet[0].heartbeat() != []


def test_a_pause_does_not_pile_up_what_the_pace_held_back(
    services: Services, fleet: list[FakeUnit], clock: Clock
) -> None:
    rollout = paced(services, units_per_hour=UNITS)
    services.rollouts.pause(MANAGER, rollout.id, "support is busy")
    clock.advance(hours=2)
    services.rollouts.resume(MANAGER, rollout.id)
    beat_together(services, fleet)
    assert assigned(services, rollout) <= 1


def test_units_that_started_together_are_told_one_after_the_other(
    services: Services, fleet: list[FakeUnit], clock: Clock
) -> None:
    rollout = paced(services, download_slots=UNITS)
    for unit in fleet:  # the power is back
        unit.register()
    soon = assigned(services, rollout)
    clock.advance(seconds=JITTER.total_seconds() / 2)
    beat_together(services, fleet)
    half = assigned(services, rollout)
    clock.advance(seconds=JITTER.total_seconds() / 2)
    beat_together(services, fleet)
    assert soon <= 2
    assert 10 <= half <= 30
    assert assigned(services, rollout) == UNITS


def test_both_arms_are_watched_over_the_same_hours(services: Services, fleet: list[FakeUnit], clock: Clock) -> None:
    rollout = run(services, {"hold_back_percent": 50, "pace": {"units_per_hour": 20}, "group": [ALL]})
    watched = []
    for _ in range(6):
        beat_together(services, fleet)
        steer(services)
        (window,) = [seen.windows.get(0) for name, seen in standing(services, rollout).revisions.items() if "1" in name]
        watched.append((window.treated.watched, window.held_back.watched) if window else (0, 0))
        clock.advance(minutes=12)
    held_back = sum(state is UnitState.HELD_BACK for state in state_of(services, rollout).values())
    assert watched[0][1] <= 1
    assert 5 <= watched[2][1] <= held_back - 5
    assert watched[5] == (UNITS - held_back, held_back)


def test_a_groups_units_are_counted_when_it_opens(services: Services, fleet: list[FakeUnit], clock: Clock) -> None:
    with services.transactions.begin(SCHEDULER) as uow:
        for unit in fleet[:10]:
            values = {"serial": unit.serial, "version": 1, "channel": "beta"}
            uow.connection.execute(configurations.insert().values(values))
        uow.commit()
    groups = [
        {**ALL, "name": "beta", "filter": {"channel": "beta"}, "minimum_units": 1},
        {**ALL, "name": "fifth", "up_to_percent": 20},
        {**ALL, "name": "rest"},
    ]
    rollout = run(services, {"hold_back_percent": 10, "pace": {"units_per_hour": 1_000}, "group": groups})
    for _ in range(3):
        clock.advance(minutes=30)
        for unit in fleet:
            if unit.heartbeat():
                unit.report("confirmed")
        steer(services)
        clock.advance(hours=1)
        steer(services)
    with services.transactions.read(SCHEDULER) as uow:
        opened = open_groups(uow, RolloutRepository(uow).get(rollout.id))
    assert opened is not None
    assert [opening.units for opening in opened.openings] == [9, 8, 19]


def test_a_unit_that_keeps_failing_gets_nothing_until_its_penalty_is_over(
    services: Services, fleet: list[FakeUnit], clock: Clock
) -> None:
    unit = fleet[0]
    assert fail(services, unit, 2) == []
    rollout = services.rollouts.page(MANAGER, 1, None)[0]
    until = clock.now + FIRST_PENALTY
    assert hindered(services, rollout, unit.serial) == Hindered(Hindrance.PENALTY_BOX, until)
    clock.now = until - timedelta(seconds=1)
    assert unit.heartbeat() == []
    clock.advance(seconds=1)
    assert unit.heartbeat() != []
    unit.report("failed", "flash")
    clock.advance(hours=47)
    listed(services, unit)
    assert unit.heartbeat() == []
    clock.advance(hours=1)
    assert unit.heartbeat() != []


def test_an_urgent_rollout_has_a_unit_back_after_the_shortest_penalty(
    services: Services, fleet: list[FakeUnit], clock: Clock
) -> None:
    unit = fleet[0]
    with services.transactions.begin(SCHEDULER) as uow:
        for _ in range(4):
            record = RolloutGateRepository(uow).note_failure(unit.serial)
        uow.commit()
    rollout = listed(services, unit)
    assert hindered(services, rollout, unit.serial) == Hindered(Hindrance.PENALTY_BOX, record.free_at)
    with services.transactions.read(SCHEDULER) as uow:
        urgent = replace(rollout, treatment=Treatment(Mode.FORCED, urgent=True))
        found = Gate(uow, [unit.serial]).hindrance(urgent, None, unit.serial, None)
    assert found == Hindered(Hindrance.PENALTY_BOX, clock.now + FIRST_PENALTY)


def test_one_failure_that_then_reverts_is_one(services: Services, fleet: list[FakeUnit]) -> None:
    unit = fleet[0]
    listed(services, unit)
    unit.heartbeat()
    unit.report("failed", "network")
    unit.report("reverted", "crash")
    listed(services, unit)
    assert unit.heartbeat() != []


def test_a_confirmed_update_lets_it_out(services: Services, fleet: list[FakeUnit]) -> None:
    unit = fleet[0]
    assert fail(services, unit, 2) == []
    unit.report("confirmed")  # after all, of the one before
    assert unit.heartbeat() != []


def test_a_person_lets_it_out(services: Services, fleet: list[FakeUnit]) -> None:
    unit = fleet[0]
    assert fail(services, unit, 2) == []
    services.rollouts.let_out(MANAGER, unit.serial)
    assert unit.heartbeat() != []
    with pytest.raises(ConflictError, match="has no failed update since its last confirmed one"):
        services.rollouts.let_out(MANAGER, unit.serial)
    with pytest.raises(NotFoundError):
        services.rollouts.let_out(MANAGER, "PT9")


def test_a_group_does_not_wait_for_who_is_in_the_box(services: Services, fleet: list[FakeUnit], clock: Clock) -> None:
    unlucky = fleet[0]
    fail(services, unlucky, 2)
    services.rollouts.stop(MANAGER, services.rollouts.page(MANAGER, 1, None)[0].id, "")
    rollout = run(services, {"pace": {"download_slots": 1000}, "group": [ALL]})
    for unit in fleet:
        if unit.heartbeat():
            unit.report("confirmed")
    steer(services)
    (group,) = standing(services, rollout).groups
    assert (group.assigned, group.confirmed, group.ripe_at) == (UNITS - 1, UNITS - 1, clock.now)
    assert (slots(services, rollout), unlucky.serial in state_of(services, rollout)) == (0, False)
    clock.advance(hours=24)
    assert unlucky.heartbeat() != []


def test_a_unit_in_its_next_epoch_has_no_record_and_no_slot(services: Services, fleet: list[FakeUnit]) -> None:
    rollout, unit = paced(services, download_slots=5), fleet[0]
    unit.heartbeat()
    with services.transactions.begin(SCHEDULER) as uow:
        gate, units = RolloutGateRepository(uow), UnitRepository(uow)
        gate.note_failure(unit.serial)
        returned = replace(units.get(unit.serial), custody=Custody.RETURNED, service=Service.UNPLACED)
        next_identity(uow, returned, "refurbished")
        assert gate.records([unit.serial]) == {}
        assert gate.count_slots(rollout.id) == 0


def test_a_unit_in_the_box_is_watched_in_neither_arm(services: Services, fleet: list[FakeUnit]) -> None:
    for unit in fleet[:12]:
        fail(services, unit, 2)
    rollout = run(services, {"hold_back_percent": 50, "group": [ALL]})
    beat_together(services, fleet)
    steer(services)
    (seen,) = [each for name, each in standing(services, rollout).revisions.items() if each.windows]
    assert seen.treated.watched + seen.held_back.watched == UNITS - 12
