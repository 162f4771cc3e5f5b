"""The operator's table of metered destinations: rows are added and never changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Row, select, tuple_

from fleet.domain.call_metering import MeteredDestination, MinutePrice
from fleet.store.tables.calls import metered_destinations
from fleet.store.unit_of_work import UnitOfWork

IN_ONE_QUERY: Final = 500
LABEL: Final = "metered_"
_COLUMNS: Final = ("id", "prefix", "name", "price_hundredths", "effective_from")
LABELLED: Final = tuple(metered_destinations.c[name].label(f"{LABEL}{name}") for name in _COLUMNS)


class MeteredDestinationRepository:
    """The operator's own: it lies in no account's scope."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._actor = uow.actor
        self._now = uow.now

    def page(self, limit: int, after: tuple[str, date] | None, in_force_on: date | None) -> list[MeteredDestination]:
        """At most `limit` rows of the table by prefix and date; `in_force_on`: without those that come later."""
        table = metered_destinations
        query = select(table).order_by(table.c.prefix, table.c.effective_from).limit(limit)
        if after is not None:
            query = query.where(tuple_(table.c.prefix, table.c.effective_from) > tuple_(*after))
        if in_force_on is not None:
            query = query.where(table.c.effective_from <= in_force_on)
        return [destination_of_row(row) for row in self._connection.execute(query)]

    def under(self, prefixes: Collection[str]) -> list[MeteredDestination]:
        """The rows of those prefixes, of any date."""
        found: list[MeteredDestination] = []
        ordered, table = sorted(prefixes), metered_destinations
        for start in range(0, len(ordered), IN_ONE_QUERY):
            query = select(table).where(table.c.prefix.in_(ordered[start : start + IN_ONE_QUERY]))
            found += [destination_of_row(row) for row in self._connection.execute(query)]
        return found

    def add(self, rows: Sequence[MeteredDestination]) -> None:
        """New rows."""
        values = [
            {
                "prefix": row.prefix,
                "name": row.name,
                "price_hundredths": row.price.hundredths,
                "effective_from": row.effective_from,
                "loaded_by": self._actor.reference,
                "loaded_at": self._now,
            }
            for row in rows
        ]
        self._connection.execute(metered_destinations.insert(), values)


def destination_of_row(row: Row[Any], label: str = "") -> MeteredDestination:
    """A row of the table of metered destinations, whose columns may carry a label."""
    value = {name: getattr(row, f"{label}{name}") for name in _COLUMNS}
    price = MinutePrice(value["price_hundredths"])
    return MeteredDestination(value["prefix"], value["name"], price, value["effective_from"], value["id"])
