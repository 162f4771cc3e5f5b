"""Whether an event may happen now: the rule that refuses it, or nothing. A refused event changes nothing (rules 4).

Each rule is a sentence that is returned when it is broken; the order of the sentences does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, time
from typing import Any

from tests.equipment_oracle import events as ev
from tests.equipment_oracle.calendar import local_date, local_time, plus_days
from tests.equipment_oracle.endings import (
    account_end,
    ends_of_place,
    has_ended,
    is_standing,
    is_suspended,
    last_day_before_termination,
    notice_of_breach,
    pending_notice,
)
from tests.equipment_oracle.facts import (
    Facts,
    came_back,
    failure,
    is_operator_equipment,
    place_of,
    places,
    seen_at_account,
    shipment_at,
    shipments,
    shipments_of,
    with_account,
)
from tests.equipment_oracle.returns import (
    Decision,
    Rma,
    asked_rmas,
    has_arrived,
    inspection,
    is_live,
    receipt_under_rma,
    replacement_track,
    return_track,
    rma_named,
    rmas,
    scan_of,
    trial_opens_until,
)
from tests.equipment_oracle.returns import Replacement as Sent
from tests.equipment_oracle.returns import Return as Back

PHONE_OPENS, PHONE_CLOSES = time(6), time(20)
DIMINISHED_TOLD_WITHIN_DAYS = 30  # ToS 30.b
FORCE_MAJEURE_OVER_DAYS = 10  # ToS 32.c

Refusals = Iterator[tuple[bool, str]]


def refusal(facts: Facts, event: ev.Event) -> str | None:
    """The first rule that this event breaks on the facts known when it is told; None where it may happen."""
    if event.at > event.known_at:
        return "nothing is known before it happens"
    if event.at != event.known_at and not isinstance(event, ev.Evidence):
        return "an act is known at once"
    if event.known_at < facts.now:
        return "a history is told in the order it is known"
    known = Facts(facts.events, event.known_at)
    return next((why for broken, why in RULES[type(event)](known, event) if broken), None)


# --- Policy values and orders --------------------------------------------------------------------------------------


def policy_set(facts: Facts, event: ev.PolicySet) -> Refusals:
    yield event.value < 0, "an amount or period is not negative"
    yield event.effective <= local_date(event.at), "a value takes effect after the day it is set"
    known = [change for change in facts.of(ev.PolicySet) if change.policy is event.policy]
    yield any(change.effective == event.effective for change in known), "there is a value from that day on already"


def order_accepted(facts: Facts, event: ev.OrderAccepted) -> Refusals:
    yield has_ended(facts, account_end(facts)), "the Account's service has ended"
    orders = facts.of(ev.OrderAccepted)
    yield any(order.order == event.order for order in orders), "this order is accepted already"
    yield bool(orders) and orders[0].plan is not event.plan, "an Account keeps the plan of its first order"
    yield not event.lines, "an order names at least one Unit"


# --- Shipments and evidence of them --------------------------------------------------------------------------------


def unit_shipped(facts: Facts, event: ev.UnitShipped) -> Refusals:
    yield any(other.shipment == event.shipment for other in shipments(facts)), "this shipment has left already"
    last = shipment_at(facts, event.serial, event.at)
    if last is not None:
        lost = failure(facts, last)
        yield with_account(facts, last), "the Unit is with the Account"
        back = came_back(facts, last)
        yield back is not None and back.at >= event.at, "the Unit came this very instant"
        held = back is not None and receipt_under_rma(facts, last) is None
        yield held, "a blind return stays in quarantine until it is matched"
        yield lost is not None and lost.outcome is ev.CarrierOutcome.LOST, "the Unit is lost"
    yield from replacement_shipped(facts, event) if event.rma else first_shipped(facts, event)


def first_shipped(facts: Facts, event: ev.UnitShipped) -> Refusals:
    yield event.repaired, "only an RMA sends a repaired Unit back"
    place = next((found for found in places(facts) if found.key == (event.order, event.line)), None)
    yield place is None, "no such line on an Order Form"
    if place is not None:
        yield has_ended(facts, ends_of_place(facts, place)), "this service has ended"
        earlier = shipments_of(facts, place)
        yield any(failure(facts, other) is None for other in earlier), "this line has its Unit"
        yield any(other.rma for other in earlier), "this line has had its Unit: its RMA sends another"


def replacement_shipped(facts: Facts, event: ev.UnitShipped) -> Refusals:
    rma = rma_named(facts, event.rma)
    yield rma is None or rma.decision is not Decision.APPROVED, "no such approved RMA"
    if rma is None:
        return
    yield rma.kind not in (ev.Kind.DEFECT, ev.Kind.WRONG_ITEM), "this kind of RMA replaces nothing"
    yield replacement_track(facts, rma) not in (Sent.NONE, Sent.LOST), "this RMA has its replacement"
    place = place_of(facts, rma.placement)
    comes_home = event.repaired and not is_operator_equipment(facts, rma.placement)
    yield has_ended(facts, ends_of_place(facts, place)) and not comes_home, "this service has ended"
    found, received = inspection(facts, rma), receipt_under_rma(facts, rma.placement)
    spoilt = found is not None and found.finding is ev.Finding.DAMAGED
    yield spoilt and rma.kind is ev.Kind.DEFECT, "the Account or another party caused the defect"
    yield return_track(facts, rma) is Back.CLOSED, "this RMA is closed"
    same = event.serial == rma.placement.serial
    yield same != event.repaired, "the same Unit comes back repaired, another one as a replacement"
    if event.repaired:
        yield rma.kind is not ev.Kind.DEFECT, "only a defect is repaired"
        yield found is None, "a Unit is inspected before it is repaired"
    yield rma.mode is ev.Mode.ON_RECEIPT and received is None, "the replacement goes out on receipt"


def delivered(facts: Facts, event: ev.Delivered) -> Refusals:
    shipment = next((other for other in shipments(facts) if other.shipment == event.shipment), None)
    yield shipment is None or event.at < shipment.at, "no such shipment had left"
    if shipment is not None:
        back = came_back(facts, shipment)
        yield failure(facts, shipment) is not None, "the carrier has reported this shipment as failed"
        yield back is not None and back.at < event.at, "the Unit had come back before"
    yield any(other.shipment == event.shipment for other in facts.of(ev.Delivered)), "this shipment has its proof"


def carrier_failed(facts: Facts, event: ev.CarrierFailed) -> Refusals:
    shipment = next((other for other in shipments(facts) if other.shipment == event.shipment), None)
    yield shipment is None or event.at < shipment.at, "no such shipment had left"
    if shipment is not None:
        yield failure(facts, shipment) is not None, "the carrier has reported this shipment already"
        yield came_back(facts, shipment) is not None, "the Unit came back from the Account"
        yield has_arrived(facts, shipment), "the shipment has arrived"
        asked = [rma for rma in asked_rmas(facts) if rma.placement is shipment and rma.decision in LIVE_DECISIONS]
        yield bool(asked), "the Account has asked for an RMA of the Unit, so it has arrived"
        yield scan_of(facts, shipment) is not None, "the Unit is on its way back, so it has arrived"


LIVE_DECISIONS = (Decision.REQUESTED, Decision.APPROVED)


def at_the_account(facts: Facts, event: ev.Registered | ev.Activated) -> Refusals:
    shipment = shipment_at(facts, event.serial, event.at)
    yield shipment is None, "the Unit had never been shipped to the Account"
    if shipment is not None:
        back = came_back(facts, shipment)
        yield back is not None and back.at <= event.at, "the Unit had come back from the Account"
        yield failure(facts, shipment) is not None, "the carrier has reported this shipment as failed"


def registered(facts: Facts, event: ev.Registered) -> Refusals:
    if event.place is ev.Place.ACCOUNT:
        yield from at_the_account(facts, event)


# --- RMA -----------------------------------------------------------------------------------------------------------


def rma_opened(facts: Facts, event: ev.RmaOpened) -> Refusals:
    yield rma_named(facts, event.rma) is not None, "this RMA is open already"
    yield event.kind is ev.Kind.CANCELLATION_RETURN, "the system opens a cancellation return"
    shipment = shipment_at(facts, event.serial, event.at)
    yield shipment is None, "the Account never had this Unit"
    if shipment is None:
        return
    back = came_back(facts, shipment)
    yield failure(facts, shipment) is not None, "the Unit never arrived"
    yield back is not None and receipt_under_rma(facts, shipment) is not None, "the Unit came back under an RMA"
    yield any(rma.placement is shipment and is_live(facts, rma) for rma in rmas(facts)), "the Unit has an RMA"
    yield any(other.rma and rma.placement is shipment for other in shipments(facts) for rma in rmas(facts)
              if rma.name == other.rma and failure(facts, other) is None), "the Unit is replaced already"  # fmt: skip
    if event.kind is ev.Kind.TRIAL_RETURN:
        yield local_date(event.at) > trial_opens_until(facts, shipment), "a trial return is opened by Order Date + 30"
        yield event.mode is ev.Mode.ADVANCE, "a trial return replaces nothing"
    if event.kind is ev.Kind.DEFECT:
        yield has_ended(facts, ends_of_place(facts, place_of(facts, shipment))), "repaired only during the Term"


def approved_or_denied(facts: Facts, event: ev.RmaApproved | ev.RmaDenied) -> Refusals:
    rma = rma_named(facts, event.rma)
    yield rma is None or rma.decision is not Decision.REQUESTED, "only a requested RMA is decided"


def rma_cancelled(facts: Facts, event: ev.RmaCancelled) -> Refusals:
    rma = rma_named(facts, event.rma)
    yield rma is None or rma.decision not in LIVE_DECISIONS, "only a requested or approved RMA is cancelled"
    if rma is not None:
        yield rma.kind is ev.Kind.CANCELLATION_RETURN, "the system's own RMA stays"
        yield replacement_track(facts, rma) is not Sent.NONE, "its replacement has left"
        moved = rma.decision is Decision.APPROVED and return_track(facts, rma) not in (Back.AWAITED, Back.OVERDUE)
        yield moved, "its Unit is on its way or here"


def approved_rma(facts: Facts, name: str) -> Rma | None:
    rma = rma_named(facts, name)
    return rma if rma is not None and rma.decision is Decision.APPROVED else None


def return_scanned(facts: Facts, event: ev.ReturnScanned) -> Refusals:
    rma = approved_rma(facts, event.rma)
    yield rma is None, "no such approved RMA"
    if rma is not None and rma.approved_at is not None:
        back = came_back(facts, rma.placement)
        yield event.at < rma.approved_at, "the RMA number was not given yet"
        yield any(scan.rma == event.rma for scan in facts.of(ev.ReturnScanned)), "the carrier has accepted it already"
        yield back is not None and back.at < event.at, "the Unit had come back before"


def return_received(facts: Facts, event: ev.ReturnReceived) -> Refusals:
    shipment = shipment_at(facts, event.serial, event.at)
    yield shipment is None, "the Account never had this Unit"
    if shipment is None:
        return
    yield not with_account(facts, shipment), "the Unit is not with the Account"
    own = [rma for rma in rmas(facts) if rma.placement is shipment and rma.decision is Decision.APPROVED]
    waiting = [
        r for r in own if inspection(facts, r) is None and r.approved_at is not None and r.approved_at <= event.at
    ]
    if event.rma:
        yield event.rma not in [rma.name for rma in waiting], "no such approved RMA waited for this Unit"
    else:
        yield bool(waiting), "the Unit comes back under its RMA"
    seen = [s.at for s in seen_at_account(facts) if shipment_at(facts, s.serial, s.at) is shipment]
    yield any(instant >= event.at for instant in seen), "the Unit was seen at the Account since"
    yield (
        any(s.at > event.at and rma.name == s.rma for s in facts.of(ev.ReturnScanned) for rma in own),
        "still on its way",
    )


def blind_matched(facts: Facts, event: ev.BlindMatched) -> Refusals:
    rma = approved_rma(facts, event.rma)
    yield rma is None or rma.placement.serial != event.serial, "no such approved RMA of this Unit"
    if rma is not None:
        yield came_back(facts, rma.placement) is None, "the Unit has not come back"
        yield receipt_under_rma(facts, rma.placement) is not None, "the Unit came back under an RMA"


def in_triage(facts: Facts, event: ev.Quarantined | ev.Inspected | ev.RmaClosed) -> Refusals:
    after = {
        ev.Quarantined: (Back.RECEIVED,),
        ev.Inspected: (Back.RECEIVED, Back.IN_QUARANTINE),
        ev.RmaClosed: (Back.INSPECTED,),
    }[type(event)]
    rma = approved_rma(facts, event.rma)
    yield rma is None, "no such approved RMA"
    if rma is not None:
        yield return_track(facts, rma) not in after, "the Unit is at another step of its return"
        yield receipt_under_rma(facts, rma.placement) is None, "the blind return is not matched yet"
        on_its_way = replacement_track(facts, rma) is Sent.SHIPPED
        yield isinstance(event, ev.RmaClosed) and on_its_way, "its replacement is on its way"


# --- Ends and suspensions ------------------------------------------------------------------------------------------


def account_serves(facts: Facts) -> Refusals:
    yield not facts.of(ev.OrderAccepted), "the Account has ordered nothing"
    yield has_ended(facts, account_end(facts)), "the Account's service has ended"


def cancellation_asked(facts: Facts, event: ev.CancellationAsked) -> Refusals:
    yield from account_serves(facts)
    yield any(notice.notice == event.notice for notice in facts.of(ev.CancellationAsked)), "this notice is known"
    if event.channel is ev.Channel.PHONE:
        yield not PHONE_OPENS <= local_time(event.at) < PHONE_CLOSES, "by phone 6:00 <= t < 20:00 local"
    for serial in event.serials:
        yield from serving_unit(facts, serial, event)


def serving_unit(facts: Facts, serial: str, event: ev.Event) -> Refusals:
    shipment = shipment_at(facts, serial, event.at)
    yield shipment is None, "the Account never had this Unit"
    if shipment is not None:
        yield has_ended(facts, ends_of_place(facts, place_of(facts, shipment))), "this Unit's service has ended"


def cancellation_withdrawn(facts: Facts, event: ev.CancellationWithdrawn) -> Refusals:
    yield pending_notice(facts) is None, "no cancellation is pending"
    yield has_ended(facts, account_end(facts)), "the Account's service has ended"


def waiver_claimed(facts: Facts, event: ev.WaiverClaimed) -> Refusals:
    notice = next((found for found in facts.of(ev.CancellationAsked) if found.notice == event.notice), None)
    yield notice is None or not is_standing(facts, notice), "no such notice stands"
    told: date = local_date(event.at)
    yield event.since > told, "it has not begun"
    if event.waiver is ev.Waiver.DIMINISHED:
        yield told > plus_days(event.since, DIMINISHED_TOLD_WITHIN_DAYS), "told within 30 days of the change"
    else:
        yield told <= plus_days(event.since, FORCE_MAJEURE_OVER_DAYS), "force majeure over 10 days"


def last_line_removed(facts: Facts, event: ev.LastLineRemoved) -> Refusals:
    yield from account_serves(facts)
    yield from serving_unit(facts, event.serial, event)


def suspended(facts: Facts, event: ev.Suspended) -> Refusals:
    yield from account_serves(facts)


def reactivated(facts: Facts, event: ev.Reactivated) -> Refusals:
    yield from account_serves(facts)
    yield not is_suspended(facts), "the Account is not suspended"
    yield not (event.paid_in_full and event.reconnect_fee_paid), "after full payment and the reconnect fee"


def terminated(facts: Facts, event: ev.Terminated) -> Refusals:
    yield from account_serves(facts)
    if event.breach is not None:
        notice = notice_of_breach(facts, event.breach)
        yield notice is None, "written notice comes first"
        if notice is not None:
            last = last_day_before_termination(facts, notice)
            yield local_date(event.at) <= last, "the Account has the whole of the last day"


def any_time(facts: Facts, event: ev.Event) -> Refusals:
    yield from account_serves(facts)


RULES: dict[type[ev.Event], Callable[[Facts, Any], Refusals]] = {
    ev.PolicySet: policy_set,
    ev.OrderAccepted: order_accepted,
    ev.UnitShipped: unit_shipped,
    ev.Delivered: delivered,
    ev.CarrierFailed: carrier_failed,
    ev.Registered: registered,
    ev.Activated: at_the_account,
    ev.RmaOpened: rma_opened,
    ev.RmaApproved: approved_or_denied,
    ev.RmaDenied: approved_or_denied,
    ev.RmaCancelled: rma_cancelled,
    ev.ReturnScanned: return_scanned,
    ev.ReturnReceived: return_received,
    ev.BlindMatched: blind_matched,
    ev.Quarantined: in_triage,
    ev.Inspected: in_triage,
    ev.RmaClosed: in_triage,
    ev.CancellationAsked: cancellation_asked,
    ev.CancellationWithdrawn: cancellation_withdrawn,
    ev.WaiverClaimed: waiver_claimed,
    ev.LastLineRemoved: last_line_removed,
    ev.Suspended: suspended,
    ev.Reactivated: reactivated,
    ev.BreachNoticed: any_time,
    ev.Terminated: terminated,
    ev.PortedOut: any_time,
}
