"""What is charged and credited for one placement of a unit: when its service ends, when it stays away, afterwards.

- `at_service_end` is asked once, in the transaction that ends the service: what is known later only lowers (ER 3.5).
- `for_the_unit` may be asked on any day: it charges the replacement value on the first day that it is due.
- `after_evidence` may be asked whenever anything has become known: it makes credits only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from fleet.domain.charge import ChargeEvent, ChargeRule, Ledger
from fleet.domain.equipment_charges import fee_at_end, lowered_to, replacement_value, value_charge
from fleet.domain.inspection import Inspection, value_reason
from fleet.domain.money import ZERO
from fleet.domain.ownership import Ownership
from fleet.domain.policy import PolicyBook, PolicyName
from fleet.domain.quote import quote
from fleet.domain.reason import Reason
from fleet.domain.return_deadline import (
    ReturnFacts,
    Timeliness,
    is_credited,
    judge_return,
    lost_on_the_way_back,
    pays_when_absent,
)
from fleet.domain.rma import Rma, RmaKind
from fleet.domain.term import Term

NOTHING_KNOWN = ReturnFacts()


@dataclass(frozen=True, slots=True)
class ReturnCase:
    """An approved RMA whose return is due, and what is known of the unit's way back."""

    rma: Rma
    due_on: date
    ownership: Ownership
    facts: ReturnFacts = NOTHING_KNOWN
    inspection: Inspection | None = None
    inspected_on: date | None = None


def at_service_end(term: Term, policy: PolicyBook, ledger: Ledger) -> list[ChargeEvent]:
    """The fee of a unit whose service ended, on that day; nothing before, or once its value was charged (ER 3.1)."""
    ended_on = term.service_ended_on
    value = value_charge(term.placement, ledger)
    if ended_on is None or (value is not None and value.on <= ended_on):
        return []
    fee = policy.in_force(PolicyName.REIMBURSEMENT_FEE_CENTS, term.agreed_on)
    return fee_at_end(quote([term], ended_on)[0], ended_on, fee, ledger)


def for_the_unit(case: ReturnCase, today: date, policy: PolicyBook, ledger: Ledger) -> list[ChargeEvent]:
    """The replacement value, if it is due by `today`; charged as of the day it became due, however late that is."""
    due = value_due(case, today, policy)
    if due is None or _is_given_back(case, policy) is not None:
        return []
    return replacement_value(case.rma.placement, case.rma.serial, *due, policy, ledger)


def value_due(case: ReturnCase, today: date, policy: PolicyBook) -> tuple[date, Reason] | None:
    """The first day the replacement value of the unit of `case` was due, and why; None while it is not."""
    causes = []
    verdict = judge_return(case.due_on, case.facts, today, policy)
    absent = pays_when_absent(case.rma, case.ownership)
    if verdict.timeliness is Timeliness.LATE and verdict.overdue_from is not None and absent is not None:
        causes.append((verdict.overdue_from, Reason(absent.rule, f"{absent.text} {verdict.reason.text}")))
    lost = lost_on_the_way_back(case.rma, case.ownership, case.facts)
    if lost is not None and case.facts.lost_on is not None:
        causes.append((case.facts.lost_on, lost))
    spoilt = _spoilt(case, absent)
    if spoilt is not None and case.inspected_on is not None:
        causes.append((case.inspected_on, spoilt))
    return min((cause for cause in causes if cause[0] <= today), key=lambda cause: cause[0], default=None)


def after_evidence(
    term: Term, case: ReturnCase | None, today: date, policy: PolicyBook, ledger: Ledger
) -> list[ChargeEvent]:
    """The credits that are owed for what is known `today`. Without its `case` a value that was charged stands."""
    ended_on = term.service_ended_on
    fee, reason = ZERO, Reason("ER 3.5", "Nothing is owed.")
    if ended_on is not None and ended_on <= today:
        line = quote([term], ended_on)[0]
        fee, reason = line.fee, Reason("ER 3.5", line.reason)
    charge = value_charge(term.placement, ledger)
    due = None if case is None else value_due(case, today, policy)
    back = None if case is None else _is_given_back(case, policy)
    rule, value = ChargeRule.LATER_EVIDENCE, ZERO
    if due is not None and back is not None:
        rule, reason = ChargeRule.LATE_RETURN, back
    elif due is not None:
        # Whole as it was charged, or as it would have been had the fee not covered it.
        value = policy.money_on(PolicyName.REPLACEMENT_VALUE_CENTS, due[0] if charge is None else charge.on)
    elif case is not None and charge is not None:
        reason = judge_return(case.due_on, case.facts, today, policy).reason
    elif charge is not None:
        value = policy.money_on(PolicyName.REPLACEMENT_VALUE_CENTS, charge.on)
    return lowered_to(term.placement, fee, value, today, reason, ledger, rule)


def _spoilt(case: ReturnCase, absent: Reason | None) -> Reason | None:
    """Why the value of a unit that is back is due: somebody caused the defect; nobody pays for their own unit."""
    pays = case.ownership.is_operators or absent is not None
    if case.inspection is None or case.rma.kind is not RmaKind.DEFECT or not pays:
        return None
    return value_reason(case.inspection)


def _is_given_back(case: ReturnCase, policy: PolicyBook) -> Reason | None:
    """Why a late unit's value comes back in full; None while it has not come, is not inspected, or came too late."""
    if case.facts.received_on is None or case.inspection is None:
        return None
    credited, reason = is_credited(case.due_on, case.facts.received_on, case.inspection.is_sound, policy)
    return reason if credited else None
