"""What a unit costs an account: fee or replacement value, never both, and what lowers them (equipment rules 3 to 5).

- The subject of a unit's events is its placement: the same unit at another account is another matter.
- Each function returns the events that are to be made now; none if the ledger has them or nothing is due.
- Of fee and value the greater is owed: what was charged of one counts towards the other (ER 3.5).
- The fee is charged once, the value once for each cause; what is charged of one counts towards the others.
- Whatever becomes known later lowers what is owed, and never raises it (ER 3.5).
"""

from __future__ import annotations

from datetime import date

from fleet.domain.charge import ChargeEvent, ChargeKind, ChargeRule, Ledger, charge_key
from fleet.domain.money import ZERO, Money
from fleet.domain.policy import PolicyBook, PolicyName, PolicyValue
from fleet.domain.quote import QuoteLine
from fleet.domain.reason import Reason

ONCE = "once"


def subject_of(placement: int) -> str:
    """The subject of the events of one placement."""
    return f"placement-{placement}"


def fee_charge(placement: int, ledger: Ledger) -> ChargeEvent | None:
    """The charge of the reimbursement fee, if there was one."""
    return ledger.find(charge_key(ChargeRule.REIMBURSEMENT_FEE, subject_of(placement), ONCE))


def value_charges(placement: int, ledger: Ledger) -> list[ChargeEvent]:
    """The charges of the replacement value, in their order; more than one if an earlier one was credited again."""
    subject, rule = subject_of(placement), ChargeRule.REPLACEMENT_VALUE
    return [e for e in ledger.events if e.subject == subject and e.rule is rule and e.kind is ChargeKind.CHARGE]


def fee_at_end(line: QuoteLine, ended_on: date, fee: PolicyValue, ledger: Ledger) -> list[ChargeEvent]:
    """The reimbursement fee of a unit whose service ended on `ended_on`, as `line` quotes it for that date (ER 3.4).

    `fee`: the value the term was agreed with.
    """
    subject = subject_of(line.placement)
    counted = ledger.charged(ChargeRule.REPLACEMENT_VALUE, subject)
    inputs = (
        ("unit", line.unit),
        ("service_ended_on", str(ended_on)),
        ("term", f"{line.term_from} to {line.term_until}"),
        ("replacement_value_counted", str(counted)),
    )
    reason = Reason("ER 3.4, ToS 9.f", line.reason)
    rule = ChargeRule.REIMBURSEMENT_FEE
    return _charged_once(rule, subject, line.fee - counted, ended_on, reason, inputs, fee, ledger)


def replacement_value(
    placement: int, unit: str, on: date, reason: Reason, policy: PolicyBook, ledger: Ledger, cause: str = ONCE
) -> list[ChargeEvent]:
    """The value of a unit that stays away or came back spoilt, as in force on the day it is charged (ER 4).

    `cause` tells the occasions of one placement apart: late, in time after all, and then found spoilt.
    """
    subject = subject_of(placement)
    value = policy.in_force(PolicyName.REPLACEMENT_VALUE_CENTS, on)
    fee = ledger.charged(ChargeRule.REIMBURSEMENT_FEE, subject)
    earlier = ledger.charged(ChargeRule.REPLACEMENT_VALUE, subject)
    inputs = (
        ("unit", unit),
        ("value", str(Money(value.value))),
        ("fee_counted", str(fee)),
        ("value_counted", str(earlier)),
    )
    due = Money(value.value) - fee - earlier
    return _charged_once(ChargeRule.REPLACEMENT_VALUE, subject, due, on, reason, inputs, value, ledger, cause)


def lowered_to(
    placement: int,
    fee_owed: Money,
    value_owed: Money,
    on: date,
    reason: Reason,
    ledger: Ledger,
    rule: ChargeRule = ChargeRule.LATER_EVIDENCE,
) -> list[ChargeEvent]:
    """The credits that leave what is owed for the facts known on `on`; `rule` may be that of a late return.

    `fee_owed`: of the quote for the date service ended. `value_owed`: the whole replacement value if it still is.
    """
    fee = fee_charge(placement, ledger)
    # A fee that was not charged when service ended is not owed because the value that stood for it is gone.
    fee_owed = min(fee_owed, ZERO if fee is None else fee.amount)
    # The newest first: the value's credit then names the value's charge.
    charges = [*reversed(value_charges(placement, ledger)), *([] if fee is None else [fee])]
    excess = sum(map(ledger.open_amount, charges), ZERO) - max(fee_owed, value_owed)
    credits_now = []
    for charge in charges:
        left = ledger.open_amount(charge)
        amount = min(excess, left)
        if amount > ZERO:
            credits_now.append(_credit(charge, rule, amount, left - amount, on, reason))
            excess -= amount
    return credits_now


def _charged_once(
    rule: ChargeRule,
    subject: str,
    amount: Money,
    on: date,
    reason: Reason,
    inputs: tuple[tuple[str, str], ...],
    value: PolicyValue,
    ledger: Ledger,
    occasion: str = ONCE,
) -> list[ChargeEvent]:
    key = charge_key(rule, subject, occasion)
    if amount <= ZERO or ledger.find(key) is not None:
        return []
    return [ChargeEvent(key, ChargeKind.CHARGE, rule, subject, amount, on, reason, inputs, (value,))]


def _credit(charge: ChargeEvent, rule: ChargeRule, amount: Money, left: Money, on: date, reason: Reason) -> ChargeEvent:
    # What is left only goes down, so each level is an occasion of its own.
    key = charge_key(rule, charge.key, f"to-{left.cents}")
    inputs = (("charge", charge.key), ("charged", str(charge.amount)), ("left", str(left)))
    return ChargeEvent(key, ChargeKind.CREDIT, rule, charge.subject, amount, on, reason, inputs, of=charge.key)
