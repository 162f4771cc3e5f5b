"""Orders, shipments and the evidence of them, done with the services as people and units do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fleet.domain.errors import FleetError
from fleet.domain.local_dates import local_date
from fleet.domain.money import Money
from fleet.domain.order import Agreement, OrderLine, Plan
from fleet.domain.policy import PolicyName, PolicyValue
from tests.equipment_oracle import events as ev
from tests.fleet.domain.equipment_model.shipping import OTHER_NAMES, OWNERSHIPS
from tests.fleet.domain.equipment_model.state import ZONE
from tests.fleet.services.equipment import HOME, PARCEL
from tests.fleet.services.equipment_played import endings, returns
from tests.fleet.services.equipment_played.desk import NOWHERE, Desk

BOARD = "simulated"


def set_policy(desk: Desk, event: ev.PolicySet) -> None:
    name = OTHER_NAMES.get(event.policy) or PolicyName(event.policy.value)
    desk.services.policy.set(desk.actor, PolicyValue(name, event.effective, event.value))


def accept_order(desk: Desk, event: ev.OrderAccepted) -> None:
    """Each line an order of its own: what is shipped names an order, not a line of it. An annual plan has one line."""
    plan = Plan.ANNUAL if event.plan is ev.Plan.ANNUAL else Plan.MONTHLY
    agreement = Agreement(plan, Money(event.plan_price_cents))
    day = local_date(event.at, ZONE)
    for line in event.lines:
        amounts = (line.one_off_cents, line.recurring_cents, line.credits_cents)
        told = OrderLine(BOARD, 1, *map(Money, amounts), OWNERSHIPS[line.ownership])
        order = desk.services.orders.create(desk.actor, desk.account, day, [told], agreement, HOME)
        desk.orders[event.order, line.line] = order.id
    desk.forms.append(event)


def ship(desk: Desk, event: ev.UnitShipped) -> None:
    """A first unit of a line, or what an RMA sends."""
    serial = desk.serial_to_send(event.serial)
    if event.rma:
        _ship_for_rma(desk, desk.rma(event.rma), serial)
    else:
        order = desk.orders.get((event.order, event.line), NOWHERE)
        desk.services.orders.ship(desk.actor, order, [serial], PARCEL)
    desk.has_left(event.shipment, event.serial, serial)


def _ship_for_rma(desk: Desk, rma: int, serial: str) -> None:
    desk.services.rmas.reserve(desk.actor, rma, serial)
    try:
        desk.services.rmas.ship(desk.actor, rma, PARCEL)
    except FleetError:
        desk.services.rmas.release(desk.actor, rma, "it cannot be sent")
        desk.undone += 2
        raise


# --- Evidence -----------------------------------------------------------------------------------------------------


def delivered(desk: Desk, event: ev.Delivered) -> None:
    desk.services.shipments.deliver(desk.actor, desk.serial_of(event.shipment), event.at)


def failed(desk: Desk, event: ev.CarrierFailed) -> None:
    desk.services.shipments.lose(desk.actor, desk.serial_of(event.shipment), event.outcome.value, event.at)


def registered(desk: Desk, event: ev.Registered) -> None:
    if event.place is ev.Place.ACCOUNT:
        desk.world.warehouse.register(desk.unit(event.serial))


def activated(desk: Desk, event: ev.Activated) -> None:
    """Online and registered first, then its service is ready."""
    desk.world.warehouse.register(desk.unit(event.serial))
    desk.world.warehouse.ready(desk.unit(event.serial))


ACTS: dict[type[ev.Event], Callable[[Desk, Any], None]] = {
    ev.PolicySet: set_policy,
    ev.OrderAccepted: accept_order,
    ev.UnitShipped: ship,
    ev.Delivered: delivered,
    ev.CarrierFailed: failed,
    ev.Registered: registered,
    ev.Activated: activated,
    ev.RmaOpened: returns.open_rma,
    ev.RmaApproved: returns.approve,
    ev.RmaDenied: returns.deny,
    ev.RmaCancelled: returns.cancel,
    ev.ReturnScanned: returns.scan,
    ev.ReturnReceived: returns.receive,
    ev.BlindMatched: returns.match,
    ev.Quarantined: returns.hold,
    ev.Inspected: returns.inspect,
    ev.RmaClosed: returns.close,
    ev.CancellationAsked: endings.ask,
    ev.CancellationWithdrawn: endings.take_back,
    ev.WaiverClaimed: endings.claim_waiver,
    ev.LastLineRemoved: endings.remove_line,
    ev.BreachNoticed: endings.notice_breach,
    ev.Terminated: endings.terminate,
    ev.Suspended: endings.suspend,
    ev.Reactivated: endings.reactivate,
}
