"""What became of each RMA, by when its Unit must be back, and what missing that costs: section 4 of the rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from tests.equipment_oracle.calendar import first_instant, local_date, plus_days
from tests.equipment_oracle.endings import End, covers, ends_of_place, has_ended, standing_notices
from tests.equipment_oracle.events import (
    BlindMatched,
    CancellationAsked,
    Delivered,
    Event,
    Finding,
    Inspected,
    Kind,
    Mode,
    Ownership,
    Policy,
    Quarantined,
    ReturnReceived,
    ReturnScanned,
    RmaApproved,
    RmaCancelled,
    RmaClosed,
    RmaDenied,
    RmaOpened,
    UnitShipped,
)
from tests.equipment_oracle.facts import (
    Facts,
    came_back,
    failure,
    is_leased,
    is_operator_equipment,
    order_date,
    place_of,
    policy,
    seen_at_account,
    shipment_at,
    shipments,
    successors,
    worked_out_once,
)


class Decision(StrEnum):
    REQUESTED = "requested"
    APPROVED = "approved"
    DENIED = "denied"
    CANCELLED = "cancelled"


class Replacement(StrEnum):
    NONE = "none"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    LOST = "lost"


class Return(StrEnum):
    NONE = "none"
    AWAITED = "awaited"
    OVERDUE = "overdue"
    IN_TRANSIT = "in_transit"
    RECEIVED = "received"
    IN_QUARANTINE = "in_quarantine"
    INSPECTED = "inspected"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Rma:
    """One RMA: the placement it takes back, and its decision so far."""

    name: str
    placement: UnitShipped
    kind: Kind
    mode: Mode
    opened_at: datetime
    decision: Decision
    approved_at: datetime | None


@dataclass(frozen=True, slots=True)
class Dates:
    """Local dates of an approved RMA's deadline; None where it has none."""

    deadline: date | None
    reminder: date | None
    last_receipt_without_scan: date | None


# --- Which RMAs there are ------------------------------------------------------------------------------------------


@worked_out_once
def rmas(facts: Facts) -> list[Rma]:
    """Those asked for, then those the system opens for leased Units."""
    return asked_rmas(facts) + cancellation_returns(facts)


def rma_named(facts: Facts, name: str) -> Rma | None:
    return next((rma for rma in rmas(facts) if rma.name == name), None)


def asked_rmas(facts: Facts) -> list[Rma]:
    return [asked_rma(facts, opened) for opened in facts.of(RmaOpened)]


def asked_rma(facts: Facts, opened: RmaOpened) -> Rma:
    decision, approved_at = Decision.REQUESTED, None
    for event in facts.events:
        if isinstance(event, RmaApproved | RmaDenied | RmaCancelled) and event.rma == opened.rma:
            if isinstance(event, RmaApproved):
                decision, approved_at = Decision.APPROVED, event.at
            else:
                decision = Decision.DENIED if isinstance(event, RmaDenied) else Decision.CANCELLED
    placement = shipment_at(facts, opened.serial, opened.at)
    assert placement is not None, opened
    return Rma(opened.rma, placement, opened.kind, opened.mode, opened.at, decision, approved_at)


def cancellation_returns(facts: Facts) -> list[Rma]:
    """`cancellation_return` (leased Units; opened by the system on the day service ends). Opened is approved. Not for a
    Unit that was known to be back then, nor one that was lost on its way."""
    found = []
    for shipment in shipments(facts):
        end = ends_of_place(facts, place_of(facts, shipment))
        if end is None or not has_ended(facts, end) or not is_leased(facts, shipment) or failure(facts, shipment):
            continue
        back = came_back(facts, shipment)
        if back is not None and told_before_end(facts, back, end):
            continue
        name = f"cancellation:{shipment.shipment}"
        kind, mode = Kind.CANCELLATION_RETURN, Mode.ON_RECEIPT
        found.append(Rma(name, shipment, kind, mode, end.instant, Decision.APPROVED, end.instant))
    return found


def told_before_end(facts: Facts, event: Event, end: End) -> bool:
    """Whether something was known when service ended. A notice ends it before anything else of that instant."""
    if isinstance(end.cause, CancellationAsked):
        return event.known_at < end.instant
    return next(told is event for told in facts.events if told is event or told is end.cause)


# --- The way back --------------------------------------------------------------------------------------------------


