"""Accounts, within an actor's scope."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, exists, insert, select, update

from fleet.domain.account import Account
from fleet.domain.audit import AuditAction
from fleet.domain.errors import NotFoundError
from fleet.domain.references import Noun, refer
from fleet.domain.suspension import AccountService
from fleet.store.scope import in_scope
from fleet.store.tables.commerce import account_notes, accounts
from fleet.store.tables.endings import account_services
from fleet.store.unit_of_work import UnitOfWork


class AccountRepository:
    """An Administrator sees their own account."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._now = uow.now
        self._actor = uow.actor
        self._scope = in_scope(uow.actor, accounts.c.id)

    def get(self, account_id: int) -> Account:
        """The account; NotFoundError if there is none in the actor's scope."""
        row = self._connection.execute(select(accounts).where(accounts.c.id == account_id, self._scope)).one_or_none()
        if row is None:
            raise NotFoundError(f"there is no account {refer(Noun.ACCOUNT, account_id)}")
        return _account(row)

    def hold(self, account_id: int) -> Account:
        """The account, locked until this transaction ends: what it owes and which service it has is decided by one.

        Lock units and RMAs before it, never after: two transactions that meet would wait for each other for ever.
        """
        # key_share: rows that refer to the account may still be added; only who holds it as well waits.
        query = select(accounts).where(accounts.c.id == account_id, self._scope).with_for_update(key_share=True)
        row = self._connection.execute(query).one_or_none()
        if row is None:
            raise NotFoundError(f"there is no account {refer(Noun.ACCOUNT, account_id)}")
        return _account(row)

    def page(self, limit: int, after: int | None) -> list[Account]:
        """At most `limit` accounts with an id above `after`."""
        query = select(accounts).where(self._scope, accounts.c.id > (after or 0)).order_by(accounts.c.id).limit(limit)
        return [_account(row) for row in self._connection.execute(query)]

    def with_service(self) -> list[int]:
        """The open accounts whose service has not ended, by id."""
        over = exists().where(
            account_services.c.account_id == accounts.c.id, account_services.c.state == AccountService.ENDED
        )
        return list(
            self._connection.execute(
                select(accounts.c.id).where(~over, accounts.c.closed_at.is_(None), self._scope).order_by(accounts.c.id)
            ).scalars()
        )

    def add(self, name: str) -> Account:
        """A new account, to which service is available."""
        row = self._connection.execute(
            insert(accounts).values(name=name, service_available=True, created_at=self._now).returning(accounts)
        ).one()
        return _account(row)

    def save_closed(self, account: Account) -> None:
        """Store that it is closed."""
        self._connection.execute(
            update(accounts).where(accounts.c.id == account.id).values(closed_at=account.closed_at)
        )

    def note(self, account_id: int, action: AuditAction, why: str) -> None:
        """Keep the reason somebody gave for an act on the account's service."""
        values = {"account_id": account_id, "action": action, "why": why, "actor": self._actor.reference}
        self._connection.execute(insert(account_notes).values(values | {"at": self._now}))


def _account(row: Row[Any]) -> Account:
    return Account(row.id, row.name, row.service_available, row.created_at, row.closed_at)
