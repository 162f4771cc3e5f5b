"""Scenarios of the docs, and what is said of one that cannot be."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from fleet.rehearsal.behaviour import Fate
from fleet.rehearsal.scenario import ScenarioError, parse_scenario, read_scenario

DOCS = Path(__file__).parents[3] / "docs"
SCENARIOS = sorted((DOCS / "scenarios").glob("*.toml"))
SMALL: dict[str, Any] = {
    "about": "A test.",
    "units": 10,
    "revision": [{"revision": 1, "share_percent": 100}],
    "plan": {"group": [{}]},
    "expect": {"state": "finished"},
}


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_the_scenarios_of_the_docs_can_be_read(path: Path) -> None:
    scenario = read_scenario(path, units=2000, seed=None)
    assert scenario.units == 2000
    assert scenario.about
    assert scenario.course.plan.groups


def test_there_is_a_scenario_of_each_kind() -> None:
    names = {path.stem for path in SCENARIOS}
    curves = {"sound", "ten-points", "five-points", "two-points"}
    assert names == curves | {"silent-revision", "storm", "weeks-away", "busy-lines"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"unit": 5}, "unit: Extra inputs are not permitted, it is '5'"),
        ({"units": 0}, "units: Input should be greater than or equal to 1, it is '0'"),
        ({"about": None}, "about: Input should be a valid string, it is 'None'"),
        ({"revision": []}, "revision: List should have at least 1 item"),
        ({"revision": [{"revision": 1, "share_percent": 120}]}, "revision: 1: share_percent: Input should be"),
        ({"revision": [{"revision": 1, "share_percent": 40}]}, "the shares add up to 40 %, they have to be 100 %"),
        ({"revision": [{"revision": 1, "share_percent": 50}] * 2}, "simulated 1 is there twice"),
        ({"habit": [{"share_percent": 60, "away": "nights"}] * 2}, "the shares add up to 120 %"),
        ({"habit": [{"share_percent": 60, "away": "always"}]}, "habit: 1: away: Input should be 'nights'"),
        ({"fault": [{"revision": 2, "excess_percent": 5}]}, "fault 1: there is no simulated revision 2 in the fleet"),
        ({"fault": [{"revision": 1, "excess_percent": 5, "kinds": {"melts": 1}}]}, "fault: 1: kinds: melts"),
        ({"storm": [{"from_day": 3, "until_day": 2}]}, "storm 1: until_day 2 is not after 3"),
        ({"plan": {"group": []}}, "a plan has 1 to 32 groups, got 0"),
        ({"plan": {"group": [{}], "hold_back": 5}}, "the plan has hold_back, which nobody knows"),
        ({"plan": "nowhere.toml"}, "nowhere.toml is no plan"),
        ({"expect": {"state": "great"}}, "expect: state: Input should be 'stopped'"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=re.escape(said)) as refused:
        parse_scenario(SMALL | change, "night.toml", tmp_path)
    assert str(refused.value).startswith("night.toml: ")


def test_a_file_that_is_missing_or_no_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"there is no scenario .*night\.toml; those of the docs are in"):
        read_scenario(tmp_path / "night.toml")
    (tmp_path / "night.toml").write_text("units = \n")
    with pytest.raises(ScenarioError, match=r"night\.toml: no TOML: Invalid value"):
        read_scenario(tmp_path / "night.toml")


def test_a_fault_is_shared_out_over_its_kinds() -> None:
    fault = {"revision": 1, "excess_percent": 10, "kinds": {"reverts": 3, "goes_dark": 1}}
    scenario = parse_scenario(SMALL | {"fault": [fault]}, "night.toml", Path())
    assert scenario.fault[0].shares() == ((Fate.REVERTS, 0.075), (Fate.GOES_DARK, 0.025))


def test_how_long_an_absence_lasts_is_less_than_the_time_between_two() -> None:
    habits = [
        {"share_percent": 10, "away": "nights", "hours": 30},
        {"share_percent": 10, "away": "weekends"},
        {"share_percent": 10, "away": "weeks"},
    ]
    scenario = parse_scenario(SMALL | {"habit": habits}, "night.toml", Path())
    hours = [(each.period_s // 3600, each.length_s // 3600) for each in scenario.habit]
    assert hours == [(24, 23), (168, 48), (1344, 504)]
