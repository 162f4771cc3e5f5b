"""A unit leaves for an account: its placement begins and the fact is recorded. The caller commits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from fleet.domain.errors import ConflictError
from fleet.domain.placement import NewPlacement, Placement
from fleet.domain.references import Noun, refer
from fleet.domain.suspension import AccountService
from fleet.domain.term import Shipped
from fleet.domain.unit import Custody, CustodyEvent, ServiceEvent, Trust, Unit, after
from fleet.store.accounts import AccountRepository
from fleet.store.placements import PlacementRepository
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
    """ConflictError if one of them is set aside for an RMA: it is that RMA's to send."""
    for unit in units:
        if unit.custody is Custody.RESERVED:
            raise ConflictError(f"{unit.serial} is reserved for an RMA: take another one, or cancel that RMA first")


def ship_unit(uow: UnitOfWork, unit: Unit, opened: NewPlacement, parcel: Parcel) -> Placement:
    """Send `unit` on the terms of `opened`; ConflictError if it is not trusted, not in stock and not reserved."""
    if unit.trust is not Trust.GOOD:
        raise ConflictError(f"{unit.serial} is {unit.trust}: it cannot be shipped")
    AccountRepository(uow).hold(opened.account_id)  # its service may be ending in another transaction
    if StandingRepository(uow).of(opened.account_id).state is AccountService.ENDED:
        raise ConflictError(f"the service of {refer(Noun.ACCOUNT, opened.account_id)} has ended: nothing is sent to it")
    return place_unit(uow, after(unit, CustodyEvent.SHIP, ServiceEvent.PLACE), opened, parcel)


def place_unit(uow: UnitOfWork, unit: Unit, opened: NewPlacement, parcel: Parcel) -> Placement:
    """The stay of `unit`, as it now is, at its account begins, and the fact is recorded."""
    UnitRepository(uow).save(replace(unit, account_id=opened.account_id))
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
