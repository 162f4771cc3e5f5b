"""A watched unit fails by what it does or leaves undone, held back or not by the same rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fleet.domain.rollout import UnitState
from fleet.domain.rollout_watch import Beat, Signal, Tolerance, Watch, heard, line_up, signal
from protocol.wire.enumerations import LINE_STATES

HOUR = timedelta(hours=1)
BEGAN = datetime(2026, 11, 23, tzinfo=UTC)
DEADLINE = 24 * HOUR
HELD_BACK = Watch(BEGAN, None, BEGAN + 23 * HOUR)
CONFIRMED = replace(HELD_BACK, state=UnitState.CONFIRMED)


@pytest.mark.parametrize("watch", [HELD_BACK, CONFIRMED, replace(HELD_BACK, state=UnitState.SUPERSEDED)])
def test_a_unit_that_does_well_fails_by_nothing(watch: Watch) -> None:
    assert signal(watch, DEADLINE, BEGAN + HOUR) is None
    assert signal(watch, DEADLINE, BEGAN + DEADLINE) is None


@pytest.mark.parametrize("watch", [HELD_BACK, CONFIRMED])
@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"crashes": 1}, Signal.CRASHED),
        ({"lost_registrations": 2}, Signal.REGISTRATION_LOST),
        ({"lost_registrations": 1}, None),
        ({"longest_gap": 3 * HOUR}, Signal.HEARTBEAT_GAP),
        ({"longest_gap": 2 * HOUR}, None),
        ({"calls": 3, "mos_tenths": 29.9}, Signal.POOR_CALLS),
        ({"calls": 3, "mos_tenths": 30}, None),
        ({"calls": 2, "mos_tenths": 10}, None),
        ({"line_down": True}, None),
    ],
)
def test_both_arms_fail_by_the_same(watch: Watch, changed: dict[str, object], expected: Signal | None) -> None:
    assert signal(replace(watch, **changed), DEADLINE, BEGAN + HOUR) is expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "expected"), [(UnitState.REVERTED, Signal.REVERTED), (UnitState.FAILED, Signal.GAVE_UP)]
)
def test_a_unit_that_went_back_or_gave_up_failed_at_once(state: UnitState, expected: Signal) -> None:
    assert signal(replace(HELD_BACK, state=state), DEADLINE, BEGAN + HOUR) is expected


@pytest.mark.parametrize("state", [None, UnitState.ASSIGNED, UnitState.TRIAL, UnitState.CONFIRMED])
def test_silence_counts_at_the_deadline_and_not_before(state: UnitState | None) -> None:
    silent = Watch(BEGAN, state, BEGAN + HOUR)
    assert signal(silent, DEADLINE, BEGAN + DEADLINE - HOUR) is None
    assert signal(silent, DEADLINE, BEGAN + DEADLINE) is Signal.SILENT


@pytest.mark.parametrize("state", [UnitState.ASSIGNED, UnitState.DOWNLOADING, UnitState.TRIAL])
def test_a_unit_that_is_there_and_has_not_confirmed_by_the_deadline_failed(state: UnitState) -> None:
    there = Watch(BEGAN, state, BEGAN + DEADLINE)
    assert signal(there, DEADLINE, BEGAN + DEADLINE - HOUR) is None
    assert signal(there, DEADLINE, BEGAN + DEADLINE) is Signal.NOT_CONFIRMED


def test_a_short_deadline_is_silence_enough() -> None:
    assert signal(Watch(BEGAN, None, BEGAN), HOUR, BEGAN + HOUR) is Signal.SILENT


def test_a_plan_may_tolerate_more() -> None:
    crashed = replace(CONFIRMED, crashes=1)
    assert signal(crashed, DEADLINE, BEGAN + HOUR, Tolerance(crashes=1)) is None


@pytest.mark.parametrize("watch", [HELD_BACK, CONFIRMED])
def test_a_line_that_is_down_counts_at_the_deadline(watch: Watch) -> None:
    down = replace(watch, line_down=True)
    assert signal(down, DEADLINE, BEGAN + DEADLINE - HOUR) is None
    assert signal(down, DEADLINE, BEGAN + DEADLINE) is Signal.REGISTRATION_LOST


@pytest.mark.parametrize("before_at", [BEGAN - 9 * HOUR, BEGAN, BEGAN + HOUR])
def test_a_gap_counts_from_the_watch_on(before_at: datetime) -> None:
    watch = heard(HELD_BACK, Beat(before_at, HOUR, True), Beat(BEGAN + 4 * HOUR, HOUR, True))
    assert watch.longest_gap == BEGAN + 4 * HOUR - max(BEGAN, before_at)
    assert watch.heard_at == BEGAN + 4 * HOUR
    assert heard(watch, Beat(watch.heard_at, HOUR, True), Beat(watch.heard_at, HOUR, True)).longest_gap == (
        watch.longest_gap
    )


@pytest.mark.parametrize(
    ("before", "now", "uptime", "lost", "down"),
    [
        (True, False, 2 * HOUR, 1, True), (True, False, HOUR, 1, True), (True, False, HOUR / 2, 0, True),
        (True, True, 2 * HOUR, 0, False), (True, None, 2 * HOUR, 0, False), (False, False, 2 * HOUR, 0, True),
        (None, False, 2 * HOUR, 0, True), (False, True, 2 * HOUR, 0, False),
    ],
)  # fmt: skip
def test_a_registration_is_lost_between_two_heartbeats_of_a_start(
    before: bool | None, now: bool | None, uptime: timedelta, lost: int, down: bool
) -> None:
    watch = heard(replace(HELD_BACK, lost_registrations=4), Beat(BEGAN, HOUR, before), Beat(BEGAN, uptime, now))
    assert (watch.lost_registrations, watch.line_down) == (4 + lost, down)


def test_a_line_is_up_as_the_unit_itself_takes_it() -> None:
    assert [state for state in LINE_STATES if line_up(state)] == ["registered", "emergency_only", "in_call"]
    assert [state for state in LINE_STATES if line_up(state) is None] == ["not_configured"]
