"""An account is opened with its first Administrator (ToS 4), and closed once no service of it runs (ER 8)."""

from __future__ import annotations

from dataclasses import replace

from fleet.domain.access import Actor, Permission, Role
from fleet.domain.account import Account, check_name, close
from fleet.domain.audit import AuditAction
from fleet.domain.errors import ConflictError
from fleet.domain.references import Noun, refer
from fleet.domain.suspension import AccountService, end
from fleet.services.lines import lines_of_placements
from fleet.services.people import invite_person
from fleet.services.service_end import overtake_notices
from fleet.store.accounts import AccountRepository
from fleet.store.cancellations import CancellationRepository
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
            if standing.state is AccountService.ENDED:
                account = close(account, 0, uow.now)
            else:
                account = close(account, _services_running(uow, account_id), uow.now)
                _check_nothing_waits(uow, account_id)
                standings.save(account_id, end(standing))
                overtake_notices(uow, account_id)
            accounts.save_closed(account)
            uow.audit(AuditAction.ACCOUNT_CLOSE, account.reference, ["closed_at"], account_id)
            uow.commit()
            return replace(account, service_available=False)


def _services_running(uow: UnitOfWork, account_id: int) -> int:
    """How many lines have not ended: one whose unit is away for repair goes on, and is billed (ER 3.7)."""
    facts, placements = TermEventRepository(uow), PlacementRepository(uow).of_account(account_id)
    ended: dict[frozenset[str], bool] = {}
    for number, line in lines_of_placements(placements).items():
        ended[line] = ended.get(line, False) or facts.has_ended(int(number))
    return sum(not over for over in ended.values())


def _check_nothing_waits(uow: UnitOfWork, account_id: int) -> None:
    """What a cancellation brings back is worked out on its day, and needs the account."""
    for kept in CancellationRepository(uow).pending(account_id):
        name, on = refer(Noun.CANCELLATION, kept.cancellation.id), kept.cancellation.effect.on
        raise ConflictError(f"{name} takes effect on {on}; close the account after that, or withdraw it first")
