"""The events of a history nobody could tell the services, each with the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fleet.domain.cancellation import CancellationState
from fleet.domain.unit import Trust
from tests.equipment_oracle import events as ev
from tests.equipment_oracle.endings import ends_of_place, is_suspended
from tests.equipment_oracle.facts import (
    came_back,
    failure,
    place_of,
    seen_at_account,
    shipment_at,
    shipments,
)
from tests.equipment_oracle.histories import Author, Told
from tests.equipment_oracle.returns import Return, receipt_under_rma, return_track, rma_named
from tests.fleet.services.equipment_played.desk import Desk
from tests.fleet.services.equipment_played.endings import standing_notices


def playable(author: Author, desk: Desk, told: Told) -> Told | None:
    """What is told instead of an event that can not be told as it is; None if it is left out."""
    event = _reworded(author, told.event)
    why = LEFT_OUT.get(type(event))
    if why is not None and why(author, desk, event) is not None:
        return None
    return Told(event, author.oracle.refusal(event))


def _reworded(author: Author, event: ev.Event) -> ev.Event:
    """Names are the history's own: the fleet gives numbers, so nothing is called as something else is already."""
    facts = author.oracle.facts
    match event:
        case ev.OrderAccepted():
            return _order(author, event)
        case ev.Registered() | ev.Activated():
            return replace(event, at=event.known_at)  # a unit speaks for itself: what it says is known at once
        case ev.UnitShipped() if any(other.shipment == event.shipment for other in shipments(facts)):
            return replace(event, shipment=author.name("shipment"))
        case ev.RmaOpened() if rma_named(facts, event.rma) is not None:
            return replace(event, rma=author.name("rma"))
        case ev.CancellationAsked() if any(n.notice == event.notice for n in facts.of(ev.CancellationAsked)):
            return replace(event, notice=author.name("notice"))
    return event


def _order(author: Author, event: ev.OrderAccepted) -> ev.OrderAccepted:
    """A plan is of one order, and what is shipped names no line of it: an annual order has one line."""
    known = any(order.order == event.order for order in author.oracle.facts.of(ev.OrderAccepted))
    if event.plan is ev.Plan.ANNUAL:
        event = replace(event, plan_price_cents=max(1, event.plan_price_cents), lines=event.lines[:1])
    return replace(event, order=author.name("order") if known else event.order)


# --- Why each is left out; None: it is told ------------------------------------------------------------------------


def _ported(_author: Author, _desk: Desk, _event: ev.PortedOut) -> str | None:
    return "a line whose only number has left has no voice, so none of its units would ever be activated"


def _heard(author: Author, desk: Desk, event: ev.Registered | ev.Activated) -> str | None:
    facts = author.oracle.facts
    shipment = shipment_at(facts, event.serial, event.at)
    if shipment is None:
        return None
    if desk.unit(event.serial).trust is not Trust.GOOD:
        return "a unit that was replaced has no identity any more"
    end = ends_of_place(facts, place_of(facts, shipment))
    ended = end is not None and end.instant <= event.at
    if isinstance(event, ev.Activated) and (ended or is_suspended(facts)):
        return "without service there is no Activation (ToS 1.3)"
    return None


def _sent(author: Author, desk: Desk, event: ev.UnitShipped) -> str | None:
    if event.serial in desk.serials and author.oracle.refusal(event) is None:
        return "a unit that came back is refurbished first"
    return None


def _opened(author: Author, _desk: Desk, event: ev.RmaOpened) -> str | None:
    if event.kind is ev.Kind.TRIAL_RETURN and event.mode is ev.Mode.ADVANCE:
        return "the mode of a return that replaces nothing says nothing"
    shipment = shipment_at(author.oracle.facts, event.serial, event.at)
    if event.kind is ev.Kind.CANCELLATION_RETURN and shipment is not None and _is_held(author, shipment):
        return "a unit of ours that came back after its end may have a return to match it to (decision 0010)"
    return None


def _scanned(author: Author, _desk: Desk, event: ev.ReturnScanned) -> str | None:
    if any(scan.rma == event.rma for scan in author.oracle.facts.of(ev.ReturnScanned)):
        return "the carrier scans as often as it likes, and the services log it"
    return None


def _received(author: Author, _desk: Desk, event: ev.ReturnReceived) -> str | None:
    facts = author.oracle.facts
    shipment = shipment_at(facts, event.serial, event.at)
    last = shipment_at(facts, event.serial, event.known_at)
    if last is not None and _is_held(author, last):
        return "a unit that is held here is matched by whoever takes it in again"
    if not event.rma and shipment is not None and failure(facts, shipment) is not None:
        return "a parcel of ours that never arrived and is here again is no return (decision 0010)"
    if not event.rma and author.oracle.refusal(event) == "the Unit comes back under its RMA":
        return "the label is enough to find the RMA that waits"
    if any(seen.at == event.at for seen in seen_at_account(facts)):
        return "of one instant"
    return None


def _is_held(author: Author, placement: ev.UnitShipped) -> bool:
    facts = author.oracle.facts
    return came_back(facts, placement) is not None and receipt_under_rma(facts, placement) is None


def _closed(author: Author, _desk: Desk, event: ev.RmaClosed) -> str | None:
    facts = author.oracle.facts
    rma = rma_named(facts, event.rma)
    if rma is None:
        return None
    waits = return_track(facts, rma) in (Return.AWAITED, Return.OVERDUE)
    if waits or receipt_under_rma(facts, rma.placement) is None:
        return "to give a unit up is the operator's choice (decision 0010)"
    return None


def _asked(author: Author, _desk: Desk, event: ev.CancellationAsked) -> str | None:
    facts = author.oracle.facts
    named = [shipment_at(facts, serial, event.at) for serial in event.serials]
    if any(each is not None and failure(facts, each) is not None for each in named):
        return "a notice names units that the account got"
    return None


def _waived(author: Author, desk: Desk, event: ev.WaiverClaimed) -> str | None:
    facts = author.oracle.facts
    if any(claim.notice == event.notice for claim in facts.of(ev.WaiverClaimed)):
        return "a notice is freed once"
    number = desk.notices.get(event.notice)
    if number is None:
        return None
    overtaken = desk.services.cancellations.get(desk.actor, number).cancellation.state is CancellationState.OVERTAKEN
    return "no service ends by a notice that the end of all service overtook" if overtaken else None


def _warned(_author: Author, desk: Desk, event: ev.BreachNoticed) -> str | None:
    if event.breach is ev.Breach.UNPAID and standing_notices(desk, event.breach):
        return "the first notice of non-payment counts until it is cured"
    return None


def _reactivated(author: Author, desk: Desk, event: ev.Reactivated) -> str | None:
    standing = desk.services.suspensions.standing(desk.actor, desk.account)
    if len(standing.reasons) > 1 and author.oracle.refusal(event) is not None:
        return "of several reasons all but the last are lifted without payment"
    return None


LEFT_OUT: dict[type[ev.Event], Callable[[Author, Desk, Any], str | None]] = {
    ev.PortedOut: _ported,
    ev.Registered: _heard,
    ev.Activated: _heard,
    ev.UnitShipped: _sent,
    ev.RmaOpened: _opened,
    ev.ReturnScanned: _scanned,
    ev.ReturnReceived: _received,
    ev.RmaClosed: _closed,
    ev.CancellationAsked: _asked,
    ev.WaiverClaimed: _waived,
    ev.BreachNoticed: _warned,
    ev.Reactivated: _reactivated,
}
