"""How units take a rollout: what their orders say of it, and when a unit that only loads the release is done."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from fleet.domain.errors import InvalidError
from fleet.domain.rollout import Rollout, RolloutState, UnitState
from fleet.domain.treatment import NEVER, SOFTLY, Mode, Treatment
from fleet.services.build import Services
from fleet.services.jobs import SCHEDULER
from fleet.services.rollout_steering import Steering
from fleet.updates.director import ASSIGNMENT_LIFE
from protocol.wire.enumerations import BOOT_REASONS
from tests.fleet.conftest import START, Clock
from tests.fleet.release_owners import Owners, make_image
from tests.fleet.services.fleet_of_units import FakeUnit, put_in_service
from tests.fleet.services.test_rollouts import APPROVER, MANAGER, count, now, states
from tools.release.bundle import Bundle
from tools.release.keys import OfflineKeys
from tools.release.record import ReleaseFacts
from tools.release.sign import sign_image

FORCED, DOWNLOAD_ONLY = Treatment(Mode.FORCED), Treatment(Mode.DOWNLOAD_ONLY)
URGENT = Treatment(Mode.FORCED, urgent=True)


@pytest.fixture
def fleet(services: Services, tmp_path: Path, offline_keys: OfflineKeys, clock: Clock) -> list[FakeUnit]:
    """Three registered units in service; 2.0.0 is published, and 2.0.1, a security fix."""
    owners = Owners(offline_keys, Bundle(tmp_path / "bundle"), services.repository, START)
    owners.initialise()
    owners.sign("2.0.0", 2)
    fix = make_image("2.0.1", 3, payload=b"closed")
    sign_image(owners.bundle, owners.keys, fix, START, facts=ReleaseFacts(security=True))
    services.releases.publish(MANAGER, *owners.publication())
    fleet = [FakeUnit(services, serial) for serial in put_in_service(services, 3, clock.now)]
    for unit in fleet:
        unit.register()
    clock.advance(minutes=1)
    return fleet


def run(
    services: Services, treatment: Treatment, release: str = "2.0.0", plan: dict[str, object] | None = None
) -> Rollout:
    rollout = services.rollouts.create(MANAGER, release, None, 1, treatment=treatment, plan=plan)
    services.rollouts.approve(APPROVER, rollout.id)
    return services.rollouts.start(MANAGER, rollout.id)


def load_only(services: Services, fleet: list[FakeUnit]) -> Rollout:
    """A rollout that only loads, whose units have all loaded it."""
    rollout = run(services, DOWNLOAD_ONLY)
    for unit in fleet:
        unit.heartbeat()
        unit.report("staged")
    return rollout


def told_times(services: Services, unit: FakeUnit) -> tuple[str | None, str | None]:
    """(not before, deadline) of the unit's order."""
    signed = json.loads(services.unit_updates.assignment(unit.serial))["signed"]
    return signed.get("not_before"), signed.get("deadline")


def instant(clock: Clock) -> str:
    return f"{clock.now:%Y-%m-%dT%H:%M:%SZ}"


def test_a_soft_order_leaves_the_unit_its_hours(services: Services, fleet: list[FakeUnit]) -> None:
    assert run(services, SOFTLY).treatment == SOFTLY
    fleet[0].heartbeat()
    assert told_times(services, fleet[0]) == (None, None)


@pytest.mark.parametrize(("treatment", "release"), [(FORCED, "2.0.0"), (URGENT, "2.0.1")])
def test_a_forced_order_is_due_the_moment_it_is_signed_each_time(
    services: Services, fleet: list[FakeUnit], clock: Clock, treatment: Treatment, release: str
) -> None:
    rollout = run(services, treatment, release)
    assert now(services, rollout.id).treatment == treatment
    fleet[0].heartbeat()
    assert told_times(services, fleet[0]) == (None, instant(clock))
    clock.advance(days=8)
    services.releases.renew_metadata(clock.now)
    assert told_times(services, fleet[0]) == (None, instant(clock))


