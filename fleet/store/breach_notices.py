"""Written notices of breach and what became of them, within an actor's scope."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, select, update

from fleet.domain.errors import NotFoundError
from fleet.domain.reason import Reason
from fleet.domain.references import Noun, refer
from fleet.domain.termination import Breach, BreachNotice, BreachState
from fleet.store.scope import in_scope
from fleet.store.tables.endings import breach_notices
from fleet.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class KeptBreachNotice:
    """A notice to an account; `why`: what it was told it did. `settled_*`: who settled it, when, and why."""

    id: int
    account_id: int
    notice: BreachNotice
    why: str
    noticed_by: str
    settled_at: datetime | None = None
    settled_by: str | None = None
    settled_why: str | None = None

    @property
    def reference(self) -> str:
        """The name people and programs use."""
        return refer(Noun.BREACH_NOTICE, self.id)


class BreachNoticeRepository:
    """An Administrator sees those to their account; who changes one holds the account."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._actor = uow.actor
        self._now = uow.now
        self._scope = in_scope(uow.actor, breach_notices.c.account_id)

    def get(self, number: int) -> KeptBreachNotice:
        """The notice; NotFoundError if there is none in the actor's scope."""
        found = self._some(breach_notices.c.id == number)
        if not found:
            raise NotFoundError(f"there is no notice of breach {refer(Noun.BREACH_NOTICE, number)}")
        return found[0]

    def standing(self, account_id: int) -> list[KeptBreachNotice]:
        """Those to an account of which nothing has come yet, oldest first."""
        table = breach_notices
        return self._some(table.c.account_id == account_id, table.c.state == BreachState.NOTIFIED)

    def page(self, account_id: int | None, due: bool, limit: int, after: int | None) -> list[KeptBreachNotice]:
        """At most `limit` with an id above `after`; of one account, and only those whose last day is over, if asked."""
        table = breach_notices
        wanted = [table.c.id > (after or 0)]
        if account_id is not None:
            wanted.append(table.c.account_id == account_id)
        if due:
            wanted += [table.c.state == BreachState.NOTIFIED, table.c.ends_at <= self._now]
        return self._some(*wanted, limit=limit)

    def add(self, account_id: int, notice: BreachNotice, why: str) -> KeptBreachNotice:
        """Store a new notice, given by who acts."""
        values = {
            "account_id": account_id,
            "breach": notice.breach,
            "why": why,
            "noticed_at": notice.noticed_at,
            "noticed_by": self._actor.reference,
            "last_day": notice.last_day,
            "ends_at": notice.ends_at,
            "reason_rule": notice.reason.rule,
            "reason_text": notice.reason.text,
            "state": notice.state,
        }
        return _kept(self._connection.execute(insert(breach_notices).values(values).returning(breach_notices)).one())

    def settle(self, kept: KeptBreachNotice, notice: BreachNotice, why: str) -> KeptBreachNotice:
        """Store what became of one, by who acts, now."""
        table, by = breach_notices, self._actor.reference
        values = {"state": notice.state, "settled_at": self._now, "settled_by": by, "settled_why": why}
        self._connection.execute(update(table).where(table.c.id == kept.id).values(values))
        return replace(kept, notice=notice, settled_at=self._now, settled_by=by, settled_why=why)

    def _some(self, *conditions: ColumnElement[bool], limit: int | None = None) -> list[KeptBreachNotice]:
        query = select(breach_notices).where(self._scope, *conditions).order_by(breach_notices.c.id).limit(limit)
        return [_kept(row) for row in self._connection.execute(query)]


def _kept(row: Row[Any]) -> KeptBreachNotice:
    reason = Reason(row.reason_rule, row.reason_text)
    state = BreachState(row.state)
    notice = BreachNotice(Breach(row.breach), row.noticed_at, row.last_day, row.ends_at, reason, state)
    settled = row.settled_at, row.settled_by, row.settled_why
    return KeptBreachNotice(row.id, row.account_id, notice, row.why, row.noticed_by, *settled)
