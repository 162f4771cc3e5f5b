"""How a quarantine ends: whatever ends it closes the clone alarm that began it, in the same transaction (ER 2)."""

from __future__ import annotations

from fleet.domain.audit import AuditAction
from fleet.domain.clone_alarm import Resolution
from fleet.domain.references import Noun, refer
from fleet.domain.unit import TrustEvent, Unit, after
from fleet.services.downlinks import queue_eviction
from fleet.store.clone_alarms import CloneAlarmRepository
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.unit_starts import UnitStartRepository


def clear(uow: UnitOfWork, unit: Unit, why: str) -> Unit:
    """The unit, trusted again: it comes back at once with all it may do."""
    unit = after(unit, TrustEvent.CLEAR)
    queue_eviction(uow, unit, "cleared")
    close_alarm(uow, unit, Resolution.FALSE_ALARM, why)
    return unit


def close_alarm(uow: UnitOfWork, unit: Unit, resolution: Resolution, why: str) -> None:
    """Resolve the unit's open alarm, if it has one; what was seen of the unit until now proves nothing any more."""
    UnitStartRepository(uow).forget(unit.serial)
    number = CloneAlarmRepository(uow).resolve_open(unit.serial, resolution, why)
    if number is not None:
        name = refer(Noun.CLONE_ALARM, number)
        uow.audit(AuditAction.CLONE_ALARM_RESOLVE, name, ["resolution"], unit.account_id)
