"""The last heartbeat of each unit, written in batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select

from fleet.domain.heartbeat import Heartbeat
from fleet.store.scope import during_stay, in_scope
from fleet.store.tables.equipment import heartbeats, units
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.upsert import upsert


class HeartbeatRepository:
    """Heartbeats of units in the actor's scope."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._actor = uow.actor

    def save(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Store the latest of each unit: rows of the table, one a serial number."""
        upsert(self._connection, heartbeats, rows)

    def forget(self, serial: str) -> None:
        """The unit's last heartbeat was that of an identity which is dead."""
        self._connection.execute(delete(heartbeats).where(heartbeats.c.serial == serial))

    def of(self, serial: str) -> Heartbeat | None:
        """The unit's last heartbeat."""
        row = self._connection.execute(
            select(heartbeats)
            .join(units, units.c.serial == heartbeats.c.serial)
            .where(heartbeats.c.serial == serial, in_scope(self._actor, units.c.account_id))
            .where(during_stay(self._actor, heartbeats.c.serial, heartbeats.c.received_at))
        ).one_or_none()
        if row is None:
            return None
        return Heartbeat(**{name: getattr(row, name) for name in Heartbeat.__slots__})
