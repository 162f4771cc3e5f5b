"""The steps of an RMA, as the services take them: the domain's tables and permits, and which RMA a unit belongs to."""

from __future__ import annotations

from dataclasses import replace

from fleet.domain.blind_return import BLIND_RETURN, BlindReturn, BlindReturnEvent, matches
from fleet.domain.errors import ConflictError, InvalidError
from fleet.domain.inspection import Inspection, InspectionCode
from fleet.domain.local_dates import local_date
from fleet.domain.rma import (
    DECISION,
    RETURN,
    Decision,
    DecisionEvent,
    ReplacementMode,
    Return,
    ReturnEvent,
    Rma,
    RmaKind,
    check_may_cancel,
    check_may_receive,
    return_due,
)
from fleet.domain.rma_permits import Opening, check_may_close, check_may_open
from fleet.domain.term import TakenBack
from fleet.domain.transitions import advance
from tests.equipment_oracle import events as ev
from tests.fleet.domain.equipment_model.settling import notice_for
from tests.fleet.domain.equipment_model.state import ZONE, Authorization, State, Stay

CODES = {
    (ev.Finding.SOUND, True): InspectionCode.NO_FAULT_FOUND,
    (ev.Finding.DEFECT, True): InspectionCode.HARDWARE_DEFECT,
    (ev.Finding.DAMAGED, True): InspectionCode.LIQUID,
    (ev.Finding.DAMAGED, False): InspectionCode.LIQUID,
}


def open_rma(state: State, event: ev.RmaOpened) -> None:
    """One RMA runs for a unit at a time, and a unit comes back only once."""
    if any(known.name == event.rma for known in state.rmas):
        raise ConflictError(f"{event.rma} is open already")
    if event.kind is ev.Kind.CANCELLATION_RETURN:
        raise InvalidError("the system opens a cancellation return")
    stay = state.stay_of(event.serial, event.at)
    if stay.failed or (stay.back_at is not None and stay.matched):
        raise ConflictError(f"{event.serial} never arrived, or is back")
    if any(state.is_live(known) for known in state.rmas_of(stay)) or state.is_replaced(stay):
        raise ConflictError(f"{event.serial} has an RMA, or is replaced")
    kind, mode = RmaKind(event.kind.value), ReplacementMode(event.mode.value)
    if kind is RmaKind.TRIAL_RETURN and mode is ReplacementMode.ADVANCE:
        raise InvalidError("a trial return replaces nothing")
    ended = stay.line.ended_at
    ended_on = None if ended is None else local_date(ended, ZONE)
    opening = Opening(kind, stay.line.ownership, stay.line.order_date, state.today, service_ended_on=ended_on)
    check_may_open(opening, state.policy)
    rma = Rma(len(state.rmas) + 1, 1, stay.serial, stay.placement, kind, mode, "asked for", event.at)
    state.rmas.append(Authorization(rma, event.rma, stay))


def approve(state: State, event: ev.RmaApproved) -> None:
    known = state.rma_named(event.rma)
    decision = advance(DECISION, known.rma.decision, DecisionEvent.APPROVE, known.name)
    notice = notice_for(state, known.stay.line)
    noticed_on = None if notice is None else local_date(notice.notice.at, ZONE)
    due = return_due(known.rma, event.at, state.policy, ZONE, noticed_on)
    known.rma = replace(known.rma, decision=decision, approved_at=event.at, due_on=due)
    stay = known.stay
    if stay.back_at is not None and stay.matched:  # back under another RMA meanwhile
        move(known, ReturnEvent.RECEIVE)
    elif stay.scanned_on is not None:
        move(known, ReturnEvent.HAND_IN)


def deny(state: State, event: ev.RmaDenied) -> None:
    known = state.rma_named(event.rma)
    known.rma = replace(known.rma, decision=advance(DECISION, known.rma.decision, DecisionEvent.DENY, known.name))


def cancel(state: State, event: ev.RmaCancelled) -> None:
    known = state.rma_named(event.rma)
    decision = advance(DECISION, known.rma.decision, DecisionEvent.CANCEL, known.name)
    if known.rma.kind is RmaKind.CANCELLATION_RETURN:
        raise ConflictError("the system's own RMA stays")
    check_may_cancel(known.rma)
    if known.rma.decision is Decision.APPROVED and known.stay.back_at is not None:
        raise ConflictError(f"{known.rma.serial} is here: match it")
    known.rma = replace(known.rma, decision=decision)


