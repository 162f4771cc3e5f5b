"""Phone numbers, whose they are, and what became of each."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from fleet.domain.errors import NotFoundError
from fleet.domain.phone_number import NumberEvent, NumberState, PhoneNumber
from fleet.domain.references import Noun, refer
from fleet.store.scope import in_scope
from fleet.store.tables.telephony import number_events, phone_numbers
from fleet.store.unit_of_work import UnitOfWork

IN_ONE_QUERY = 500


@dataclass(frozen=True, slots=True)
class NumberStep:
    """One thing that happened to a number."""

    event: NumberEvent
    state: NumberState
    line: int | None
    account_id: int | None
    why: str
    actor: str
    at: datetime


class NumberRepository:
    """An Administrator sees the numbers of their account; the inventory is the operator's."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._actor = uow.actor
        self._now = uow.now
        self._scope = in_scope(uow.actor, phone_numbers.c.account_id)

    def get(self, number_id: int) -> PhoneNumber:
        """The number; NotFoundError if there is none in the actor's scope."""
        return self._one(number_id, lock=False)

    def hold(self, number_id: int) -> PhoneNumber:
        """The number, locked until this transaction ends. Units and accounts are locked before it, never after."""
        return self._one(number_id, lock=True)

    def find(self, number: str) -> PhoneNumber | None:
        """The number that is written so, if there is one in the actor's scope."""
        row = self._connection.execute(select(phone_numbers).where(phone_numbers.c.number == number, self._scope))
        found = row.one_or_none()
        return None if found is None else _number(found)

    def first_free(self) -> PhoneNumber | None:
        """The lowest number in the inventory that nobody else takes at this moment."""
        query = select(phone_numbers).where(phone_numbers.c.state == NumberState.INVENTORY, self._scope)
        query = query.order_by(phone_numbers.c.number).limit(1).with_for_update(skip_locked=True)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _number(row)

    def of_line(self, line: int) -> list[PhoneNumber]:
        """Every number that is the line's, or was until it went."""
        query = select(phone_numbers).where(phone_numbers.c.line_id == line, self._scope)
        return [_number(row) for row in self._connection.execute(query.order_by(phone_numbers.c.number))]

    def page(
        self, limit: int, after: str | None, state: NumberState | None = None, account_id: int | None = None
    ) -> list[PhoneNumber]:
        """At most `limit` numbers above `after`."""
        query = select(phone_numbers).where(self._scope, phone_numbers.c.number > (after or ""))
        if state is not None:
            query = query.where(phone_numbers.c.state == state)
        if account_id is not None:
            query = query.where(phone_numbers.c.account_id == account_id)
        return [_number(row) for row in self._connection.execute(query.order_by(phone_numbers.c.number).limit(limit))]

    def known(self, numbers: Sequence[str]) -> set[str]:
        """Those of `numbers` that the fleet has."""
        found: set[str] = set()
        for start in range(0, len(numbers), IN_ONE_QUERY):
            part = numbers[start : start + IN_ONE_QUERY]
            found.update(
                self._connection.scalars(select(phone_numbers.c.number).where(phone_numbers.c.number.in_(part)))
            )
        return found

    def add(self, numbers: Collection[PhoneNumber]) -> None:
        """New numbers."""
        rows = [_values(number) | {"changed_at": self._now} for number in numbers]
        self._connection.execute(insert(phone_numbers), rows)

    def enter(self, number: PhoneNumber) -> PhoneNumber:
        """A number from elsewhere, with the id it has from now on."""
        values = _values(number) | {"changed_at": self._now}
        added = self._connection.execute(insert(phone_numbers).values(values).returning(phone_numbers.c.id))
        return replace(number, id=added.scalar_one())

    def save(self, number: PhoneNumber) -> PhoneNumber:
        """Store what became of it."""
        values = _values(number) | {"changed_at": self._now}
        self._connection.execute(update(phone_numbers).where(phone_numbers.c.id == number.id).values(values))
        return number

    def record(self, number: PhoneNumber, event: NumberEvent, why: str) -> None:
        """Add to the number's history, with the state `event` brought it to."""
        self._connection.execute(
            insert(number_events).values(
                number_id=number.id,
                event=event,
                state=number.state,
                line_id=number.line,
                account_id=number.account_id,
                why=why,
                actor=self._actor.reference,
                at=self._now,
            )
        )

    def history(self, number_id: int) -> list[NumberStep]:
        """What happened to it while it was in the actor's scope, oldest first."""
        table = number_events
        query = select(table).where(table.c.number_id == number_id, in_scope(self._actor, table.c.account_id))
        return [
            NumberStep(
                NumberEvent(row.event), NumberState(row.state), row.line_id, row.account_id, row.why, row.actor, row.at
            )
            for row in self._connection.execute(query.order_by(table.c.id))
        ]

    def _one(self, number_id: int, lock: bool) -> PhoneNumber:
        query = select(phone_numbers).where(phone_numbers.c.id == number_id, self._scope)
        row = self._connection.execute(query.with_for_update() if lock else query).one_or_none()
        if row is None:
            raise NotFoundError(f"there is no number {refer(Noun.NUMBER, number_id)}")
        return _number(row)


def _values(number: PhoneNumber) -> dict[str, Any]:
    return {
        "number": number.number,
        "state": number.state,
        "own": number.own,
        "line_id": number.line,
        "account_id": number.account_id,
    }


def _number(row: Row[Any]) -> PhoneNumber:
    return PhoneNumber(row.number, NumberState(row.state), row.own, row.line_id, row.account_id, row.id)
