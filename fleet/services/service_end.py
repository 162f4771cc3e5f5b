"""What the end of service means for the units of an account: fees, no line, leased units to come back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import tzinfo

from fleet.domain.audit import AuditAction
from fleet.domain.billing_cycle import BillingCycle
from fleet.domain.blind_return import BlindReturn
from fleet.domain.cancellation_scope import WHOLE_ACCOUNT
from fleet.domain.charge import ChargeEvent
from fleet.domain.local_dates import local_date
from fleet.domain.placement import Placement
from fleet.domain.references import Noun, refer
from fleet.domain.rma import DecisionEvent, ReplacementMode, Rma, RmaKind, return_due
from fleet.domain.suspension import end
from fleet.domain.waiver import EndCause
from fleet.services.downlinks import Downlinks
from fleet.services.line_levels import set_line
from fleet.services.lines import placements_ended
from fleet.services.rma_tracks import take_step
from fleet.services.settlement import end_service
from fleet.store.blind_returns import BlindReturnRepository
from fleet.store.cancellations import KeptCancellation
from fleet.store.policy import PolicyRepository
from fleet.store.rmas import RmaRepository
from fleet.store.standings import StandingRepository
from fleet.store.terms import TermEventRepository
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.units import UnitRepository

RETURN_REASON = "The service ended and the unit is leased."


def end_for_account(
    uow: UnitOfWork, kept: KeptCancellation, placements: Sequence[Placement], downlinks: Downlinks
) -> list[ChargeEvent]:
    """The services of `kept` end, on its effect's day; what is charged for it. The units and the account are held."""
    effect, ended = kept.cancellation.effect, placements_ended(kept.cancellation.scope, placements)
    zone, facts = downlinks.zone, TermEventRepository(uow)
    ended = [placement for placement in ended if not facts.has_ended(placement.id)]
    stays = [placement.id for placement in ended]
    charges = end_service(uow, kept.account_id, stays, effect.at, EndCause.ACCOUNT, zone)
    if kept.cancellation.scope == WHOLE_ACCOUNT:
        standings = StandingRepository(uow)
        standings.save(kept.account_id, end(standings.of(kept.account_id)))
    for placement in ended:
        set_line(uow, UnitRepository(uow).get(placement.opened.serial), downlinks)
        if placement.opened.ownership.returns_at_end:
            _ask_back(uow, placement, zone)
    return charges


def billing_cycle(placements: Sequence[Placement], zone: tzinfo) -> BillingCycle | None:
    """Billed every month from the account's first Activation on (ToS 10.a); None before it."""
    activated = [placement.activated_at for placement in placements if placement.activated_at is not None]
    return BillingCycle(local_date(min(activated), zone)) if activated else None


def _ask_back(uow: UnitOfWork, placement: Placement, zone: tzinfo) -> None:
    """ER 4: the system opens the return of a leased unit on the day service ends; it has its number from then on."""
    rmas, serial = RmaRepository(uow), placement.opened.serial
    here = BlindReturnRepository(uow).open_of(serial)
    if rmas.open_of(placement.id) is not None or (here is not None and here.state is BlindReturn.IN_QUARANTINE):
        return  # it is asked for already, or is here
    kind, mode = RmaKind.CANCELLATION_RETURN, ReplacementMode.ON_RECEIPT
    account_id = placement.opened.account_id
    rma = rmas.add(Rma(0, account_id, serial, placement.id, kind, mode, RETURN_REASON, opened_at=uow.now))
    rma = take_step(uow, rma, DecisionEvent.APPROVE, RETURN_REASON)
    due = return_due(rma, uow.now, PolicyRepository(uow).book(), zone)
    rmas.save(replace(rma, approved_at=uow.now, due_on=due))
    uow.audit(AuditAction.RMA_OPEN, refer(Noun.RMA, rma.id), ["kind", "mode"], account_id)