@worked_out_once
def scan_of(facts: Facts, placement: UnitShipped) -> ReturnScanned | None:
    """The carrier's first acceptance of a placement's Unit on its way back, under whichever RMA."""
    own = {rma.name for rma in rmas(facts) if rma.placement is placement}
    return min((scan for scan in facts.of(ReturnScanned) if scan.rma in own), key=lambda scan: scan.at, default=None)


@worked_out_once
def receipt_under_rma(facts: Facts, placement: UnitShipped) -> ReturnReceived | None:
    """The Unit is back under an RMA: named when it came, or found for a blind return afterwards."""
    received = came_back(facts, placement)
    if received is None:
        return None
    own = {rma.name for rma in rmas(facts) if rma.placement is placement}
    matched = any(match.rma in own for match in facts.of(BlindMatched))
    return received if received.rma or matched else None


def in_operators_hands(facts: Facts, placement: UnitShipped, day: date) -> bool:
    """In the operator's hands under an RMA that day: from the date it came to the date it left for the Account
    again, repaired, both included. One that got lost, or came back, on that way has not left; nor has one restocked
    for others.
    """
    received = receipt_under_rma(facts, placement)
    if received is None or local_date(received.at) > day:
        return False
    sent_back = [other for other in successors(facts, placement) if other.repaired and failure(facts, other) is None]
    return all(day <= local_date(other.at) for other in sent_back)


def inspection(facts: Facts, rma: Rma) -> Inspected | None:
    return next((event for event in facts.of(Inspected) if event.rma == rma.name), None)


def deadline(facts: Facts, rma: Rma) -> date | None:
    """Leased and advance-replaced Units: 10 days from the approval that gives the RMA number; a trial return: 14 days
    of the cancellation notice; none for the others."""
    if rma.decision is not Decision.APPROVED or rma.approved_at is None:
        return None
    if rma.kind is Kind.TRIAL_RETURN:
        notice = trial_notice(facts, rma)
        if notice is None:
            return None
        day = local_date(notice.at)
        return plus_days(day, policy(facts, Policy.TRIAL_RETURN_DAYS, day))
    if rma.kind is Kind.CANCELLATION_RETURN or rma.mode is Mode.ADVANCE:
        day = local_date(rma.approved_at)
        return plus_days(day, policy(facts, Policy.RETURN_DAYS, day))
    return None


def dates(facts: Facts, rma: Rma) -> Dates:
    """A reminder goes out before each deadline, not before the deadline is known; without a scan, receipt within 5
    days after it is in time."""
    day = deadline(facts, rma)
    if day is None:
        return Dates(None, None, None)
    starts = local_date(rma.approved_at) if rma.approved_at else day
    notice = trial_notice(facts, rma)
    if rma.kind is Kind.TRIAL_RETURN and notice is not None:
        starts = max(starts, local_date(notice.at))
    reminder = max(starts, plus_days(day, -policy(facts, Policy.REMINDER_DAYS, starts)))
    return Dates(day, reminder, plus_days(day, policy(facts, Policy.LATE_SCAN_GRACE_DAYS, day)))


def is_in_time(facts: Facts, rma: Rma) -> bool:
    """The carrier's acceptance decides, and without a scan a Unit received within 5 days after counts as in time."""
    found = dates(facts, rma)
    if found.deadline is None or found.last_receipt_without_scan is None:
        return False
    scan, received = scan_of(facts, rma.placement), came_back(facts, rma.placement)
    if scan is not None:
        return local_date(scan.at) <= found.deadline
    return received is not None and local_date(received.at) <= found.last_receipt_without_scan


# --- What a missed deadline or damage costs ------------------------------------------------------------------------


def overdue_from(facts: Facts, rma: Rma) -> datetime | None:
    """The instant from which replacement value may be charged for a Unit kept: after the whole of the last day, and for
    an advance replacement not before it has left, whoever owns the Unit (decision 0010)."""
    day = deadline(facts, rma)
    if day is None or rma.kind is Kind.TRIAL_RETURN:
        return None
    over = first_instant(plus_days(day, 1))
    if rma.kind is Kind.CANCELLATION_RETURN:
        return over
    sent = [other.at for other in successors(facts, rma.placement) if failure(facts, other) is None]
    return max(over, sent[0]) if sent else None


