"""Placements of units at accounts, within an actor's scope."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, select, update

from fleet.domain.errors import NotFoundError
from fleet.domain.ownership import Ownership
from fleet.domain.placement import NewPlacement, Placement
from fleet.store.scope import in_scope
from fleet.store.tables.commerce import placements
from fleet.store.tables.equipment import configurations
from fleet.store.unit_of_work import UnitOfWork

CHOSEN = ("channel", "window_begins", "window_ends")


class PlacementRepository:
    """An Administrator sees the placements at their account."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._now = uow.now
        self._scope = in_scope(uow.actor, placements.c.account_id)

    def get(self, placement_id: int) -> Placement:
        """The placement; NotFoundError if there is none in the actor's scope."""
        return self._one(placements.c.id == placement_id, f"{placement_id}")

    def open_of(self, serial: str) -> Placement | None:
        """Where the unit is placed now."""
        query = select(placements).where(placements.c.serial == serial, placements.c.until.is_(None), self._scope)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _placement(row)

    def unregistered(self, serials: Collection[str]) -> list[Placement]:
        """Where those of the units are placed that have not come on there yet."""
        waiting = [placements.c.until.is_(None), placements.c.registered_at.is_(None), self._scope]
        query = select(placements).where(placements.c.serial.in_(sorted(serials)), *waiting)
        return [_placement(row) for row in self._connection.execute(query)]

    def serials_of(self, placement_ids: Collection[int]) -> set[str]:
        """The units of these placements."""
        query = select(placements.c.serial).where(placements.c.id.in_(sorted(placement_ids)), self._scope)
        return set(self._connection.execute(query).scalars()) if placement_ids else set()

    def latest_of(self, serial: str) -> Placement:
        """Where the unit is placed, or was last; NotFoundError if it never left, or not into the actor's scope."""
        return self._one(placements.c.serial == serial, f"of unit {serial}")

    def at(self, serial: str, at: datetime) -> Placement:
        """Where the unit was placed at an instant, or last before it; NotFoundError if it had not left yet."""
        return self._one((placements.c.serial == serial) & (placements.c.shipped_at <= at), f"of unit {serial} by {at}")

    def of_order(self, order_id: int) -> list[Placement]:
        """All that were sent for an order, with what replaced them, oldest first."""
        query = select(placements).where(placements.c.order_id == order_id, self._scope)
        return [_placement(row) for row in self._connection.execute(query.order_by(placements.c.id))]

    def of_account(self, account_id: int) -> list[Placement]:
        """All the account ever had, oldest first."""
        query = select(placements).where(placements.c.account_id == account_id, self._scope)
        return [_placement(row) for row in self._connection.execute(query.order_by(placements.c.id))]

    def line_of(self, placement: Placement) -> int:
        """The line it serves: the number of the first placement of its chain of replacements."""
        while placement.opened.replaces is not None:
            placement = self.get(placement.opened.replaces)
        return placement.id

    def on_line(self, line: int) -> list[Placement]:
        """The placements of a line from the first on; of units and their replacements."""
        chain, newest = [self.get(line)], [line]
        while newest:
            query = select(placements).where(placements.c.replaces.in_(newest), self._scope).order_by(placements.c.id)
            found = [_placement(row) for row in self._connection.execute(query)]
            newest = [placement.id for placement in found]
            chain += found
        return chain

    def add(self, opened: NewPlacement, carrier: str, tracking: str) -> Placement:
        """A unit leaves for an account."""
        values = {field.name: getattr(opened, field.name) for field in fields(opened)}
        number = self._connection.execute(
            insert(placements).values(**values, carrier=carrier, tracking=tracking).returning(placements.c.id)
        ).scalar_one()
        return Placement(number, opened)

    def mark_registered(self, placement_id: int, at: datetime) -> None:
        """The unit's first registration from the account."""
        self._set(placement_id, registered_at=at)

    def mark_activated(self, placement_id: int, at: datetime) -> None:
        """The unit's Activation."""
        self._set(placement_id, activated_at=at)

    def end(self, placement_id: int) -> None:
        """The unit's stay is over; what the account chose for it stays here, for what replaces it."""
        chosen = {
            name: select(configurations.c[name]).where(configurations.c.serial == placements.c.serial).scalar_subquery()
            for name in CHOSEN
        }
        self._set(placement_id, until=self._now, **chosen)

    def _set(self, placement_id: int, **values: Any) -> None:
        self._connection.execute(update(placements).where(placements.c.id == placement_id).values(**values))

    def _one(self, condition: ColumnElement[bool], name: str) -> Placement:
        query = select(placements).where(condition, self._scope).order_by(placements.c.id.desc()).limit(1)
        row = self._connection.execute(query).one_or_none()
        if row is None:
            raise NotFoundError(f"there is no placement {name}")
        return _placement(row)


def _placement(row: Row[Any]) -> Placement:
    values = {field.name: getattr(row, field.name) for field in fields(NewPlacement)}
    opened = NewPlacement(**values | {"ownership": Ownership(row.ownership)})
    return Placement(row.id, opened, row.registered_at, row.activated_at, row.until)
