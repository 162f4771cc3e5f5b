"""A plan is read with every value in its place, refused with what is wrong and where, and written back the same."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.errors import InvalidError
from fleet.domain.rollout_course import Course
from fleet.domain.rollout_gate import Pace
from fleet.domain.rollout_groups import Filter, Group, Joining, Plan, Then
from fleet.domain.rollout_plan import read_course, write_course
from fleet.domain.rollout_stop import EvidenceRule, PlainRule

EXAMPLE = Path(__file__).parent.parent.parent.parent / "docs" / "rollout-plan.toml"
WHOLE: dict[str, Any] = {
    "hold_back_percent": 5,
    "joining": "dynamic",
    "targets": {"board": "esp32"},
    "pause_after_failures": 7,
    "send_back_to": "1.0.0",
    "evidence": {"excess_limit_percent": 0.5, "false_alarm_percent": 2, "minimum_failures": 4},
    "plain": {"failed_percent": 10, "minimum_units": 20},
    "pace": {"units_per_hour": 2000, "download_slots": 500, "slot_minutes": 45},
    "group": [
        {
            "name": "canary", "size": 50, "filter": {"channel": ["beta"], "revision": [2, 1]}, "success_percent": 99,
            "minimum_units": 5, "soak_hours": 1.5, "deadline_hours": 12, "then": "pause",
        },
        {"name": "tenth", "up_to_percent": 10},
        {},
    ],
}  # fmt: skip
PACE = Pace(2000, 500, timedelta(minutes=45))


def test_every_key_is_read() -> None:
    taken = Filter(channel=frozenset({"beta"}), revision=frozenset({1, 2}))
    canary = Group("canary", 1.0, 50, taken, 0.99, 5, timedelta(hours=1.5), timedelta(hours=12), Then.PAUSE)
    plan = Plan(
        (canary, Group("tenth", 0.1), Group("group 3")), 0.05, Filter(board=frozenset({"esp32"})), Joining.DYNAMIC
    )
    assert read_course(WHOLE) == Course(plan, EvidenceRule(0.005, 0.02, 4), PlainRule(0.1, 20), 7, "1.0.0", PACE)


def test_the_plan_of_the_docs_is_one() -> None:
    course = read_course(tomllib.loads(EXAMPLE.read_text()))
    assert course.evidence == EvidenceRule()
    assert course.plan.hold_back == 0.05


def test_what_is_not_said_is_as_usual() -> None:
    assert read_course({"group": [{}]}) == Course(Plan((Group("group 1"),)))
    usual = read_course({"group": [{}], "hold_back_percent": 5, "evidence": {}, "plain": {"failed_percent": 5}})
    assert usual.evidence == EvidenceRule()
    assert usual.plain == PlainRule(0.05, 1)


percents = st.integers(1, 899).map(lambda tenths: tenths / 10)
written_groups = st.lists(percents, max_size=4, unique=True).map(sorted)


@given(written_groups, st.integers(1, 99), st.booleans(), st.sampled_from(("next", "pause")))
def test_what_was_read_is_written_so_that_it_reads_the_same(
    shares: list[float], tenth: int, whole: bool, then: str
) -> None:
    steps = [{"name": f"to {share}", "up_to_percent": share, "then": then, "soak_hours": tenth} for share in shares]
    data = {**(WHOLE if whole else {}), "hold_back_percent": tenth / 10, "group": [*steps, {"name": "rest"}]}
    course = read_course(data)
    assert read_course(write_course(course)) == course
    assert write_course(read_course(WHOLE))["group"] != []


def test_a_written_plan_holds_only_what_is_said() -> None:
    assert write_course(read_course(WHOLE))["group"][0]["size"] == 50  # type: ignore[index]
    assert set(write_course(read_course({"group": [{}]}))) == {"hold_back_percent", "joining", "group"}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "the plan: group is missing, it has to be a list of tables"),
        ({"group": [3]}, "group is [3], it has to be a list of tables"),
        ({"group": [{}], "hold_back": 5}, "the plan has hold_back, which nobody knows; known are"),
        ({"group": [{}], "hold_back_percent": "5"}, "hold_back_percent is '5', it has to be a percentage of 0 to 100"),
        ({"group": [{}], "hold_back_percent": -1}, "hold_back_percent is -1"),
        ({"group": [{}], "hold_back_percent": True}, "hold_back_percent is True"),
        ({"group": [{}], "joining": "never"}, "joining is 'never', it has to be 'registered' or 'dynamic'"),
        ({"group": [{}], "joining": 3}, "joining is 3, it has to be"),
        ({"group": [{}], "pause_after_failures": 0}, "pause_after_failures is 0, allowed is 1 or more"),
        ({"group": [{}], "pause_after_failures": 1.5}, "pause_after_failures is 1.5, it has to be a whole number"),
        ({"group": [{}], "send_back_to": ""}, "send_back_to is '', it has to be a text of 1 to 100 characters"),
        ({"group": [{}], "evidence": {}}, "give hold_back_percent, 5 for instance"),
        ({"group": [{}], "evidence": 3}, "the plan: evidence is 3, it has to be a table"),
        ({"group": [{}], "plain": {"failed": 3}}, "the plan, plain has failed, which nobody knows"),
        ({"group": [{}], "evidence": {"limit": 3}}, "the plan, evidence has limit, which nobody knows"),
        ({"group": [{}], "targets": {"bord": "x"}}, "the plan, targets has bord, which nobody knows"),
        ({"group": [{}], "targets": {"board": []}}, "board is [], it has to be a text or a list of at least one"),
        ({"group": [{}], "targets": {"board": 3}}, "board is 3, it has to be a text or a list"),
        ({"group": [{}], "targets": {"revision": ["2"]}}, "revision is ['2'], it has to be a whole number or a list"),
        ({"group": [{"name": "a", "soak": 3}]}, "group 1 (a) has soak, which nobody knows"),
        ({"group": [{"soak_hours": "3h"}]}, "group 1: soak_hours is '3h', it has to be a number of hours"),
        ({"group": [{"size": 3, "up_to_percent": 3}, {}]}, "group 1 has size and up_to_percent: give one of them"),
        ({"group": [{"name": "a"}, {}]}, "group 1 (a) leaves no unit to later groups: give it up_to_percent"),
        ({"group": [{}], "pace": {}}, "pace limits nothing: give units_per_hour, download_slots or both"),
        ({"group": [{}], "pace": {"per_hour": 3}}, "the plan, pace has per_hour, which nobody knows; known are units"),
        ({"group": [{}], "pace": {"units_per_hour": 1.5}}, "pace: units_per_hour is 1.5, it has to be a whole number"),
        ({"group": [{}], "pace": {"download_slots": 1, "slot_minutes": "1h"}}, "slot_minutes is '1h', it has to be a"),
        (
            {"group": [{"minimum_units": 48}], "pace": {"units_per_hour": 1}},
            "group 'group 1' wants 48 units within 48 h, and at 1 an hour 48 have begun",
        ),
        ({"group": [{"minimum_units": 0}]}, "minimum_units is 0, allowed is 1 or more"),
    ],
)
def test_a_plan_that_is_wrong_says_where_and_what_is_allowed(data: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidError) as refused:
        read_course(data)
    assert said in str(refused.value)
