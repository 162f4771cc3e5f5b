"""What falls due and what is charged: the jobs of an account, and the settlement at the end of each transaction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime

from fleet.domain.annual_plan import annual_refund
from fleet.domain.cancellation import Cancellation, CancellationState, complete
from fleet.domain.cancellation_scope import WHOLE_ACCOUNT
from fleet.domain.charge import ChargeEvent
from fleet.domain.local_dates import ONE_DAY, first_instant, local_date
from fleet.domain.money import Money
from fleet.domain.other_charges import annual_plan_refund, trial_refund
from fleet.domain.ownership import Ownership
from fleet.domain.return_deadline import ReturnFacts, judge_return, pays_when_absent
from fleet.domain.rma import (
    RETURN,
    Decision,
    ReplacementMode,
    Return,
    ReturnEvent,
    Rma,
    RmaKind,
    return_due,
)
from fleet.domain.rma_permits import Opening, check_may_expire, check_may_open
from fleet.domain.settlement import ReturnCase, after_evidence, at_service_end, for_the_unit
from fleet.domain.suspension import end
from fleet.domain.term import ServiceEnded, Term, TrialReturned, ValueCharged, fold
from fleet.domain.transitions import advance
from fleet.domain.trial import judge_trial
from fleet.domain.waiver import EndCause
from tests.fleet.domain.equipment_model.state import ZONE, Authorization, Line, State, Stay

STANDING = (CancellationState.REQUESTED, CancellationState.COMPLETED)


# --- Terms and cases ----------------------------------------------------------------------------------------------


def terms(state: State, ahead: bool = False) -> dict[int, Term]:
    """The term of every placement; `ahead` with the ends that pending cancellations will bring."""
    facts = list(state.facts)
    if ahead:
        for pending in state.cancellations:
            if pending.state is CancellationState.REQUESTED:
                cause = state.causes.get(pending.id, EndCause.ACCOUNT)
                ending = (stay for stay in state.stays if covers(pending, stay.line) and stay.line.ended_at is None)
                facts += [ServiceEnded(stay.placement, pending.effect.at, cause) for stay in ending]
    return fold(facts, state.policy, ZONE)


def covers(cancellation: Cancellation, line: Line) -> bool:
    """Whether a cancellation ends a line."""
    return bool(cancellation.scope.units_ended({line.name: frozenset({line.name})}))


def notice_for(state: State, line: Line) -> Cancellation | None:
    """The first cancellation that stands and ends a line."""
    return next((c for c in state.cancellations if c.state in STANDING and covers(c, line)), None)


def due_on(state: State, known: Authorization) -> date | None:
    """The last day for an RMA's unit; of a trial return by the notice that stands now."""
    if known.rma.kind is not RmaKind.TRIAL_RETURN or known.rma.approved_at is None:
        return known.rma.due_on
    notice = notice_for(state, known.stay.line)
    noticed_on = None if notice is None else local_date(notice.notice.at, ZONE)
    return return_due(known.rma, known.rma.approved_at, state.policy, ZONE, noticed_on)


def case_of(state: State, known: Authorization) -> ReturnCase:
    """An RMA as the settlement wants it."""
    stay = known.stay
    facts = ReturnFacts(
        handed_in_on=stay.scanned_on,
        received_on=None if stay.back_at is None else local_date(stay.back_at, ZONE),
    )
    found = [other.inspection for other in state.rmas_of(stay) if other.inspection is not None]
    at = known.inspected_at
    return ReturnCase(
        known.rma,
        due_on(state, known),
        stay.line.ownership,
        facts,
        known.inspection,
        None if at is None else local_date(at, ZONE),
        replaced_on=state.replaced_on(known),
        found_sound=any(inspection.is_sound for inspection in found),
    )


def cases_of(state: State, stay: Stay) -> list[ReturnCase]:
    """Those of all RMAs of a placement."""
    return [case_of(state, known) for known in state.rmas_of(stay)]


# --- Settling -----------------------------------------------------------------------------------------------------


def settle(state: State) -> None:
    """Charge what is due now, then credit what is no longer owed; twice at one instant does nothing."""
    settle_values(state)
    refund_annual(state)
    for known in state.rmas:
        accept_trial(state, known)
    known_terms = terms(state)
    for stay in state.stays:
        cases = cases_of(state, stay)
        record(state, after_evidence(known_terms[stay.placement], cases, state.today, state.policy, state.ledger))


def record(state: State, events: list[ChargeEvent]) -> None:
    """Write charge events down, and what a charged value means for the term."""
    for event in events:
        state.ledger = state.ledger.add([event])
        if event.rule == "replacement_value":
            placement = int(event.subject.rpartition("-")[2])
            state.facts.append(ValueCharged(placement, first_instant(event.on, ZONE)))


def accept_trial(state: State, known: Authorization) -> None:
    """A trial return that its own inspection finds timely and in order: no fee, and the price of a bought unit."""
    case = case_of(state, known)
    if known.rma.kind is not RmaKind.TRIAL_RETURN or case.due_on is None or known.inspection is None:
        return
    if known.inspected_at is None or known.rma.decision is not Decision.APPROVED:
        return
    verdict = judge_return(case.due_on, case.facts, state.today, state.policy)
    if not judge_trial(verdict, known.inspection).accepted:
        return
    stay = known.stay
    state.facts.append(TrialReturned(stay.placement, known.inspected_at))
    if stay.line.ownership is Ownership.CUSTOMER:
        price, on = Money(stay.line.price_cents), local_date(known.inspected_at, ZONE)
        record(state, trial_refund(stay.placement, price, on, state.policy, state.ledger))


