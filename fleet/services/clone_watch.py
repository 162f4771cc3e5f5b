"""Watches registrations and heartbeats for copies of units; an alarm quarantines the identity that raised it.

It runs in the gateway's transaction, with the unit held, and never commits. An identity that is not trusted any more
raises nothing: one alarm a unit is open at most, so that nobody fills the table, whatever they claim.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from fleet.domain.audit import AuditAction
from fleet.domain.clone_alarm import CloneAlarm, Sighting, is_noted, is_prompt, judge_mac, judge_places
from fleet.domain.errors import NotFoundError
from fleet.domain.references import Noun, refer
from fleet.domain.unit import Trust, TrustEvent, Unit, after
from fleet.services.downlinks import queue_eviction
from fleet.services.line_levels import store_line
from fleet.services.unit_messages import Incoming
from fleet.store.clone_alarms import CloneAlarmRepository
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.unit_starts import Start, UnitStartRepository
from fleet.store.units import UnitRepository
from protocol.wire.mac import MacAddress


def watch_registration(uow: UnitOfWork, unit: Unit, incoming: Incoming) -> Unit:
    """The unit, quarantined if its registration shows a clone. That of a dead epoch says nothing of the present key."""
    if unit.trust is not Trust.GOOD or incoming.message["epoch"] != unit.epoch:
        return unit
    mac = MacAddress(incoming.message["mac"])
    seen = Sighting(incoming.received_at, unit.serial, mac, incoming.message.boot_id)
    starts = UnitStartRepository(uow).of(unit.serial)
    alarm = None if mac == unit.mac else judge_mac(seen, _owner_of(uow, mac))
    if alarm is None and _is_noted(starts, seen, incoming):
        alarm = _judge(starts, seen)
        if alarm is None:
            UnitStartRepository(uow).save(unit.serial, _with(starts, seen))
    return unit if alarm is None else _quarantine(uow, unit, alarm, seen, starts)


def watch_heartbeats(uow: UnitOfWork, batch: Sequence[Incoming]) -> None:
    """A heartbeat of a start that another one has followed may show a clone as well."""
    newest = UnitStartRepository(uow).newest_of({incoming.serial for incoming in batch})
    for incoming in batch:
        serial, boot_id = incoming.serial, incoming.message.boot_id
        if newest.get(serial, boot_id) == boot_id or not _came_at_once(incoming):
            continue
        unit, starts = UnitRepository(uow).hold(serial), UnitStartRepository(uow).of(serial)
        seen = Sighting(incoming.received_at, serial, unit.mac, boot_id)
        alarm = _judge(starts, seen) if unit.trust is Trust.GOOD else None
        if alarm is not None:
            _quarantine(uow, unit, alarm, seen, starts)


def _came_at_once(incoming: Incoming) -> bool:
    return is_prompt(incoming.received_at, datetime.fromtimestamp(incoming.message["clock_s"], UTC))


def _is_noted(starts: Sequence[Start], seen: Sighting, incoming: Incoming) -> bool:
    known = any(start.boot_id == seen.boot_id for start in starts)
    newest_at = starts[-1].first_at if starts else None
    return is_noted(seen.at, prompt=_came_at_once(incoming), known=known, newest_at=newest_at)


def _owner_of(uow: UnitOfWork, mac: MacAddress) -> str | None:
    try:
        return UnitRepository(uow).by_mac(mac).serial
    except NotFoundError:
        return None


def _judge(starts: Sequence[Start], seen: Sighting) -> CloneAlarm | None:
    known = [replace(seen, at=at, boot_id=start.boot_id) for start in starts for at in (start.first_at, start.last_at)]
    return judge_places([*known, seen])


def _with(starts: Sequence[Start], seen: Sighting) -> list[Start]:
    known = next((start for start in starts if start.boot_id == seen.boot_id), None)
    if known is None:
        return [*starts, Start(seen.boot_id, seen.at, seen.at)]
    return [replace(start, last_at=seen.at) if start is known else start for start in starts]


def _quarantine(uow: UnitOfWork, unit: Unit, alarm: CloneAlarm, seen: Sighting, starts: list[Start]) -> Unit:
    """All sessions of the identity end, it has no line and hears no configuration; the operator is told."""
    number = CloneAlarmRepository(uow).add(alarm, seen, starts)
    unit = UnitRepository(uow).save(after(unit, TrustEvent.QUARANTINE))
    store_line(uow, unit)
    queue_eviction(uow, unit, "quarantined")
    name = refer(Noun.CLONE_ALARM, number)
    facts = {"event": "clone_alarm", "alarm": name, "unit": unit.serial, "claimed": alarm.claimed}
    uow.send("webhook", f"clone_alarm:{name}", facts | {"evidence": alarm.evidence, "reason": str(alarm.reason)})
    uow.audit(AuditAction.CLONE_ALARM_RAISE, name, ["trust"], unit.account_id)
    uow.audit(AuditAction.UNIT_QUARANTINE, unit.serial, ["trust"], unit.account_id)
    return unit
