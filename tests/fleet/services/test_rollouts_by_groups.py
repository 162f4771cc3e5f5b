"""A rollout by groups, as units check in and report: who gets it when, who is only watched, and what stops it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, update

from fleet.domain.access import Actor, Role
from fleet.domain.errors import InvalidError, NotFoundError
from fleet.domain.rollout import Rollout, RolloutEvent, RolloutState, UnitState
from fleet.domain.rollout_course import Standing, due
from fleet.domain.rollout_groups import UnitFacts, point_of
from fleet.services.build import Services
from fleet.services.jobs import SCHEDULER
from fleet.services.rollout_steering import Steering
from fleet.store.tables.equipment import units as units_table
from tests.fleet.conftest import START, Clock, someone
from tests.fleet.release_owners import Owners
from tests.fleet.services.fleet_of_units import FakeUnit, beat_together, put_in_service, serial_of
from tools.release.bundle import Bundle
from tools.release.keys import OfflineKeys

MANAGER = someone(Role.RELEASE_MANAGER)
APPROVER = Actor(MANAGER.kind, "PE-901", someone(Role.APPROVER).permissions)
UNITS = 40
FIRST = {"name": "first", "up_to_percent": 30, "minimum_units": 3, "soak_hours": 1, "deadline_hours": 4}
REST = {"name": "rest", "minimum_units": 3, "soak_hours": 1, "deadline_hours": 4}
PLAN: dict[str, Any] = {"hold_back_percent": 20, "group": [FIRST, REST]}


@pytest.fixture
def fleet(services: Services, tmp_path: Path, offline_keys: OfflineKeys, clock: Clock) -> dict[str, FakeUnit]:
    """Units in service that registered, with releases 1.5.0 and 2.0.0 published."""
    owners = Owners(offline_keys, Bundle(tmp_path / "bundle"), services.repository, START)
    owners.initialise()
    owners.sign("1.5.0", 2)
    owners.sign("2.0.0", 3, payload=b"newer")
    services.releases.publish(MANAGER, owners.bundle.files_after({}), owners.bundle.payloads_after({}))
    fleet = {serial: FakeUnit(services, serial) for serial in put_in_service(services, UNITS, clock.now)}
    for unit in fleet.values():
        unit.register()
    clock.advance(minutes=1)
    return fleet


def run(services: Services, plan: dict[str, Any]) -> Rollout:
    rollout = services.rollouts.create(MANAGER, "2.0.0", None, 1, plan=plan)
    services.rollouts.approve(APPROVER, rollout.id)
    return services.rollouts.start(MANAGER, rollout.id)


def steer(services: Services) -> int:
    return Steering(services.transactions).steer(SCHEDULER)


def now(services: Services, rollout: Rollout) -> Rollout:
    return services.rollouts.get(MANAGER, rollout.id)


def standing(services: Services, rollout: Rollout) -> Standing:
    return services.rollouts.standing(MANAGER, rollout.id)


def group_of(services: Services, rollout: Rollout, serial: str) -> int | None:
    """The unit's group by the domain, None: held back."""
    facts = UnitFacts(serial, "simulated", 1, "1.0.0", "stable", "", "new")
    placement = standing(services, rollout).course.plan.place(facts, point_of(serial, rollout.reference))
    assert placement is not None
    return placement.group


def members(services: Services, rollout: Rollout, fleet: dict[str, FakeUnit]) -> dict[int | None, list[FakeUnit]]:
    found: dict[int | None, list[FakeUnit]] = {0: [], 1: [], None: []}
    for serial, unit in fleet.items():
        found[group_of(services, rollout, serial)].append(unit)
    assert all(len(each) >= 3 for each in found.values())
    return found


def touch(services: Services, unit: FakeUnit, clock: Clock) -> None:
    """What the ingest notes beside the update's part of a registration."""
    with services.transactions.begin(SCHEDULER) as uow:
        this = units_table.c.serial == unit.serial
        uow.connection.execute(update(units_table).where(this).values(registered_at=clock.now))
        uow.commit()


def state_of(services: Services, rollout: Rollout) -> dict[str, UnitState]:
    return {unit.serial: unit.state for unit in services.rollouts.units(MANAGER, rollout.id, UNITS, None)}


