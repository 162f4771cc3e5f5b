"""Units set aside for orders. Each row changes only while its unit is held."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, delete, exists, insert, select

from fleet.store.tables.commerce import accounts, order_lines, order_picks, orders, placements
from fleet.store.unit_of_work import UnitOfWork


class PickRepository:
    """The warehouse's: no account sees what is set aside for it."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._now = uow.now
        self._actor = uow.actor.reference

    def order_of(self, serial: str) -> int | None:
        """The order the unit is set aside for."""
        query = select(order_picks.c.order_id).where(order_picks.c.serial == serial)
        return self._connection.execute(query).scalar_one_or_none()

    def of_order(self, order_id: int) -> list[str]:
        """The units set aside for an order, in the order they were picked in."""
        query = select(order_picks.c.serial).where(order_picks.c.order_id == order_id)
        return list(self._connection.execute(query.order_by(order_picks.c.picked_at, order_picks.c.serial)).scalars())

    def add(self, order_id: int, serial: str) -> None:
        """Set the unit aside."""
        row = {"serial": serial, "order_id": order_id, "picked_at": self._now, "actor": self._actor}
        self._connection.execute(insert(order_picks).values(row))

    def remove(self, serial: str) -> None:
        """The unit leaves, or goes back on its shelf."""
        self._connection.execute(delete(order_picks).where(order_picks.c.serial == serial))

    def waiting(self, limit: int, after: int | None) -> list[int]:
        """At most `limit` orders, with an id above `after`, of open accounts, not all of whose units have left."""
        unsent = exists().where(
            and_(order_lines.c.order_id == orders.c.id, order_lines.c.shipped < order_lines.c.quantity)
        )
        query = select(orders.c.id).join(accounts, accounts.c.id == orders.c.account_id)
        query = query.where(orders.c.id > (after or 0), unsent, accounts.c.closed_at.is_(None))
        return list(self._connection.execute(query.order_by(orders.c.id).limit(limit)).scalars())

    def sent_for(self, order_id: int) -> list[tuple[datetime, str, str, str]]:
        """When, with whom, by which number and which unit left for an order, oldest first."""
        sent = placements.c
        query = select(sent.shipped_at, sent.carrier, sent.tracking, sent.serial).where(sent.order_id == order_id)
        return [tuple(row) for row in self._connection.execute(query.order_by(sent.id))]
