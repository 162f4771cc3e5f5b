"""An account's service is suspended at once and comes back after full payment and the reconnect fee (ER 5).

Identity, updates and the term's clock go on. Units are locked first, then the account.
"""

from __future__ import annotations

from datetime import tzinfo

from fleet.domain.access import Actor, Permission, roles_of
from fleet.domain.audit import AuditAction
from fleet.domain.errors import ConflictError
from fleet.domain.money import Money
from fleet.domain.other_charges import reconnect_fee
from fleet.domain.references import Noun, refer
from fleet.domain.suspension import AccountService, ServiceStanding, SuspensionReason, lift, suspend
from fleet.domain.unit import Unit
from fleet.services.downlinks import Downlinks
from fleet.services.line_levels import set_line
from fleet.services.settlement import Books
from fleet.services.terminations import cure_unpaid
from fleet.store.accounts import AccountRepository
from fleet.store.placements import PlacementRepository
from fleet.store.standings import StandingRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork
from fleet.store.units import UnitRepository


class Suspensions:
    """The standing of the accounts in the actor's scope."""

    def __init__(self, transactions: Transactions, downlinks: Downlinks) -> None:
        self._transactions = transactions
        self._downlinks = downlinks

    @property
    def _zone(self) -> tzinfo:
        return self._downlinks.zone

    def standing(self, actor: Actor, account_id: int) -> ServiceStanding:
        """Whether the account has its service, and why not."""
        actor.require(Permission.ACCOUNT_READ)
        with self._transactions.read(actor) as uow:
            AccountRepository(uow).get(account_id)
            return StandingRepository(uow).of(account_id)

    def suspend(self, actor: Actor, account_id: int, reason: SuspensionReason) -> ServiceStanding:
        """Suspend the service for `reason`, now; ForbiddenError for somebody who does not decide that."""
        actor.require(Permission.SERVICE_SUSPEND)
        with self._transactions.begin(actor) as uow:
            here = self._hold(uow, account_id)
            standings = StandingRepository(uow)
            standing = suspend(standings.held(account_id), reason, roles_of(actor))
            standing = standings.save(account_id, standing)
            self._set_lines(uow, here)
            self._audit(uow, account_id, AuditAction.SERVICE_SUSPEND, reason)
            uow.commit()
            return standing

    def charge_reconnect(self, actor: Actor, account_id: int) -> ServiceStanding:
        """The account wants its service back: the reconnect fee is charged, once a suspension."""
        actor.require(Permission.SERVICE_SUSPEND)
        with self._transactions.begin(actor) as uow:
            books = Books.hold(uow, account_id, self._zone)
            standing = StandingRepository(uow).held(account_id)
            if standing.state is not AccountService.SUSPENDED:
                raise ConflictError(f"{refer(Noun.ACCOUNT, account_id)} is {standing.state}: there is no fee")
            _charge(books, standing)
            uow.commit()
            return standing

    def lift(
        self, actor: Actor, account_id: int, reason: SuspensionReason, unpaid: Money, reconnect_paid: bool
    ) -> ServiceStanding:
        """`reason` no longer holds; with the last one service comes back. Billing says what is paid."""
        actor.require(Permission.SERVICE_SUSPEND)
        with self._transactions.begin(actor) as uow:
            here = self._hold(uow, account_id)
            books, standings = Books.hold(uow, account_id, self._zone), StandingRepository(uow)
            before = standings.held(account_id)
            standing = lift(before, reason, roles_of(actor), unpaid, reconnect_paid)
            standing = standings.save(account_id, standing)
            if reason is SuspensionReason.NON_PAYMENT or standing.state is AccountService.AVAILABLE:
                cure_unpaid(uow, account_id)
            if standing.state is AccountService.AVAILABLE:
                _charge(books, before)  # what was paid without being asked for has an event, too
                self._set_lines(uow, here)
            self._audit(uow, account_id, AuditAction.SERVICE_LIFT, reason)
            uow.commit()
            return standing

    def _hold(self, uow: UnitOfWork, account_id: int) -> list[Unit]:
        AccountRepository(uow).get(account_id)
        here = _serials(uow, account_id)
        UnitRepository(uow).hold_all(here)
        AccountRepository(uow).hold(account_id)
        if _serials(uow, account_id) != here:
            raise ConflictError(f"a unit of {refer(Noun.ACCOUNT, account_id)} came or went this moment; try again")
        return [UnitRepository(uow).get(serial) for serial in sorted(here)]

    def _set_lines(self, uow: UnitOfWork, here: list[Unit]) -> None:
        for unit in here:
            set_line(uow, unit, self._downlinks)

    @staticmethod
    def _audit(uow: UnitOfWork, account_id: int, action: AuditAction, reason: SuspensionReason) -> None:
        uow.audit(action, refer(Noun.ACCOUNT, account_id), ["service", reason], account_id)


def _serials(uow: UnitOfWork, account_id: int) -> set[str]:
    return {each.opened.serial for each in PlacementRepository(uow).of_account(account_id) if each.until is None}


def _charge(books: Books, standing: ServiceStanding) -> None:
    account = refer(Noun.ACCOUNT, books.account_id)
    books.record(reconnect_fee(account, standing.episode, books.today, books.policy, books.ledger))
