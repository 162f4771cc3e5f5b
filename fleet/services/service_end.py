"""What the end of service means for the units of an account: fees, no line, leased units to come back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from fleet.domain.audit import AuditAction
from fleet.domain.blind_return import BlindReturn
from fleet.domain.cancellation import overtake
from fleet.domain.cancellation_scope import WHOLE_ACCOUNT, Scope
from fleet.domain.charge import ChargeEvent
from fleet.domain.errors import ConflictError
from fleet.domain.placement import Placement
from fleet.domain.references import Noun, refer
from fleet.domain.rma import DecisionEvent, ReplacementMode, Rma, RmaKind, return_due
from fleet.domain.suspension import end
from fleet.domain.termination import overtake as overtake_notice
from fleet.domain.waiver import EndCause
from fleet.services.downlinks import Downlinks
from fleet.services.line_levels import set_line
from fleet.services.lines import placements_ended, stays_ended
from fleet.services.numbers import release_numbers
from fleet.services.receiving import catch_up
from fleet.services.rma_tracks import take_step
from fleet.services.settlement import end_service
from fleet.services.shipping import release_unit
from fleet.store.accounts import AccountRepository
from fleet.store.blind_returns import BlindReturnRepository
from fleet.store.breach_notices import BreachNoticeRepository
from fleet.store.cancellations import CancellationRepository
from fleet.store.placements import PlacementRepository
from fleet.store.policy import PolicyRepository
from fleet.store.rmas import RmaRepository
from fleet.store.standings import StandingRepository
from fleet.store.terms import TermEventRepository
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.units import UnitRepository

OVERTAKEN = "The service has ended."
SERVICE_ENDED = "the service ended"
RETURN_REASON = "The service ended and the unit is leased."


@dataclass(frozen=True, slots=True)
class Ending:
    """The services of `scope` end at `at` by `cause`. `cancellation`: the one that asked for it, if one did."""

    account_id: int
    scope: Scope
    at: datetime
    cause: EndCause
    cancellation: int | None = None


@dataclass(frozen=True, slots=True)
class HeldAccount:
    """All stays of a held account, and its held RMAs that have a replacement set aside for what ends."""

    placements: Sequence[Placement]
    reserved: Sequence[Rma]


def hold_for_end(uow: UnitOfWork, account_id: int, scope: Scope) -> HeldAccount:
    """Lock what ends, in the order of locks.py; ConflictError if something came or went before that."""
    placements, rmas = PlacementRepository(uow), RmaRepository(uow)
    here = placements.of_account(account_id)
    numbers = [placement.id for placement in stays_ended(scope, here)]
    reserved = rmas.reserved_for(numbers)
    serials = {placement.opened.serial for placement in placements_ended(scope, here)}
    serials |= {rma.replacement_serial or "" for rma in reserved}
    UnitRepository(uow).hold_all(serials)
    rmas.hold_all([rma.id for rma in reserved])
    AccountRepository(uow).hold(account_id)
    if placements.of_account(account_id) != here or rmas.reserved_for(numbers) != reserved:
        raise ConflictError(f"a unit of {refer(Noun.ACCOUNT, account_id)} came or went this moment; try again")
    return HeldAccount(here, reserved)


def end_services(uow: UnitOfWork, ending: Ending, held: HeldAccount, downlinks: Downlinks) -> list[ChargeEvent]:
    """What is charged for the services that end. Of an account that ends whole nothing waits any more."""
    facts, units = TermEventRepository(uow), UnitRepository(uow)
    stays = [p for p in stays_ended(ending.scope, held.placements) if not facts.has_ended(p.id)]
    ended = [placement for placement in stays if placement.until is None]
    numbers = [placement.id for placement in stays]
    charges = end_service(uow, ending.account_id, numbers, ending.at, ending.cause, downlinks.zone)
    if ending.scope == WHOLE_ACCOUNT:
        standings = StandingRepository(uow)
        standings.save(ending.account_id, end(standings.of(ending.account_id)))
        _overtake_cancellations(uow, ending)
        overtake_notices(uow, ending.account_id)
    for rma in held.reserved:
        _release(uow, rma)
    for line in sorted({PlacementRepository(uow).line_of(placement) for placement in stays}):
        release_numbers(uow, line, SERVICE_ENDED)
    for placement in ended:
        set_line(uow, units.get(placement.opened.serial), downlinks)
        if placement.opened.ownership.returns_at_end:
            _ask_back(uow, placement, downlinks.zone)
    return charges


def overtake_notices(uow: UnitOfWork, account_id: int) -> None:
    """The held account has no service left that a notice of breach could end."""
    notices = BreachNoticeRepository(uow)
    for given in notices.standing(account_id):
        notices.settle(given, overtake_notice(given.notice), OVERTAKEN)
        uow.audit(AuditAction.BREACH_NOTICE_OVERTAKE, given.reference, ["state"], account_id)


def _overtake_cancellations(uow: UnitOfWork, ending: Ending) -> None:
    """Nor one that another cancellation could end."""
    cancellations = CancellationRepository(uow)
    for kept in cancellations.pending(ending.account_id):
        if kept.cancellation.id != ending.cancellation:
            cancellations.save(replace(kept, cancellation=overtake(kept.cancellation)))
            name = refer(Noun.CANCELLATION, kept.cancellation.id)
            uow.audit(AuditAction.CANCELLATION_OVERTAKE, name, ["state"], ending.account_id)


def _release(uow: UnitOfWork, rma: Rma) -> None:
    """Nothing is sent for a service that has ended (ER 4): what was set aside goes back to stock."""
    rma = RmaRepository(uow).save(release_unit(uow, rma, OVERTAKEN))
    uow.audit(AuditAction.RMA_RELEASE, refer(Noun.RMA, rma.id), ["replacement"], rma.account_id)


def _ask_back(uow: UnitOfWork, placement: Placement, zone: tzinfo) -> None:
    """ER 4: the system opens the return of a leased unit on the day service ends; it has its number from then on."""
    rmas, serial = RmaRepository(uow), placement.opened.serial
    here = BlindReturnRepository(uow).open_of(serial)
    if here is not None and here.state is BlindReturn.IN_QUARANTINE:
        return
    kind, mode = RmaKind.CANCELLATION_RETURN, ReplacementMode.ON_RECEIPT
    account_id = placement.opened.account_id
    rma = rmas.add(Rma(0, account_id, serial, placement.id, kind, mode, RETURN_REASON, opened_at=uow.now))
    rma = take_step(uow, rma, DecisionEvent.APPROVE, RETURN_REASON)
    due = return_due(rma, uow.now, PolicyRepository(uow).book(), zone)
    rmas.save(catch_up(uow, replace(rma, approved_at=uow.now, due_on=due)))
    uow.audit(AuditAction.RMA_OPEN, refer(Noun.RMA, rma.id), ["kind", "mode"], account_id)
