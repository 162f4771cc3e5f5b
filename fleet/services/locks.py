"""What an act locks, in the one order that all keep: units by serial number, RMAs by number, accounts by number.

Two transactions that take what they share in opposite orders wait for each other until PostgreSQL throws one out. So
what is not known before a lock is taken is read without one first; what that says is read again under the locks.
"""

from __future__ import annotations

from collections.abc import Collection

from fleet.domain.rma import Rma
from fleet.store.accounts import AccountRepository
from fleet.store.placements import PlacementRepository
from fleet.store.rmas import RmaRepository
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.units import UnitRepository
from fleet.store.waiting_swaps import WaitingSwapRepository


def hold_rma(uow: UnitOfWork, rma_id: int) -> Rma:
    """The RMA, locked, and before it the units it moves; NotFoundError if there is none in the actor's scope."""
    rmas = RmaRepository(uow)
    seen = rmas.get(rma_id)
    UnitRepository(uow).hold_all({seen.serial, seen.replacement_serial or seen.serial})
    return rmas.hold(rma_id)


def hold_registering(uow: UnitOfWork, serials: Collection[str], beating: Collection[str]) -> None:
    """All that a batch of these units' messages may change: the first registration of a replacement is a swap.

    So may be a heartbeat of one of `beating`, if a replacement waits for the end of its call.
    """
    placements = PlacementRepository(uow)
    waiting = WaitingSwapRepository(uow).of_old(beating)
    coming = placements.unregistered(serials)
    stays = [placements.get(each.opened.replaces) for each in coming if each.opened.replaces is not None]
    before = {stay.opened.replaces for stay in stays if stay.opened.replaces is not None}  # it may serve on
    replaced = placements.serials_of(before) | {stay.opened.serial for stay in stays}
    both = {serial for each in waiting for serial in (each.serial, each.old_serial)}
    UnitRepository(uow).hold_all({*serials, *replaced, *both})
    RmaRepository(uow).hold_of_replacements([each.id for each in coming])
    for account_id in sorted({each.opened.account_id for each in coming}):
        AccountRepository(uow).hold(account_id)
