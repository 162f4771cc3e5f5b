"""What an account pays or gets back beside a unit's fee and value: shipping, reconnection, refunds (ER 4, 5)."""

from __future__ import annotations

from datetime import date

from fleet.domain.annual_plan import AnnualRefund
from fleet.domain.charge import ChargeEvent, ChargeKind, ChargeRule, Ledger, charge_key
from fleet.domain.money import ZERO, Money
from fleet.domain.ownership import Ownership
from fleet.domain.policy import PolicyBook, PolicyName
from fleet.domain.reason import Reason
from fleet.domain.references import Noun, refer
from fleet.domain.rma import RmaKind

REFUND = "refund"


def shipping_and_handling(
    rma_id: int, kind: RmaKind, ownership: Ownership, shipped_on: date, policy: PolicyBook, ledger: Ledger
) -> list[ChargeEvent]:
    """Once an RMA, when a repaired unit or a replacement for a defect of Operator Equipment is sent (ER 4).

    What is sent again because the carrier lost it, or because we sent the wrong item, costs the account nothing.
    """
    if kind is not RmaKind.DEFECT or not ownership.is_operators:
        return []
    value = policy.in_force(PolicyName.SHIPPING_AND_HANDLING_CENTS, shipped_on)
    rma = refer(Noun.RMA, rma_id)
    key = charge_key(ChargeRule.SHIPPING_AND_HANDLING, rma, "shipment")
    if not value.value or ledger.find(key) is not None:
        return []
    reason = Reason("ER 4, ToS 7.b", f"The account pays shipping and handling of what is sent for the defect of {rma}.")
    return [
        ChargeEvent(
            key,
            ChargeKind.CHARGE,
            ChargeRule.SHIPPING_AND_HANDLING,
            rma,
            Money(value.value),
            shipped_on,
            reason,
            (("rma", rma), ("shipped_on", str(shipped_on))),
            (value,),
        )
    ]


def reconnect_fee(account: str, episode: int, on: date, policy: PolicyBook, ledger: Ledger) -> list[ChargeEvent]:
    """Once for each suspension that is to end, whatever it was for (ER 5, ToS 10.g)."""
    value = policy.in_force(PolicyName.RECONNECT_FEE_CENTS, on)
    key = charge_key(ChargeRule.RECONNECT_FEE, account, f"suspension-{episode}")
    if not value.value or ledger.find(key) is not None:
        return []
    reason = Reason("ER 5, ToS 10.g", "Service comes back after full payment and the reconnect fee.")
    inputs = (("account", account), ("suspension", str(episode)))
    amount, rule = Money(value.value), ChargeRule.RECONNECT_FEE
    return [ChargeEvent(key, ChargeKind.CHARGE, rule, account, amount, on, reason, inputs, (value,))]


def trial_refund(
    placement: int, price: Money, accepted_on: date, policy: PolicyBook, ledger: Ledger
) -> list[ChargeEvent]:
    """The purchase price of a unit returned from its trial, less the restocking fee; nothing if the fee eats it."""
    value = policy.in_force(PolicyName.RESTOCKING_FEE_CENTS, accepted_on)
    subject = f"placement-{placement}"
    key = charge_key(ChargeRule.TRIAL_REFUND, subject, REFUND)
    amount = price - Money(value.value)
    if amount <= ZERO or ledger.find(key) is not None:
        return []
    reason = Reason("ER 4, es 7.b", f"The price of {price} less the restocking fee of {Money(value.value)}.")
    inputs = (("price", str(price)), ("restocking_fee", str(Money(value.value))))
    rule = ChargeRule.TRIAL_REFUND
    return [ChargeEvent(key, ChargeKind.REFUND, rule, subject, amount, accepted_on, reason, inputs, (value,))]


def annual_plan_refund(plan: str, refund: AnnualRefund, ended_on: date, ledger: Ledger) -> list[ChargeEvent]:
    """What annual_plan.py found when service ended, as an event; once for `plan`, which ends once.

    An activation that becomes known later moves the paid period, and must not make a second refund.
    """
    key = charge_key(ChargeRule.ANNUAL_REFUND, plan, REFUND)
    if refund.amount <= ZERO or ledger.find(key) is not None:
        return []
    inputs = (
        ("period", f"{refund.period.begins} to {refund.period.ends}"),
        ("unused_days", str(refund.unused_days)),
        ("ended_on", str(ended_on)),
    )
    rule = ChargeRule.ANNUAL_REFUND
    return [ChargeEvent(key, ChargeKind.REFUND, rule, plan, refund.amount, ended_on, refund.reason, inputs)]
