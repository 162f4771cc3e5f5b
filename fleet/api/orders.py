"""Orders over HTTP: take them and ship them."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, Field

from fleet.api.fields import ParcelIn, ReferenceField, SerialField
from fleet.api.locations import LocationIn, said
from fleet.api.pages import Page, PageDep, make_page
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.money import Money
from fleet.domain.order import MAX_LINE_QUANTITY, MAX_LINES, Agreement, Order, OrderLine, Plan, usual_ownership
from fleet.domain.ownership import Ownership
from fleet.domain.references import Noun, number_of, refer
from fleet.domain.registered_location import LocationState, location_state
from fleet.services.orders import MAX_SERIALS
from fleet.services.shipping import Parcel

router = PermittedRouter(tags=["orders"])

MAX_CENTS = 10_000_000


class OrderLineIn(BaseModel):
    """Amounts for one unit itself, before tax, without shipping; all zero after the credit: free of charge.

    `ownership`: whose the units are; if not given, the customer's where a price is left after the credit, else the
    operator's. A leased one, of an old contract, is to come back when service ends.
    """

    board: str = Field(min_length=1, max_length=16)
    quantity: int = Field(ge=1, le=MAX_LINE_QUANTITY)
    unit_price_cents: int = Field(ge=0, le=MAX_CENTS)
    recurring_cents: int = Field(default=0, ge=0, le=MAX_CENTS)
    credit_cents: int = Field(default=0, ge=0, le=2 * MAX_CENTS)
    ownership: Ownership | None = None


class OrderLineOut(OrderLineIn):
    ownership: Ownership
    brought: bool
    shipped: int
    free: bool


class OrderIn(BaseModel):
    """`order_date`: when the account accepted; today at the operator's if not given.

    `plan`: how its service is billed; an account keeps that of its first order. `plan_price_cents`: for one paid
    period. `distributor`: the Authorized Distributor who sold it, as DI-1. `location`: of all its units.
    """

    account: ReferenceField
    order_date: date | None = None
    plan: Plan = Plan.MONTHLY
    plan_price_cents: int = Field(default=0, ge=0, le=MAX_CENTS)
    distributor: ReferenceField | None = None
    lines: list[OrderLineIn] = Field(min_length=1, max_length=MAX_LINES)
    location: LocationIn | None = None


class OrderOut(BaseModel):
    """`location`: whether one was given with the order, not which; that is read with the unit."""

    id: str
    account: str
    order_date: date
    plan: Plan
    plan_price_cents: int
    distributor: str | None
    location: LocationState
    lines: list[OrderLineOut]


class ShipmentIn(ParcelIn):
    serials: list[SerialField] = Field(min_length=1, max_length=MAX_SERIALS)


def present_order(order: Order) -> OrderOut:
    """An order as the API shows it."""
    distributor = order.agreement.distributor_id
    return OrderOut(
        id=refer(Noun.ORDER, order.id),
        account=refer(Noun.ACCOUNT, order.account_id),
        order_date=order.order_date,
        plan=order.agreement.plan,
        plan_price_cents=order.agreement.plan_price.cents,
        distributor=None if distributor is None else refer(Noun.DISTRIBUTOR, distributor),
        location=location_state(order.location, ""),
        lines=[
            OrderLineOut(
                board=line.board,
                quantity=line.quantity,
                unit_price_cents=line.unit_price.cents,
                recurring_cents=line.recurring.cents,
                credit_cents=line.credit.cents,
                ownership=line.ownership,
                brought=line.brought,
                shipped=shipped,
                free=line.is_free,
            )
            for line, shipped in zip(order.lines, order.shipped, strict=True)
        ],
    )


def _line(body: OrderLineIn) -> OrderLine:
    price, credit = Money(body.unit_price_cents), Money(body.credit_cents)
    return OrderLine(
        board=body.board,
        quantity=body.quantity,
        unit_price=price,
        recurring=Money(body.recurring_cents),
        credit=credit,
        ownership=body.ownership or usual_ownership(price, credit),
    )


@router.post("/v1/orders", permission=Permission.ORDER_MANAGE, status_code=201)
def create(body: OrderIn, actor: ActorDep, services: ServicesDep) -> OrderOut:
    """Take an account's order."""
    lines = [_line(line) for line in body.lines]
    account_id = number_of(Noun.ACCOUNT, body.account)
    distributor = None if body.distributor is None else number_of(Noun.DISTRIBUTOR, body.distributor)
    agreement = Agreement(body.plan, Money(body.plan_price_cents), distributor)
    location = None if body.location is None else said(body.location)
    return present_order(services.orders.create(actor, account_id, body.order_date, lines, agreement, location))


@router.get("/v1/orders", permission=Permission.ACCOUNT_READ)
def list_orders(page: PageDep, actor: ActorDep, services: ServicesDep) -> Page[OrderOut]:
    """The orders in one's scope."""
    orders = services.orders.page(actor, page.limit + 1, page.after_id)
    return make_page(orders, page.limit, lambda order: order.id, present_order)


@router.get("/v1/orders/{order}", permission=Permission.ACCOUNT_READ)
def get_order(order: str, actor: ActorDep, services: ServicesDep) -> OrderOut:
    """One order, and how much of it was shipped."""
    return present_order(services.orders.get(actor, number_of(Noun.ORDER, order)))


@router.post("/v1/orders/{order}/ship", permission=Permission.SHIPMENT_MANAGE)
def ship(order: str, body: ShipmentIn, actor: ActorDep, services: ServicesDep) -> OrderOut:
    """Send units from stock to the order's account: all of them or none."""
    parcel = Parcel(body.carrier, body.tracking)
    return present_order(services.orders.ship(actor, number_of(Noun.ORDER, order), body.serials, parcel))