def overdue_value_cents(facts: Facts, rma: Rma, charged_from: datetime) -> int:
    """10 days, then replacement value is charged; credited in full, once, if received sound within 30 days after."""
    if is_in_time(facts, rma):
        return 0
    day = local_date(charged_from)
    received = came_back(facts, rma.placement)
    found = [inspection(facts, other) for other in rmas(facts) if other.placement is rma.placement]
    sound = any(event is not None and event.finding is not Finding.DAMAGED for event in found)
    last = plus_days(day, policy(facts, Policy.LATE_RETURN_CREDIT_DAYS, day))
    if received is not None and local_date(received.at) <= last and sound:
        return 0
    return policy(facts, Policy.REPLACEMENT_VALUE_CENTS, day)


def damage_value_cents(facts: Facts, rma: Rma) -> int:
    """Not if the Account or another party caused the defect of Operator Equipment: inspection decides, and replacement
    value is charged."""
    found = inspection(facts, rma)
    if found is None or found.finding is not Finding.DAMAGED:
        return 0
    if rma.kind is not Kind.DEFECT or not is_operator_equipment(facts, rma.placement):
        return 0
    return policy(facts, Policy.REPLACEMENT_VALUE_CENTS, local_date(found.at))


# --- Trial return --------------------------------------------------------------------------------------------------


def trial_notice(facts: Facts, rma: Rma) -> CancellationAsked | None:
    """The cancellation notice a trial return goes with: the one that stands and covers the Unit."""
    place = place_of(facts, rma.placement)
    return next((notice for notice in standing_notices(facts) if covers(facts, notice, place)), None)


def is_timely_trial_return(facts: Facts, rma: Rma) -> bool:
    """Opened by Order Date + 30, shipped within 14 days of the cancellation notice, original condition with all
    accessories: so only an inspection makes it one."""
    found = inspection(facts, rma)
    if rma.kind is not Kind.TRIAL_RETURN or found is None or not is_in_time(facts, rma):
        return False
    return found.finding is not Finding.DAMAGED and found.accessories_complete


def trial_opens_until(facts: Facts, placement: UnitShipped) -> date:
    ordered = order_date(place_of(facts, placement))
    return plus_days(ordered, policy(facts, Policy.TRIAL_OPEN_DAYS, ordered))


def trial_refund_cents(facts: Facts, rma: Rma) -> int:
    """Purchase price back less restocking fee; a Unit that misses it just loses the refund."""
    line = place_of(facts, rma.placement).line
    found = inspection(facts, rma)
    if line.ownership is not Ownership.CUSTOMER or found is None or not is_timely_trial_return(facts, rma):
        return 0
    restocking = policy(facts, Policy.RESTOCKING_FEE_CENTS, local_date(found.at))
    return max(0, line.one_off_cents - line.credits_cents - restocking)


# --- The three tracks ----------------------------------------------------------------------------------------------


def replacement_track(facts: Facts, rma: Rma) -> Replacement:
    sent = [shipment for shipment in shipments(facts) if shipment.rma == rma.name]
    if not sent:
        return Replacement.NONE
    if failure(facts, sent[-1]) is not None:
        return Replacement.LOST
    return Replacement.DELIVERED if has_arrived(facts, sent[-1]) else Replacement.SHIPPED


def has_arrived(facts: Facts, shipment: UnitShipped) -> bool:
    """Seen at the Account: by a proof of delivery, a registration or an activation."""
    proven = any(proof.shipment == shipment.shipment for proof in facts.of(Delivered))
    return proven or any(shipment_at(facts, seen.serial, seen.at) is shipment for seen in seen_at_account(facts))


def return_track(facts: Facts, rma: Rma) -> Return:
    """The furthest step that is known; overdue only while nothing is on its way."""
    if rma.decision is not Decision.APPROVED:
        return Return.NONE
    triage: dict[Return, list[RmaClosed] | list[Inspected] | list[Quarantined]] = {
        Return.CLOSED: facts.of(RmaClosed),
        Return.INSPECTED: facts.of(Inspected),
        Return.IN_QUARANTINE: facts.of(Quarantined),
    }
    for state, steps in triage.items():
        if any(step.rma == rma.name for step in steps):
            return state
    received = came_back(facts, rma.placement)
    if received is not None:
        return Return.RECEIVED if receipt_under_rma(facts, rma.placement) else Return.IN_QUARANTINE
    if scan_of(facts, rma.placement) is not None:
        return Return.IN_TRANSIT
    over = overdue_from(facts, rma)
    return Return.OVERDUE if over is not None and over <= facts.now else Return.AWAITED


def is_live(facts: Facts, rma: Rma) -> bool:
    """Still running: asked for or approved, and its Unit not inspected yet."""
    if rma.decision in (Decision.DENIED, Decision.CANCELLED):
        return False
    return inspection(facts, rma) is None
