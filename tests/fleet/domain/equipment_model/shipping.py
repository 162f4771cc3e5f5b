"""Orders, shipments and the evidence of them, as the services take them in."""

from __future__ import annotations

from dataclasses import replace

from fleet.domain.errors import ConflictError, InvalidError
from fleet.domain.local_dates import local_date
from fleet.domain.money import Money
from fleet.domain.order import OrderLine, check_lines
from fleet.domain.other_charges import shipping_and_handling
from fleet.domain.ownership import Ownership
from fleet.domain.policy import PolicyBook, PolicyName, PolicyValue, check_new_value
from fleet.domain.rma import (
    DECISION,
    REPLACEMENT,
    Decision,
    DecisionEvent,
    Replacement,
    ReplacementEvent,
    Return,
    RmaKind,
    check_may_reserve,
)
from fleet.domain.rma_permits import check_is_owed, check_may_ship
from fleet.domain.term import Activated, Delivered, Registered, ShipmentFailed, Shipped
from fleet.domain.transitions import advance
from tests.equipment_oracle import events as ev
from tests.fleet.domain.equipment_model.settling import record
from tests.fleet.domain.equipment_model.state import ZONE, Authorization, Line, OrderForm, State, Stay

OTHER_NAMES = {
    ev.Policy.CANCELLATION_LEAD_BUSINESS_DAYS: PolicyName.CANCELLATION_NOTICE_BUSINESS_DAYS,
    ev.Policy.UNPAID_BUSINESS_DAYS: PolicyName.PAYMENT_DEFAULT_BUSINESS_DAYS,
    ev.Policy.BREACH_DAYS: PolicyName.OTHER_BREACH_DAYS,
}
OWNERSHIPS = {
    ev.Ownership.PROVIDED: Ownership.OPERATOR,
    ev.Ownership.LEASED: Ownership.LEASED,
    ev.Ownership.CUSTOMER: Ownership.CUSTOMER,
}
GONE = (Replacement.SHIPPED, Replacement.DELIVERED)


def set_policy(state: State, event: ev.PolicySet) -> None:
    name = OTHER_NAMES.get(event.policy) or PolicyName(event.policy.value)
    new = check_new_value(state.policy, PolicyValue(name, event.effective, event.value), state.today)
    state.policy = PolicyBook((*state.policy.values, new))


def accept_order(state: State, event: ev.OrderAccepted) -> None:
    """An order of units, each a line of its own."""
    if state.ended_at is not None:
        raise ConflictError("the account's service has ended")
    annual = event.plan is ev.Plan.ANNUAL
    if any(order.name == event.order for order in state.orders):
        raise ConflictError(f"{event.order} is accepted already")
    if state.orders and state.orders[0].annual is not annual:
        raise ConflictError("an account keeps the plan of its first order")
    day = local_date(event.at, ZONE)
    lines = []
    for told in event.lines:
        amounts = (told.one_off_cents, told.recurring_cents, told.credits_cents)
        ownership = OWNERSHIPS[told.ownership]
        (line,) = check_lines((OrderLine("simulated", 1, *map(Money, amounts), ownership),))
        price = told.one_off_cents - told.credits_cents
        lines.append(Line(f"{event.order}/{told.line}", event.order, day, ownership, line.is_free, price))
    state.orders.append(OrderForm(event.order, day, annual, event.plan_price_cents, lines))


# --- Shipments ----------------------------------------------------------------------------------------------------


def ship(state: State, event: ev.UnitShipped) -> None:
    """A first unit of a line, or what an RMA sends."""
    if any(stay.shipment == event.shipment for stay in state.stays):
        raise ConflictError(f"{event.shipment} has left already")
    known = [stay for stay in state.stays if stay.serial == event.serial]
    if known and not known[-1].failed and known[-1].back_at is None:
        raise ConflictError(f"{event.serial} is with the account")
    if known and known[-1].back_at is not None and known[-1].back_at >= event.at:
        raise ConflictError(f"{event.serial} came this very instant")
    if known and known[-1].back_at is not None and not known[-1].matched:
        raise ConflictError(f"{event.serial} came back without an RMA and is not matched")
    lost = [f for f in state.facts if isinstance(f, ShipmentFailed) and known and f.placement == known[-1].placement]
    if lost and lost[0].outcome == ev.CarrierOutcome.LOST:
        raise ConflictError(f"{event.serial} is lost")
    if event.rma:
        ship_for_rma(state, event)
    else:
        ship_first(state, event)


