"""A rollout by groups opens the next after soak and success, and leaves every state in time, with a reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.rollout import IN_FLIGHT, TRANSITIONS, RolloutEvent, RolloutState, Snapshot, UnitState
from fleet.domain.rollout_course import LAST_GROUP_LIMIT, LIMITS, Course, GroupStanding, Standing, accepts, decide, due
from fleet.domain.rollout_evidence import Arm, Evidence
from fleet.domain.rollout_groups import Group, Joining, Plan, Then
from fleet.domain.rollout_stop import EvidenceRule, PlainRule
from fleet.domain.transitions import advance

HOUR = timedelta(hours=1)
OPENED = datetime(2026, 11, 23, tzinfo=UTC)
CANARY = Group("canary", 0.01, success=0.95, minimum=10, soak=24 * HOUR, deadline=48 * HOUR)
REST = Group("rest", minimum=10, soak=24 * HOUR, deadline=48 * HOUR)
COURSE = Course(Plan((CANARY, REST), 0.05), EvidenceRule(), send_back_to="1.0.0")
SNAPSHOT = Snapshot(RolloutState.RUNNING, 100, {UnitState.CONFIRMED: 20}, 1)
RIPE = GroupStanding(OPENED, 20, 20, 0, OPENED + HOUR)
YOUNG = GroupStanding(OPENED, 20, 4, 1)
STANDING = Standing(COURSE, SNAPSHOT, OPENED, (RIPE,))
HARM = Evidence().look(0, Arm(125, 13), Arm(1250, 6))
SOAKED = OPENED + 25 * HOUR
ENDS = {RolloutState.STOPPED, RolloutState.FINISHED}

groups = st.builds(
    GroupStanding,
    opened_at=st.just(OPENED),
    assigned=st.just(40),
    confirmed=st.integers(0, 20),
    failed=st.integers(0, 20),
    ripe_at=st.none() | st.just(OPENED + HOUR),
    accepted=st.booleans(),
)
standings = st.builds(
    Standing,
    course=st.builds(
        Course,
        plan=st.builds(
            Plan,
            groups=st.tuples(st.sampled_from((CANARY, replace(CANARY, then=Then.PAUSE))), st.just(REST)),
            joining=st.sampled_from(Joining),
        ),
        evidence=st.none() | st.just(EvidenceRule()),
        plain=st.none() | st.just(PlainRule(0.2, 100)),
        pause_after_failures=st.none() | st.integers(1, 5),
        send_back_to=st.none() | st.just("1.0.0"),
    ),
    snapshot=st.builds(
        Snapshot,
        state=st.sampled_from(RolloutState),
        expected=st.integers(0, 40),
        counts=st.dictionaries(st.sampled_from(UnitState), st.integers(0, 20)),
        pause_after_failures=st.just(1),
        tolerated_failures=st.integers(0, 20),
    ),
    since=st.integers(0, 200).map(lambda hours: OPENED + hours * HOUR),
    groups=st.lists(groups, min_size=1, max_size=2),
    revisions=st.sampled_from(({}, {"revision 1": HARM})),
)
moments = st.integers(0, 24 * 100).map(lambda hours: OPENED + hours * HOUR)


@given(standings, moments)
def test_what_is_decided_is_always_possible_and_says_why(standing: Standing, now: datetime) -> None:
    commands = decide(standing, now)
    assert len(commands) <= 1
    for command in commands:
        advance(TRANSITIONS, standing.snapshot.state, command.event, "RO-1")
        assert command.at == now
        assert command.reason


@given(standings)
def test_every_state_that_is_no_end_is_left_in_time_by_itself(standing: Standing) -> None:
    limit = due(standing)
    if standing.snapshot.state in ENDS:
        assert limit is None
        assert decide(standing, OPENED + timedelta(days=1000)) == []
        return
    assert limit is not None
    assert limit.reason
    assert limit.at <= max(standing.since, OPENED) + timedelta(days=90)
    assert decide(standing, max(limit.at, OPENED)) != []


@given(standings, moments)
def test_no_group_opens_before_its_soak_is_over_and_enough_units_confirmed(standing: Standing, now: datetime) -> None:
    for command in decide(standing, now):
        if command.event is RolloutEvent.ADVANCE:
            group, seen = standing.group
            assert seen.ripe_at is not None
            assert now >= seen.ripe_at + group.soak
            assert seen.accepted or seen.confirmed >= group.success * seen.settled


@given(standings, moments)
def test_harm_stops_a_running_rollout_whatever_else_holds(standing: Standing, now: datetime) -> None:
    running = standing.snapshot.state is RolloutState.RUNNING
    if running and standing.course.evidence is not None and standing.revisions:
        (command,) = decide(standing, now)
        assert command.event is RolloutEvent.STOP
        assert command.send_back_to == standing.course.send_back_to


def test_a_group_that_went_well_opens_the_next_when_it_has_soaked() -> None:
    assert decide(STANDING, SOAKED - HOUR) == []
    (command,) = decide(STANDING, SOAKED)
    assert (command.event, command.send_back_to) == (RolloutEvent.ADVANCE, None)
    assert command.reason == "20 of 20 in group canary confirmed, soaked 24 h; opens rest"


def test_a_plan_may_pause_after_a_group_and_who_resumes_it_opens_the_next() -> None:
    course = replace(COURSE, plan=replace(COURSE.plan, groups=(replace(CANARY, then=Then.PAUSE), REST)))
    pausing = replace(STANDING, course=course)
    (command,) = decide(pausing, SOAKED)
    assert command.event is RolloutEvent.PAUSE
    assert command.reason.endswith("soaked 24 h; resume it to open rest")
    assert accepts(replace(pausing, since=SOAKED))
    (command,) = decide(replace(pausing, groups=(replace(RIPE, accepted=True),)), SOAKED)
    assert command.event is RolloutEvent.ADVANCE


def test_too_few_successes_pause_and_who_resumes_accepts_them() -> None:
    poor = replace(STANDING, groups=(replace(RIPE, confirmed=17, failed=3),))
    (command,) = decide(poor, SOAKED)
    assert command.event is RolloutEvent.PAUSE
    assert command.reason == "17 of 20 in group canary confirmed, 95 % are wanted"
    (command,) = decide(replace(poor, groups=(replace(poor.groups[0], accepted=True),)), SOAKED)
    assert command.event is RolloutEvent.ADVANCE


@pytest.mark.parametrize(("seen", "paused_at"), [(RIPE, SOAKED - HOUR), (YOUNG, SOAKED)])
def test_who_resumes_a_rollout_that_paused_before_its_group_was_over_accepts_nothing(
    seen: GroupStanding, paused_at: datetime
) -> None:
    assert not accepts(replace(STANDING, groups=(seen,), since=paused_at))


def test_a_group_without_its_minimum_pauses_at_its_deadline_and_again_after_a_resume() -> None:
    young = replace(STANDING, groups=(YOUNG,))
    assert decide(young, OPENED + 47 * HOUR) == []
    (command,) = decide(young, OPENED + 48 * HOUR)
    assert command.event is RolloutEvent.PAUSE
    assert command.reason == "only 5 of 10 units of group canary settled in 48 h"
    resumed = replace(young, since=OPENED + 50 * HOUR)
    assert decide(resumed, OPENED + 97 * HOUR) == []
    assert decide(resumed, OPENED + 98 * HOUR) != []


LAST = replace(STANDING, groups=(RIPE, RIPE))
DONE = replace(SNAPSHOT, expected=20)


def test_the_last_group_finishes_when_all_settled() -> None:
    (command,) = decide(replace(LAST, snapshot=DONE), SOAKED)
    assert (command.event, command.reason) == (RolloutEvent.FINISH, "20 of 20 confirmed, 0 failed")


def test_the_last_group_waits_for_units_that_have_not_come_but_not_for_ever() -> None:
    assert decide(LAST, SOAKED) == []
    (command,) = decide(LAST, OPENED + LAST_GROUP_LIMIT)
    assert command.event is RolloutEvent.FINISH
    assert command.reason.endswith("it was open to the last group for 90 days")


def test_a_rollout_that_later_units_join_waits_for_them() -> None:
    course = replace(COURSE, plan=replace(COURSE.plan, joining=Joining.DYNAMIC))
    assert decide(replace(LAST, course=course, snapshot=DONE), SOAKED) == []


def test_evidence_stops_and_sends_back_to_the_release_that_was_named() -> None:
    (command,) = decide(replace(STANDING, revisions={"revision 1": HARM}), OPENED + HOUR)
    assert (command.event, command.send_back_to) == (RolloutEvent.STOP, "1.0.0")
    assert command.reason.startswith("revision 1: 13 of 125 failed with the release")
    assert command.reason.endswith("; sends its units back to 1.0.0")


@pytest.mark.parametrize(
    ("limit", "tolerated", "pauses"), [(3, 0, True), (3, 1, False), (4, 0, False), (None, 0, False)]
)
def test_a_plain_number_of_failures_pauses(limit: int | None, tolerated: int, pauses: bool) -> None:
    snapshot = replace(SNAPSHOT, counts={UnitState.REVERTED: 3}, tolerated_failures=tolerated)
    course = replace(COURSE, pause_after_failures=limit)
    commands = decide(replace(STANDING, course=course, snapshot=snapshot), OPENED)
    assert [command.reason for command in commands] == ["3 units failed, the limit is 3"] * pauses


@pytest.mark.parametrize("state", LIMITS)
def test_a_state_that_waits_for_somebody_has_a_limit(state: RolloutState) -> None:
    limit, event, reason = LIMITS[state]
    waiting = Snapshot(state, 100, {UnitState.TRIAL: 1}, 1)
    opened = () if state in {RolloutState.DRAFT, RolloutState.WAITING_FOR_APPROVAL, RolloutState.READY} else (RIPE,)
    standing = replace(STANDING, snapshot=waiting, groups=opened)
    assert decide(standing, OPENED + limit - HOUR) == []
    (command,) = decide(standing, OPENED + limit)
    assert command.event is event
    assert command.reason.startswith(f"{reason} in {limit.days} days")
    assert command.send_back_to == ("1.0.0" if state is RolloutState.PAUSED else None)


def test_a_stop_is_settled_as_soon_as_nothing_is_under_way() -> None:
    for state in IN_FLIGHT:
        stopping = replace(STANDING, snapshot=Snapshot(RolloutState.STOPPING, 100, {state: 1}, 1))
        assert decide(stopping, OPENED) == []
    (command,) = decide(replace(STANDING, snapshot=Snapshot(RolloutState.STOPPING, 100, {}, 1)), OPENED)
    assert command.event is RolloutEvent.SETTLE
