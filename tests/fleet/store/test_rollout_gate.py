"""Failed updates and download slots on either database: leases end, are renewed and given back; records add up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import insert

import fleet.store.tables  # noqa: F401 - declares every table
from fleet.domain.rollout import RolloutState
from fleet.domain.rollout_gate import FailureRecord
from fleet.services.ingest import GATEWAY
from fleet.store.base import make_engine, metadata
from fleet.store.rollout_gate import RolloutGateRepository
from fleet.store.tables.equipment import mac_blocks, units
from fleet.store.tables.releases import releases
from fleet.store.tables.rollouts import rollouts
from fleet.store.unit_of_work import Transactions, UnitOfWork
from tests.fleet.conftest import START, Clock

ONE, TWO = "PT000000018", "PT000000026"
LEASE = timedelta(minutes=20)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate(either_database: str, clock: Clock) -> Iterator[Transactions]:
    """Two units and a rollout."""
    engine = make_engine(either_database)
    metadata.create_all(engine)
    alike = {"mac_block_id": 1, "board": "x", "hardware_revision": 1, "epoch": 1, "custody": "at_account"}
    alike |= {"service": "placed", "trust": "good", "made_at": START}
    with engine.begin() as connection:
        block = {"id": 1, "registry": "MA-S", "first": 0, "size": 4096, "note": "", "added_at": START}
        connection.execute(insert(mac_blocks).values(block))
        for number, serial in enumerate((ONE, TWO)):
            own = {"serial": serial, "mac": number, "board_uid": bytes([number] * 8)}
            connection.execute(insert(units).values(alike | own))
        release = {"id": 1, "version": "2.0.0", "notes": "", "published_by": "x", "published_at": START}
        connection.execute(insert(releases).values(release))
        rollout = {"id": 1, "release_id": 1, "everyone": True, "state": RolloutState.RUNNING, "reason": ""}
        rollout |= {"pause_after_failures": 1, "expected": 2, "author": "PE-1", "created_at": START}
        connection.execute(insert(rollouts).values(rollout))
    yield Transactions(engine, clock)
    engine.dispose()


def begin(gate: Transactions) -> UnitOfWork:
    return gate.begin(GATEWAY)


def test_a_lease_ends_is_renewed_and_given_back(gate: Transactions, clock: Clock) -> None:
    with begin(gate) as uow:
        store = RolloutGateRepository(uow)
        for serial in (ONE, TWO):
            store.take_slot(1, serial, LEASE)
        assert store.count_slots(1) == 2
        uow.commit()
    clock.advance(minutes=15)
    with begin(gate) as uow:
        RolloutGateRepository(uow).renew_slot(1, ONE)
        RolloutGateRepository(uow).renew_slot(2, ONE)  # it has none there
        uow.commit()
    clock.advance(minutes=5)
    with begin(gate) as uow:
        store = RolloutGateRepository(uow)
        assert store.count_slots(1) == 1
        store.take_slot(1, ONE, LEASE)
        store.renew_slot(1, TWO)  # it is back
        assert store.count_slots(1) == 2
        store.give_back(1, TWO)
        assert store.count_slots(1) == 1
        store.give_back_all(1)
        assert store.count_slots(1) == 0


def test_failures_add_up_for_each_unit_and_are_forgotten(gate: Transactions, clock: Clock) -> None:
    with begin(gate) as uow:
        store = RolloutGateRepository(uow)
        assert store.note_failure(ONE) == FailureRecord(1, clock.now)
        assert store.note_failure(ONE) == FailureRecord(2, clock.now)
        store.note_failure(TWO)
        assert store.records([ONE, TWO]) == {ONE: FailureRecord(2, clock.now), TWO: FailureRecord(1, clock.now)}
        assert [store.clear_record(ONE), store.clear_record(ONE)] == [True, False]
        assert list(store.records([ONE, TWO])) == [TWO]