def ship_first(state: State, event: ev.UnitShipped) -> None:
    if event.repaired:
        raise InvalidError("only an RMA sends a repaired unit back")
    line = next((line for line in state.lines if line.name == f"{event.order}/{event.line}"), None)
    if line is None or line.ended_at is not None:
        raise ConflictError(f"no service of {event.order}/{event.line} waits for a unit")
    earlier = [stay for stay in state.stays if stay.line is line]
    if any(not stay.failed or stay.rma for stay in earlier):
        raise ConflictError(f"{line.name} has its unit")
    place(state, event, line, None)


def ship_for_rma(state: State, event: ev.UnitShipped) -> None:
    known = state.rma_named(event.rma)
    stay = known.stay
    check_may_reserve(known.rma)
    check_is_owed(known.rma, known.inspection)
    reserved = replace(
        known.rma, replacement=advance(REPLACEMENT, known.rma.replacement, ReplacementEvent.RESERVE, known.name)
    )
    check_may_ship(reserved, known.inspection)
    if stay.line.ended_at is not None and not (event.repaired and stay.line.ownership is Ownership.CUSTOMER):
        raise ConflictError(f"the service of {stay.serial} has ended")
    if (event.serial == stay.serial) is not event.repaired:
        raise InvalidError("the same unit comes back repaired, another one as a replacement")
    if event.repaired and (known.rma.kind is not RmaKind.DEFECT or known.rma.returning is not Return.INSPECTED):
        raise ConflictError("a unit is inspected for its defect before it is repaired")
    state_after = advance(REPLACEMENT, reserved.replacement, ReplacementEvent.SHIP, known.name)
    sent = place(state, event, stay.line, known)
    known.sent.append(sent)
    known.rma = replace(
        reserved, replacement=state_after, replacement_serial=event.serial, replacement_placement=sent.placement
    )
    rma, day = known.rma, local_date(event.at, ZONE)
    record(state, shipping_and_handling(rma.id, rma.kind, stay.line.ownership, day, state.policy, state.ledger))


def place(state: State, event: ev.UnitShipped, line: Line, known: Authorization | None) -> Stay:
    """A new placement; a wrong item's replacement counts as a first unit of the order (ER 3.2)."""
    renews = known is not None and known.rma.kind is RmaKind.DEFECT
    replaces = None if known is None else known.stay.placement
    number = len(state.stays) + 1
    shipped = Shipped(number, event.at, event.serial, line.order_date, line.free, replaces, renews)
    stay = Stay(number, event.shipment, event.serial, line, shipped, event.rma)
    state.stays.append(stay)
    state.facts.append(shipped)
    return stay


# --- Evidence, believable by the oracle's word --------------------------------------------------------------------


def delivered(state: State, event: ev.Delivered) -> None:
    stay = state.stay_named(event.shipment)
    state.facts.append(Delivered(stay.placement, event.at))
    arrive(state, stay)


def failed(state: State, event: ev.CarrierFailed) -> None:
    """A shipment got lost: its RMA may send another, and what was asked back of it is not owed."""
    stay = state.stay_named(event.shipment)
    stay.failed = True
    state.facts.append(ShipmentFailed(stay.placement, event.at, event.outcome))
    for known in state.rmas:
        if known.sent and known.sent[-1] is stay:
            after = advance(REPLACEMENT, known.rma.replacement, ReplacementEvent.LOSE, known.name)
            known.rma = replace(known.rma, replacement=after)
        if known.stay is stay and known.rma.decision is Decision.APPROVED:
            after = advance(DECISION, known.rma.decision, DecisionEvent.CANCEL, known.name)
            known.rma = replace(known.rma, decision=after)


def registered(state: State, event: ev.Registered) -> None:
    if event.place is ev.Place.ACCOUNT:
        seen(state, event)


def activated(state: State, event: ev.Activated) -> None:
    """Service begins for the unit; with the first one, billing."""
    stay = seen(state, event)
    day = local_date(event.at, ZONE)
    state.facts.append(Activated(stay.placement, event.at))
    order = next(order for order in state.orders if stay.line in order.lines)
    order.activations.append(day)
    state.billed_from = day if state.billed_from is None else min(state.billed_from, day)


def seen(state: State, event: ev.Registered | ev.Activated) -> Stay:
    stay = state.stay_of(event.serial, event.at)
    state.facts.append(Registered(stay.placement, event.at))
    stay.seen_at = max(event.at, stay.seen_at or event.at)
    arrive(state, stay)
    return stay


def arrive(state: State, stay: Stay) -> None:
    """What an RMA sent is delivered by the proof, or by its own registration."""
    for known in state.rmas:
        if known.sent and known.sent[-1] is stay and known.rma.replacement in GONE:
            after = advance(REPLACEMENT, known.rma.replacement, ReplacementEvent.DELIVER, known.name)
            known.rma = replace(known.rma, replacement=after)
