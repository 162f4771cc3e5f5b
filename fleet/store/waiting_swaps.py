"""Replacements that have registered and wait for the call on the unit they replace: a few at any time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, select

from fleet.store.tables.commerce import waiting_swaps
from fleet.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class WaitingSwap:
    """The replacement's placement, both units, and when the replacement registered."""

    placement_id: int
    serial: str
    old_serial: str
    since: datetime


class WaitingSwapRepository:
    """Asked by the gateway, the scheduler and who holds one of the units: no scope."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection

    def add(self, waiting: WaitingSwap) -> None:
        """The replacement has registered, and waits."""
        values = {name: getattr(waiting, name) for name in WaitingSwap.__slots__}
        self._connection.execute(insert(waiting_swaps).values(values))

    def of(self, placement_id: int) -> WaitingSwap | None:
        """The wait of that replacement, if it waits."""
        return next(iter(self._find(waiting_swaps.c.placement_id == placement_id)), None)

    def of_old(self, old_serials: Collection[str]) -> list[WaitingSwap]:
        """The waits for those old units."""
        return self._find(waiting_swaps.c.old_serial.in_(old_serials))

    def all(self) -> list[WaitingSwap]:
        """Every wait: each ends within hours, and there is one an advance replacement at most."""
        return self._find()

    def end(self, placement_id: int) -> None:
        """The replacement waits no longer."""
        self._connection.execute(delete(waiting_swaps).where(waiting_swaps.c.placement_id == placement_id))

    def _find(self, *conditions: ColumnElement[bool]) -> list[WaitingSwap]:
        rows: Any = self._connection.execute(select(waiting_swaps).where(*conditions).order_by(waiting_swaps.c.since))
        return [WaitingSwap(row.placement_id, row.serial, row.old_serial, row.since) for row in rows]
