"""An account is opened with its first Administrator, who is invited in the same transaction (ToS 4)."""

from __future__ import annotations

from fleet.domain.access import Actor, Permission, Role
from fleet.domain.account import Account, check_name
from fleet.domain.audit import AuditAction
from fleet.domain.references import Noun, refer
from fleet.services.people import invite_person
from fleet.store.accounts import AccountRepository
from fleet.store.unit_of_work import Transactions


class Accounts:
    """Accounts in the actor's scope."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def create(self, actor: Actor, name: str, administrator_name: str, administrator_email: str) -> Account:
        """A new account and the invitation of its first Administrator."""
        actor.require(Permission.ACCOUNT_MANAGE)
        name = check_name(name)
        with self._transactions.begin(actor) as uow:
            account = AccountRepository(uow).add(name)
            uow.audit(AuditAction.ACCOUNT_CREATE, refer(Noun.ACCOUNT, account.id), ["name"], account.id)
            roles = frozenset({Role.ACCOUNT_ADMINISTRATOR})
            invite_person(uow, administrator_name, administrator_email, roles, account.id)
            uow.commit()
            return account

    def get(self, actor: Actor, account_id: int) -> Account:
        """One account; NotFoundError outside the actor's scope."""
        actor.require(Permission.ACCOUNT_READ)
        with self._transactions.read(actor) as uow:
            return AccountRepository(uow).get(account_id)

    def page(self, actor: Actor, limit: int, after: int | None) -> list[Account]:
        """At most `limit` accounts with an id above `after`."""
        actor.require(Permission.ACCOUNT_READ)
        with self._transactions.read(actor) as uow:
            return AccountRepository(uow).page(limit, after)
