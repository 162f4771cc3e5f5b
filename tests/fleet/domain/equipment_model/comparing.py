"""Where the domain and the oracle differ, in words: money to cent and day, terms, quotes, tracks, ends, dates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from fleet.domain import charge, quote, term
from fleet.domain.cancellation import CancellationState
from fleet.domain.local_dates import local_date
from fleet.domain.policy import PolicyName
from fleet.domain.return_deadline import reminder_on
from fleet.domain.rma import Decision, Replacement, ReplacementMode, RmaKind
from fleet.domain.rma import Return as OurReturn
from fleet.domain.suspension import AccountService
from tests.equipment_oracle import Oracle
from tests.equipment_oracle import charges as theirs
from tests.equipment_oracle.endings import ServiceState
from tests.equipment_oracle.oracle import RmaAnswer
from tests.equipment_oracle.returns import Return
from tests.equipment_oracle.terms import NEVER_A_TERM, Basis, Term, Why
from tests.fleet.domain.equipment_model.endings import service_begun
from tests.fleet.domain.equipment_model.settling import STANDING, covers, due_on, notice_for, terms
from tests.fleet.domain.equipment_model.state import ZONE, Authorization, State, Stay

REASONS = {
    Why.ALREADY_ENDED: quote.TermState.ENDED,
    Why.SUPERSEDED: quote.TermState.SUPERSEDED,
    Why.NOT_BEGUN: quote.TermState.NOT_BEGUN,
    Why.OVER: quote.TermState.OVER,
    Why.VALUE_CHARGED: quote.TermState.VALUE_CHARGED,
    Why.TRIAL_RETURN: quote.TermState.IN_OUR_HANDS,
    Why.IN_OPERATORS_HANDS: quote.TermState.IN_OUR_HANDS,
    Why.OPERATOR_WITHOUT_BREACH: quote.TermState.WAIVED,
    Why.WAIVED: quote.TermState.WAIVED,
    Why.IN_TERM: quote.TermState.RUNNING,
    **dict.fromkeys(NEVER_A_TERM, quote.TermState.NONE),
}
BASES = {
    Basis.ACTIVATION: term.TermBasis.ACTIVATION,
    Basis.ORDER_DATE: term.TermBasis.ORDER_DATE,
    Basis.SHIPPED: term.TermBasis.SHIPMENT,
    Basis.DELIVERY_PROOF: term.TermBasis.RECEIPT,
    Basis.REGISTRATION: term.TermBasis.RECEIPT,
    Basis.ASSUMED: term.TermBasis.ASSUMED_RECEIPT,
}
EVIDENCE = {
    Basis.DELIVERY_PROOF: term.Evidence.DELIVERY,
    Basis.REGISTRATION: term.Evidence.REGISTRATION,
    Basis.ASSUMED: term.Evidence.NONE,
}
RULES = {
    theirs.Rule.OVERDUE_VALUE: "late",
    theirs.Rule.DAMAGE_VALUE: "spoilt",
    theirs.Rule.FEE: charge.ChargeRule.REIMBURSEMENT_FEE,
    theirs.Rule.SHIPPING_AND_HANDLING: charge.ChargeRule.SHIPPING_AND_HANDLING,
    theirs.Rule.TRIAL_REFUND: charge.ChargeRule.TRIAL_REFUND,
    theirs.Rule.ANNUAL_REFUND: charge.ChargeRule.ANNUAL_REFUND,
    theirs.Rule.RECONNECT: charge.ChargeRule.RECONNECT_FEE,
}
Money = tuple[str, str, str, int, date | None]


@dataclass(frozen=True, slots=True)
class Answers:
    """What one side says of an account now: the domain by itself, or the services with what they have stored."""

    state: State
    terms: Mapping[int, term.Term]
    quote: Callable[[date], Iterable[quote.QuoteLine]]
    due_on: Callable[[Authorization], date | None]


def of_domain(state: State) -> Answers:
    """What the domain says of an account in memory."""
    return Answers(
        state,
        terms(state),
        lambda day: quote.quote(terms(state, ahead=True).values(), day),
        lambda known: due_on(state, known),
    )


def differences(oracle: Oracle, found: Answers, days: Sequence[date]) -> list[str]:
    """All there are now; quotes for `days`, none of which is past. Charges are compared step by step (`new_money`)."""
    return [
        *of_terms(oracle, found),
        *(line for day in days for line in of_quotes(oracle, found, day)),
        *of_rmas(oracle, found),
        *of_notices(oracle, found.state),
        *of_service(oracle, found.state),
    ]


# --- Money --------------------------------------------------------------------------------------------------------


def new_money(oracle: Oracle, state: State, known: tuple[int, int]) -> list[str]:
    """Where the charge events since `known` (how many of each) differ. Those of one instant have no order, but that
    of their effect on each other: what is charged first counts towards the rest."""
    wanted = Counter(_theirs(oracle, state, line) for line in oracle.charges()[known[0] :])
    found = Counter(_ours(state, event) for event in state.ledger.events[known[1] :])
    missing, extra = wanted - found, found - wanted
    return [f"oracle only: {line}" for line in missing] + [f"domain only: {line}" for line in extra]


def _theirs(oracle: Oracle, state: State, line: theirs.ChargeEvent) -> Money:
    subject = line.subject
    if line.rule is theirs.Rule.TRIAL_REFUND:
        subject = state.rma_named(subject).stay.shipment
    # A refund is of the day of what earned it, however late that becomes known.
    day = None if line.kind is theirs.ChargeKind.REFUND else line.day
    named = next((other.rule for other in oracle.charges() if other.number == line.credited), line.rule)
    return line.kind, RULES[named], subject, line.cents, day


def _ours(state: State, event: charge.ChargeEvent) -> Money:
    named = state.ledger.find(event.of) if event.of else event
    assert named is not None
    rule: str = named.rule
    if named.rule is charge.ChargeRule.REPLACEMENT_VALUE:
        rule = named.key.rpartition(":")[2].partition("-")[0]
    day = None if event.kind is charge.ChargeKind.REFUND else event.on
    return event.kind, rule, subject_of(state, event.subject), event.amount.cents, day


def subject_of(state: State, subject: str) -> str:
    """The subject of a charge event as a history calls it; empty for the account."""
    noun, _, number = subject.partition("-")
    if noun == "placement":
        return state.stays[int(number) - 1].shipment
    if noun == "RMA":
        return state.rmas[int(number) - 1].name
    return "" if noun == "AC" else subject


# --- Terms and quotes ---------------------------------------------------------------------------------------------


def of_terms(oracle: Oracle, found: Answers) -> Iterator[str]:
    for stay in found.state.stays:
        ours, wanted = found.terms[stay.placement], oracle.term(stay.shipment)
        if isinstance(wanted, Term):
            told = (ours.begins, ours.ends, ours.basis, ours.superseded_on)
            if told != (wanted.begins, wanted.ends, BASES[wanted.basis], wanted.superseded_on):
                yield f"term of {stay.shipment}: oracle {wanted}, domain {told}"
        elif wanted is Why.VALUE_CHARGED and ours.value_charged_on is None:
            yield f"term of {stay.shipment}: oracle {wanted}, domain {ours.begins}"
        elif wanted in NEVER_A_TERM and ours.begins is not None:
            yield f"term of {stay.shipment}: oracle {wanted}, domain from {ours.begins}"
        receipt = oracle.receipt(stay.shipment)
        mine = ours.receipt and (ours.receipt.on, ours.receipt.evidence)
        if mine != (receipt and (receipt.day, EVIDENCE[receipt.basis])):
            yield f"receipt of {stay.shipment}: oracle {receipt}, domain {mine}"


def of_quotes(oracle: Oracle, found: Answers, day: date) -> Iterator[str]:
    lines = {line.placement: line for line in found.quote(day)}
    for wanted, stay in zip(oracle.quote(day), found.state.stays, strict=True):
        ours = lines[stay.placement]
        # A service that ended today is quoted by what its end cost today, not for a future date (ER 3.6).
        if stay.line.ended_at is not None and local_date(stay.line.ended_at, ZONE) == day:
            continue
        # Once found timely a trial return stays so for the domain; for the oracle it may be one day's, by a new notice.
        mine = quote.TermState.IN_OUR_HANDS if ours.state is quote.TermState.TRIAL_RETURNED else ours.state
        if (ours.fee.cents, mine) != (wanted.cents, REASONS[wanted.why]):
            yield f"quote of {stay.shipment} for {day}: oracle {wanted}, domain {ours.fee} {ours.state}: {ours.reason}"
        if ours.warning and not wanted.replacement_on_its_way:
            yield f"quote of {stay.shipment} for {day}: the domain warns: {ours.warning}"


# --- RMAs ---------------------------------------------------------------------------------------------------------


def of_rmas(oracle: Oracle, found: Answers) -> Iterator[str]:
    # The system takes its own RMA back when the carrier reports that the unit never arrived.
    ours = {known.name: known for known in found.state.rmas if not (_is_systems(known) and known.stay.failed)}
    names = oracle.rma_names()
    if set(names) != set(ours):
        yield f"RMAs: oracle {sorted(names)}, domain {sorted(ours)}"
        return
    for name in names:
        wanted, known = oracle.rma(name), ours[name]
        told = (known.rma.decision.value, known.rma.replacement.value, _way_back(known))
        if told != (wanted.decision.value, wanted.replacement.value, wanted.way_back.value):
            yield f"{name}: oracle {wanted}, domain {told}"
        yield from _of_dates(found, known, wanted)


def _is_systems(known: Authorization) -> bool:
    return known.rma.kind is RmaKind.CANCELLATION_RETURN


def _way_back(known: Authorization) -> str:
    if known.rma.decision is not Decision.APPROVED:
        return Return.NONE
    if known.stay.back_at is not None and not known.stay.matched:
        return Return.IN_QUARANTINE
    if known.rma.returning is OurReturn.OVERDUE and known.rma.replacement is Replacement.LOST:
        return Return.AWAITED  # it was overdue; for the oracle nothing is owed any more, so nothing is overdue
    return known.rma.returning


def _of_dates(found: Answers, known: Authorization, wanted: RmaAnswer) -> Iterator[str]:
    state = found.state
    binds = _is_systems(known) or known.rma.kind is RmaKind.TRIAL_RETURN or known.rma.mode is ReplacementMode.ADVANCE
    due = found.due_on(known)
    if not binds or due is None or known.rma.approved_at is None or known.rma.decision is not Decision.APPROVED:
        if wanted.dates.deadline is not None:
            yield f"{known.name}: oracle {wanted.dates}, domain without a deadline"
        return
    begins = local_date(known.rma.approved_at, ZONE)
    notice = notice_for(state, known.stay.line)
    if known.rma.kind is RmaKind.TRIAL_RETURN and notice is not None:
        begins = max(begins, local_date(notice.notice.at, ZONE))
    grace = state.policy.on(PolicyName.LATE_SCAN_GRACE_DAYS, due)
    reminder = reminder_on(due, begins, state.policy)
    if known.rma.kind is RmaKind.TRIAL_RETURN and notice is None:
        reminder = wanted.dates.reminder or reminder  # the end of all service overtook the notice; the last day stays
    told = (due, reminder, date.fromordinal(due.toordinal() + grace))
    if told != (wanted.dates.deadline, wanted.dates.reminder, wanted.dates.last_receipt_without_scan):
        yield f"{known.name}: oracle {wanted.dates}, domain {told}"


# --- Ends ---------------------------------------------------------------------------------------------------------


def of_notices(oracle: Oracle, state: State) -> Iterator[str]:
    for name, number in state.notices.items():
        ours, wanted = state.cancellations[number - 1], oracle.notice(name)
        bill = state.next_bills.get(number)
        avoids = None if bill is None else ours.effect.avoids == bill
        # One that the end of everything else overtook was never taken back.
        stands = ours.state in STANDING or ours.state is CancellationState.OVERTAKEN
        told = (ours.effect.at, avoids, stands)
        if told != (wanted.effect, wanted.avoids_next_bill, wanted.standing):
            yield f"{name}: oracle {wanted}, domain {told}"


def of_service(oracle: Oracle, state: State) -> Iterator[str]:
    states = {AccountService.SUSPENDED: ServiceState.SUSPENDED, AccountService.ENDED: ServiceState.ENDED}
    begun = ServiceState.ACTIVE if service_begun(state, state.today) else ServiceState.NONE
    if (told := states.get(state.standing.state, begun)) != oracle.service_state():
        yield f"service: oracle {oracle.service_state()}, domain {told}"
    for stay in state.stays:
        end, ours = oracle.service_end(stay.shipment), end_of(state, stay)
        if ours != (end and end.instant):
            yield f"end of {stay.shipment}: oracle {end}, domain {ours}"
    cycle = state.cycle()
    if cycle is not None:
        until = cycle.next_after(cycle.next_after(state.today))
        wanted = [day for day in oracle.billing_dates(until) if day > state.today]
        if wanted != [cycle.next_after(state.today), until]:
            yield f"billing dates: oracle {wanted}, domain {until}"


def end_of(state: State, stay: Stay) -> datetime | None:
    """When the service of a placement's unit ended, or will by what is pending."""
    pending = (c for c in state.cancellations if c.state is CancellationState.REQUESTED and covers(c, stay.line))
    ends = [c.effect.at for c in pending] if state.ended_at is None else []
    return stay.line.ended_at or min(ends, default=None)


def some_days(found: Answers, choices: Iterable[int]) -> list[date]:
    """Days to quote for: some from today on, and the first and last of terms that lie ahead."""
    today = found.state.today
    days = {date.fromordinal(today.toordinal() + ahead) for ahead in choices}
    for known in list(found.terms.values())[-2:]:
        days |= {day for day in (known.begins, known.ends, known.superseded_on) if day is not None and day >= today}
    return sorted(days)
