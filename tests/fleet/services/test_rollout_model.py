"""Whatever people and units do, in any order: counts are right, nothing is assigned that should not be, all ends."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from securesystemslib.signer import CryptoSigner
from sqlalchemy import event, insert, select

import fleet.store.tables  # noqa: F401 - declares every table
from fleet.domain.access import Actor, Role
from fleet.domain.errors import IllegalTransitionError
from fleet.domain.rollout import (
    IN_FLIGHT,
    TRANSITIONS,
    Rollout,
    RolloutEvent,
    RolloutState,
    UnitState,
    decide,
)
from fleet.services.ingest import GATEWAY
from fleet.services.rollouts import Rollouts
from fleet.services.unit_updates import UnitUpdates
from fleet.store.base import make_engine
from fleet.store.tables.releases import release_images, releases
from fleet.store.tables.rollouts import assignments, rollout_units
from fleet.store.unit_of_work import Transactions
from fleet.updates.director import Director
from tests.fleet.conftest import START, someone
from tests.fleet.new_database import make_tables
from tests.fleet.services.fleet_of_units import FakeUnit, put_in_service

UNITS = 3
STEPS = 120
OPEN_ROLLOUTS = 3  # more, and the newer ones hide what can go wrong with the older
VERSIONS = ("2.0.0", "3.0.0")
MANAGER = someone(Role.RELEASE_MANAGER)
APPROVER = Actor(MANAGER.kind, "PE-901", someone(Role.APPROVER).permissions)
VERBS = ("approve", "start", "pause", "resume", "stop")
REPORTS = ("downloading", "staged", "trial", "confirmed", "reverted", "failed")
ENDS = (RolloutState.FINISHED, RolloutState.STOPPED)


class Signed:
    """A repository in which every image is listed."""

    def images(self) -> set[str]:
        return {f"simulated_{version}.img" for version in VERSIONS}


class Story:
    """People and units who do what chance says; every step is checked."""

    def __init__(self, folder: Path, chance: Random) -> None:
        self.chance = chance
        self.now: datetime = START
        engine = make_engine(f"sqlite:///{folder}/fleet.db")
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
        self.transactions = Transactions(engine, lambda: self.now)
        make_tables(engine)
        self._publish()
        director = Director(CryptoSigner.generate_ecdsa())
        self.unit_updates = UnitUpdates(self.transactions, lambda: director)
        self.people = Rollouts(self.transactions, Signed())  # type: ignore[arg-type]
        self.units = [FakeUnit(self, serial) for serial in put_in_service(self, UNITS, START)]  # type: ignore[arg-type]
        for unit in self.units:
            unit.register()
        self.told: dict[str, int] = {}

    def _publish(self) -> None:
        facts = dict.fromkeys(("security_counter", "data_schema", "minimum_heap_bytes"), 0)
        fit = {"board": "simulated", "revision_from": 1, "revision_to": 9, "abi": 6}
        with self.transactions.begin(GATEWAY) as uow:
            for number, version in enumerate(VERSIONS, 1):
                uow.connection.execute(
                    insert(releases).values(id=number, version=version, notes="", published_by="x", published_at=START)
                )
                image = {"name": f"simulated_{version}.img", "length": 300, "sha256": f"{number:064x}"}
                uow.connection.execute(
                    insert(release_images).values(
                        release_id=number, release_counter=number + 1, **image, **fit, **facts
                    )
                )
            uow.commit()

    def create(self) -> None:
        if sum(rollout.state not in ENDS for rollout in self.all()) >= OPEN_ROLLOUTS:
            return
        chosen = self.chance.choice([None, self.chance.sample(self.units, self.chance.randint(1, UNITS))])
        serials = None if chosen is None else [unit.serial for unit in chosen]
        rollout = self.people.create(MANAGER, self.chance.choice(VERSIONS), serials, self.chance.randint(1, 2))
        if self.chance.random() < 0.8:
            self.people.approve(APPROVER, rollout.id)
            self.people.start(MANAGER, rollout.id)

    def step(self) -> None:
        rollouts = self.all()
        if not rollouts:
            return
        before = self.chance.choice(rollouts)
        verb = self.chance.choice(VERBS)
        actor = APPROVER if verb == "approve" else MANAGER
        reason = ("because",) if verb in ("pause", "stop") else ()
        if (before.state, RolloutEvent(verb)) in TRANSITIONS:
            getattr(self.people, verb)(actor, before.id, *reason)
        else:
            with pytest.raises(IllegalTransitionError):
                getattr(self.people, verb)(actor, before.id, *reason)
            assert self.people.get(MANAGER, before.id) == before

    def check_in(self) -> None:
        self.now += timedelta(seconds=self.chance.choice((1, 1, 1, 20, 8 * 86400)))
        unit = self.chance.choice(self.units)
        running = {each.id for each in self.all() if each.state is RolloutState.RUNNING}
        before = self.parts()
        heard = unit.register() if self.chance.random() < 0.3 else unit.heartbeat()
        for key, state in self.parts().items():
            if state is UnitState.ASSIGNED and before.get(key) is not UnitState.ASSIGNED:
                assert key[0] in running
        assert len(heard) <= 1
        for told in heard:
            order = json.loads(self.unit_updates.assignment(unit.serial))["signed"]
            assert order["version"] == told.values["argument"] >= self.told.get(unit.serial, 0)
            self.told[unit.serial] = order["version"]

    def report(self) -> None:
        unit = self.chance.choice(self.units)
        if unit.heard:
            told = self.chance.choice(unit.heard[-2:])
            unit.report(self.chance.choice(REPORTS), assignment=told.values["argument"])

    def all(self) -> list[Rollout]:
        return self.people.page(MANAGER, 1000, None)

    def parts(self) -> dict[tuple[int, str], UnitState]:
        with self.transactions.read(GATEWAY) as uow:
            return {(r.rollout_id, r.serial): UnitState(r.state) for r in uow.connection.execute(select(rollout_units))}

    def check(self) -> None:
        """What holds whenever nobody is in the middle of something."""
        parts = self.parts()
        for rollout in self.all():
            seen = Counter(state for (each, _), state in parts.items() if each == rollout.id)
            assert {state: number for state, number in rollout.counts.items() if number} == dict(seen)
            assert decide(rollout.snapshot, self.now) == []
            if rollout.state in ENDS:
                assert not rollout.snapshot.count(IN_FLIGHT | {UnitState.WAITING})
        newest: dict[str, int] = {}
        pending: dict[str, list[int]] = {}
        with self.transactions.read(GATEWAY) as uow:
            for row in uow.connection.execute(select(assignments).order_by(assignments.c.sequence)):
                newest[row.serial] = row.sequence
                if row.pending:
                    pending.setdefault(row.serial, []).append(row.sequence)
        for serial, sequences in pending.items():
            assert sequences == [newest[serial]]


@pytest.mark.parametrize("seed", range(4))
def test_no_order_of_events_breaks_a_rollout(seed: int, tmp_path: Path) -> None:
    story = Story(tmp_path, Random(seed))
    for _ in range(STEPS):
        story.chance.choices((story.create, story.step, story.check_in, story.report), weights=(1, 2, 4, 5))[0]()
        story.check()
    story.transactions.engine.dispose()
