"""Rollouts rehearsed from end to end by the fleet's own services, and rules that a run does not survive."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fleet.domain.rollout import RolloutState, UnitProgress, UnitState
from fleet.domain.rollout_groups import HELD_BACK, Placement
from fleet.rehearsal.behaviour import Behaviour, CallPattern, Image
from fleet.rehearsal.fleet import START, Ending, Rehearsal
from fleet.rehearsal.judge import BrokenRuleError, Judge
from fleet.rehearsal.order import Hours, Order
from fleet.rehearsal.population import populate
from fleet.rehearsal.scenario import Scenario, parse_scenario
from fleet.rehearsal.unit_model import UnitModel
from fleet.rehearsal.unit_session import Configuration, Hardware
from fleet.store.rollouts import RolloutRepository
from protocol.wire.enumerations import COMMANDS, UPDATE_STATES
from protocol.wire.messages import Message
from tests.fleet.rehearsal.test_scenario import SMALL

PLAN = {
    "hold_back_percent": 20,
    "evidence": {"excess_limit_percent": 0.5, "false_alarm_percent": 1, "minimum_failures": 3},
    "group": [
        {"name": "first", "up_to_percent": 10, "minimum_units": 6, "soak_hours": 12, "deadline_hours": 24},
        {"name": "everybody", "minimum_units": 10, "soak_hours": 24, "deadline_hours": 24},
    ],
}
TWO_REVISIONS = [{"revision": 1, "share_percent": 50}, {"revision": 2, "share_percent": 50}]


def scenario(**changes: Any) -> Scenario:
    base = SMALL | {"plan": PLAN, "revision": TWO_REVISIONS, "tick_seconds": 1200, "steer_minutes": 60}
    return parse_scenario(base | changes, "a test", Path())


def rehearsed(folder: Path, **changes: Any) -> tuple[Ending, list[str]]:
    folder.mkdir(exist_ok=True)
    days: list[str] = []
    ending = Rehearsal(scenario(**changes), folder).run(lambda seen: days.append(f"{seen.day:.0f} {seen.group}"))
    return ending, days


BAD = {
    "units": 600,
    "fault": [{"revision": 2, "excess_percent": 60}],
    "trouble": {"percent_a_day": 1},
    "calls": {"a_day": 40, "minutes": 20},
    "habit": [{"share_percent": 10, "away": "nights"}],
    "expect": {"state": "stopped", "before_percent": 30, "by": "simulated revision 2"},
}


def test_a_release_that_harms_one_revision_is_stopped_and_goes_the_same_way_each_time(tmp_path: Path) -> None:
    ending, days = rehearsed(tmp_path / "one", **BAD)
    assert ending.faults == ()
    assert ending.state is RolloutState.STOPPED
    assert days[0] == "0 first"
    assert ending.restarts > 15
    assert 0 < ending.reached < 0.3


def test_the_same_seed_goes_the_same_way_and_another_another(tmp_path: Path) -> None:
    one, same = (rehearsed(tmp_path / name, **BAD | {"units": 50, "days": 0.5})[0] for name in ("one", "same"))
    assert one == same != rehearsed(tmp_path / "other", **BAD | {"units": 50, "days": 0.5, "seed": 2})[0]


def test_a_sound_release_reaches_all_who_are_not_held_back_in_the_end(tmp_path: Path) -> None:
    habit = [{"share_percent": 20, "away": "weekends"}]
    ending, days = rehearsed(tmp_path, units=120, habit=habit, deadline_days=1, trouble={"percent_a_day": 0})
    assert ending.faults == ()
    assert ending.reached + ending.counts[UnitState.HELD_BACK] / 120 == pytest.approx(1)
    assert ending.counts[UnitState.CONFIRMED] == round(ending.reached * 120)
    assert days[-1].endswith("everybody")


def test_what_was_not_expected_is_said(tmp_path: Path) -> None:
    expect = {"state": "stopped", "before_percent": 0, "by": "simulated"}
    ending, _ = rehearsed(tmp_path, units=40, days=0.2, expect=expect)
    assert [re.sub(r"[\d.]+ ?%", "N %", fault) for fault in ending.faults] == [
        "it is running after all, expected was stopped",
        "N % of the fleet were given the release, expected were less than N %",
        "the reason is '', expected was that it begins with 'simulated'",
    ]


def test_the_same_seed_makes_the_same_units_in_their_shares() -> None:
    shares = scenario(units=3000, habit=[{"share_percent": 30, "away": "weeks"}])
    told = Configuration(1, 60, Hours(0, 0))
    one, same = (populate(shares, START, told).units for _ in range(2))
    assert [unit.seed for unit in one.values()] == [unit.seed for unit in same.values()]
    other = populate(shares.model_copy(update={"seed": 2}), START, told).units
    assert [unit.seed for unit in one.values()] != [unit.seed for unit in other.values()]
    revisions = [unit.hardware.revision for unit in one.values()]
    assert revisions.count(1) == pytest.approx(1500, rel=0.1)
    away = [unit.behaviour.absence for unit in one.values() if unit.behaviour.absence is not None]
    assert len(away) == pytest.approx(900, rel=0.1)
    assert len(set(away)) > 20


def unit() -> UnitModel:
    image = Image("1.0.0", 1, "1" * 64, "simulated")
    return UnitModel(
        Hardware("PT000000018", bytes(6), "simulated", 1), Behaviour(calls=CallPattern(24, 86_400)), image, 1
    )


def report(state: str) -> Message:
    return Message("update_report", {"state": UPDATE_STATES.index(state)})


def part(state: UnitState) -> UnitProgress:
    return UnitProgress("PT000000018", state, "", datetime(2026, 6, 1, tzinfo=UTC))


ORDER = Order(5, "2" * 64, "simulated", 0, 0, 1 << 31)
COMMAND = {"command": COMMANDS.index("check_update"), "command_id": 1}


def test_the_judge_sees_a_restart_in_a_call_and_a_number_told_twice_lower() -> None:
    judge, restarted = Judge({}), unit()
    restarted.restarts.append((86_400 * 100, "update_trial"))
    with pytest.raises(BrokenRuleError, match="in a call"):
        judge.restarted(restarted)
    judge.commanded("PT000000018", Message("command", COMMAND | {"argument": 5}))
    judge.commanded("PT000000018", Message("command", COMMAND | {"argument": 5}))
    with pytest.raises(BrokenRuleError, match="told of order 5, and now of 4"):
        judge.commanded("PT000000018", Message("command", COMMAND | {"argument": 4}))


@pytest.mark.parametrize(
    ("placement", "said"), [(HELD_BACK, "is held back"), (None, "is no target"), (Placement(1), "is in group 1, 1 are")]
)
def test_the_judge_sees_who_must_not_have_the_release(placement: Placement | None, said: str) -> None:
    judge = Judge({"PT000000018": placement}, opened=1)
    judge.ordered("PT000000018", replace(ORDER, sha256=None), frozenset({"2" * 64}))
    with pytest.raises(BrokenRuleError, match=said):
        judge.ordered("PT000000018", ORDER, frozenset({"2" * 64}))


@pytest.mark.parametrize(
    ("said", "state", "counts", "fault"),
    [
        ([], UnitState.CONFIRMED, 1, "is confirmed by the fleet, and said None"),
        (["confirmed"], UnitState.ASSIGNED, 1, "is assigned by the fleet, and said confirmed"),
        (["failed", "reverted"], UnitState.FAILED, 1, "is failed by the fleet, and said reverted"),
        (["confirmed"], UnitState.CONFIRMED, 2, "counts are not its units'"),
        (["confirmed"], None, 0, "said confirmed, and the fleet knows nothing of it"),
        ([], UnitState.HELD_BACK, 1, "is held_back by the fleet"),
    ],
)
def test_the_judge_holds_what_the_fleet_counts_against_what_units_said(
    said: list[str], state: UnitState | None, counts: int, fault: str
) -> None:
    judge = Judge({"PT000000018": Placement(0)})
    for each in said:
        judge.reported("PT000000018", report(each))
    parts = {} if state is None else {"PT000000018": part(state)}
    with pytest.raises(BrokenRuleError, match=fault):
        judge.compare(parts, {} if state is None else {state: counts})


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ([], UnitState.SUPERSEDED),
        (["failed"], UnitState.SUPERSEDED),
        (["failed", "confirmed"], UnitState.CONFIRMED),
        (["confirmed", "failed"], UnitState.CONFIRMED),
        (["downloading", "staged"], UnitState.DOWNLOADING),
    ],
)
def test_the_judge_takes_what_is_right(said: list[str], state: UnitState) -> None:
    judge = Judge({"PT000000018": Placement(0)})
    for each in said:
        judge.reported("PT000000018", report(each))
    judge.compare({"PT000000018": part(state)}, {state: 1})


def test_a_service_that_assigns_outside_its_groups_does_not_survive_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check is seen to fail: a plan that places everybody in the first group, in the fleet's services alone."""
    monkeypatch.setattr("fleet.services.rollout_groups.OpenGroups.place", lambda *_: Placement(0))
    with pytest.raises(BrokenRuleError, match=r"held back|is in group 1"):
        rehearsed(tmp_path, units=60)


def test_a_fleet_that_counts_wrong_does_not_survive_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = RolloutRepository._count

    def miscount(self: RolloutRepository, rollout_id: int, state: UnitState, change: int) -> None:
        count(self, rollout_id, state, change * (2 if state is UnitState.HELD_BACK else 1))

    monkeypatch.setattr(RolloutRepository, "_count", miscount)
    with pytest.raises(BrokenRuleError, match="counts are not"):
        rehearsed(tmp_path, units=60, days=0.5)
