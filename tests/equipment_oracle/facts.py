"""What is known of one Account at an instant, and where its Units are: plain look-ups in the list of events told so
far.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from tests.equipment_oracle.calendar import local_date
from tests.equipment_oracle.events import (
    Activated,
    CarrierFailed,
    Event,
    OrderAccepted,
    OrderLine,
    Ownership,
    Policy,
    PolicySet,
    Registered,
    ReturnReceived,
    RmaOpened,
    UnitShipped,
)
from tests.equipment_oracle.events import Place as Where

E = TypeVar("E", bound=Event)

# Section 9.
DEFAULTS = {
    Policy.MINIMUM_TERM_MONTHS: 12,
    Policy.REIMBURSEMENT_FEE_CENTS: 5000,
    Policy.START_WITHOUT_ACTIVATION_DAYS: 30,
    Policy.ASSUMED_RECEIPT_DAYS: 10,
    Policy.RETURN_DAYS: 10,
    Policy.TRIAL_OPEN_DAYS: 30,
    Policy.TRIAL_RETURN_DAYS: 14,
    Policy.REPLACEMENT_VALUE_CENTS: 6500,
    Policy.RESTOCKING_FEE_CENTS: 1000,
    Policy.SHIPPING_AND_HANDLING_CENTS: 995,
    Policy.RECONNECT_FEE_CENTS: 1500,
    Policy.CANCELLATION_LEAD_HOURS: 72,
    Policy.CANCELLATION_LEAD_BUSINESS_DAYS: 3,
    Policy.ANNUAL_REFUND_DAYS: 30,
    Policy.UNPAID_BUSINESS_DAYS: 5,
    Policy.BREACH_DAYS: 30,
    Policy.REMINDER_DAYS: 3,
    Policy.LATE_SCAN_GRACE_DAYS: 5,
    Policy.LATE_RETURN_CREDIT_DAYS: 30,
}


@dataclass(frozen=True, slots=True)
class Facts:
    """The events told so far, in the order told, and the present instant."""

    events: tuple[Event, ...]
    now: datetime
    answers: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    def of(self, kind: type[E]) -> list[E]:
        """All events of one kind, in the order told."""
        if kind not in self.answers:
            self.answers[kind] = [event for event in self.events if isinstance(event, kind)]
        found: list[E] = self.answers[kind]
        return found

    def up_to(self, event: Event) -> Facts:
        """What was known when this event was told, the event included."""
        index = next(i for i, told in enumerate(self.events) if told is event)
        return Facts(self.events[: index + 1], event.known_at)


P = ParamSpec("P")
R = TypeVar("R")


def worked_out_once(rule: Callable[Concatenate[Facts, P], R]) -> Callable[Concatenate[Facts, P], R]:
    """Facts never change, so an answer about them is worked out once; new facts start with none."""

    @wraps(rule)
    def answer(facts: Facts, /, *args: P.args, **kwargs: P.kwargs) -> R:
        key = (rule, args)
        if key not in facts.answers:
            facts.answers[key] = rule(facts, *args, **kwargs)
        answered: R = facts.answers[key]
        return answered

    return answer


def policy(facts: Facts, name: Policy, day: date) -> int:
    """The value in force on a day: the latest effective date that is not after it; of two, the one set last."""
    value, since = DEFAULTS[name], date.min
    for change in facts.of(PolicySet):
        if change.policy is name and since <= change.effective <= day:
            value, since = change.value, change.effective
    return value


@dataclass(frozen=True, slots=True)
class Place:
    """The place of one Unit on an Order Form, which replacements take over from each other: its service is one
    service.
    """

    order: OrderAccepted
    line: OrderLine

    @property
    def key(self) -> tuple[str, str]:
        return (self.order.order, self.line.line)


@worked_out_once
def places(facts: Facts) -> list[Place]:
    return [Place(order, line) for order in facts.of(OrderAccepted) for line in order.lines]


def rma_opened(facts: Facts, rma: str) -> RmaOpened | None:
    return next((opened for opened in facts.of(RmaOpened) if opened.rma == rma), None)


@worked_out_once
def shipments(facts: Facts) -> list[UnitShipped]:
    """Every placement of a Unit at the Account begins with a shipment and is named by it."""
    return facts.of(UnitShipped)


@worked_out_once
def replaced(facts: Facts, shipment: UnitShipped) -> UnitShipped | None:
    """The placement whose Unit this shipment replaces, or brings back repaired; None for a first Unit."""
    opened = rma_opened(facts, shipment.rma) if shipment.rma else None
    return shipment_at(facts, opened.serial, opened.at) if opened else None


@worked_out_once
def place_of(facts: Facts, shipment: UnitShipped) -> Place:
    """The place on the Order Form that this Unit fills, itself or through those it replaces."""
    before = replaced(facts, shipment)
    if before is not None:
        return place_of(facts, before)
    return next(place for place in places(facts) if place.key == (shipment.order, shipment.line))


def shipments_of(facts: Facts, place: Place) -> list[UnitShipped]:
    return [shipment for shipment in shipments(facts) if place_of(facts, shipment).key == place.key]


@worked_out_once
def successors(facts: Facts, shipment: UnitShipped) -> list[UnitShipped]:
    """The shipments that replace this placement's Unit, or bring it back repaired; more than one if some were lost."""
    return [other for other in shipments(facts) if other.rma and replaced(facts, other) is shipment]


@worked_out_once
def shipment_at(facts: Facts, serial: str, instant: datetime) -> UnitShipped | None:
    """The placement a Unit was in at an instant, or had been in last before it."""
    earlier = [shipment for shipment in shipments(facts) if shipment.serial == serial and shipment.at <= instant]
    return earlier[-1] if earlier else None


def failure(facts: Facts, shipment: UnitShipped) -> CarrierFailed | None:
    return next((failed for failed in facts.of(CarrierFailed) if failed.shipment == shipment.shipment), None)


@worked_out_once
def seen_at_account(facts: Facts) -> list[Registered | Activated]:
    """Registrations from the Account; an activation is one too (ER 1). Warehouse registrations never count (ER 3.3)."""
    registered = [event for event in facts.of(Registered) if event.place is Where.ACCOUNT]
    return [*registered, *facts.of(Activated)]


@worked_out_once
def came_back(facts: Facts, shipment: UnitShipped) -> ReturnReceived | None:
    """The receipt of a placement's Unit by the operator, if it came back."""
    for received in facts.of(ReturnReceived):
        if received.serial == shipment.serial and shipment_at(facts, shipment.serial, received.at) is shipment:
            return received
    return None


def with_account(facts: Facts, shipment: UnitShipped) -> bool:
    """The Unit is at the Account or on its way there, as far as we know."""
    return failure(facts, shipment) is None and came_back(facts, shipment) is None


def is_operator_equipment(facts: Facts, shipment: UnitShipped) -> bool:
    """ER 1; a replacement takes the ownership of the Unit it replaces (ER 3.1)."""
    return place_of(facts, shipment).line.ownership is not Ownership.CUSTOMER


def is_leased(facts: Facts, shipment: UnitShipped) -> bool:
    return place_of(facts, shipment).line.ownership is Ownership.LEASED


def order_date(place: Place) -> date:
    return local_date(place.order.at)
