"""A rollout to the units of another: their rows are copied in the database, on both kinds alike."""

from __future__ import annotations

from random import Random

from sqlalchemy import select

from fleet.domain.rollout import UnitState
from fleet.domain.treatment import SOFTLY
from fleet.services.jobs import SCHEDULER
from fleet.store.base import make_engine, metadata
from fleet.store.rollouts import RolloutRepository
from fleet.store.tables.rollouts import rollout_units
from tests.fleet.services.rollout_story import MANAGER, VERSIONS, Story


def test_the_units_in_some_states_of_another_rollout_wait_in_a_new_one(either_database: str) -> None:
    engine = make_engine(either_database)
    metadata.create_all(engine)
    story = Story(engine, Random(0))
    states = ("confirmed", "trial", "reverted", "confirmed")
    bad = story.started("2.0.0", [unit.serial for unit in story.units[-4:]])
    for unit, state in zip(story.units[-4:], states, strict=True):
        story.beat(unit)
        story.tell(unit, state)
    with story.transactions.begin(SCHEDULER) as uow:
        store = RolloutRepository(uow)
        stopped = store.get(bad)
        release = VERSIONS.index("1.5.0") + 1
        back = store.add_for_units_of(stopped, (UnitState.CONFIRMED, UnitState.TRIAL), release, SOFTLY)
        assert store.add_for_units_of(stopped, (UnitState.HELD_BACK,), release, SOFTLY) is None
        uow.commit()
    assert back is not None
    assert (back.release, back.expected, back.author, back.everyone) == ("1.5.0", 3, MANAGER.reference, False)
    assert back.counts == dict.fromkeys(UnitState, 0) | {UnitState.WAITING: 3}
    with engine.connect() as connection:
        query = select(rollout_units).where(rollout_units.c.rollout_id == back.id).order_by(rollout_units.c.serial)
        rows = [(row.serial, row.state, row.reason, row.updated_at) for row in connection.execute(query)]
    wanted = sorted(unit.serial for unit, state in zip(story.units[-4:], states, strict=True) if state != "reverted")
    assert rows == [(serial, "waiting", "", story.now) for serial in wanted]
    engine.dispose()
