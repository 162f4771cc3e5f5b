"""Destinations that accounts may not call, within an actor's scope."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, insert, select, update

from fleet.domain.destination_block import Destination, DestinationBlock, destination
from fleet.domain.errors import NotFoundError
from fleet.domain.references import Noun, refer
from fleet.store.scope import in_scope
from fleet.store.tables.calls import destination_blocks
from fleet.store.tables.equipment import units
from fleet.store.unit_of_work import UnitOfWork


class DestinationBlockRepository:
    """An Administrator sees the blocks of their account."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        self._connection = uow.connection
        self._scope = in_scope(uow.actor, destination_blocks.c.account_id)

    def get(self, block_id: int) -> DestinationBlock:
        """The block; NotFoundError if there is none in the actor's scope."""
        return self._one(block_id, lock=False)

    def hold(self, block_id: int) -> DestinationBlock:
        """The block, locked until this transaction ends; StaleVersionError if the actor saw another version."""
        block = self._one(block_id, lock=True)
        self._uow.check_seen(block.reference, block.version)
        return block

    def of_account(self, account_id: int) -> list[DestinationBlock]:
        """The blocks of an account in force."""
        table = destination_blocks
        here = (table.c.account_id == account_id, table.c.lifted_at.is_(None), self._scope)
        return [_block(row) for row in self._connection.execute(select(table).where(*here).order_by(table.c.id))]

    def page(self, limit: int, after: int | None, account_id: int | None, in_force: bool) -> list[DestinationBlock]:
        """At most `limit` blocks above `after`, of one account or all; `in_force`: without those that were lifted."""
        table = destination_blocks
        query = select(table).where(table.c.id > (after or 0), self._scope).order_by(table.c.id).limit(limit)
        if account_id is not None:
            query = query.where(table.c.account_id == account_id)
        if in_force:
            query = query.where(table.c.lifted_at.is_(None))
        return [_block(row) for row in self._connection.execute(query)]

    def add(self, account_id: int, wanted: Destination, why: str) -> DestinationBlock:
        """A block from now on; the table refuses a second one in force."""
        values = {
            "account_id": account_id,
            "destination": wanted.name,
            "why": why,
            "blocked_by": self._uow.actor.reference,
            "blocked_at": self._uow.now,
            "lifted_why": "",
            "version": 1,
        }
        added = insert(destination_blocks).values(values).returning(destination_blocks.c.id)
        return self.get(int(self._connection.execute(added).scalar_one()))

    def lift(self, block: DestinationBlock, why: str) -> DestinationBlock:
        """The held block is over."""
        values = {
            "lifted_why": why,
            "lifted_by": self._uow.actor.reference,
            "lifted_at": self._uow.now,
            "version": block.version + 1,
        }
        self._connection.execute(update(destination_blocks).where(destination_blocks.c.id == block.id).values(values))
        return self.get(block.id)

    def by_unit(self) -> dict[str, list[Destination]]:
        """What the account of each unit may not call; without the units of accounts that may call all."""
        table = destination_blocks
        theirs = units.c.account_id == table.c.account_id
        query = select(units.c.serial, table.c.destination).join(units, theirs).order_by(table.c.id)
        found: dict[str, list[Destination]] = {}
        for serial, name in self._connection.execute(query.where(table.c.lifted_at.is_(None), self._scope)):
            found.setdefault(serial, []).append(destination(name))
        return found

    def units_of(self, account_id: int) -> list[str]:
        """The units that a block of the account is for now."""
        query = select(units.c.serial).where(units.c.account_id == account_id).order_by(units.c.serial)
        return list(self._connection.scalars(query.where(in_scope(self._uow.actor, units.c.account_id))))

    def _one(self, block_id: int, lock: bool) -> DestinationBlock:
        query = select(destination_blocks).where(destination_blocks.c.id == block_id, self._scope)
        row = self._connection.execute(query.with_for_update() if lock else query).one_or_none()
        if row is None:
            raise NotFoundError(f"there is no block {refer(Noun.DESTINATION_BLOCK, block_id)}")
        return _block(row)


def _block(row: Row[Any]) -> DestinationBlock:
    return DestinationBlock(
        id=row.id,
        account_id=row.account_id,
        destination=destination(row.destination),
        why=row.why,
        blocked_by=row.blocked_by,
        blocked_at=row.blocked_at,
        lifted_at=row.lifted_at,
        lifted_by=row.lifted_by,
        lifted_why=row.lifted_why,
        version=row.version,
    )
