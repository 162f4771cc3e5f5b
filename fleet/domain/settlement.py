"""What is charged and credited for one placement of a unit: when its service ends, when it stays away, afterwards.

- `at_service_end` is asked once, in the transaction that ends the service: what is known later only lowers (ER 3.5).
- `for_the_unit` may be asked on any day: it charges the replacement value as of the first day that it is due.
- `after_evidence` may be asked whenever anything has become known: it makes credits only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from fleet.domain.charge import ChargeEvent, ChargeRule, Ledger
from fleet.domain.equipment_charges import fee_at_end, lowered_to, replacement_value, value_charges
from fleet.domain.inspection import Inspection, value_reason
from fleet.domain.money import ZERO, Money
from fleet.domain.ownership import Ownership
from fleet.domain.policy import PolicyBook, PolicyName
from fleet.domain.quote import quote
from fleet.domain.reason import Reason
from fleet.domain.references import Noun, refer
from fleet.domain.return_deadline import (
    ReturnFacts,
    Timeliness,
    is_credited,
    judge_return,
    lost_on_the_way_back,
    pays_when_absent,
)
from fleet.domain.rma import Decision, Rma, RmaKind
from fleet.domain.term import Term

NOTHING_KNOWN = ReturnFacts()


@dataclass(frozen=True, slots=True)
class ReturnCase:
    """An RMA that was granted, and what is known of the unit's way back. `due_on` None: it has no last day (yet).

    `replaced_on`: the day its replacement left; a unit nobody has replaced yet is not owed. A unit with several RMAs
    has a case for each, with the same facts: `inspection` is this RMA's own, `found_sound` that of any of them.
    """

    rma: Rma
    due_on: date | None
    ownership: Ownership
    facts: ReturnFacts = NOTHING_KNOWN
    inspection: Inspection | None = None
    inspected_on: date | None = None
    replaced_on: date | None = None
    found_sound: bool = False


@dataclass(frozen=True, slots=True)
class ValueCause:
    """Why the replacement value is due, since `on`. `name` is its occasion in the charge's key."""

    on: date
    name: str
    reason: Reason


def at_service_end(term: Term, policy: PolicyBook, ledger: Ledger) -> list[ChargeEvent]:
    """The fee of a unit whose service ended, on that day; nothing before, or once its value was charged (ER 3.1)."""
    ended_on = term.service_ended_on
    if ended_on is None or any(value.on <= ended_on for value in value_charges(term.placement, ledger)):
        return []
    fee = policy.in_force(PolicyName.REIMBURSEMENT_FEE_CENTS, term.agreed_on)
    return fee_at_end(quote([term], ended_on)[0], ended_on, fee, ledger)


def for_the_unit(case: ReturnCase, today: date, policy: PolicyBook, ledger: Ledger) -> list[ChargeEvent]:
    """The replacement value, if it is due by `today`; charged as of the day it became due, however late that is."""
    made: list[ChargeEvent] = []
    for cause in value_causes(case, today, policy):
        rma, known = case.rma, ledger.add(made)
        made += replacement_value(rma.placement, rma.serial, cause.on, cause.reason, policy, known, cause.name)
    return made


def value_due(case: ReturnCase, today: date, policy: PolicyBook) -> tuple[date, Reason] | None:
    """The first day the replacement value of the unit of `case` was due, and why; None while it is not."""
    return next(((cause.on, cause.reason) for cause in value_causes(case, today, policy)), None)


def value_causes(case: ReturnCase, today: date, policy: PolicyBook) -> list[ValueCause]:
    """All for which the value is due by `today` and not given back, in their order; each is charged once."""
    if case.rma.decision is not Decision.APPROVED:
        return []
    causes = []
    late = _late(case, today, policy)
    if late is not None and _is_given_back(case, late, policy) is None:
        causes.append(late)
    lost = lost_on_the_way_back(case.rma, case.ownership, case.facts)
    if lost is not None and case.facts.lost_on is not None:
        causes.append(_cause(case, "lost", case.facts.lost_on, lost))
    spoilt = _spoilt(case)
    if spoilt is not None and case.inspected_on is not None:
        causes.append(_cause(case, "spoilt", case.inspected_on, spoilt))
    return sorted((cause for cause in causes if cause.on <= today), key=lambda cause: cause.on)


