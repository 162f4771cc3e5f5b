"""What receivers are told of a rollout by groups: each group that opens, the stop and why, and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fleet.domain.access import Actor, Role
from fleet.services.build import Services
from fleet.services.jobs import SCHEDULER
from fleet.services.rollout_steering import Steering
from tests.fleet.conftest import START, Clock, someone
from tests.fleet.release_owners import Owners
from tests.fleet.services.equipment import sent
from tests.fleet.services.fleet_of_units import FakeUnit, put_in_service
from tools.release.bundle import Bundle
from tools.release.keys import OfflineKeys

MANAGER = someone(Role.RELEASE_MANAGER)
APPROVER = Actor(MANAGER.kind, "PE-901", someone(Role.APPROVER).permissions)
UNITS = 40
GROUP: dict[str, Any] = {"minimum_units": 3, "soak_hours": 1, "deadline_hours": 4}
BY_SHARES = {"group": [{"name": "first", "up_to_percent": 30, **GROUP}, {"name": "rest", **GROUP}]}
HELD_BACK = {"hold_back_percent": 60, "group": [{"name": "all", **GROUP}], "evidence": {}, "send_back_to": "1.5.0"}


@pytest.fixture
def fleet(services: Services, tmp_path: Path, offline_keys: OfflineKeys, clock: Clock) -> list[FakeUnit]:
    """Units in service, with releases 1.5.0 and 2.0.0 published."""
    owners = Owners(offline_keys, Bundle(tmp_path / "bundle"), services.repository, START)
    owners.initialise()
    owners.sign("1.5.0", 2)
    owners.sign("2.0.0", 3, payload=b"newer")
    services.releases.publish(MANAGER, owners.bundle.files_after({}), owners.bundle.payloads_after({}))
    fleet = [FakeUnit(services, serial) for serial in put_in_service(services, UNITS, clock.now)]
    for unit in fleet:
        unit.register()
    clock.advance(minutes=1)
    return fleet


def run(services: Services, plan: dict[str, Any]) -> None:
    rollout = services.rollouts.create(MANAGER, "2.0.0", None, 1, plan=plan)
    services.rollouts.approve(APPROVER, rollout.id)
    services.rollouts.start(MANAGER, rollout.id)


def told(services: Services) -> list[dict[str, Any]]:
    return sent(services, "webhook")


def test_a_group_that_opens_is_told_with_its_reason(services: Services, fleet: list[FakeUnit], clock: Clock) -> None:
    run(services, BY_SHARES)
    for unit in fleet:
        if unit.heartbeat():
            unit.report("confirmed")
    steering = Steering(services.transactions)
    steering.steer(SCHEDULER)
    clock.advance(hours=1)
    steering.steer(SCHEDULER)
    assert [each["event"] for each in told(services)] == [
        "rollout_submit",
        "rollout_approve",
        "rollout_start",
        "rollout_advance",
    ]
    opened = told(services)[-1]
    assert (opened["rollout"], opened["state"]) == ("RO-1", "running")
    assert "in group first confirmed" in opened["reason"]


def test_a_stop_by_evidence_and_the_way_back_are_told(services: Services, fleet: list[FakeUnit]) -> None:
    run(services, HELD_BACK)
    lucky, *failing = [unit for unit in fleet if unit.heartbeat()]
    lucky.report("confirmed")
    for unit in failing:
        unit.report("reverted", "crash")
    Steering(services.transactions).steer(SCHEDULER)
    after_start = told(services)[3:]
    assert [(each["rollout"], each["event"]) for each in after_start] == [
        ("RO-1", "rollout_stop"),
        ("RO-1", "rollout_settle"),
        ("RO-2", "rollout_submit"),
        ("RO-2", "rollout_approve"),
        ("RO-2", "rollout_start"),
    ]
    stop, _, back, *_ = after_start
    assert f"{len(failing)} of {len(failing) + 1} failed with the release, 0 of" in stop["reason"]
    assert "sends its units back to 1.5.0" in stop["reason"]
    assert back["reason"] == "RO-1 stopped"
