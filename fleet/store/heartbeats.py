"""The last heartbeat of each unit, written in batches."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, select

from fleet.domain.heartbeat import Heartbeat
from fleet.domain.rollout_watch import Beat, line_up
from fleet.store.scope import during_stay, in_scope
from fleet.store.tables.equipment import heartbeats, units
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.upsert import upsert
from protocol.wire.enumerations import LINE_STATES


class HeartbeatRepository:
    """Heartbeats of units in the actor's scope."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._actor = uow.actor

    def save(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Store the latest of each unit: rows of the table, one a serial number."""
        upsert(self._connection, heartbeats, rows)

    def standing_out(self, serials: Collection[str], silent_since: datetime, down: Collection[str]) -> dict[str, Beat]:
        """The last heartbeat of each of those units that came at `silent_since` or before, or was of a line now down.

        `down`: those whose line is not registered by their next heartbeat, which is not stored yet.
        """
        table = heartbeats.c
        up = [number for number, state in enumerate(LINE_STATES) if line_up(state)]
        lost = table.serial.in_(down) & table.line_state.in_(up)
        query = select(table.serial, table.received_at, table.uptime_s, table.line_state)
        rows = self._connection.execute(
            query.where(table.serial.in_(serials), or_(table.received_at <= silent_since, lost))
        )
        return {
            row.serial: Beat(row.received_at, timedelta(seconds=row.uptime_s), line_up(LINE_STATES[row.line_state]))
            for row in rows
        }

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
