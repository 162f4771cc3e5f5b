"""What watched units send anyway speaks against a release, of either arm alike: gaps, lost lines, poor calls."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select

from fleet.domain.access import Actor, Role
from fleet.domain.account import Account
from fleet.domain.rollout_groups import point_of
from fleet.domain.unit import Unit
from fleet.services.jobs import SCHEDULER
from fleet.services.rollout_steering import Steering
from fleet.services.unit_messages import Outgoing
from fleet.store.tables.rollouts import rollout_watches, rollout_windows
from protocol.wire.enumerations import LINE_STATES, UPDATE_STATES
from tests.fleet.conftest import START, Clock, someone
from tests.fleet.domain.calls import call
from tests.fleet.release_owners import Owners
from tests.fleet.services.calling import Caller
from tests.fleet.services.equipment import Warehouse
from tests.fleet.services.fleet_of_units import HEARTBEAT
from tools.release.bundle import Bundle
from tools.release.keys import OfflineKeys

MANAGER = someone(Role.RELEASE_MANAGER)
APPROVER = Actor(MANAGER.kind, "PE-901", someone(Role.APPROVER).permissions)
PLAN: dict[str, Any] = {"hold_back_percent": 50, "group": [{"minimum_units": 9, "deadline_hours": 24}]}
BEAT_S = 60
ARMS = ["treated", "held_back"]
NOTHING: dict[str, str | None] = dict.fromkeys(ARMS)


@dataclass
class Watching:
    """Two units at home that a rollout watches, one with the release and one held back, and their clock."""

    caller: Caller
    clock: Clock
    units: dict[str, Unit]

    def beat(self, arm: str, line: str = "registered", uptime_s: int = 0, **later: float) -> list[Outgoing]:
        """A heartbeat of the unit, so much `later`; the commands it is answered."""
        self.clock.advance(**later or {"seconds": BEAT_S})
        values = HEARTBEAT | {"line_state": LINE_STATES.index(line), "uptime_s": uptime_s}
        answers = self._send(arm, "heartbeat", "heartbeat", values)
        return [answer for answer in answers if answer.name == "command"]

    def report(self, arm: str, state: str, sequence: int) -> None:
        values = {"assignment": sequence, "state": UPDATE_STATES.index(state), "reason": 0, "target_counter": 0}
        values |= {"target_sha256": bytes(32), "release_counter": 1, "detail": "", "clock_s": 0}
        self._send(arm, "report", "update_report", values)

    def tell(self, arm: str, *mos_tenths: int, **ago: float) -> None:
        """The unit tells of calls it heard so well, which began so long `ago`."""
        started_s = self.caller.seconds_ago(**ago)
        self.caller.tell(self.units[arm], *(call(mos_tenths=each, started_s=started_s) for each in mos_tenths))

    def steer(self) -> None:
        Steering(self.caller.services.transactions).steer(SCHEDULER)

    def signals(self) -> dict[str, str | None]:
        """What the unit of each arm failed by."""
        with self.caller.services.transactions.read(SCHEDULER) as uow:
            rows = uow.connection.execute(select(rollout_watches)).all()
            (window,) = uow.connection.execute(select(rollout_windows)).all()
        failed = [window.treated_failed, window.held_back_failed]
        assert failed == [sum(row.signal is not None for row in rows if row.held_back is arm) for arm in (False, True)]
        return {"held_back" if row.held_back else "treated": row.signal for row in rows}

    def _send(self, arm: str, kind: str, name: str, values: dict[str, Any]) -> list[Outgoing]:
        answers = self.caller.services.ingest.handle([self.caller.delivery(self.units[arm], kind, name, values)])
        assert self.caller.letters() == []
        return answers


@pytest.fixture
def watching(
    warehouse: Warehouse, account: Account, clock: Clock, tmp_path: Path, offline_keys: OfflineKeys
) -> Watching:
    services, caller, units = warehouse.services, Caller(warehouse), dict[str, Unit]()
    while len(units) < len(ARMS):
        unit = warehouse.place(account)
        units.setdefault(ARMS[point_of(unit.serial, "RO-1") >= 0.5], unit)
    owners = Owners(offline_keys, Bundle(tmp_path / "bundle"), services.repository, START)
    owners.initialise()
    owners.sign("2.0.0", 3)
    services.releases.publish(MANAGER, owners.bundle.files_after({}), owners.bundle.payloads_after({}))
    watching = Watching(caller, clock, units)
    for unit in units.values():
        caller.come_on(unit)
    for arm in ARMS:
        watching.beat(arm)
    clock.advance(hours=9)  # the night before it starts
    rollout = services.rollouts.create(MANAGER, "2.0.0", None, 1, plan=PLAN)
    services.rollouts.approve(APPROVER, rollout.id)
    services.rollouts.start(MANAGER, rollout.id)
    (told,) = watching.beat("treated", seconds=0)
    assert watching.beat("held_back", seconds=0) == []
    watching.report("treated", "confirmed", told.values["argument"])
    assert watching.signals() == NOTHING
    return watching


def test_a_gap_in_the_heartbeats_counts_when_it_is_longer_than_tolerated(watching: Watching) -> None:
    for arm in (*ARMS, "treated"):
        watching.beat(arm, hours=1)  # two hours after its last
    assert watching.signals() == NOTHING
    watching.beat("held_back", hours=1, seconds=1)
    assert watching.signals() == NOTHING | {"held_back": "heartbeat_gap"}
    watching.beat("treated", hours=1)
    assert watching.signals() == dict.fromkeys(ARMS, "heartbeat_gap")
    watching.beat("treated", hours=3)  # it fails once
    assert watching.signals() == dict.fromkeys(ARMS, "heartbeat_gap")


def test_a_line_that_loses_its_registration_twice_counts(watching: Watching) -> None:
    for arm in ARMS:
        for line in ("registering", "registering", "in_call", "registered"):
            watching.beat(arm, line)
    assert watching.signals() == NOTHING
    watching.beat("held_back", "failed")
    assert watching.signals() == NOTHING | {"held_back": "registration_lost"}
    watching.beat("treated", "unregistered")
    assert watching.signals() == dict.fromkeys(ARMS, "registration_lost")


def test_a_restart_loses_no_registration(watching: Watching) -> None:
    for arm in ARMS:
        for uptime_s in (9, 8, 7, 6):
            watching.beat(arm, "registered", uptime_s=uptime_s)
            watching.beat(arm, "registering", uptime_s=uptime_s - 4)
        watching.beat(arm, "registered")
    assert watching.signals() == NOTHING


@pytest.mark.parametrize(
    ("line", "signal"), [("failed", "registration_lost"), ("not_configured", None), ("registered", None)]
)
def test_a_line_that_is_down_at_the_deadline_counts(watching: Watching, line: str, signal: str | None) -> None:
    for _ in range(23):
        watching.beat("treated", hours=0.5)
        watching.beat("held_back", hours=0.5)
    for arm in ARMS:
        watching.beat(arm, line)
    watching.clock.advance(hours=0.99)
    watching.steer()
    assert watching.signals() == dict.fromkeys(ARMS, signal)


def test_calls_that_are_poor_on_the_whole_count_once_there_are_three(watching: Watching) -> None:
    watching.clock.advance(hours=1)
    for arm in ARMS:
        watching.tell(arm, 20, 0, hours=2)  # began before the watch
        watching.tell(arm, 20, 20, 0)  # of one nothing was measured
    assert watching.signals() == NOTHING
    watching.tell("held_back", 29)
    assert watching.signals() == NOTHING | {"held_back": "poor_calls"}
    watching.tell("treated", 50)
    assert watching.signals() == NOTHING | {"held_back": "poor_calls"}
    watching.tell("treated", 20)
    assert watching.signals() == dict.fromkeys(ARMS, "poor_calls")


def test_when_the_fleet_itself_was_down_both_arms_have_the_gap(watching: Watching) -> None:
    watching.beat("treated", hours=4)
    watching.beat("held_back")
    assert watching.signals() == dict.fromkeys(ARMS, "heartbeat_gap")


def test_what_comes_after_the_rollout_ended_counts_nothing(watching: Watching) -> None:
    watching.caller.services.rollouts.stop(MANAGER, 1, "enough")
    for arm in ARMS:
        watching.beat(arm, hours=5)
        watching.tell(arm, 10, 10, 10)
    assert watching.signals() == NOTHING


def test_a_paused_rollout_still_watches(watching: Watching) -> None:
    watching.caller.services.rollouts.pause(MANAGER, 1, "lunch")
    watching.beat("held_back", hours=5)
    assert watching.signals() == NOTHING | {"held_back": "heartbeat_gap"}


def test_a_batch_costs_a_query_more_and_while_units_are_watched_two(watching: Watching) -> None:
    services, asked = watching.caller.services, list[str]()
    engine = services.transactions.engine
    event.listen(engine, "before_cursor_execute", lambda _, cursor, text, *others: asked.append(text))

    def count() -> int:
        asked.clear()
        watching.beat("treated")
        mine = ('WHERE rollouts."plan" IS NOT NULL AND', "heartbeats.received_at <=")
        return sum(any(each in text.replace("\n", "") for each in mine) for text in asked)

    assert count() == 2
    services.rollouts.stop(MANAGER, 1, "enough")
    assert count() == 1
