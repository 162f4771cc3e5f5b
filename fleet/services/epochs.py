"""A unit gets a new identity: its old certificate is dead, and nothing said to or by the old one counts any more.

What a former account chose or was told goes with it (equipment rules 2); what happened to the unit stays its history.
The caller holds the unit and commits.
"""

from __future__ import annotations

from dataclasses import replace

from fleet.domain.clone_alarm import Resolution
from fleet.domain.ownership import Ownership
from fleet.domain.rollout import UnitState
from fleet.domain.unit import CustodyEvent, TrustEvent, Unit, after, next_epoch
from fleet.services.downlinks import queue_eviction
from fleet.services.quarantine import close_alarm
from fleet.services.rollout_steps import settle
from fleet.store.assignments import AssignmentRepository
from fleet.store.configurations import ConfigurationRepository
from fleet.store.heartbeats import HeartbeatRepository
from fleet.store.identities import IdentityRepository
from fleet.store.rollout_gate import RolloutGateRepository
from fleet.store.rollouts import RolloutRepository
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.units import UnitRepository

OVER = "the unit began a new identity epoch"


def next_identity(uow: UnitOfWork, unit: Unit, why: str) -> Unit:
    """`unit` in its next epoch, ready to be certified; IllegalTransitionError if it is not in our hands."""
    renewed = after(unit, CustodyEvent.REFURBISH, TrustEvent.RENEW)
    IdentityRepository(uow).kill(unit.serial)
    queue_eviction(uow, unit, "epoch")
    close_alarm(uow, unit, Resolution.NEW_EPOCH, why)
    configurations = ConfigurationRepository(uow)
    configurations.save(configurations.of(unit.serial).reset())
    HeartbeatRepository(uow).forget(unit.serial)
    UnitRepository(uow).forget_readiness(unit.serial)
    _leave_rollouts(uow, unit.serial)
    return replace(renewed, epoch=next_epoch(unit), ownership=Ownership.OPERATOR)


def _leave_rollouts(uow: UnitOfWork, serial: str) -> None:
    """It runs nothing any more, and no rollout waits for it; the next image it registers with is its first."""
    AssignmentRepository(uow).forget(serial)
    RolloutGateRepository(uow).clear_record(serial)
    store = RolloutRepository(uow)
    for rollout in store.unsettled_of(serial):
        store.move(rollout, serial, UnitState.SUPERSEDED, OVER)
        RolloutGateRepository(uow).give_back(rollout, serial)
        settle(uow, store.hold(rollout))
