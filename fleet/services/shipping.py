"""A unit leaves for an account and its placement begins, or its parcel never arrives and it is over. No commits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from fleet.domain.audit import AuditAction
from fleet.domain.errors import ConflictError
from fleet.domain.placement import NewPlacement, Placement
from fleet.domain.references import Noun, refer
from fleet.domain.rma import DecisionEvent, ReplacementEvent, Return, ReturnEvent, Rma, RmaKind
from fleet.domain.suspension import AccountService
from fleet.domain.term import ShipmentFailed, Shipped
from fleet.domain.unit import Custody, CustodyEvent, ServiceEvent, Trust, Unit, after
from fleet.services.line_levels import store_line
from fleet.services.rma_tracks import take_step
from fleet.store.locations import WhereaboutsRepository
from fleet.store.placements import PlacementRepository
from fleet.store.rmas import RmaRepository
from fleet.store.standings import StandingRepository
from fleet.store.terms import TermEventRepository
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.units import UnitRepository


@dataclass(frozen=True, slots=True)
class Parcel:
    """Who carries it, and the number they track it by."""

    carrier: str
    tracking: str


def check_unreserved(units: Iterable[Unit]) -> None:
    """ConflictError if one of them is set aside for an RMA or another order: it is theirs to send."""
    for unit in units:
        if unit.custody is Custody.RESERVED:
            raise ConflictError(
                f"{unit.serial} is reserved for an RMA or another order: take another one, or have it put back there"
            )


def check_serves(uow: UnitOfWork, account_id: int) -> None:
    """ConflictError for an account whose service has ended: nothing is ordered or sent any more. It is held."""
    if StandingRepository(uow).of(account_id).state is AccountService.ENDED:
        raise ConflictError(f"the service of {refer(Noun.ACCOUNT, account_id)} has ended: nothing is sent to it")


def release_unit(uow: UnitOfWork, rma: Rma, why: str) -> Rma:
    """What was set aside for a held RMA goes back to stock; the RMA as it is stored by the caller."""
    units = UnitRepository(uow)
    units.save(after(units.hold(rma.replacement_serial or ""), CustodyEvent.RELEASE))
    return replace(take_step(uow, rma, ReplacementEvent.RELEASE, why), replacement_serial=None)


def fail_parcel(uow: UnitOfWork, stay: Placement, outcome: str, at: datetime) -> None:
    """The carrier reports at `at` that a parcel did not arrive: its placement is over, and was no receipt (ER 3.3).

    ConflictError if it did arrive, for what is known: what was asked back by the system alone is not asked any more.
    """
    serial, account_id, units = stay.opened.serial, stay.opened.account_id, UnitRepository(uow)
    unit, facts = units.hold(serial), TermEventRepository(uow)
    if stay.until is not None or facts.has_arrived(stay.id):
        raise ConflictError(f"this parcel of {serial} has arrived, or was reported already")
    _drop_own_returns(uow, stay, outcome)
    unit = units.save(replace(after(unit, CustodyEvent.LOSE, ServiceEvent.REMOVE), account_id=None))
    PlacementRepository(uow).end(stay.id)
    store_line(uow, unit)
    facts.record(account_id, ShipmentFailed(stay.id, at, outcome))


def _drop_own_returns(uow: UnitOfWork, stay: Placement, outcome: str) -> None:
    rmas = RmaRepository(uow)
    for known in rmas.open_of(stay.id):
        name, rma = refer(Noun.RMA, known.id), rmas.hold(known.id)
        if rma.kind is not RmaKind.CANCELLATION_RETURN or rma.returning is Return.IN_TRANSIT:
            raise ConflictError(f"{name} is open for {rma.serial}: it has arrived at its account")
        rma = take_step(uow, rma, DecisionEvent.CANCEL, outcome)
        rmas.save(take_step(uow, rma, ReturnEvent.CLOSE, outcome))
        uow.audit(AuditAction.RMA_CANCEL, name, account_id=rma.account_id)


def ship_unit(uow: UnitOfWork, unit: Unit, opened: NewPlacement, parcel: Parcel) -> Placement:
    """Send `unit` on the terms of `opened`; ConflictError if it is not trusted, not in stock and not reserved.

    The caller holds the account, whose service may be ending in another transaction, and has looked whether it serves.
    """
    if unit.trust is not Trust.GOOD:
        raise ConflictError(f"{unit.serial} is {unit.trust}: it cannot be shipped")
    return place_unit(uow, after(unit, CustodyEvent.SHIP, ServiceEvent.PLACE), opened, parcel)


def place_unit(uow: UnitOfWork, unit: Unit, opened: NewPlacement, parcel: Parcel) -> Placement:
    """The stay of `unit`, as it now is, at its account begins, whose it is follows, and the fact is recorded.

    Where it was before is the bench's or another account's: forgotten, so that it is neither shown nor compared.
    """
    UnitRepository(uow).save(replace(unit, account_id=opened.account_id, ownership=opened.ownership))
    WhereaboutsRepository(uow).forget(unit.serial)
    placement = PlacementRepository(uow).add(opened, parcel.carrier, parcel.tracking)
    shipped = Shipped(
        placement=placement.id,
        at=opened.shipped_at,
        unit=opened.serial,
        order_date=opened.order_date,
        free=opened.free,
        replaces=opened.replaces,
        renews=opened.renews,
    )
    TermEventRepository(uow).record(opened.account_id, shipped)
    return placement
