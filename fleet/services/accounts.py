"""An account is opened with its first Administrator (ToS 4), and closed once no service of it runs (ER 8)."""

from __future__ import annotations

from dataclasses import replace

from fleet.domain.access import Actor, Permission, Role
from fleet.domain.account import Account, check_name, close
from fleet.domain.audit import AuditAction
from fleet.domain.references import Noun, refer
from fleet.domain.suspension import AccountService, end
from fleet.services.people import invite_person
from fleet.store.accounts import AccountRepository
from fleet.store.placements import PlacementRepository
from fleet.store.standings import StandingRepository
from fleet.store.terms import TermEventRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork


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

    def close(self, actor: Actor, account_id: int) -> Account:
        """Close an account without services, for good; its personal data goes when the period is over (ER 8)."""
        actor.require(Permission.ACCOUNT_CLOSE)
        with self._transactions.begin(actor) as uow:
            accounts, standings = AccountRepository(uow), StandingRepository(uow)
            account = accounts.hold(account_id)
            standing = standings.held(account_id)
            ended = standing.state is AccountService.ENDED
            account = close(account, 0 if ended else _services_running(uow, account_id), uow.now)
            if not ended:
                standings.save(account_id, end(standing))
            accounts.save_closed(account)
            uow.audit(AuditAction.ACCOUNT_CLOSE, account.reference, ["closed_at"], account_id)
            uow.commit()
            return replace(account, service_available=False)


def _services_running(uow: UnitOfWork, account_id: int) -> int:
    facts = TermEventRepository(uow)
    here = [placement for placement in PlacementRepository(uow).of_account(account_id) if placement.until is None]
    return sum(not facts.has_ended(placement.id) for placement in here)
