"""The quote of a cancellation that waits, told again if it changes (ER 3.6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import tzinfo

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
        changed = requote(kept.quote, ending, kept.cancellation.effect.on, kept.cause)
        if changed is not None:
            send_requote(uow, repository.save(replace(kept, quote=tuple(changed), told=kept.told + 1)))
