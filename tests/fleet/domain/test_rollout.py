"""A rollout pauses on failures, finishes when all is settled, and ends a stop when nothing is under way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.access import ForbiddenError
from fleet.domain.errors import IllegalTransitionError
from fleet.domain.rollout import (
    IN_FLIGHT,
    REPORTED,
    STATE_OF_REPORT,
    TRANSITIONS,
    Fit,
    Rollout,
    RolloutEvent,
    RolloutState,
    Running,
    Snapshot,
    UnitState,
    check_approver,
    counts_in,
    decide,
)
from fleet.domain.transitions import advance
from protocol.wire.enumerations import UPDATE_STATES

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ENDS = {RolloutState.STOPPED, RolloutState.FINISHED}

snapshots = st.builds(
    Snapshot,
    state=st.sampled_from(RolloutState),
    expected=st.integers(0, 50),
    counts=st.dictionaries(st.sampled_from(UnitState), st.integers(0, 20)),
    pause_after_failures=st.integers(1, 10),
    tolerated_failures=st.integers(0, 20),
)


@given(snapshots)
def test_what_is_decided_is_always_possible_and_settles_at_once(snapshot: Snapshot) -> None:
    commands = decide(snapshot, NOW)
    assert len(commands) <= 1
    for command in commands:
        state = advance(TRANSITIONS, snapshot.state, command.event, "RO-1")
        after = Snapshot(state, snapshot.expected, snapshot.counts, snapshot.pause_after_failures)
        assert decide(after, NOW) == []
        assert command.reason


@given(snapshots)
def test_a_running_rollout_with_the_failures_of_its_limit_never_goes_on(snapshot: Snapshot) -> None:
    fresh = snapshot.failures - snapshot.tolerated_failures
    if snapshot.state is RolloutState.RUNNING and fresh >= snapshot.pause_after_failures:
        assert [command.event for command in decide(snapshot, NOW)] == [RolloutEvent.PAUSE]


@given(snapshots)
def test_a_stop_waits_for_every_unit_under_way(snapshot: Snapshot) -> None:
    if snapshot.state is RolloutState.STOPPING:
        under_way = any(snapshot.counts.get(state) for state in IN_FLIGHT)
        assert bool(decide(snapshot, NOW)) is not under_way


def test_the_last_unit_failing_pauses_and_does_not_finish() -> None:
    snapshot = Snapshot(RolloutState.RUNNING, 1, {UnitState.REVERTED: 1}, 1)
    (command,) = decide(snapshot, NOW)
    assert command.event is RolloutEvent.PAUSE
    assert command.reason == "1 unit failed, the limit is 1"


def test_after_a_resume_only_new_failures_count() -> None:
    counts = {UnitState.REVERTED: 1, UnitState.ASSIGNED: 1}
    assert decide(Snapshot(RolloutState.RUNNING, 3, counts, 1, tolerated_failures=1), NOW) == []


def test_all_confirmed_finishes() -> None:
    (command,) = decide(Snapshot(RolloutState.RUNNING, 3, {UnitState.CONFIRMED: 3}, 1), NOW)
    assert (command.event, command.reason) == (RolloutEvent.FINISH, "3 of 3 confirmed, 0 failed")


def test_every_state_leads_to_an_end_and_an_end_leads_nowhere() -> None:
    for state in RolloutState:
        reached, edge = {state}, {state}
        while edge:
            edge = {after for (before, _), after in TRANSITIONS.items() if before in edge} - reached
            reached |= edge
        assert reached & ENDS
        assert state not in ENDS or reached == {state}


@given(st.sampled_from(RolloutState), st.sampled_from(RolloutEvent))
def test_only_the_table_s_steps_are_possible(state: RolloutState, event: RolloutEvent) -> None:
    if (state, event) not in TRANSITIONS:
        with pytest.raises(IllegalTransitionError, match="RO-1 is"):
            advance(TRANSITIONS, state, event, "RO-1")


def test_reports_never_take_a_unit_round_in_circles() -> None:
    for state, following in REPORTED.items():
        assert state not in following
    assert REPORTED[UnitState.CONFIRMED] == REPORTED[UnitState.REVERTED] == frozenset()
    assert set(STATE_OF_REPORT) <= set(UPDATE_STATES)


@pytest.mark.parametrize(
    ("fit", "seen"),
    [
        (Fit("other", 1, 9, 6), "board other, the unit is simulated"),
        (Fit("simulated", 2, 9, 6), "revisions 2 to 9, the unit is revision 1"),
        (Fit("simulated", 1, 1, 7), "ABI 7, the unit's runtime has 6"),
        (Fit("simulated", 1, 1, 6), ""),
    ],
)
def test_an_image_says_why_it_does_not_fit(fit: Fit, seen: str) -> None:
    refusal = fit.refusal(Running("simulated", 1, 6, "1.0.0", 1, "00"))
    assert seen in refusal
    assert bool(seen) is bool(refusal)


def test_who_made_a_rollout_does_not_approve_it() -> None:
    check_approver("PE-1", "PE-2", "RO-7")
    with pytest.raises(ForbiddenError, match="PE-1 created RO-7; somebody else has to approve it"):
        check_approver("PE-1", "PE-1", "RO-7")


# --- Whom a rollout to all is for ---------------------------------------------------------------------------------

RUNNING = Running("simulated", 1, 6, "1.0.0", 1, "00")
FITS = Fit("simulated", 1, 1, 6)
TO_ALL = Rollout(
    7, "1.1.0", True, RolloutState.RUNNING, "", 1, 2, 3, {UnitState.CONFIRMED: 2}, "PE-1", None, NOW, NOW, None, 1
)


def test_a_rollout_to_all_counts_the_units_it_fits_that_were_there_when_it_started() -> None:
    assert counts_in(TO_ALL, FITS, RUNNING, NOW)
    assert counts_in(TO_ALL, FITS, RUNNING, NOW - timedelta(days=1))
    assert not counts_in(TO_ALL, FITS, RUNNING, NOW + timedelta(microseconds=1))


@pytest.mark.parametrize("changed", [{"everyone": False}, {"started_at": None}])
def test_a_rollout_to_a_list_or_not_started_counts_nobody_by_itself(changed: dict[str, object]) -> None:
    assert not counts_in(replace(TO_ALL, **changed), FITS, RUNNING, NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize("fit", [None, Fit("simulated", 1, 1, 7)])
def test_a_unit_without_an_image_or_with_one_it_cannot_run_is_no_target(fit: Fit | None) -> None:
    assert not counts_in(TO_ALL, fit, RUNNING, NOW)


def test_a_rollout_decides_by_what_it_is() -> None:
    assert TO_ALL.reference == "RO-7"
    assert TO_ALL.snapshot == Snapshot(RolloutState.RUNNING, 3, {UnitState.CONFIRMED: 2}, 1, 2)
