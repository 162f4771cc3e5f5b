"""The minimum equipment term of a unit, and what ending an account's service on a date would cost."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, tzinfo

from fleet.domain.access import Actor, Permission
from fleet.domain.local_dates import local_date
from fleet.domain.quote import QuoteLine, quote
from fleet.domain.term import ServiceEnded, Term, TermEvent, fold
from fleet.services.lines import stays_ended
from fleet.store.accounts import AccountRepository
from fleet.store.cancellations import CancellationRepository
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
            coming = _ends_to_come(uow, account_id)
            return day, quote(self._terms(uow, account_id, coming).values(), day)

    def _terms(self, uow: UnitOfWork, account_id: int, coming: Iterable[TermEvent] = ()) -> dict[int, Term]:
        events = [*TermEventRepository(uow).of_account(account_id), *coming]
        return fold(events, PolicyRepository(uow).book(), self._zone)


def _ends_to_come(uow: UnitOfWork, account_id: int) -> list[TermEvent]:
    """The ends that pending cancellations bring: after its own end a unit costs nothing more (ER 3.6)."""
    placements = PlacementRepository(uow).of_account(account_id)
    return [
        ServiceEnded(placement.id, kept.cancellation.effect.at, kept.cause)
        for kept in CancellationRepository(uow).pending(account_id)
        for placement in stays_ended(kept.cancellation.scope, placements)
    ]
