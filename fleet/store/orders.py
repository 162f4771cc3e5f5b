"""Orders and how many units of each line were shipped, within an actor's scope."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, insert, select, update

from fleet.domain.errors import NotFoundError
from fleet.domain.money import Money
from fleet.domain.order import Agreement, Order, OrderLine, Plan
from fleet.domain.ownership import Ownership
from fleet.domain.references import Noun, refer
from fleet.domain.registered_location import RegisteredLocation
from fleet.store.scope import in_scope
from fleet.store.tables.commerce import order_lines, orders
from fleet.store.unit_of_work import UnitOfWork


class OrderRepository:
    """An Administrator sees the orders of their account."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._now = uow.now
        self._scope = in_scope(uow.actor, orders.c.account_id)

    def get(self, order_id: int) -> Order:
        """The order; NotFoundError if there is none in the actor's scope."""
        return self._one(order_id, lock=False)

    def hold(self, order_id: int) -> Order:
        """The order, locked until this transaction ends."""
        return self._one(order_id, lock=True)

    def page(self, limit: int, after: int | None) -> list[Order]:
        """At most `limit` orders with an id above `after`."""
        query = select(orders).where(self._scope, orders.c.id > (after or 0)).order_by(orders.c.id).limit(limit)
        return self._with_lines(self._connection.execute(query).all())

    def add(
        self,
        account_id: int,
        order_date: date,
        lines: Sequence[OrderLine],
        agreement: Agreement,
        location: RegisteredLocation | None = None,
    ) -> Order:
        """A new order, nothing of it shipped."""
        values = {
            "account_id": account_id,
            "order_date": order_date,
            "created_at": self._now,
            "plan": agreement.plan,
            "plan_price_cents": agreement.plan_price.cents,
            "distributor_id": agreement.distributor_id,
            **_location_row(location),
        }
        number = self._connection.execute(insert(orders).values(values).returning(orders.c.id)).scalar_one()
        self._connection.execute(
            insert(order_lines), [_line_row(number, position, line) for position, line in enumerate(lines)]
        )
        return Order(number, account_id, order_date, tuple(lines), (0,) * len(lines), agreement, location)

    def plan_of(self, account_id: int) -> Plan | None:
        """The plan of the account's first order, which it keeps; None before it has ordered.

        A unit that it brought along and claimed was not ordered from us.
        """
        ordered = orders.c.id.in_(select(order_lines.c.order_id).where(~order_lines.c.brought))
        query = select(orders.c.plan).where(orders.c.account_id == account_id, ordered, self._scope)
        query = query.order_by(orders.c.id)
        plan = self._connection.scalar(query.limit(1))
        return None if plan is None else Plan(plan)

    def unsettled_plans(self, account_id: int) -> list[Order]:
        """The orders of annual plans whose end was not worked out yet, oldest first."""
        query = select(orders).where(
            orders.c.account_id == account_id,
            orders.c.plan == Plan.ANNUAL,
            orders.c.plan_settled_on.is_(None),
            self._scope,
        )
        return self._with_lines(self._connection.execute(query.order_by(orders.c.id)).all())

    def settle_plan(self, order_id: int, ended_on: date) -> None:
        """Note that the end of the order's plan was worked out."""
        self._connection.execute(update(orders).where(orders.c.id == order_id).values(plan_settled_on=ended_on))

    def count_shipped(self, order_id: int, position: int) -> None:
        """One unit more of a line is on its way."""
        self._connection.execute(
            update(order_lines)
            .where(order_lines.c.order_id == order_id, order_lines.c.position == position)
            .values(shipped=order_lines.c.shipped + 1)
        )

    def wait_again(self, order_id: int, position: int) -> None:
        """A unit of a line never arrived: the line waits for another."""
        self._connection.execute(
            update(order_lines)
            .where(order_lines.c.order_id == order_id, order_lines.c.position == position)
            .values(shipped=order_lines.c.shipped - 1)
        )

    def _one(self, order_id: int, lock: bool) -> Order:
        query = select(orders).where(orders.c.id == order_id, self._scope)
        found = self._with_lines(
            self._connection.execute(query.with_for_update(key_share=True) if lock else query).all()
        )
        if not found:
            raise NotFoundError(f"there is no order {refer(Noun.ORDER, order_id)}")
        return found[0]

    def _with_lines(self, found: Sequence[Row[Any]]) -> list[Order]:
        query = (
            select(order_lines)
            .where(order_lines.c.order_id.in_([row.id for row in found]))
            .order_by(order_lines.c.order_id, order_lines.c.position)
        )
        lines = self._connection.execute(query).all()
        return [_order(row, [line for line in lines if line.order_id == row.id]) for row in found]


def _location_row(location: RegisteredLocation | None) -> dict[str, Any]:
    if location is None:
        return {}
    return {
        "location": location.address,
        "acknowledged_at": location.acknowledged_at,
        "acknowledged_by": location.acknowledged_by,
    }


def _line_row(order_id: int, position: int, line: OrderLine) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "position": position,
        "board": line.board,
        "quantity": line.quantity,
        "unit_price_cents": line.unit_price.cents,
        "recurring_cents": line.recurring.cents,
        "credit_cents": line.credit.cents,
        "shipped": 0,
        "ownership": line.ownership,
        "brought": line.brought,
    }


def _order(row: Row[Any], lines: Sequence[Row[Any]]) -> Order:
    return Order(
        row.id,
        row.account_id,
        row.order_date,
        tuple(
            OrderLine(
                line.board,
                line.quantity,
                Money(line.unit_price_cents),
                Money(line.recurring_cents),
                Money(line.credit_cents),
                Ownership(line.ownership),
                line.brought,
            )
            for line in lines
        ),
        tuple(line.shipped for line in lines),
        Agreement(Plan(row.plan), Money(row.plan_price_cents), row.distributor_id),
        None
        if row.location is None
        else RegisteredLocation(row.location, "", row.acknowledged_at, row.acknowledged_by or ""),
    )
