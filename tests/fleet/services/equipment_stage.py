"""Where worlds of equipment are played: a warehouse, a clock, and where a row stands now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from fleet.domain.money import ZERO
from fleet.domain.order import OrderLine
from fleet.services.jobs import SCHEDULER
from fleet.store.base import metadata
from tests.fleet.conftest import START, Clock
from tests.fleet.services.equipment import Warehouse

SOON = START + timedelta(days=1)
LATE = START + timedelta(days=40)
WHY = "as agreed on the phone"
LINE = OrderLine("simulated", 1, ZERO)


@dataclass(slots=True)
class Stage:
    """A warehouse whose clock each act sets to its own hour."""

    warehouse: Warehouse
    clock: Clock

    def at(self, now: datetime, do: Callable[[], object]) -> Callable[[], object]:
        def act() -> object:
            self.clock.now = now
            return do()

        return act

    def row(self, table: str, **values: Any) -> Any:
        """The newest row of that table with those values; None if there is none."""
        found = metadata.tables[table]
        query = select(found).where(*(found.c[name] == value for name, value in values.items()))
        with self.warehouse.services.transactions.engine.connect() as connection:
            return connection.execute(query.order_by(*(key.desc() for key in found.primary_key))).first()

    def state(self, states: Any, table: str, **values: Any) -> Any:
        """Where that row is; None before there is one."""
        row = self.row(table, **values)
        return None if row is None else states(row.state)

    def job(self, name: str) -> Callable[[], object]:
        job = next(job for job in self.warehouse.services.jobs if job.name == name)
        return lambda: job.work(SCHEDULER)
