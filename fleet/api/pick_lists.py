"""Picking over HTTP: what orders wait for, units set aside by scan, parcels that leave; no prices, no people."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, Field

from fleet.api.fields import ParcelIn, WhyField
from fleet.api.pages import Page, PageDep, make_page
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.pick_list import PickList
from fleet.domain.references import Noun, number_of, refer
from fleet.domain.unit import Unit, UnitCondition
from fleet.services.shipping import Parcel

router = PermittedRouter(tags=["orders"])

ScannedField = Annotated[str, Field(min_length=1, max_length=17)]


class ScanIn(BaseModel):
    """`unit`: a serial number, or a MAC address in any of its written forms."""

    unit: ScannedField


class PutBackIn(ScanIn):
    reason: WhyField


class PickedParcelIn(ParcelIn):
    """`partial`: less than the whole order may leave."""

    partial: bool = False


class PickedUnitOut(BaseModel):
    serial: str
    mac: str
    board: str
    condition: UnitCondition


class PickLineOut(BaseModel):
    """`shipped`: of this line; what is picked is counted by board, in the list's `waits_for`."""

    board: str
    quantity: int
    shipped: int


class SentParcelOut(BaseModel):
    shipped_at: datetime
    carrier: str
    tracking: str
    units: list[PickedUnitOut]


class PickListOut(BaseModel):
    """`waits_for`: how many units of each board are still to be picked."""

    order: str
    account: str
    order_date: date
    lines: list[PickLineOut]
    waits_for: dict[str, int]
    picked: list[PickedUnitOut]
    parcels: list[SentParcelOut]


def present_pick_list(picks: PickList) -> PickListOut:
    """A pick list as the API shows it."""
    order = picks.order
    return PickListOut(
        order=picks.name,
        account=refer(Noun.ACCOUNT, order.account_id),
        order_date=order.order_date,
        lines=[
            PickLineOut(board=line.board, quantity=line.quantity, shipped=shipped)
            for line, shipped in zip(order.lines, order.shipped, strict=True)
        ],
        waits_for=picks.waits_for,
        picked=[_unit(unit) for unit in picks.picked],
        parcels=[
            SentParcelOut(
                shipped_at=sent.shipped_at,
                carrier=sent.carrier,
                tracking=sent.tracking,
                units=[_unit(unit) for unit in sent.units],
            )
            for sent in picks.parcels
        ],
    )


def _unit(unit: Unit) -> PickedUnitOut:
    return PickedUnitOut(serial=unit.serial, mac=str(unit.mac), board=unit.board, condition=unit.condition)


@router.get("/v1/pick-lists", permission=Permission.SHIPMENT_MANAGE)
def list_pick_lists(page: PageDep, actor: ActorDep, services: ServicesDep) -> Page[PickListOut]:
    """The orders that wait for units, the oldest first."""
    found = services.pick_lists.page(actor, page.limit + 1, page.after_id)
    return make_page(found, page.limit, lambda picks: picks.order.id, present_pick_list)


@router.get("/v1/pick-lists/{order}", permission=Permission.SHIPMENT_MANAGE)
def get_pick_list(order: str, actor: ActorDep, services: ServicesDep) -> PickListOut:
    """What one order waits for, what is set aside for it, and its parcels."""
    return present_pick_list(services.pick_lists.get(actor, number_of(Noun.ORDER, order)))


@router.post("/v1/pick-lists/{order}/pick", permission=Permission.SHIPMENT_MANAGE)
def pick(order: str, body: ScanIn, actor: ActorDep, services: ServicesDep) -> PickListOut:
    """Set a unit aside for the order; the same again changes nothing."""
    return present_pick_list(services.pick_lists.pick(actor, number_of(Noun.ORDER, order), body.unit))


@router.post("/v1/pick-lists/{order}/put-back", permission=Permission.SHIPMENT_MANAGE)
def put_back(order: str, body: PutBackIn, actor: ActorDep, services: ServicesDep) -> PickListOut:
    """Put a unit that was picked back to stock."""
    number = number_of(Noun.ORDER, order)
    return present_pick_list(services.pick_lists.put_back(actor, number, body.unit, body.reason))


@router.post("/v1/pick-lists/{order}/ship", permission=Permission.SHIPMENT_MANAGE)
def ship_picked(order: str, body: PickedParcelIn, actor: ActorDep, services: ServicesDep) -> PickListOut:
    """Send all that is picked, in one parcel."""
    parcel = Parcel(body.carrier, body.tracking)
    return present_pick_list(services.pick_lists.ship(actor, number_of(Noun.ORDER, order), parcel, body.partial))
