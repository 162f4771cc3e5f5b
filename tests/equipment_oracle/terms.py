"""The Minimum Equipment Term of each placement and its Equipment Reimbursement Fee: section 3 of the rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from tests.equipment_oracle.calendar import local_date, plus_days, plus_months
from tests.equipment_oracle.endings import End, ended_by_operator_without_breach
from tests.equipment_oracle.events import (
    Activated,
    CancellationAsked,
    Delivered,
    Kind,
    Policy,
    UnitShipped,
    WaiverClaimed,
)
from tests.equipment_oracle.facts import (
    Facts,
    failure,
    is_operator_equipment,
    order_date,
    place_of,
    policy,
    rma_opened,
    seen_at_account,
    shipment_at,
    successors,
    worked_out_once,
)
from tests.equipment_oracle.returns import in_operators_hands, is_timely_trial_return, rmas


class Basis(StrEnum):
    """What a date was reckoned from."""

    ACTIVATION = "activation"
    ORDER_DATE = "order_date_plus_30"
    SHIPPED = "shipped"
    DELIVERY_PROOF = "delivery_proof"
    REGISTRATION = "registration"
    ASSUMED = "assumed"


class Why(StrEnum):
    """Why a fee is owed or not, in the order in which the oracle looks."""

    CUSTOMER_EQUIPMENT = "customer_equipment"
    NOT_WITHOUT_CHARGE = "not_without_charge"
    NEVER_RECEIVED = "never_received"
    ALREADY_ENDED = "service_already_ended"
    SUPERSEDED = "superseded"
    NOT_BEGUN = "not_begun"
    OVER = "over"
    VALUE_CHARGED = "replacement_value_charged"
    TRIAL_RETURN = "timely_trial_return"
    IN_OPERATORS_HANDS = "in_operators_hands"
    OPERATOR_WITHOUT_BREACH = "ended_by_operator_without_breach"
    WAIVED = "waived"
    IN_TERM = "in_term"


NEVER_A_TERM = (Why.CUSTOMER_EQUIPMENT, Why.NOT_WITHOUT_CHARGE, Why.NEVER_RECEIVED)


@dataclass(frozen=True, slots=True)
class Reckoned:
    """A local date and what it was reckoned from."""

    day: date
    basis: Basis


@dataclass(frozen=True, slots=True)
class Term:
    """Begins at the first instant of `begins`, is over at the first instant of `ends`, or of `superseded_on` before
    that.
    """

    begins: date
    ends: date
    basis: Basis
    superseded_on: date | None


def why_no_term(facts: Facts, shipment: UnitShipped) -> Why | None:
    """ER 3.1: binds a Unit of Operator Equipment received without charge: all one-off and recurring amounts for the
    Unit itself, after credits, before tax, sum to zero; shipping, handling and support do not count.
    """
    if not is_operator_equipment(facts, shipment):
        return Why.CUSTOMER_EQUIPMENT
    line = place_of(facts, shipment).line
    if line.one_off_cents + line.recurring_cents - line.credits_cents > 0:
        return Why.NOT_WITHOUT_CHARGE
    return Why.NEVER_RECEIVED if failure(facts, shipment) is not None else None


def is_first_unit(facts: Facts, shipment: UnitShipped) -> bool:
    """ER 3.2: a Unit sent for `wrong_item` counts as a first Unit of the original order."""
    opened = rma_opened(facts, shipment.rma) if shipment.rma else None
    return opened is None or opened.kind is Kind.WRONG_ITEM


def activation_date(facts: Facts, shipment: UnitShipped) -> date | None:
    """The Unit's own Activation in this placement."""
    own = [
        local_date(activated.at)
        for activated in facts.of(Activated)
        if shipment_at(facts, activated.serial, activated.at) is shipment
    ]
    return min(own, default=None)


def start_of_first(facts: Facts, shipment: UnitShipped) -> Reckoned:
    """ER 3.2: the earlier of its own Activation Date and the Order Date of its order + 30 days, never before it
    shipped.
    """
    ordered = order_date(place_of(facts, shipment))
    start = Reckoned(plus_days(ordered, policy(facts, Policy.START_WITHOUT_ACTIVATION_DAYS, ordered)), Basis.ORDER_DATE)
    activated = activation_date(facts, shipment)
    if activated is not None and activated <= start.day:
        start = Reckoned(activated, Basis.ACTIVATION)
    shipped = local_date(shipment.at)
    return Reckoned(shipped, Basis.SHIPPED) if shipped > start.day else start