# --- The way back -------------------------------------------------------------------------------------------------


def scan(state: State, event: ev.ReturnScanned) -> None:
    """The carrier's acceptance counts for whichever RMA the unit goes back under; one that turns up later is logged."""
    known = approved(state, event.rma)
    stay, at = known.stay, known.rma.approved_at
    if known.scanned or at is None or event.at < at or (stay.back_at is not None and stay.back_at < event.at):
        raise ConflictError(f"{known.name}: no scan of {event.at}")
    move(known, ReturnEvent.HAND_IN)
    known.scanned = True
    stay.scanned_at = max(event.at, stay.scanned_at or event.at)
    day = local_date(event.at, ZONE)
    stay.scanned_on = day if stay.scanned_on is None else min(stay.scanned_on, day)
    for other in state.rmas_of(stay):
        if other.rma.decision is Decision.APPROVED and other.rma.returning in (Return.AWAITED, Return.OVERDUE):
            move(other, ReturnEvent.HAND_IN)


def receive(state: State, event: ev.ReturnReceived) -> None:
    """A unit comes in, under an RMA that waits for it, or blind."""
    stay = state.stay_of(event.serial, event.at)
    if stay.failed or stay.back_at is not None:
        raise ConflictError(f"{event.serial} is not with the account")
    seen = stay.seen_at is not None and event.at <= stay.seen_at
    if seen or (stay.scanned_at is not None and event.at < stay.scanned_at):
        raise ConflictError(f"{event.serial} was seen elsewhere since")
    gave = [r for r in state.rmas_of(stay) if r.rma.approved_at is not None and r.rma.approved_at <= event.at]
    waiting = matches(event.serial, (r.rma for r in gave))
    if event.rma:
        known = state.rma_named(event.rma)
        check_may_receive(known.rma, event.serial)
        if known.rma not in waiting:
            raise ConflictError(f"{event.rma} did not wait for {event.serial}")
        stay.back_at = event.at
        take_in(state, stay)
    elif waiting:
        raise ConflictError(f"{event.serial} comes back under its RMA")
    else:
        stay.back_at = event.at


def match(state: State, event: ev.BlindMatched) -> None:
    known = approved(state, event.rma)
    check_may_receive(known.rma, event.serial)
    stay = known.stay
    if stay.back_at is None or stay.matched:
        raise ConflictError(f"{event.serial} is not in quarantine")
    advance(BLIND_RETURN, BlindReturn.IN_QUARANTINE, BlindReturnEvent.MATCH, event.serial)
    take_in(state, stay)


def take_in(state: State, stay: Stay) -> None:
    """A unit is in our hands under an RMA: all that wait for it have it."""
    stay.matched = True
    assert stay.back_at is not None
    state.facts.append(TakenBack(stay.placement, stay.back_at))
    for known in state.rmas_of(stay):
        if known.rma.decision is Decision.APPROVED:
            move(known, ReturnEvent.RECEIVE)


def hold(state: State, event: ev.Quarantined) -> None:
    move(approved(state, event.rma), ReturnEvent.HOLD)


def inspect(state: State, event: ev.Inspected) -> None:
    known = approved(state, event.rma)
    move(known, ReturnEvent.INSPECT)
    code = CODES.get((event.finding, event.accessories_complete), InspectionCode.MISSING_PARTS)
    known.inspection, known.inspected_at = Inspection(code, note="as found"), event.at


def close(state: State, event: ev.RmaClosed) -> None:
    known = approved(state, event.rma)
    check_may_close(known.rma, known.stay.line.ownership)
    if known.rma.returning in (Return.AWAITED, Return.OVERDUE):
        raise ConflictError(f"{known.name} waits: to give a unit up is the operator's choice, no history does it")
    move(known, ReturnEvent.CLOSE)


def approved(state: State, name: str) -> Authorization:
    known = state.rma_named(name)
    if known.rma.decision is not Decision.APPROVED:
        raise ConflictError(f"{name} is {known.rma.decision}")
    return known


def move(known: Authorization, event: ReturnEvent) -> None:
    known.rma = replace(known.rma, returning=advance(RETURN, known.rma.returning, event, known.name))
