"""Clone alarms: one open a unit at most, and none forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from fleet.domain.clone_alarm import CloneAlarm, CloneEvidence, Resolution, Sighting
from fleet.domain.errors import NotFoundError
from fleet.domain.reason import Reason
from fleet.domain.references import Noun, refer
from fleet.store.tables.trust import clone_alarms
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.unit_starts import Start, read_starts, write_starts
from protocol.wire.mac import MacAddress


@dataclass(frozen=True, slots=True)
class KeptAlarm:
    """An alarm, what was seen at that moment, and what somebody of the operator found; `resolution` None: open."""

    id: int
    alarm: CloneAlarm
    seen: Sighting
    sightings: tuple[Start, ...]
    resolution: Resolution | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    why: str = ""

    @property
    def reference(self) -> str:
        """Its name to people: CA-1."""
        return refer(Noun.CLONE_ALARM, self.id)


class CloneAlarmRepository:
    """The operator's people alone ask: alarms tell of units of other accounts."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._actor = uow.actor
        self._now = uow.now

    def add(self, alarm: CloneAlarm, seen: Sighting, starts: list[Start]) -> int:
        """Keep an alarm; its number."""
        values = {
            "serial": alarm.quarantined,
            "claimed": alarm.claimed,
            "evidence": alarm.evidence,
            "mac": int(seen.mac),
            "boot_id": seen.boot_id,
            "reason_rule": alarm.reason.rule,
            "reason_text": alarm.reason.text,
            "sightings": write_starts(starts),
            "raised_at": seen.at,
            "why": "",
        }
        added = insert(clone_alarms).values(values).returning(clone_alarms.c.id)
        return int(self._connection.execute(added).scalar_one())

    def get(self, alarm_id: int) -> KeptAlarm:
        """The alarm; NotFoundError if there is none."""
        row = self._connection.execute(select(clone_alarms).where(clone_alarms.c.id == alarm_id)).one_or_none()
        if row is None:
            raise NotFoundError(f"there is no clone alarm {refer(Noun.CLONE_ALARM, alarm_id)}")
        return _kept(row)

    def page(self, limit: int, after_id: int | None, open_only: bool) -> list[KeptAlarm]:
        """At most `limit` alarms after that one, oldest first."""
        query = select(clone_alarms).where(clone_alarms.c.id > (after_id or 0)).order_by(clone_alarms.c.id)
        if open_only:
            query = query.where(clone_alarms.c.resolution.is_(None))
        return [_kept(row) for row in self._connection.execute(query.limit(limit))]

    def resolve_open(self, serial: str, resolution: Resolution, why: str) -> int | None:
        """Close the unit's open alarm; its number, None if it has none."""
        t = clone_alarms
        values = {"resolution": resolution, "resolved_at": self._now, "resolved_by": self._actor.reference, "why": why}
        resolved = update(t).where(t.c.serial == serial, t.c.resolution.is_(None)).values(values).returning(t.c.id)
        number: int | None = self._connection.scalar(resolved)
        return number


def _kept(row: Row[Any]) -> KeptAlarm:
    alarm = CloneAlarm(CloneEvidence(row.evidence), row.serial, row.claimed, Reason(row.reason_rule, row.reason_text))
    return KeptAlarm(
        id=row.id,
        alarm=alarm,
        seen=Sighting(row.raised_at, row.serial, MacAddress.from_int(row.mac), row.boot_id),
        sightings=tuple(read_starts(row.sightings)),
        resolution=None if row.resolution is None else Resolution(row.resolution),
        resolved_at=row.resolved_at,
        resolved_by=row.resolved_by,
        why=row.why,
    )
