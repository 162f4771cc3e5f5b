"""When groups will open and a rollout will be over: from its plan, its pace, and who is there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fleet.domain.rollout import RolloutState, Snapshot
from fleet.domain.rollout_course import GroupStanding, Standing
from fleet.domain.rollout_forecast import Conditions, GroupForecast, forecast
from fleet.domain.rollout_plan import read_course
from fleet.domain.treatment import Mode

NOW = datetime(2026, 11, 2, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)
GROUPS = [
    {"name": "canary", "up_to_percent": 1, "minimum_units": 50, "soak_hours": 10, "then": "pause"},
    {"name": "rest", "minimum_units": 500, "soak_hours": 20},
]


def standing(*groups: GroupStanding, since: datetime = NOW, **plan: Any) -> Standing:
    course = read_course({"group": GROUPS} | plan)
    return Standing(course, Snapshot(RolloutState.RUNNING, 0, {}, 1), since, groups)


def conditions(*sizes: int, present: float = 1.0, mode: Mode = Mode.FORCED) -> Conditions:
    return Conditions(sizes, present, mode)


@pytest.mark.parametrize(("mode", "settled"), [(Mode.FORCED, HOUR), (Mode.SOFT, 24 * HOUR)])
def test_without_a_pace_a_group_takes_what_its_units_take_and_its_soak(mode: Mode, settled: timedelta) -> None:
    found = forecast(standing(), conditions(100, 9_900, mode=mode), NOW)
    second = NOW + settled + 10 * HOUR
    assert list(found.groups) == [
        GroupForecast("canary", 100, NOW, NOW + settled, second, True),
        GroupForecast("rest", 9_900, second, second + settled, second + settled + 20 * HOUR, False),
    ]
    assert (found.ends_at, found.reason) == (found.groups[-1].ends_at, "")


def test_a_pace_gives_a_group_its_minimum_later_and_its_end_with_the_last_of_those_that_are_there() -> None:
    paced = standing(pace={"units_per_hour": 100})
    first, last = forecast(paced, conditions(100, 9_900, present=0.5), NOW).groups
    assert first.enough_at == NOW + 2 * HOUR  # 50 of the 100 are there, so all of the ramp, and an hour
    assert last.enough_at == last.opens_at + 99 * HOUR * 500 / 4_950 + HOUR
    assert last.ends_at == last.opens_at + 99 * HOUR + HOUR


def test_few_slots_take_longer_than_the_ramp() -> None:
    slow = standing(pace={"units_per_hour": 9_900, "download_slots": 10})
    _, last = forecast(slow, conditions(100, 9_900), NOW).groups
    assert last.ends_at == last.opens_at + timedelta(minutes=5) * 990 + HOUR


def test_a_running_rollout_goes_on_from_where_it_is() -> None:
    ripe = GroupStanding(NOW - 9 * HOUR, ripe_at=NOW - 2 * HOUR)
    first, last = forecast(standing(ripe), conditions(100, 9_900), NOW).groups
    assert (first.opens_at, first.enough_at, first.ends_at) == (ripe.opened_at, ripe.ripe_at, NOW + 8 * HOUR)
    assert last.opens_at == NOW + 8 * HOUR
    late = GroupStanding(NOW - 90 * HOUR, ripe_at=NOW - 80 * HOUR)
    assert forecast(standing(late), conditions(100, 9_900), NOW).groups[1].opens_at == NOW


def test_an_open_group_has_its_minimum_from_now_on_at_the_earliest_and_its_ramp_begins_anew_after_a_pause() -> None:
    opened = GroupStanding(NOW - 9 * HOUR)
    found = forecast(standing(opened, since=NOW - 9 * HOUR), conditions(100, 9_900), NOW).groups[0]
    assert (found.opens_at, found.enough_at) == (opened.opened_at, NOW)
    resumed = standing(opened, since=NOW, pace={"units_per_hour": 100})
    assert forecast(resumed, conditions(100, 9_900), NOW).groups[0].enough_at == NOW + 1.5 * HOUR


def test_a_group_that_cannot_have_its_minimum_ends_the_forecast() -> None:
    few = forecast(standing(), conditions(100, 9_900, present=0.4), NOW)
    assert (list(few.groups), few.ends_at) == ([], None)
    assert few.reason == "group canary wants 50 units, and about 40 of its 100 units are there"
    slow = forecast(standing(pace={"units_per_hour": 100}), conditions(100, 9_900, present=0.1), NOW)
    assert slow.reason == "group canary wants 50 units, and about 10 of its 100 units are there"
    late = forecast(standing(pace={"units_per_hour": 12}), conditions(100, 90_000, present=0.8), NOW)
    assert ([group.name for group in late.groups], late.ends_at) == (["canary"], None)
    said = "group rest wants 500 units, which have begun after about 52.1 h, and its deadline is 48 h"
    assert late.reason == said
