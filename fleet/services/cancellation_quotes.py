"""What a cancellation means for a unit: when it was asked for, and its quote, told again if it changes (ER 3.6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, tzinfo

from fleet.domain.local_dates import local_date
from fleet.domain.placement import Placement
from fleet.domain.quote import requote
from fleet.services.cancellation_mail import send_requote
from fleet.services.lines import placements_ended
from fleet.services.settlement import Books
from fleet.store.cancellations import CancellationRepository
from fleet.store.placements import PlacementRepository
from fleet.store.unit_of_work import UnitOfWork


def requote_pending(uow: UnitOfWork, account_id: int, zone: tzinfo) -> None:
    """Tell the Administrator the new quote of each cancellation that waits, if it is another one. Never commits."""
    repository = CancellationRepository(uow)
    if not repository.pending(account_id):
        return
    terms = Books.hold(uow, account_id, zone).terms()
    placements = PlacementRepository(uow).of_account(account_id)
    for kept in repository.pending(account_id):
        ending = [terms[placement.id] for placement in placements_ended(kept.cancellation.scope, placements)]
        changed = requote(kept.quote, ending, kept.cancellation.effect.on)
        if changed is not None:
            send_requote(uow, repository.save(replace(kept, quote=tuple(changed), told=kept.told + 1)))


def noticed_on(uow: UnitOfWork, placement: Placement, zone: tzinfo) -> date | None:
    """The date of the notice that ends, or ended, the service of a unit; None if there is none."""
    account_id = placement.opened.account_id
    placements = PlacementRepository(uow).of_account(account_id)
    standing = [kept.cancellation for kept in CancellationRepository(uow).standing(account_id)]
    covering = [each for each in standing if placement in placements_ended(each.scope, placements)]
    return local_date(covering[-1].notice.at, zone) if covering else None