def test_groups_get_the_release_in_their_turn_and_the_rollout_finishes(
    services: Services, fleet: dict[str, FakeUnit], clock: Clock
) -> None:
    rollout = run(services, PLAN)
    groups = members(services, rollout, fleet)
    told = {serial for serial, unit in fleet.items() if unit.heartbeat()}
    assert told == {unit.serial for unit in groups[0]}
    held_back = {serial for serial, state in state_of(services, rollout).items() if state is UnitState.HELD_BACK}
    assert held_back == {unit.serial for unit in groups[None]}
    for unit in groups[0]:
        unit.report("confirmed")
    assert steer(services) == 0  # the soak has begun
    clock.advance(hours=1)
    assert steer(services) == 1
    (first, rest) = standing(services, rollout).groups
    assert (first.assigned, first.confirmed, first.failed) == (len(groups[0]), len(groups[0]), 0)
    assert rest.opened_at == clock.now
    for unit in groups[1]:
        assert unit.heartbeat() != []
        unit.report("confirmed")
    steer(services)
    clock.advance(hours=1)
    steer(services)
    done = now(services, rollout)
    assert done.state is RolloutState.FINISHED
    assert done.reason == f"{UNITS - len(groups[None])} of 40 confirmed, 0 failed, {len(groups[None])} held back"


def test_a_unit_asks_again_and_again_before_its_turn_and_is_told_nothing(
    services: Services, fleet: dict[str, FakeUnit]
) -> None:
    rollout = run(services, PLAN)
    late = members(services, rollout, fleet)[1][0]
    assert late.heartbeat() == late.register() == late.heartbeat() == []
    assert late.serial not in state_of(services, rollout)


def test_units_that_wait_for_their_group_cost_no_query_each(services: Services, fleet: dict[str, FakeUnit]) -> None:
    rollout = run(services, PLAN)
    late = members(services, rollout, fleet)[1]
    few, many = (queries_of(services, units) for units in (late[:2], late))
    assert len(late) > 10
    assert few == many


def queries_of(services: Services, units: list[FakeUnit]) -> int:
    """How many statements it takes to hear all of them at once."""
    heard: list[str] = []
    engine = services.transactions.engine
    note = event.listens_for(engine, "before_cursor_execute")(lambda *call: heard.append(call[2]))
    beat_together(services, units)
    event.remove(engine, "before_cursor_execute", note)
    return len(heard)


def test_a_group_that_failed_too_often_pauses_and_who_resumes_goes_on(
    services: Services, fleet: dict[str, FakeUnit], clock: Clock
) -> None:
    rollout = run(services, PLAN)
    first = members(services, rollout, fleet)[0]
    for unit in first:
        unit.heartbeat()
        unit.report("reverted" if unit is first[0] else "confirmed", "self_test")
    steer(services)
    clock.advance(hours=1)
    steer(services)
    paused = now(services, rollout)
    assert paused.state is RolloutState.PAUSED
    assert paused.reason == f"{len(first) - 1} of {len(first)} in group first confirmed, 95 % are wanted"
    limit = due(standing(services, rollout))
    assert limit is not None
    assert (limit.at, limit.event) == (clock.now + timedelta(days=30), RolloutEvent.STOP)
    services.rollouts.resume(MANAGER, rollout.id)
    steer(services)
    assert len(standing(services, rollout).groups) == 2
    assert now(services, rollout).state is RolloutState.RUNNING


def test_harm_against_the_held_back_stops_it_and_sends_back_who_has_it(
    services: Services, fleet: dict[str, FakeUnit], clock: Clock
) -> None:
    plan = PLAN | {"hold_back_percent": 60, "group": [REST], "evidence": {}, "send_back_to": "1.5.0"}
    rollout = run(services, plan)
    with_it = [unit for unit in fleet.values() if unit.heartbeat()]
    assert 10 <= len(with_it) <= UNITS - 20
    lucky, *failing = with_it
    lucky.report("confirmed")
    for unit in failing:
        unit.report("reverted", "crash")
    assert steer(services) == 1
    stopped = now(services, rollout)
    assert stopped.state is RolloutState.STOPPED
    compared = f"{len(failing)} of {len(with_it)} failed with the release, 0 of {UNITS - len(with_it)} without"
    assert stopped.reason.startswith(f"simulated revision 1: {compared}")
    assert "sends its units back to 1.5.0; 1 of 40 confirmed" in stopped.reason
    (back,) = [each for each in services.rollouts.page(MANAGER, 10, None) if each.id != rollout.id]
    assert (back.release, back.state, back.expected) == ("1.5.0", RolloutState.RUNNING, 1)
    assert (back.author, back.approver) == (rollout.author, "PE-901")
    assert lucky.heartbeat() != []
    lucky.report("confirmed")
    assert now(services, back).state is RolloutState.FINISHED
    assert failing[0].heartbeat() == []


