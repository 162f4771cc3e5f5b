"""The register of Authorized Distributors: the operator's own, an Administrator sees none of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Row, false, func, insert, select, true, update

from fleet.domain.distributor import Distributor, DistributorState
from fleet.domain.errors import ConflictError, NotFoundError
from fleet.domain.references import Noun, number_of, refer
from fleet.store.tables.commerce import distributors
from fleet.store.unit_of_work import UnitOfWork


class DistributorRepository:
    """Reads and writes `distributors`."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._now = uow.now
        self._scope = true() if uow.actor.account_id is None else false()

    def get(self, number: int) -> Distributor:
        """The distributor; NotFoundError if there is none in the actor's scope."""
        return self._one(distributors.c.id == number, refer(Noun.DISTRIBUTOR, number))

    def hold(self, number: int) -> Distributor:
        """The distributor, locked until this transaction ends."""
        return self._one(distributors.c.id == number, refer(Noun.DISTRIBUTOR, number), lock=True)

    def called(self, text: str) -> Distributor:
        """The distributor of that reference or name, in any case of its letters."""
        if text.startswith(f"{Noun.DISTRIBUTOR}-"):
            return self.get(number_of(Noun.DISTRIBUTOR, text))
        return self._one(func.lower(distributors.c.name) == text.lower(), repr(text))

    def page(self, limit: int, after: int | None) -> list[Distributor]:
        """At most `limit` with an id above `after`."""
        table = distributors
        query = select(table).where(self._scope, table.c.id > (after or 0)).order_by(table.c.id).limit(limit)
        return [_distributor(row) for row in self._connection.execute(query)]

    def add(self, name: str) -> Distributor:
        """A new one, authorized from now on; ConflictError if one has that name."""
        same = select(distributors.c.id).where(func.lower(distributors.c.name) == name.lower())
        known = self._connection.scalar(same)
        if known is not None:
            raise ConflictError(f"{name!r} is registered already, as {refer(Noun.DISTRIBUTOR, known)}")
        values = {"name": name, "state": DistributorState.AUTHORIZED, "registered_at": self._now}
        return _distributor(self._connection.execute(insert(distributors).values(values).returning(distributors)).one())

    def save(self, distributor: Distributor) -> Distributor:
        """Store its state."""
        values = {"state": distributor.state, "ended_at": distributor.ended_at}
        self._connection.execute(update(distributors).where(distributors.c.id == distributor.id).values(values))
        return distributor

    def _one(self, condition: ColumnElement[bool], name: str, lock: bool = False) -> Distributor:
        query = select(distributors).where(condition, self._scope)
        row = self._connection.execute(query.with_for_update() if lock else query).one_or_none()
        if row is None:
            raise NotFoundError(f"there is no Authorized Distributor {name}; register it first")
        return _distributor(row)


def _distributor(row: Row[Any]) -> Distributor:
    return Distributor(row.id, row.name, row.registered_at, DistributorState(row.state), row.ended_at)