def after_evidence(
    term: Term, case: ReturnCase | Sequence[ReturnCase] | None, today: date, policy: PolicyBook, ledger: Ledger
) -> list[ChargeEvent]:
    """The credits that are owed for what is known `today`. `case`: those of all RMAs of the unit.

    Without a case a value that was charged stands.
    """
    cases = [case] if isinstance(case, ReturnCase) else list(case or ())
    charged = [charge for charge in value_charges(term.placement, ledger) if ledger.open_amount(charge)]
    since = [cause.on for each in cases for cause in value_causes(each, today, policy)]
    if not cases:
        since = [charge.on for charge in charged]
    # Whole as it was charged, or as it would have been had the fee not covered it.
    value = max((policy.money_on(PolicyName.REPLACEMENT_VALUE_CENTS, on) for on in since), default=ZERO)
    fee, reason = _fee_now(term, today)
    rule = ChargeRule.LATER_EVIDENCE
    returned = _late_return(cases, today, policy)
    if returned is not None:
        rule, reason = ChargeRule.LATE_RETURN, returned
    elif charged and not since:
        dated = ((case.due_on, case.facts) for case in cases if case.due_on is not None)
        reason = next((judge_return(due, facts, today, policy).reason for due, facts in dated), reason)
    return lowered_to(term.placement, fee, value, today, reason, ledger, rule)


def _fee_now(term: Term, today: date) -> tuple[Money, Reason]:
    """The fee that is owed for the facts known, if service has ended, and why."""
    if term.service_ended_on is None or term.service_ended_on > today:
        return ZERO, Reason("ER 3.5", "Nothing is owed.")
    line = quote([term], term.service_ended_on)[0]
    return line.fee, Reason("ER 3.5", line.reason)


def _late(case: ReturnCase, today: date, policy: PolicyBook) -> ValueCause | None:
    """A unit that is owed and is not back in time; one that is replaced in advance is owed once that has left."""
    absent = pays_when_absent(case.rma, case.ownership)
    if case.due_on is None or absent is None:
        return None
    verdict = judge_return(case.due_on, case.facts, today, policy)
    if verdict.timeliness is not Timeliness.LATE or verdict.overdue_from is None:
        return None
    since = max(verdict.overdue_from, case.replaced_on or verdict.overdue_from)
    return _cause(case, "late", since, Reason(absent.rule, f"{absent.text} {verdict.reason.text}"))


def _spoilt(case: ReturnCase) -> Reason | None:
    """Why the value of a unit that is back is due: somebody caused the defect of Operator Equipment."""
    if case.inspection is None or case.rma.kind is not RmaKind.DEFECT or not case.ownership.is_operators:
        return None
    return value_reason(case.inspection)


def _late_return(cases: Iterable[ReturnCase], today: date, policy: PolicyBook) -> Reason | None:
    """Why the value of a late unit comes back, if it does for any of `cases`."""
    found = [(case, late) for case in cases if (late := _late(case, today, policy)) is not None]
    back = (_is_given_back(case, late, policy) for case, late in found)
    return next((reason for reason in back if reason is not None), None)


def _is_given_back(case: ReturnCase, late: ValueCause, policy: PolicyBook) -> Reason | None:
    """Why a late unit's value comes back in full; None while it has not come, is not found sound, or came too late."""
    if case.facts.received_on is None:
        return None
    credited, reason = is_credited(late.on, case.facts.received_on, case.found_sound, policy)
    return reason if credited else None


def _cause(case: ReturnCase, name: str, on: date, reason: Reason) -> ValueCause:
    return ValueCause(on, f"{name}-{refer(Noun.RMA, case.rma.id)}", reason)
