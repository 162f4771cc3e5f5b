"""Reads and writes the gateway's tables, a few statements a batch, each table bounded for every unit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, and_, delete, insert, select, tuple_

from fleet.domain.sequence_window import WINDOW_BYTES, SequenceWindow
from fleet.store.tables.equipment import units
from fleet.store.tables.ingest import dead_letters, sequence_windows, unit_events
from fleet.store.upsert import upsert

MAX_STARTS_PER_UNIT = 16
MAX_DEAD_LETTERS_PER_UNIT = 100
MAX_EVENTS_PER_UNIT = 1000
MAX_REASON_CHARACTERS = 500

Start = tuple[str, int]  # a unit's serial number and the boot id of one of its starts


@dataclass(frozen=True, slots=True)
class KnownStart:
    """Which messages of a start were handled, and the unit's epoch when it registered; None: it has not."""

    window: SequenceWindow = field(default_factory=SequenceWindow)
    epoch: int | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be handled, as it came, and why. `serial` is empty if its topic names no unit."""

    serial: str
    topic: str
    payload: bytes
    reason: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class UnitEvent:
    """One entry of a unit's own log."""

    serial: str
    event: str
    value: int
    clock_s: int
    received_at: datetime


class IngestStore:
    """The gateway's tables in one transaction. Only the gateway has them: no scope."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def known(self, starts: Collection[Start]) -> dict[Start, KnownStart]:
        """What is known of `starts`."""
        t = sequence_windows.c
        rows = self._connection.execute(
            select(t.serial, t.boot_id, t.highest, t.seen, t.epoch).where(tuple_(t.serial, t.boot_id).in_(list(starts)))
        )
        return {
            (r.serial, r.boot_id): KnownStart(SequenceWindow(r.highest, int.from_bytes(r.seen, "big")), r.epoch)
            for r in rows
        }

    def present_epochs(self, serials: Collection[str]) -> dict[str, int]:
        """The identity epoch of each of those units there is."""
        rows = self._connection.execute(select(units.c.serial, units.c.epoch).where(units.c.serial.in_(serials)))
        return {row.serial: row.epoch for row in rows}

    def registered(self, serials: Collection[str]) -> set[str]:
        """Those of the units that have registered in their present identity epoch, by any start we remember."""
        t = sequence_windows.c
        query = select(t.serial).join(units, and_(units.c.serial == t.serial, units.c.epoch == t.epoch)).distinct()
        return set(self._connection.scalars(query.where(t.serial.in_(sorted(serials))))) if serials else set()

    def save(self, starts: Mapping[Start, KnownStart], known: Collection[Start], now: datetime) -> None:
        """Store `starts`; `known` are those that have a row already."""
        rows = [
            {
                "serial": serial,
                "boot_id": boot_id,
                "highest": start.window.highest,
                "seen": start.window.seen.to_bytes(WINDOW_BYTES, "big"),
                "epoch": start.epoch,
                "updated_at": now,
            }
            for (serial, boot_id), start in starts.items()
        ]
        upsert(self._connection, sequence_windows, rows)
        for serial in {serial for serial, boot_id in starts if (serial, boot_id) not in known}:
            self._forget_old_starts(serial)

    def add_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Keep `letters`, and of each unit's only the newest."""
        rows = [
            {
                "serial": letter.serial,
                "topic": letter.topic,
                "payload": letter.payload,
                "reason": letter.reason[:MAX_REASON_CHARACTERS],
                "received_at": letter.received_at,
            }
            for letter in letters
        ]
        self._add(dead_letters, rows, MAX_DEAD_LETTERS_PER_UNIT)

    def add_events(self, events: Sequence[UnitEvent]) -> None:
        """Keep `events`, and of each unit's only the newest."""
        rows = [
            {
                "serial": event.serial,
                "event": event.event,
                "value": event.value,
                "clock_s": event.clock_s,
                "received_at": event.received_at,
            }
            for event in events
        ]
        self._add(unit_events, rows, MAX_EVENTS_PER_UNIT)

    def dead_letters(self, serial: str | None = None, limit: int = 100) -> list[DeadLetter]:
        """The newest dead letters, of one unit or of all."""
        t = dead_letters.c
        query = select(t.serial, t.topic, t.payload, t.reason, t.received_at).order_by(t.id.desc()).limit(limit)
        if serial is not None:
            query = query.where(t.serial == serial)
        return [DeadLetter(*row) for row in self._connection.execute(query)]

    def events(self, serial: str, limit: int = 100) -> list[UnitEvent]:
        """The newest entries of a unit's log."""
        t = unit_events.c
        query = select(t.serial, t.event, t.value, t.clock_s, t.received_at).where(t.serial == serial)
        return [UnitEvent(*row) for row in self._connection.execute(query.order_by(t.id.desc()).limit(limit))]

    def _add(self, table: Table, rows: Sequence[Mapping[str, Any]], keep: int) -> None:
        if not rows:
            return
        self._connection.execute(insert(table), list(rows))
        for serial in {row["serial"] for row in rows}:
            of_serial = table.c.serial == serial
            oldest = select(table.c.id).where(of_serial).order_by(table.c.id.desc()).offset(keep).limit(1)
            self._connection.execute(delete(table).where(of_serial, table.c.id <= oldest.scalar_subquery()))

    def _forget_old_starts(self, serial: str) -> None:
        t = sequence_windows.c
        newest = select(t.boot_id).where(t.serial == serial).order_by(t.updated_at.desc()).limit(MAX_STARTS_PER_UNIT)
        self._connection.execute(
            delete(sequence_windows).where(t.serial == serial, t.boot_id.not_in(newest.scalar_subquery()))
        )
