"""The outbox as a queue: due messages are leased by one UPDATE, so that two workers never hold the same one."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, delete, func, or_, select, update

from fleet.domain.delivery import DeliveryState, Letter, OutboxEntry
from fleet.domain.errors import NotFoundError
from fleet.store.tables.journal import outbox
from fleet.store.unit_of_work import UnitOfWork

MAX_ERROR_CHARACTERS: Final = 500

_WAITING = and_(outbox.c.delivered_at.is_(None), outbox.c.failed_at.is_(None))
_STATES: Final[dict[DeliveryState, ColumnElement[bool]]] = {
    DeliveryState.WAITING: _WAITING,
    DeliveryState.DELIVERED: outbox.c.delivered_at.is_not(None),
    DeliveryState.FAILED: outbox.c.failed_at.is_not(None),
}


class OutboxRepository:
    """Leases, and what came of them."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._now = uow.now

    def has_due(self, kinds: Collection[str]) -> bool:
        """Whether there is something to lease; a read that blocks nobody."""
        return self._connection.scalar(select(outbox.c.id).where(self._due(kinds)).limit(1)) is not None

    def lease(self, kinds: Collection[str], limit: int, lease: timedelta) -> list[Letter]:
        """At most `limit` due messages of those kinds, oldest first, ours until the lease ends."""
        chosen = (
            select(outbox.c.id).where(self._due(kinds)).order_by(outbox.c.due_at, outbox.c.id).limit(limit)
        ).with_for_update(skip_locked=True)
        until = self._now + lease
        leased = (
            update(outbox)
            .where(outbox.c.id.in_(chosen.scalar_subquery()))
            .values(leased_until=until, attempts=outbox.c.attempts + 1)
            .returning(outbox.c.id, outbox.c.kind, outbox.c.key, outbox.c.payload, outbox.c.attempts)
        )
        rows = sorted(self._connection.execute(leased), key=lambda row: row.id)
        return [Letter(row.id, row.kind, row.key, json.loads(row.payload), row.attempts, until) for row in rows]

    def mark_delivered(self, letter: Letter) -> bool:
        """Close it; False if the lease was lost to another worker meanwhile."""
        return self._close(letter, delivered_at=self._now, last_error=None)

    def mark_failed(self, letter: Letter, error: str, pause: timedelta | None) -> bool:
        """Note the error; due again after `pause`, given up if None."""
        error = error[:MAX_ERROR_CHARACTERS]
        if pause is None:
            return self._close(letter, failed_at=self._now, last_error=error)
        return self._close(letter, due_at=self._now + pause, last_error=error)

    def reopen(self, entry_id: int) -> None:
        """Make a delivered or given-up message due now, with all attempts before it; NotFoundError if unknown."""
        opened = update(outbox).where(outbox.c.id == entry_id)
        values = {"delivered_at": None, "failed_at": None, "leased_until": None, "attempts": 0, "due_at": self._now}
        if self._connection.execute(opened.values(values)).rowcount == 0:
            raise NotFoundError(f"there is no message {entry_id} in the outbox")

    def page(self, state: DeliveryState | None, limit: int, after_id: int | None) -> list[OutboxEntry]:
        """At most `limit` entries after that id, by id."""
        query = select(outbox).where(outbox.c.id > (after_id or 0)).order_by(outbox.c.id).limit(limit)
        if state is not None:
            query = query.where(_STATES[state])
        return [_entry(row) for row in self._connection.execute(query)]

    def has(self, kind: str, key: str) -> bool:
        """Whether that message was ever queued; each key goes out once."""
        query = select(outbox.c.id).where(outbox.c.kind == kind, outbox.c.key == key)
        return self._connection.scalar(query) is not None

    def count_waiting(self) -> int:
        """How many messages still wait."""
        return self._connection.scalar(select(func.count()).select_from(outbox).where(_WAITING)) or 0

    def sweep(self, closed_before: datetime) -> int:
        """Delete what was delivered before that instant, and mails given up before it; how many there were."""
        given_up = and_(outbox.c.kind == "mail", outbox.c.failed_at < closed_before)
        over = or_(outbox.c.delivered_at < closed_before, given_up)
        return self._connection.execute(delete(outbox).where(over)).rowcount

    def _due(self, kinds: Collection[str]) -> ColumnElement[bool]:
        free = or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= self._now)
        return and_(_WAITING, outbox.c.due_at <= self._now, free, outbox.c.kind.in_(kinds))

    def _close(self, letter: Letter, **values: Any) -> bool:
        ours = and_(outbox.c.id == letter.id, outbox.c.leased_until == letter.leased_until, _WAITING)
        return self._connection.execute(update(outbox).where(ours).values(leased_until=None, **values)).rowcount == 1


def _entry(row: Row[Any]) -> OutboxEntry:
    state = DeliveryState.WAITING
    if row.delivered_at is not None:
        state = DeliveryState.DELIVERED
    elif row.failed_at is not None:
        state = DeliveryState.FAILED
    return OutboxEntry(row.id, row.kind, row.key, state, row.attempts, row.created_at, row.due_at, row.last_error)
