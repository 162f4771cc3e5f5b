"""Changes that harm accounts, and whom they were told to, within an actor's scope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, exists, insert, select, true

from fleet.domain.errors import NotFoundError
from fleet.domain.references import Noun, refer
from fleet.store.tables.endings import change_notice_accounts, change_notices
from fleet.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class ChangeNotice:
    """What changes, from when on, and when Administrators were told."""

    id: int
    text: str
    takes_effect_on: date
    told_at: datetime
    told_by: str

    @property
    def reference(self) -> str:
        """The name people and programs use."""
        return refer(Noun.CHANGE_NOTICE, self.id)


class ChangeNoticeRepository:
    """An Administrator sees the changes their account was told of."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._actor = uow.actor
        self._now = uow.now
        account_id = uow.actor.account_id
        self._scope = true() if account_id is None else _told(account_id)

    def told_to(self, number: int, account_id: int) -> ChangeNotice:
        """The change, if that account was told of it; else NotFoundError."""
        found = self._some(change_notices.c.id == number, _told(account_id))
        if not found:
            name, account = refer(Noun.CHANGE_NOTICE, number), refer(Noun.ACCOUNT, account_id)
            raise NotFoundError(f"{account} was never told of a change {name}")
        return found[0]

    def page(self, limit: int, after: int | None) -> list[ChangeNotice]:
        """At most `limit` with an id above `after`."""
        return self._some(change_notices.c.id > (after or 0), limit=limit)

    def add(self, text: str, takes_effect_on: date, account_ids: Sequence[int]) -> ChangeNotice:
        """A change that those accounts are told of now, by who acts."""
        values = {"text": text, "takes_effect_on": takes_effect_on, "told_at": self._now}
        told = insert(change_notices).values(values | {"told_by": self._actor.reference}).returning(change_notices)
        change = _change(self._connection.execute(told).one())
        rows = [{"change_notice_id": change.id, "account_id": account_id} for account_id in account_ids]
        self._connection.execute(insert(change_notice_accounts), rows)
        return change

    def _some(self, *conditions: ColumnElement[bool], limit: int | None = None) -> list[ChangeNotice]:
        query = select(change_notices).where(self._scope, *conditions).order_by(change_notices.c.id).limit(limit)
        return [_change(row) for row in self._connection.execute(query)]


def _told(account_id: int) -> ColumnElement[bool]:
    table = change_notice_accounts
    return exists().where(table.c.change_notice_id == change_notices.c.id, table.c.account_id == account_id)


def _change(row: Row[Any]) -> ChangeNotice:
    return ChangeNotice(row.id, row.text, row.takes_effect_on, row.told_at, row.told_by)
