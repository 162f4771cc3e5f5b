"""Clone alarms before the operator's people: who is quarantined, on what evidence, and what they find (ER 2)."""

from __future__ import annotations

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.clone_alarm import Resolution, resolve
from fleet.domain.errors import ConflictError
from fleet.domain.reason import check_why
from fleet.domain.unit import Unit, after
from fleet.services.downlinks import Downlinks
from fleet.services.line_levels import set_line
from fleet.services.operators import require_operator
from fleet.services.provisioning import Provisioning
from fleet.services.quarantine import clear
from fleet.services.swap import kill_identity
from fleet.store.clone_alarms import CloneAlarmRepository, KeptAlarm
from fleet.store.unit_of_work import Transactions, UnitOfWork
from fleet.store.units import UnitRepository

ACTIONS = {Resolution.FALSE_ALARM: AuditAction.UNIT_CLEAR, Resolution.REVOKED: AuditAction.UNIT_REVOKE}


class CloneAlarms:
    """The operator's people alone: an alarm may name units of several accounts."""

    def __init__(self, transactions: Transactions, downlinks: Downlinks, provisioning: Provisioning) -> None:
        self._transactions = transactions
        self._downlinks = downlinks
        self._provisioning = provisioning

    def page(self, actor: Actor, limit: int, after_id: int | None, open_only: bool = False) -> list[KeptAlarm]:
        """At most `limit` alarms after that one, oldest first."""
        require_operator(actor, Permission.CLONE_ALARM_RESOLVE)
        with self._transactions.read(actor) as uow:
            return CloneAlarmRepository(uow).page(limit, after_id, open_only)

    def get(self, actor: Actor, alarm_id: int) -> KeptAlarm:
        """One alarm."""
        require_operator(actor, Permission.CLONE_ALARM_RESOLVE)
        with self._transactions.read(actor) as uow:
            return CloneAlarmRepository(uow).get(alarm_id)

    def resolve(self, actor: Actor, alarm_id: int, resolution: Resolution, why: str) -> KeptAlarm:
        """End the quarantine as was found; a new epoch needs the unit in our hands, and who may begin one."""
        require_operator(actor, Permission.CLONE_ALARM_RESOLVE)
        check_why(why)
        event = resolve(actor, resolution)
        if resolution is Resolution.NEW_EPOCH:
            serial = _open(self.get(actor, alarm_id)).alarm.quarantined
            self._provisioning.begin_epoch(actor, serial, why)
            return self.get(actor, alarm_id)
        with self._transactions.begin(actor) as uow:
            units, alarms = UnitRepository(uow), CloneAlarmRepository(uow)
            unit = units.hold(alarms.get(alarm_id).alarm.quarantined)
            _open(alarms.get(alarm_id))
            if resolution is Resolution.FALSE_ALARM:
                unit = clear(uow, unit, why)
            else:
                unit = kill_identity(uow, after(unit, event), "revoked", why)
            self._save(uow, unit, ACTIONS[resolution], why)
            uow.commit()
            return alarms.get(alarm_id)

    def _save(self, uow: UnitOfWork, unit: Unit, action: AuditAction, why: str) -> None:
        units = UnitRepository(uow)
        units.save(unit)
        set_line(uow, unit, self._downlinks)
        units.note(unit.serial, action, why)
        uow.audit(action, unit.serial, ["trust"], unit.account_id)


def _open(kept: KeptAlarm) -> KeptAlarm:
    if kept.resolution is not None:
        raise ConflictError(f"{kept.reference} was resolved as {kept.resolution} by {kept.resolved_by}")
    return kept