def test_whoever_fails_alike_held_back_or_not_stops_nothing(
    services: Services, fleet: dict[str, FakeUnit], clock: Clock
) -> None:
    rollout = run(services, PLAN | {"hold_back_percent": 60, "group": [REST], "evidence": {}})
    for unit in fleet.values():
        unit.heartbeat()
    clock.advance(hours=4)  # nobody says anything: a provider is down
    steer(services)
    seen = standing(services, rollout).revisions["simulated revision 1"]
    assert seen.treated.failed == seen.treated.watched
    assert seen.held_back.failed == seen.held_back.watched > 20
    assert now(services, rollout).state is RolloutState.RUNNING


def test_silence_and_crashes_count_against_either_arm(
    services: Services, fleet: dict[str, FakeUnit], clock: Clock
) -> None:
    rollout = run(services, PLAN)
    groups = members(services, rollout, fleet)
    silent, late, *good = groups[0]
    crashed = groups[None][0]
    for unit in fleet.values():
        unit.heartbeat()
    for unit in good:
        unit.report("confirmed")
    clock.advance(hours=3, minutes=50)
    for unit in fleet.values():
        if unit is not silent:
            unit.register(boot_reason=3 if unit in (crashed, good[0]) else 0)
            touch(services, unit, clock)
    clock.advance(minutes=10)
    steer(services)
    (window,) = [seen.windows[0] for name, seen in standing(services, rollout).revisions.items() if seen.windows]
    assert window.treated.failed == 3  # one silent, one that has not confirmed, one that crashed after it had
    assert window.held_back.failed == 1
    (first,) = standing(services, rollout).groups
    assert (first.confirmed, first.failed) == (len(good) - 1, 3)
    assert late.serial in state_of(services, rollout)


def test_a_plain_share_of_failures_stops_without_a_hold_back(services: Services, fleet: dict[str, FakeUnit]) -> None:
    rollout = run(services, {"group": [REST], "plain": {"failed_percent": 10, "minimum_units": 5}})
    for unit in list(fleet.values())[:10]:
        unit.heartbeat()
    next(iter(fleet.values())).report("failed", "flash")
    steer(services)
    stopped = now(services, rollout)
    assert stopped.state is RolloutState.STOPPED
    assert stopped.reason.startswith("simulated revision 1: 1 of 10 failed with the release, the limit is 10 %")


@pytest.mark.parametrize(
    ("group", "checked_in", "state"),
    [
        (0, False, "waiting"), (0, True, "assigned"), (1, True, "later_group"),
        (None, True, "compared"), (None, False, "compared"),
    ],
)  # fmt: skip
def test_each_unit_is_told_why_it_is_where_it_is(
    services: Services, fleet: dict[str, FakeUnit], group: int | None, checked_in: bool, state: str
) -> None:
    rollout = run(services, PLAN)
    unit = members(services, rollout, fleet)[group][0]
    if checked_in:
        unit.heartbeat()
    explained = services.update_explanations.explain(MANAGER, unit.serial)
    assert explained.state == state
    assert "RO-1" in explained.sentence
    services.rollouts.pause(MANAGER, rollout.id, "support is busy")
    paused = services.update_explanations.explain(MANAGER, unit.serial).state
    assert paused == ("held_back" if state in ("waiting", "later_group") else state)


def test_whom_the_plan_does_not_mean_no_rollout_names(services: Services, fleet: dict[str, FakeUnit]) -> None:
    serial = serial_of(1)
    with services.transactions.begin(SCHEDULER) as uow:
        this = units_table.c.serial == serial
        uow.connection.execute(update(units_table).where(this).values(condition="refurbished"))
        uow.commit()
    run(services, {"targets": {"condition": "new"}, "group": [{}]})
    assert fleet[serial].heartbeat() == []
    assert services.update_explanations.explain(MANAGER, serial).state == "no_rollout"


def test_a_held_back_unit_is_watched_anew_in_each_window(
    services: Services, fleet: dict[str, FakeUnit], clock: Clock
) -> None:
    rollout = run(services, PLAN)
    groups = members(services, rollout, fleet)
    for unit in (*groups[0], *groups[None]):
        unit.heartbeat()
    for unit in groups[0]:
        unit.report("confirmed")
    steer(services)
    clock.advance(hours=1)
    steer(services)
    for unit in groups[None]:
        unit.heartbeat()  # its watch of the first window is not over
    assert held_back_by_window(services, rollout) == [len(groups[None])]
    clock.advance(hours=3)
    steer(services)
    for unit in groups[None]:
        assert unit.heartbeat() == unit.heartbeat() == []
    for unit in groups[1]:
        unit.heartbeat()
    steer(services)
    assert held_back_by_window(services, rollout) == [len(groups[None])] * 2


