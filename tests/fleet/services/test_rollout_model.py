"""Whatever people, units and the job do, and wherever the service is killed: no rollout shows a fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Engine, event

from fleet.domain.rollout import TRANSITIONS, Rollout, RolloutEvent, RolloutState, UnitState
from fleet.domain.rollout_course import LAST_GROUP_LIMIT, STOPPING_LIMIT
from fleet.store.base import make_engine
from tests.fleet.new_database import make_tables
from tests.fleet.services.rollout_story import APPROVER, AUTHOR_WHO_APPROVES, LATE, MANAGER, VERBS, KilledError, Story
from tests.sweeps.rollout_stories import ADDED

ACTS = 110
RARE = ("sent back", "staged")  # a soak has some
PLAN = {"group": [{"minimum_units": 1, "success_percent": 30, "soak_hours": 1, "deadline_hours": 2}]}


def new_engine(path: Path) -> Engine:
    engine = make_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    make_tables(engine)
    return engine


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return new_engine(tmp_path / "fleet.db")


def test_no_order_of_events_breaks_a_rollout(tmp_path: Path) -> None:
    done = Counter[str]()
    for seed in range(4):
        engine = new_engine(tmp_path / f"{seed}.db")
        story = Story(engine, Random(seed))
        for _ in range(ACTS):
            story.act()
        engine.dispose()
        done += story.done
    assert [name for name in ADDED if name not in RARE and not done[name]] == []


@pytest.mark.parametrize("by_groups", [True, False])
def test_in_every_state_what_a_person_asks_is_done_or_nothing_changes(engine: Engine, by_groups: bool) -> None:
    story = Story(engine, Random(1))
    for state in RolloutState:
        rollout = _in_state(story, state, by_groups)
        for verb in VERBS:
            actor = APPROVER if verb == "approve" else MANAGER
            if (state, RolloutEvent(verb)) in TRANSITIONS:
                story.ask(_in_state(story, state, by_groups), verb, actor)
            else:
                story.ask(rollout, verb, actor)
    story.ask(_in_state(story, RolloutState.WAITING_FOR_APPROVAL, by_groups), "approve", AUTHOR_WHO_APPROVES)
    assert sum(story.done[f"{state} {verb}"] for state in RolloutState for verb in VERBS) == 8 * 6 + 1
    story.check()


def _in_state(story: Story, state: RolloutState, by_groups: bool) -> Rollout:
    """A new rollout in that state, the newest of all."""
    people, plan = story.people, PLAN if by_groups else None
    rollout = people.create(MANAGER, "2.0.0", None, 9, draft=state is RolloutState.DRAFT, plan=plan)
    if state in (RolloutState.DRAFT, RolloutState.WAITING_FOR_APPROVAL):
        return rollout
    people.approve(APPROVER, rollout.id)
    if state is RolloutState.STOPPED:
        return people.stop(MANAGER, rollout.id, "changed our minds")
    if state is RolloutState.READY:
        return people.get(MANAGER, rollout.id)
    people.start(MANAGER, rollout.id)
    if state is RolloutState.PAUSED:
        people.pause(MANAGER, rollout.id, "lunch")
    if state is RolloutState.STOPPING:
        story.beat(story.units[-1])
        story.tell(story.units[-1], "trial")
        people.stop(MANAGER, rollout.id, "smoke")
    if state is RolloutState.FINISHED:
        for unit in story.units[LATE:]:
            story.beat(unit)
            story.tell(unit, "confirmed")
        if by_groups:
            story.steer()
            story.now += timedelta(hours=1)
            story.steer()
    found = people.get(MANAGER, rollout.id)
    assert found.state is state
    return found


def test_a_service_killed_at_any_statement_leaves_all_as_it_was_or_done(engine: Engine) -> None:
    """The same acts with a kill before each of their statements in turn; each is done again to its end."""
    story = Story(engine, Random(2))
    _in_state(story, RolloutState.RUNNING, by_groups=False)
    rollout = _in_state(story, RolloutState.RUNNING, by_groups=True)
    first, second = story.units[-2:]
    acts: list[Callable[[], object]] = [
        lambda: story.beat(first),  # superseded in one, assigned in the other
        lambda: story.tell(first, "trial"),
        lambda: story.beat(second),
        lambda: story.tell(second, "confirmed"),
        lambda: story.people.stop(MANAGER, rollout.id, "smoke"),
        lambda: story.tell(first, "reverted"),  # which ends the rollout
    ]
    kills = sum(_killed_everywhere(story, act) for act in acts)
    assert kills > 60
    parts = story.parts()
    assert parts[rollout.id, first.serial] is UnitState.REVERTED
    assert parts[rollout.id, second.serial] is UnitState.CONFIRMED
    assert story.people.get(MANAGER, rollout.id).state is RolloutState.STOPPED


def _killed_everywhere(story: Story, act: Callable[[], object]) -> int:
    """Do `act` in the end; how often it was killed before."""
    before = story.everything()
    for statements in range(1000):
        story.left = statements
        try:
            act()
        except KilledError:
            story.begin_anew()
            story.check()
            assert story.everything() == before, f"killed before statement {statements}"
        else:
            story.check()
            return statements
    raise AssertionError("it has no end")


def test_a_rollout_that_finishes_by_its_limit_waits_for_nobody(engine: Engine) -> None:
    story = Story(engine, Random(3))
    rollout = _in_state(story, RolloutState.RUNNING, by_groups=True)
    for unit in story.units[-2:]:
        story.beat(unit)
    story.tell(story.units[-1], "confirmed")
    story.now += timedelta(hours=2)
    for unit in story.units[-2:]:
        story.beat(unit)
    story.steer()
    assert [seen.settled for seen in story.people.standing(MANAGER, rollout.id).groups] == [2]
    story.now += LAST_GROUP_LIMIT
    story.steer()
    assert story.people.get(MANAGER, rollout.id).state is RolloutState.FINISHED
    story.check()
    assert story.parts()[rollout.id, story.units[-2].serial] is UnitState.SUPERSEDED
    (told,) = story.beat(story.units[-2])
    assert story.order(told)["target"] is None  # stay as you are


def test_a_rollout_that_stops_without_its_trials_ends_in_time(engine: Engine) -> None:
    story = Story(engine, Random(4))
    rollout = _in_state(story, RolloutState.STOPPING, by_groups=True)
    story.now += STOPPING_LIMIT
    story.steer()
    assert story.people.get(MANAGER, rollout.id).state is RolloutState.STOPPED
    story.check()
