"""Notices, waivers, suspensions and terminations, as the services take them."""

from __future__ import annotations

from datetime import date

from fleet.domain.activation import service_term_begins
from fleet.domain.cancellation import Cancellation, CancellationState, taken_over, withdraw
from fleet.domain.cancellation_effect import effect_of
from fleet.domain.cancellation_notice import Notice, NoticeChannel, check_notice
from fleet.domain.cancellation_scope import WHOLE_ACCOUNT, part_of_account
from fleet.domain.errors import ConflictError
from fleet.domain.money import ZERO, Money
from fleet.domain.other_charges import reconnect_fee
from fleet.domain.proof_of_identity import ProofMethod, Verification
from fleet.domain.suspension import AccountService, SuspensionReason, lift, suspend
from fleet.domain.term import ServiceEnded
from fleet.domain.termination import Breach, BreachState, cure, give_notice, terminate
from fleet.domain.waiver import EndCause, over_force_majeure, over_harmful_change
from tests.equipment_oracle import events as ev
from tests.fleet.domain.equipment_model.settling import STANDING, end_account, end_lines, record
from tests.fleet.domain.equipment_model.state import CALENDAR, OPERATOR, ZONE, State

ADMINISTRATOR = "PE-1"
VERIFIED = Verification(ProofMethod.SECURITY_QUESTIONS, "PE-7")
OWED = Money(1)
BREACHES = {ev.Breach.UNPAID: Breach.NON_PAYMENT, ev.Breach.OTHER: Breach.OTHER}


def ask(state: State, event: ev.CancellationAsked) -> None:
    """A notice: it replaces what is pending, and its effect stands from now on."""
    state.check_serves()
    if event.notice in state.notices:
        raise ConflictError(f"{event.notice} is known")
    names = []
    for serial in event.serials:
        line = state.stay_of(serial, event.at).line
        if line.ended_at is not None:
            raise ConflictError(f"the service of {serial} has ended")
        names.append(line.name)
    scope = part_of_account(*names) if names else WHOLE_ACCOUNT
    phone = event.channel is ev.Channel.PHONE
    channel = NoticeChannel.PHONE if phone else NoticeChannel.DISTRIBUTOR
    verification, distributor = (VERIFIED, "") if phone else (None, "a distributor")
    notice = Notice(event.at, channel, ADMINISTRATOR, event.asked_for, scope, verification, distributor)
    check_notice(notice, {ADMINISTRATOR}, state.policy, ZONE)
    effect = effect_of(notice, state.cycle(), CALENDAR, state.policy, ZONE)
    for changed in taken_over(state.cancellations, notice):
        put(state, changed)
    number = len(state.cancellations) + 1
    state.cancellations.append(Cancellation(number, notice, effect, scope))
    state.notices[event.notice] = number
    cycle = state.cycle()
    if cycle is not None:
        state.next_bills[number] = cycle.next_after(state.today)


def put(state: State, changed: Cancellation) -> None:
    state.cancellations = [changed if known.id == changed.id else known for known in state.cancellations]


def take_back(state: State, _event: ev.CancellationWithdrawn) -> None:
    """The notice that is pending is withdrawn."""
    state.check_serves()
    pending = [c for c in state.cancellations if c.state is CancellationState.REQUESTED]
    if not pending:
        raise ConflictError("no cancellation is pending")
    for known in pending:
        put(state, withdraw(known, state.now))


def claim_waiver(state: State, event: ev.WaiverClaimed) -> None:
    """A notice, also one that has taken effect, turns out to end the service for a cause that costs nothing."""
    number = state.notices.get(event.notice)
    found = next((c for c in state.cancellations if c.id == number), None)
    if found is None or found.state not in STANDING:
        raise ConflictError(f"{event.notice} does not stand")
    judge = over_harmful_change if event.waiver is ev.Waiver.DIMINISHED else over_force_majeure
    cause, reason = judge(event.since, state.today, state.policy)
    if cause is EndCause.ACCOUNT:
        raise ConflictError(str(reason))
    state.causes[found.id] = cause
    for stay in state.stays:
        if stay.line.ended_by == found.id and stay.line.ended_at is not None:
            state.facts.append(ServiceEnded(stay.placement, stay.line.ended_at, cause))


def remove_last_line(state: State, event: ev.LastLineRemoved) -> None:
    state.check_serves()
    line = state.stay_of(event.serial, event.at).line
    if line.ended_at is not None:
        raise ConflictError(f"the service of {event.serial} has ended")
    end_lines(state, [line], event.at, EndCause.ACCOUNT, None)


# --- Suspension and termination -----------------------------------------------------------------------------------


def suspend_account(state: State, event: ev.Suspended) -> None:
    state.check_serves()
    state.standing = suspend(state.standing, SuspensionReason(event.why.value), OPERATOR)


def reactivate(state: State, event: ev.Reactivated) -> None:
    """All reasons fall away; full payment cures a notice of non-payment too."""
    state.check_serves()
    standing, unpaid = state.standing, ZERO if event.paid_in_full else OWED
    if standing.state is not AccountService.SUSPENDED:
        raise ConflictError("the account is not suspended")
    for reason in sorted(standing.reasons):
        standing = lift(standing, reason, OPERATOR, unpaid, event.reconnect_fee_paid)
    notice = state.breaches.get(Breach.NON_PAYMENT)
    if notice is not None and notice.state is BreachState.NOTIFIED:
        state.breaches[Breach.NON_PAYMENT] = cure(notice, event.at)
    state.standing = standing
    record(state, reconnect_fee("AC-1", standing.episode, state.today, state.policy, state.ledger))


def notice_breach(state: State, event: ev.BreachNoticed) -> None:
    """The first written notice of a breach counts, until it is cured."""
    state.check_serves()
    breach = BREACHES[event.breach]
    known = state.breaches.get(breach)
    if known is None or known.state is not BreachState.NOTIFIED:
        state.breaches[breach] = give_notice(breach, event.at, CALENDAR, state.policy, ZONE)


def terminate_account(state: State, event: ev.Terminated) -> None:
    """The operator ends all services, for a breach or without one."""
    state.check_serves()
    cause = EndCause.OPERATOR
    if event.breach is not None:
        breach, cause = BREACHES[event.breach], EndCause.BREACH
        if breach not in state.breaches:
            raise ConflictError("written notice comes first")
        state.breaches[breach] = terminate(state.breaches[breach], event.at)
    end_lines(state, state.lines, event.at, cause, None)
    end_account(state, event.at)


def port_out(state: State, _event: ev.PortedOut) -> None:
    """A number leaves: it ends nothing (ER 3.7)."""
    state.check_serves()


def service_begun(state: State, day: date) -> bool:
    """Whether the Term of some service has begun by a day."""
    begins = [
        service_term_begins(min(order.activations, default=None), order.order_date, state.policy)
        for order in state.orders
    ]
    return any(begin <= day for begin in begins)
