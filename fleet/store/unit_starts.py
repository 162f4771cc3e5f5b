"""The starts each unit was seen in: a few a unit, the ones seen last."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, select

from fleet.store.tables.trust import unit_starts
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.upsert import upsert

MAX_STARTS: Final = 32  # a unit
_STARTS = select(unit_starts.c.starts).where(unit_starts.c.serial == bindparam("of_serial"))


@dataclass(frozen=True, slots=True)
class Start:
    """A start of a unit, and when it was seen first and last."""

    boot_id: int
    first_at: datetime
    last_at: datetime


def write_starts(starts: Iterable[Start]) -> str:
    """Starts as a column keeps them."""
    return json.dumps([[start.boot_id, start.first_at.isoformat(), start.last_at.isoformat()] for start in starts])


def read_starts(text: str) -> list[Start]:
    """Starts as a column kept them."""
    return [
        Start(boot_id, datetime.fromisoformat(first), datetime.fromisoformat(last))
        for boot_id, first, last in json.loads(text)
    ]


class UnitStartRepository:
    """Only registrations write them; the unit is held."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection

    def of(self, serial: str) -> list[Start]:
        """The unit's starts, as they were first seen."""
        text = self._connection.scalar(_STARTS, {"of_serial": serial})
        return read_starts(text or "[]")

    def save(self, serial: str, starts: list[Start]) -> None:
        """Store them in place of those before; of too many the ones that were seen last."""
        kept = sorted(starts, key=lambda start: start.last_at)[-MAX_STARTS:]
        kept.sort(key=lambda start: start.first_at)
        row = {"serial": serial, "boot_id": kept[-1].boot_id, "starts": write_starts(kept)}
        upsert(self._connection, unit_starts, [row])

    def forget(self, serial: str) -> None:
        """What was seen of the unit tells nothing any more."""
        self._connection.execute(delete(unit_starts).where(unit_starts.c.serial == serial))

    def newest_of(self, serials: Collection[str]) -> dict[str, int]:
        """The boot id of each unit's newest start, of those that were seen."""
        t = unit_starts.c
        rows = self._connection.execute(select(t.serial, t.boot_id).where(t.serial.in_(serials)))
        return {row.serial: row.boot_id for row in rows}