def held_back_by_window(services: Services, rollout: Rollout) -> list[int]:
    seen = standing(services, rollout).revisions["simulated revision 1"]
    return [window.held_back.watched for _, window in sorted(seen.windows.items(), key=str)]


def test_sizes_become_shares_at_the_start(services: Services, fleet: dict[str, FakeUnit]) -> None:
    plan = {"group": [{"name": "ten", "size": 10}, {"name": "beta", "size": 4, "filter": {"channel": "beta"}}, {}]}
    rollout = services.rollouts.create(MANAGER, "2.0.0", None, 1, plan=plan)
    assert standing(services, rollout).course.plan.groups[0].size == 10
    services.rollouts.approve(APPROVER, rollout.id)
    services.rollouts.start(MANAGER, rollout.id)
    ten, beta, _ = standing(services, rollout).course.plan.groups
    assert (ten.size, ten.up_to) == (None, 0.25)
    assert beta.up_to == 1.0  # nobody is on beta: its four are whoever comes
    assert now(services, rollout).expected == UNITS


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ({"revision": 1, "board": "simulated", "channel": "stable", "condition": "new"}, UNITS),
        ({"version": "1.0.0"}, UNITS),
    ],
)
def test_targets_are_counted_at_the_start(
    services: Services, fleet: dict[str, FakeUnit], targets: dict[str, Any], expected: int
) -> None:
    assert run(services, {"targets": targets, "group": [{}]}).expected == expected


@pytest.mark.parametrize("targets", [{"revision": 2}, {"account": "AC-1"}, {"channel": "beta"}])
def test_a_rollout_without_targets_is_not_started(
    services: Services, fleet: dict[str, FakeUnit], targets: dict[str, Any]
) -> None:
    with pytest.raises(Exception, match="nobody to roll out to"):
        run(services, {"targets": targets, "group": [{}]})


@pytest.mark.parametrize("joining", ["registered", "dynamic"])
def test_a_unit_that_appears_later_joins_a_dynamic_rollout_only(
    services: Services, fleet: dict[str, FakeUnit], clock: Clock, joining: str
) -> None:
    newcomer = fleet.pop(serial_of(UNITS))
    with services.transactions.begin(SCHEDULER) as uow:
        from fleet.store.assignments import AssignmentRepository

        AssignmentRepository(uow).forget(newcomer.serial)
        uow.commit()
    rollout = run(services, {"joining": joining, "group": [REST]})
    assert rollout.expected == UNITS - 1
    clock.advance(minutes=1)
    assert bool(newcomer.register()) is (joining == "dynamic")


def test_a_draft_that_nobody_submits_ends_by_itself(
    services: Services, fleet: dict[str, FakeUnit], clock: Clock
) -> None:
    rollout = services.rollouts.create(MANAGER, "2.0.0", None, 1, draft=True, plan=PLAN)
    clock.advance(days=29)
    assert steer(services) == 0
    clock.advance(days=1)
    assert steer(services) == 1
    ended = now(services, rollout)
    assert (ended.state, ended.reason) == (RolloutState.STOPPED, "nobody asked for its approval in 30 days")
    assert steer(services) == 0


@pytest.mark.parametrize(
    ("plan", "serials", "said"),
    [
        ({"group": [{}], "hold_back": 5}, None, "the plan has hold_back, which nobody knows"),
        ({"group": [{}]}, [serial_of(1)], "list no units"),
        ({"group": [{}], "send_back_to": "2.0.0"}, None, "send_back_to 2.0.0 is the release that is rolled out"),
    ],
)
def test_a_plan_that_cannot_be_makes_no_rollout(
    services: Services, fleet: dict[str, FakeUnit], plan: dict[str, Any], serials: list[str] | None, said: str
) -> None:
    with pytest.raises(InvalidError) as refused:
        services.rollouts.create(MANAGER, "2.0.0", serials, 1, plan=plan)
    assert said in str(refused.value)
    assert services.rollouts.page(MANAGER, 10, None) == []


def test_a_rollout_to_all_at_once_has_no_standing_by_groups(services: Services, fleet: dict[str, FakeUnit]) -> None:
    rollout = services.rollouts.create(MANAGER, "2.0.0", None, 1)
    with pytest.raises(NotFoundError, match="has no plan; it goes to all its units at once"):
        standing(services, rollout)
    assert not rollout.by_groups