@worked_out_once
def receipt(facts: Facts, shipment: UnitShipped) -> Reckoned | None:
    """ER 3.3: the earlier of carrier's proof of delivery and first registration from the Account at or after the ship
    date; with neither by then, ship date + 10 days, assumed. A lost, refused or returned shipment has no receipt."""
    if failure(facts, shipment) is not None:
        return None
    found = [
        Reckoned(local_date(event.at), Basis.DELIVERY_PROOF)
        for event in facts.of(Delivered)
        if event.shipment == shipment.shipment
    ]
    found += [
        Reckoned(local_date(event.at), Basis.REGISTRATION)
        for event in seen_at_account(facts)
        if shipment_at(facts, event.serial, event.at) is shipment
    ]
    shipped = local_date(shipment.at)
    found.append(Reckoned(plus_days(shipped, policy(facts, Policy.ASSUMED_RECEIPT_DAYS, shipped)), Basis.ASSUMED))
    return min(found, key=lambda reckoned: reckoned.day)


@worked_out_once
def superseded_on(facts: Facts, shipment: UnitShipped) -> date | None:
    """ER 3.3: the replaced Unit's term is superseded, without a fee, at the first instant of the receipt date."""
    receipts = [receipt(facts, other) for other in successors(facts, shipment)]
    return min((found.day for found in receipts if found is not None), default=None)


def term(facts: Facts, shipment: UnitShipped) -> Term | None:
    """ER 3.2 and 3.3: 12 calendar months, over at the first instant of the day it ends; None where rule 3.1 gives
    none.
    """
    if why_no_term(facts, shipment) is not None:
        return None
    first = is_first_unit(facts, shipment)
    start = start_of_first(facts, shipment) if first else receipt(facts, shipment)
    assert start is not None, shipment
    ends = plus_months(start.day, policy(facts, Policy.MINIMUM_TERM_MONTHS, terms_day(facts, shipment)))
    return Term(start.day, ends, start.basis, superseded_on(facts, shipment))


def terms_day(facts: Facts, shipment: UnitShipped) -> date:
    """Values: term length and fee are those in force on the Order Date (a replacement: its ship date)."""
    return order_date(place_of(facts, shipment)) if is_first_unit(facts, shipment) else local_date(shipment.at)


def is_waived(facts: Facts, end: End) -> bool:
    """ER 3.4: under the waivers of ToS 30.b and 32.c, claimed for the notice that ends the service."""
    if not isinstance(end.cause, CancellationAsked):
        return False
    return any(claim.notice == end.cause.notice for claim in facts.of(WaiverClaimed))


def fee(facts: Facts, shipment: UnitShipped, day: date, end: End | None, value_charged: bool) -> tuple[int, Why]:
    """ER 3.4: what is owed for one Unit if its service ends on a date, and why. `end` None: an ordinary end by the
    Account.
    """
    none = why_no_term(facts, shipment)
    if none is not None:
        return 0, none
    bound = term(facts, shipment)
    assert bound is not None, shipment
    exempt = [
        (bound.superseded_on is not None and bound.superseded_on <= min(day, before(bound.ends)), Why.SUPERSEDED),
        (day < bound.begins, Why.NOT_BEGUN),
        (bound.ends <= day, Why.OVER),
        (value_charged, Why.VALUE_CHARGED),  # ER 3.1: a Unit for which replacement value was charged has no term.
        (has_timely_trial_return(facts, shipment), Why.TRIAL_RETURN),
        (in_operators_hands(facts, shipment, day), Why.IN_OPERATORS_HANDS),
        (end is not None and ended_by_operator_without_breach(end), Why.OPERATOR_WITHOUT_BREACH),
        (end is not None and is_waived(facts, end), Why.WAIVED),
    ]
    for holds, why in exempt:
        if holds:
            return 0, why
    return policy(facts, Policy.REIMBURSEMENT_FEE_CENTS, terms_day(facts, shipment)), Why.IN_TERM


def before(day: date) -> date:
    return plus_days(day, -1)


def has_timely_trial_return(facts: Facts, shipment: UnitShipped) -> bool:
    return any(rma.placement is shipment and is_timely_trial_return(facts, rma) for rma in rmas(facts))