# --- Ends ---------------------------------------------------------------------------------------------------------


def end_lines(state: State, lines: list[Line], at: datetime, cause: EndCause, by: int | None) -> None:
    """The service of lines ends: values that are due go first, then fees, refunds, and leased units are asked for."""
    settle_values(state)
    ending = [line for line in lines if line.ended_at is None]
    for line in ending:
        line.ended_at, line.ended_by = at, by
        state.facts += [ServiceEnded(stay.placement, at, cause) for stay in state.stays if stay.line is line]
    found = terms(state)
    for stay in state.stays:
        if any(stay.line is line for line in ending):
            record(state, at_service_end(found[stay.placement], state.policy, state.ledger))
            ask_back(state, stay, at)


def settle_values(state: State) -> None:
    """The replacement values that are due by now."""
    for known in state.rmas:
        record(state, for_the_unit(case_of(state, known), state.today, state.policy, state.ledger))


def ask_back(state: State, stay: Stay, at: datetime) -> None:
    """The cancellation return of a leased unit, approved by the system as it is opened."""
    if stay.line.ownership is not Ownership.LEASED or stay.failed or stay.back_at is not None:
        return
    day = local_date(at, ZONE)
    kind, mode = RmaKind.CANCELLATION_RETURN, ReplacementMode.ON_RECEIPT
    check_may_open(Opening(kind, stay.line.ownership, stay.line.order_date, day, service_ended_on=day), state.policy)
    number = len(state.rmas) + 1
    rma = Rma(number, 1, stay.serial, stay.placement, kind, mode, "service ended", at)
    due = return_due(rma, at, state.policy, ZONE)
    rma = replace(rma, decision=Decision.APPROVED, approved_at=at, due_on=due)
    if stay.scanned_on is not None:  # on its way already, under another RMA
        rma = replace(rma, returning=advance(RETURN, rma.returning, ReturnEvent.HAND_IN, "the return"))
    state.rmas.append(Authorization(rma, f"cancellation:{stay.shipment}", stay))


def refund_annual(state: State) -> None:
    """What an annual plan brings back when the last of its services has ended, all by notices; asked again is asked
    once."""
    for order in state.orders:
        ends = [line.ended_at for line in order.lines if line.ended_at is not None]
        if not order.annual or len(ends) < len(order.lines):
            continue
        if any(line.ended_by is None for line in order.lines):
            continue
        last = max(order.lines, key=lambda line: line.ended_at or state.now)
        notice = next(c for c in state.cancellations if c.id == last.ended_by)
        noticed_on, ended_on = local_date(notice.notice.at, ZONE), local_date(max(ends), ZONE)
        activated = min(order.activations, default=None)
        price = Money(order.price_cents)
        refund = annual_refund(price, order.order_date, activated, noticed_on, ended_on, state.policy)
        record(state, annual_plan_refund(order.name, refund, ended_on, state.ledger))


def end_account(state: State, at: datetime) -> None:
    """The service of the whole account has ended."""
    state.ended_at, state.standing = at, end(state.standing)


# --- Jobs ---------------------------------------------------------------------------------------------------------


def dues(state: State) -> Iterator[datetime]:
    """The instants from which a job has something to do, done or not."""
    for pending in state.cancellations:
        if pending.state is CancellationState.REQUESTED:
            yield pending.effect.at
    for known in state.rmas:
        due = due_on(state, known)
        if due is not None:
            yield first_instant(due + ONE_DAY, ZONE)


def run_jobs(state: State, until: datetime) -> None:
    """Everything that falls due until an instant, at the instant at which it does."""
    while (due := min((at for at in dues(state) if state.now < at <= until), default=None)) is not None:
        state.now = due
        for pending in list(state.cancellations):
            if pending.state is CancellationState.REQUESTED and pending.effect.at <= due:
                take_effect(state, pending)
        settle(state)
        expire(state)
    state.now = max(state.now, until)


def take_effect(state: State, pending: Cancellation) -> None:
    """A cancellation is completed: its lines end, and with all of them the account."""
    index = state.cancellations.index(pending)
    state.cancellations[index] = complete(pending, state.now)
    if state.ended_at is not None:
        return
    lines = [line for line in state.lines if covers(pending, line)]
    cause = state.causes.get(pending.id, EndCause.ACCOUNT)
    end_lines(state, lines, pending.effect.at, cause, pending.id)
    if pending.scope == WHOLE_ACCOUNT:
        end_account(state, pending.effect.at)


def expire(state: State) -> None:
    """Returns that are owed and late become overdue."""
    for known in state.rmas:
        case = case_of(state, known)
        if (
            case.due_on is None
            or known.rma.returning is not Return.AWAITED
            or known.rma.decision is not Decision.APPROVED
        ):
            continue
        verdict = judge_return(case.due_on, case.facts, state.today, state.policy)
        if verdict.timeliness == "late" and pays_when_absent(known.rma, case.ownership):
            check_may_expire(known.rma, verdict, state.today)
            returning = advance(RETURN, known.rma.returning, ReturnEvent.EXPIRE, known.name)
            known.rma = replace(known.rma, returning=returning)