def test_urgent_is_refused_for_a_release_that_closes_no_hole(services: Services, fleet: list[FakeUnit]) -> None:
    with pytest.raises(InvalidError, match="urgent is for security fixes"):
        run(services, URGENT)
    assert services.rollouts.page(MANAGER, 10, None) == []


def test_who_has_loaded_it_is_where_download_only_wants_them(services: Services, fleet: list[FakeUnit]) -> None:
    rollout = run(services, DOWNLOAD_ONLY)
    for unit in fleet:
        unit.heartbeat()
        assert told_times(services, unit) == (f"{NEVER:%Y-%m-%dT%H:%M:%SZ}", None)
        unit.report("downloading")
        assert now(services, rollout.id).state is RolloutState.RUNNING
        unit.report("staged", detail="whole, 300 bytes")
    done = now(services, rollout.id)
    assert (done.state, done.reason) == (RolloutState.FINISHED, "0 of 3 confirmed, 3 staged, 0 failed")
    assert states(services, rollout.id) == [(UnitState.STAGED, "whole, 300 bytes")] * 3


def test_one_that_failed_and_then_loads_it_by_itself_is_where_it_is_wanted(
    services: Services, fleet: list[FakeUnit]
) -> None:
    rollout = run(services, DOWNLOAD_ONLY)
    fleet[0].heartbeat()
    fleet[0].report("failed", "network")
    fleet[0].report("staged")
    assert states(services, rollout.id) == [(UnitState.STAGED, "")]
    fleet[0].report("failed", "cancelled")  # old news
    assert states(services, rollout.id) == [(UnitState.STAGED, "")]


def test_what_is_loaded_is_kept_by_an_order_that_never_expires(
    services: Services, fleet: list[FakeUnit], clock: Clock
) -> None:
    """Else the unit would give the image up after two weeks, and load it again."""
    rollout = load_only(services, fleet)
    assert now(services, rollout.id).state is RolloutState.FINISHED
    for _ in range(10):
        clock.advance(days=5)
        services.releases.renew_metadata(clock.now)
        signed = json.loads(services.unit_updates.assignment(fleet[0].serial))["signed"]
        assert signed["expires"] > instant(clock)
        assert signed["target"]["name"] == "simulated_2.0.0.img"
        fleet[0].report("staged", assignment=signed["version"])
        assert fleet[0].heartbeat() == []
    assert states(services, rollout.id) == [(UnitState.STAGED, "")] * 3


def test_in_a_rollout_that_still_runs_a_unit_is_told_of_the_new_order(
    services: Services, fleet: list[FakeUnit], clock: Clock
) -> None:
    run(services, DOWNLOAD_ONLY)
    fleet[0].heartbeat()
    fleet[0].report("staged")
    clock.advance(seconds=20)
    assert fleet[0].heartbeat() == []
    clock.advance(seconds=ASSIGNMENT_LIFE.total_seconds() / 2)
    (told,) = fleet[0].heartbeat()
    assert told.values["argument"] == fleet[0].sequence
    assert told_times(services, fleet[0])[0] == f"{NEVER:%Y-%m-%dT%H:%M:%SZ}"


def test_another_rollout_of_the_release_restarts_who_has_loaded_it(
    services: Services, fleet: list[FakeUnit], clock: Clock
) -> None:
    loaded = load_only(services, fleet)
    clock.advance(days=1)
    restarted = run(services, FORCED)
    for unit in fleet:
        assert len(unit.heartbeat()) == 1
        assert told_times(services, unit) == (None, instant(clock))
        unit.report("staged")
        assert unit.heartbeat() == []
        unit.report("trial")
        unit.report("confirmed")
    assert now(services, restarted.id).reason == "3 of 3 confirmed, 0 failed"
    assert count(now(services, loaded.id)) == {"staged": 3}


