"""The rounds of returned units through refurbishing: the operator's own, shown to no account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from fleet.domain.inspection import InspectionCode
from fleet.domain.refurbishing import Grade, Refurbishing, Round, RoundStep
from fleet.store.scope import operator_only
from fleet.store.tables.refurbishing import refurbishing_steps, refurbishings
from fleet.store.unit_of_work import UnitOfWork


class RefurbishingRepository:
    """An Administrator sees none of them."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._now = uow.now
        self._scope = operator_only(uow.actor)

    def open_of(self, serial: str) -> Round | None:
        """The round the unit is in now; its unit's row is the lock."""
        query = select(refurbishings).where(refurbishings.c.serial == serial, refurbishings.c.ended_at.is_(None))
        row = self._connection.execute(query.where(self._scope)).one_or_none()
        return None if row is None else _round(row)

    def latest_of(self, serial: str) -> Round | None:
        """The unit's present round, or its last."""
        query = select(refurbishings).where(refurbishings.c.serial == serial, self._scope)
        row = self._connection.execute(query.order_by(refurbishings.c.number.desc()).limit(1)).one_or_none()
        return None if row is None else _round(row)

    def page(self, limit: int, after: int | None, state: Refurbishing | None) -> list[Round]:
        """At most `limit` rounds with an id above `after`: those in `state`, or all that are not over."""
        query = select(refurbishings).where(self._scope, refurbishings.c.id > (after or 0))
        wanted = refurbishings.c.ended_at.is_(None) if state is None else refurbishings.c.state == state
        rows = self._connection.execute(query.where(wanted).order_by(refurbishings.c.id).limit(limit))
        return [_round(row) for row in rows]

    def steps(self, round_id: int) -> Sequence[RoundStep]:
        """The steps of a round, oldest first."""
        query = (
            select(refurbishing_steps)
            .join(refurbishings, refurbishings.c.id == refurbishing_steps.c.refurbishing_id)
            .where(refurbishing_steps.c.refurbishing_id == round_id, self._scope)
            .order_by(refurbishing_steps.c.id)
        )
        return [
            RoundStep(row.event, Refurbishing(row.state), row.at, row.actor, row.why, row.evidence)
            for row in self._connection.execute(query)
        ]

    def add(self, serial: str, code: InspectionCode, rma_id: int | None) -> Round:
        """The unit's next round begins."""
        rounds = select(func.coalesce(func.max(refurbishings.c.number), 0)).where(refurbishings.c.serial == serial)
        number = 1 + (self._connection.scalar(rounds) or 0)
        values = {"serial": serial, "number": number, "code": code, "rma_id": rma_id, "state": Refurbishing.WAITING}
        query = insert(refurbishings).values(values | {"opened_at": self._now}).returning(refurbishings)
        return _round(self._connection.execute(query).one())

    def save(self, current: Round) -> Round:
        """Store a round in its new state; one that is over ended now."""
        values: dict[str, Any] = {"state": current.state, "grade": current.grade}
        if current.ended:
            values["ended_at"] = self._now
        self._connection.execute(update(refurbishings).where(refurbishings.c.id == current.id).values(values))
        return current

    def record(self, round_id: int, step: RoundStep) -> None:
        """Keep a step."""
        values = {"event": step.event, "state": step.state, "at": step.at, "actor": step.actor}
        values |= {"refurbishing_id": round_id, "why": step.why, "evidence": step.evidence}
        self._connection.execute(insert(refurbishing_steps).values(values))


def _round(row: Row[Any]) -> Round:
    return Round(
        serial=row.serial,
        number=row.number,
        code=InspectionCode(row.code),
        opened_at=row.opened_at,
        id=row.id,
        rma_id=row.rma_id,
        state=Refurbishing(row.state),
        grade=None if row.grade is None else Grade(row.grade),
    )
