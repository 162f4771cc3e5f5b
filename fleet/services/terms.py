"""The minimum equipment term of a unit, and what ending an account's service on a date would cost."""

from __future__ import annotations

from datetime import date, tzinfo

from fleet.domain.access import Actor, Permission
from fleet.domain.local_dates import local_date
from fleet.domain.quote import QuoteLine, quote
from fleet.domain.term import Term, fold
from fleet.store.accounts import AccountRepository
from fleet.store.placements import PlacementRepository
from fleet.store.policy import PolicyRepository
from fleet.store.terms import TermEventRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork


class Terms:
    """Terms of the accounts in the actor's scope. `zone`: the operator's."""

    def __init__(self, transactions: Transactions, zone: tzinfo) -> None:
        self._transactions = transactions
        self._zone = zone

    def of_unit(self, actor: Actor, serial: str) -> tuple[Term, QuoteLine]:
        """The term of the unit's present or last placement, and its quote for today."""
        actor.require(Permission.TERM_READ)
        with self._transactions.read(actor) as uow:
            placement = PlacementRepository(uow).latest_of(serial)
            term = self._terms(uow, placement.opened.account_id)[placement.id]
            return term, quote([term], local_date(uow.now, self._zone))[0]

    def quote(self, actor: Actor, account_id: int, on: date | None = None) -> tuple[date, list[QuoteLine]]:
        """The fee for each unit should the account's service end on `on` (None: today), and that date."""
        actor.require(Permission.TERM_READ)
        with self._transactions.read(actor) as uow:
            AccountRepository(uow).get(account_id)
            day = local_date(uow.now, self._zone) if on is None else on
            return day, quote(self._terms(uow, account_id).values(), day)

    def _terms(self, uow: UnitOfWork, account_id: int) -> dict[int, Term]:
        events = TermEventRepository(uow).of_account(account_id)
        return fold(events, PolicyRepository(uow).book(), self._zone)
