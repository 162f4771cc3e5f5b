"""Units that came back without an RMA and what became of them, within an actor's scope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, select, update

from fleet.domain.blind_return import OPEN, BlindCase, BlindReturn
from fleet.domain.errors import NotFoundError
from fleet.domain.references import Noun, refer
from fleet.domain.rma import Condition, RmaStep
from fleet.store.scope import in_scope
from fleet.store.tables.endings import blind_return_steps, blind_returns
from fleet.store.unit_of_work import UnitOfWork

COLUMNS = {"placement": "placement_id"}
TRACK = "blind_return"


class BlindReturnRepository:
    """An Administrator sees those of their account. Each changes only while its unit is held."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._now = uow.now
        self._scope = in_scope(uow.actor, blind_returns.c.account_id)

    def get(self, number: int) -> BlindCase:
        """The blind return; NotFoundError if there is none in the actor's scope."""
        found = self._some(blind_returns.c.id == number)
        if not found:
            raise NotFoundError(f"there is no blind return {refer(Noun.BLIND_RETURN, number)}")
        return found[0]

    def open_of(self, serial: str) -> BlindCase | None:
        """The one that holds the unit, or has sent it back without its having arrived."""
        found = self._some(blind_returns.c.serial == serial, blind_returns.c.state.in_(OPEN))
        return found[0] if found else None

    def held_of(self, placement_id: int) -> BlindCase | None:
        """The one that holds the unit of a placement here, in quarantine."""
        here = blind_returns.c.state == BlindReturn.IN_QUARANTINE
        found = self._some(blind_returns.c.placement_id == placement_id, here)
        return found[0] if found else None

    def page(self, states: Sequence[BlindReturn], limit: int, after: int | None) -> list[BlindCase]:
        """At most `limit` in one of `states` with an id above `after`."""
        return self._some(blind_returns.c.state.in_(states), blind_returns.c.id > (after or 0), limit=limit)

    def add(self, case: BlindCase) -> BlindCase:
        """Store a new one under the next number; its own id is ignored."""
        statement = insert(blind_returns).values(_values(case)).returning(blind_returns)
        return _case(self._connection.execute(statement).one())

    def save(self, case: BlindCase) -> BlindCase:
        """Store one in its new state."""
        self._connection.execute(update(blind_returns).where(blind_returns.c.id == case.id).values(_values(case)))
        return case

    def record(self, number: int, event: str, state: BlindReturn, at: datetime, actor: str, why: str) -> None:
        """Keep a step: who, when and why; when it became known is now."""
        step = {"event": event, "state": state, "at": at, "recorded_at": self._now, "actor": actor, "why": why}
        self._connection.execute(insert(blind_return_steps).values(blind_return_id=number, **step))

    def steps(self, number: int) -> list[RmaStep]:
        """The steps of one in the actor's scope, oldest first."""
        table = blind_return_steps
        query = select(table).join(blind_returns, blind_returns.c.id == table.c.blind_return_id)
        rows = self._connection.execute(query.where(blind_returns.c.id == number, self._scope).order_by(table.c.id))
        return [RmaStep(TRACK, row.event, row.state, row.at, row.actor, row.why) for row in rows]

    def _some(self, *conditions: ColumnElement[bool], limit: int | None = None) -> list[BlindCase]:
        query = select(blind_returns).where(self._scope, *conditions).order_by(blind_returns.c.id).limit(limit)
        return [_case(row) for row in self._connection.execute(query)]


def _values(case: BlindCase) -> dict[str, Any]:
    return {COLUMNS.get(f.name, f.name): getattr(case, f.name) for f in fields(case) if f.name != "id"}


def _case(row: Row[Any]) -> BlindCase:
    facts = {f.name: getattr(row, COLUMNS.get(f.name, f.name)) for f in fields(BlindCase)}
    return BlindCase(**facts | {"condition": Condition(row.condition), "state": BlindReturn(row.state)})