def test_a_rollout_is_hastened_by_a_forced_one_of_the_same_release(
    services: Services, fleet: list[FakeUnit], clock: Clock
) -> None:
    slow = run(services, SOFTLY)
    fleet[0].heartbeat()
    fleet[0].report("staged")
    assert states(services, slow.id) == [(UnitState.DOWNLOADING, "")]
    clock.advance(minutes=1)
    fast = run(services, FORCED)
    assert len(fleet[0].heartbeat()) == 1
    assert told_times(services, fleet[0]) == (None, instant(clock))
    assert states(services, slow.id) == [(UnitState.SUPERSEDED, f"{fast.reference} is newer")]


def test_a_rollout_of_another_release_takes_the_place_of_what_was_loaded(
    services: Services, fleet: list[FakeUnit], clock: Clock
) -> None:
    loaded = load_only(services, fleet)
    clock.advance(minutes=1)
    run(services, SOFTLY, "2.0.1")
    assert len(fleet[0].heartbeat()) == 1
    signed = json.loads(services.unit_updates.assignment(fleet[0].serial))["signed"]
    assert (signed["target"]["name"], "not_before" in signed) == ("simulated_2.0.1.img", False)
    assert count(now(services, loaded.id)) == {"staged": 3}


def test_a_stop_takes_back_what_was_loaded(services: Services, fleet: list[FakeUnit]) -> None:
    rollout = run(services, DOWNLOAD_ONLY)
    fleet[0].heartbeat()
    fleet[0].report("staged")
    assert services.rollouts.stop(MANAGER, rollout.id, "a doubt").state is RolloutState.STOPPED
    assert len(fleet[0].heartbeat()) == 1
    assert json.loads(services.unit_updates.assignment(fleet[0].serial))["signed"]["target"] is None
    fleet[0].report("failed", "cancelled")
    assert count(now(services, rollout.id)) == {"superseded": 1}


def test_a_group_goes_on_when_its_units_have_loaded_it(services: Services, fleet: list[FakeUnit], clock: Clock) -> None:
    group = {"name": "all", "minimum_units": 3, "soak_hours": 1, "deadline_hours": 4}
    rollout = run(services, DOWNLOAD_ONLY, plan={"group": [group]})
    for unit in fleet:
        unit.heartbeat()
        unit.report("staged")
    steering = Steering(services.transactions)
    steering.steer(SCHEDULER)
    (seen,) = services.rollouts.standing(MANAGER, rollout.id).groups
    assert (seen.confirmed, seen.failed) == (3, 0)
    clock.advance(hours=1)
    steering.steer(SCHEDULER)
    assert now(services, rollout.id).reason == "0 of 3 confirmed, 3 staged, 0 failed"


def test_one_that_crashes_after_it_was_loaded_counts_against_the_release_and_no_more_for_it(
    services: Services, fleet: list[FakeUnit]
) -> None:
    rollout = run(services, DOWNLOAD_ONLY, plan={"group": [{"name": "all", "minimum_units": 3}]})
    for unit in fleet:
        unit.heartbeat()
        unit.report("staged")
    fleet[0].register(boot_reason=BOOT_REASONS.index("crash"))
    (seen,) = services.rollouts.standing(MANAGER, rollout.id).groups
    assert (seen.confirmed, seen.failed) == (2, 1)


@pytest.mark.parametrize(
    ("treatment", "back"), [(SOFTLY, SOFTLY), (FORCED, FORCED), (Treatment(deadline=START + timedelta(days=9)), SOFTLY)]
)
def test_the_way_back_is_forced_where_the_release_came_so(
    services: Services, fleet: list[FakeUnit], treatment: Treatment, back: Treatment
) -> None:
    plan = {"group": [{"name": "all"}], "plain": {"minimum_units": 3, "failed_percent": 10}, "send_back_to": "2.0.0"}
    rollout = run(services, treatment, "2.0.1", plan)
    for unit, report in zip(fleet, ("confirmed", "reverted", "reverted"), strict=True):
        unit.heartbeat()
        unit.report(report)
    Steering(services.transactions).steer(SCHEDULER)
    assert now(services, rollout.id).state is RolloutState.STOPPED
    (way_back,) = [each for each in services.rollouts.page(MANAGER, 10, None) if each.id != rollout.id]
    assert (way_back.release, way_back.treatment) == ("2.0.0", back)
