"""Shipping and handling, the reconnect fee, refunds: when, how much, and once."""

from __future__ import annotations

from datetime import date

import pytest

from fleet.domain.annual_plan import annual_refund
from fleet.domain.charge import ChargeEvent, ChargeKind, ChargeRule, Ledger
from fleet.domain.money import Money
from fleet.domain.other_charges import annual_plan_refund, reconnect_fee, shipping_and_handling, trial_refund
from fleet.domain.ownership import Ownership
from fleet.domain.policy import PolicyBook, PolicyName, PolicyValue
from fleet.domain.reason import Reason
from fleet.domain.rma import RmaKind

DAY = date(2025, 6, 1)
POLICY = PolicyBook()


def free_from(name: PolicyName) -> PolicyBook:
    return PolicyBook((PolicyValue(name, DAY, 0),))


@pytest.mark.parametrize("kind", list(RmaKind))
@pytest.mark.parametrize("ownership", list(Ownership))
def test_shipping_and_handling_is_paid_for_defects_of_operator_equipment(kind: RmaKind, ownership: Ownership) -> None:
    events = shipping_and_handling(7, kind, ownership, DAY, POLICY, Ledger())
    if kind is RmaKind.DEFECT and ownership is not Ownership.CUSTOMER:
        (event,) = events
        assert (event.key, event.amount, event.kind) == (
            "shipping_and_handling:RMA-7:shipment",
            Money(995),
            ChargeKind.CHARGE,
        )
        assert event.policy == (POLICY.in_force(PolicyName.SHIPPING_AND_HANDLING_CENTS, DAY),)
    else:
        assert events == []


def test_what_is_sent_again_costs_nothing_more() -> None:
    def sent(rma: int, ledger: Ledger, policy: PolicyBook = POLICY) -> list[ChargeEvent]:
        return shipping_and_handling(rma, RmaKind.DEFECT, Ownership.OPERATOR, DAY, policy, ledger)

    ledger = Ledger().add(sent(7, Ledger()))
    assert sent(7, ledger) == []
    assert len(sent(8, ledger)) == 1
    assert sent(8, ledger, free_from(PolicyName.SHIPPING_AND_HANDLING_CENTS)) == []


def test_each_suspension_costs_its_reconnect_fee_once() -> None:
    ledger = Ledger().add(reconnect_fee("AC-1", 1, DAY, POLICY, Ledger()))
    (event,) = ledger.events
    assert (event.key, event.amount) == ("reconnect_fee:AC-1:suspension-1", Money(1500))
    assert event.policy == (POLICY.in_force(PolicyName.RECONNECT_FEE_CENTS, DAY),)
    assert reconnect_fee("AC-1", 1, DAY, POLICY, ledger) == []
    assert len(reconnect_fee("AC-1", 2, DAY, POLICY, ledger)) == 1
    assert reconnect_fee("AC-1", 2, DAY, free_from(PolicyName.RECONNECT_FEE_CENTS), ledger) == []


@pytest.mark.parametrize(("price", "refunded"), [(3995, 2995), (1001, 1), (1000, None), (500, None), (0, None)])
def test_a_trial_gives_the_price_back_less_the_restocking_fee(price: int, refunded: int | None) -> None:
    events = trial_refund(1, Money(price), DAY, POLICY, Ledger())
    assert [e.amount.cents for e in events] == ([] if refunded is None else [refunded])
    if events:
        (event,) = events
        assert (event.kind, event.key) == (ChargeKind.REFUND, "trial_refund:placement-1:refund")
        assert event.reason.text == f"The price of {Money(price)} less the restocking fee of $10.00."
        assert event.policy == (POLICY.in_force(PolicyName.RESTOCKING_FEE_CENTS, DAY),)
        assert trial_refund(1, Money(price), DAY, POLICY, Ledger(tuple(events))) == []


