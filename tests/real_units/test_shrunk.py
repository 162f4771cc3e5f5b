"""A scenario of days comes to minutes: each of the docs, for a fleet of 208, as real units take part in it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fleet.domain.rollout_plan import read_course
from fleet.rehearsal.behaviour import DAY_S, Absence, Behaviour, CallPattern, Image, Odds
from fleet.rehearsal.fleet import START
from fleet.rehearsal.population import NEW
from fleet.rehearsal.scenario import Scenario, read_scenario
from tests.real_units.among import SCENARIOS
from tests.real_units.deeds import change_of
from tests.real_units.shrunk import CALL_S, DAY_LASTS_S, LEAST_UNITS, LONGEST_S, Shrunk, calls, plan_of
from tests.real_units.stage import sources_with

UNITS = 208
BEGUN_S = 1_800_000_000
OLD, RELEASE = Image("1.0.0", 1, "aa", "simulated"), Image("1.1.0", 2, "bb", "simulated")
SHRUNK = Shrunk(START, BEGUN_S, OLD, RELEASE)


def scenarios() -> list[Scenario]:
    return [read_scenario(path) for path in sorted(SCENARIOS.glob("*.toml"))]


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda scenario: scenario.about[:20])
def test_a_plan_keeps_the_groups_that_so_few_units_can_fill(scenario: Scenario) -> None:
    course, whole = read_course(plan_of(scenario, UNITS)), scenario.course
    assert (course.evidence, course.plan.hold_back) == (whole.evidence, whole.plan.hold_back)
    groups = course.plan.groups
    assert {group.name for group in groups} <= {group.name for group in whole.plan.groups}
    assert groups[-1].name == whole.plan.groups[-1].name
    sizes = course.plan.sizes(UNITS, [0] * len(groups))
    for group, size in zip(groups, sizes, strict=True):
        assert size >= LEAST_UNITS
        assert size // 2 - 1 <= group.minimum <= size // 2 + 1
        assert group.deadline == timedelta(seconds=DAY_LASTS_S)  # all of the docs have a day


def test_calls_are_of_one_length_and_fill_the_same_share_of_a_day() -> None:
    assert calls(CallPattern(40, 900)) == CallPattern(40 * 900 / CALL_S, CALL_S)
    assert calls(CallPattern()).a_day == 0


def test_an_absence_takes_the_same_share_of_time_and_begins_when_it_did() -> None:
    """A night at once at the start; weeks as short as the longest may be."""
    start_s = int(START.timestamp())
    night = SHRUNK.behaviour(_behaviour(Absence(DAY_S, DAY_S // 3, start_s + 3600))).absence
    assert night == Absence(DAY_LASTS_S, DAY_LASTS_S // 3, BEGUN_S + 5)
    weeks = SHRUNK.behaviour(_behaviour(Absence(56 * DAY_S, 21 * DAY_S, start_s))).absence
    assert weeks == Absence(LONGEST_S * 56 // 21, LONGEST_S, BEGUN_S)
    assert SHRUNK.at(start_s + DAY_S) == BEGUN_S + DAY_LASTS_S


def _behaviour(absence: Absence) -> Behaviour:
    return Behaviour(odds={NEW: Odds()}, absence=absence)


@pytest.mark.parametrize("round_of", [0, 1])
def test_what_is_wrong_with_a_release_can_be_built_into_the_firmware_as_it_is(round_of: int, tmp_path) -> None:  # type: ignore[no-untyped-def]
    for scenario in scenarios():
        change = change_of(scenario, round_of)
        kinds = {str(kind) for fault in scenario.fault for kind in fault.kinds}
        assert (change is not None) == bool(kinds - {"goes_dark"})
        if change is not None:
            source = sources_with(tmp_path / scenario.about[:12] / str(scenario.fault[0].excess_percent), *change)
            assert "board.hardware_revision in (1,)" in (source / "firmware" / change[0]).read_text()