def test_an_annual_refund_is_an_event_once_a_plan() -> None:
    def made(noticed: date, ledger: Ledger) -> list[ChargeEvent]:
        refund = annual_refund(Money(36500), date(2025, 5, 20), date(2025, 5, 22), noticed, DAY, POLICY)
        return annual_plan_refund("plan-1", refund, DAY, ledger)

    (event,) = made(date(2025, 5, 25), Ledger())
    assert (event.kind, event.rule, event.amount) == (
        ChargeKind.REFUND,
        ChargeRule.ANNUAL_REFUND,
        Money(35500),
    )
    assert event.key == "annual_refund:plan-1:refund"
    assert dict(event.inputs) == {
        "period": "2025-05-22 to 2026-05-22",
        "unused_days": "355",
        "ended_on": "2025-06-01",
    }
    assert made(date(2025, 5, 25), Ledger((event,))) == []
    assert made(date(2025, 6, 20), Ledger()) == []
    # An activation that becomes known later moves the period, and makes no second refund.
    later = annual_refund(Money(36500), date(2025, 5, 20), date(2025, 5, 21), date(2025, 5, 25), DAY, POLICY)
    assert annual_plan_refund("plan-1", later, DAY, Ledger((event,))) == []


def test_only_a_leased_unit_has_to_come_back() -> None:
    assert [o.returns_at_end for o in Ownership] == [False, True, False]
    assert [o.is_operators for o in Ownership] == [True, True, False]


WHOLE_EVENTS = [
    ChargeEvent(
        "shipping_and_handling:RMA-7:shipment",
        ChargeKind.CHARGE,
        ChargeRule.SHIPPING_AND_HANDLING,
        "RMA-7",
        Money(995),
        DAY,
        Reason("ER 4, ToS 7.b", "The account pays shipping and handling of what is sent for the defect of RMA-7."),
        (("rma", "RMA-7"), ("shipped_on", "2025-06-01")),
        (POLICY.in_force(PolicyName.SHIPPING_AND_HANDLING_CENTS, DAY),),
    ),
    ChargeEvent(
        "reconnect_fee:AC-1:suspension-2",
        ChargeKind.CHARGE,
        ChargeRule.RECONNECT_FEE,
        "AC-1",
        Money(1500),
        DAY,
        Reason("ER 5, ToS 10.g", "Service comes back after full payment and the reconnect fee."),
        (("account", "AC-1"), ("suspension", "2")),
        (POLICY.in_force(PolicyName.RECONNECT_FEE_CENTS, DAY),),
    ),
    ChargeEvent(
        "trial_refund:placement-3:refund",
        ChargeKind.REFUND,
        ChargeRule.TRIAL_REFUND,
        "placement-3",
        Money(2995),
        DAY,
        Reason("ER 4, es 7.b", "The price of $39.95 less the restocking fee of $10.00."),
        (("price", "$39.95"), ("restocking_fee", "$10.00")),
        (POLICY.in_force(PolicyName.RESTOCKING_FEE_CENTS, DAY),),
    ),
    ChargeEvent(
        "annual_refund:OR-4:refund",
        ChargeKind.REFUND,
        ChargeRule.ANNUAL_REFUND,
        "OR-4",
        Money(35100),
        date(2025, 6, 5),
        Reason("ER 5, ToS 9.d", "351 of the 365 days from 2025-05-22 are unused: $351.00 of $365.00."),
        (("period", "2025-05-22 to 2026-05-22"), ("unused_days", "351"), ("ended_on", "2025-06-05")),
    ),
]


def test_each_event_says_by_what_rule_from_what_facts_and_by_which_policy() -> None:
    plan = annual_refund(Money(36500), date(2025, 5, 20), date(2025, 5, 22), DAY, date(2025, 6, 5), POLICY)
    told = [
        *shipping_and_handling(7, RmaKind.DEFECT, Ownership.OPERATOR, DAY, POLICY, Ledger()),
        *reconnect_fee("AC-1", 2, DAY, POLICY, Ledger()),
        *trial_refund(3, Money(3995), DAY, POLICY, Ledger()),
        *annual_plan_refund("OR-4", plan, date(2025, 6, 5), Ledger()),
    ]
    assert told == WHOLE_EVENTS
