"""A ledger has each event once, and credits that fit the charge they name."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from fleet.domain.charge import ChargeEvent, ChargeKind, ChargeRule, Ledger, charge_key
from fleet.domain.errors import ConflictError, InvalidError
from fleet.domain.money import ZERO, Money
from fleet.domain.reason import Reason

FEE, VALUE = ChargeRule.REIMBURSEMENT_FEE, ChargeRule.REPLACEMENT_VALUE
DAY = date(2025, 6, 1)
WHY = Reason("ER 3.4", "Because.")
CHARGE = ChargeEvent(
    charge_key(FEE, "placement-1", "once"), ChargeKind.CHARGE, FEE, "placement-1", Money(5000), DAY, WHY
)


def credit(cents: int, occasion: str = "a", of: str = CHARGE.key) -> ChargeEvent:
    key = charge_key(ChargeRule.LATER_EVIDENCE, of, occasion)
    return ChargeEvent(
        key, ChargeKind.CREDIT, ChargeRule.LATER_EVIDENCE, "placement-1", Money(cents), DAY, WHY, of=of
    )  # fmt: skip


def test_a_key_says_what_an_event_is_for() -> None:
    assert CHARGE.key == "reimbursement_fee:placement-1:once"


def test_an_event_that_is_made_twice_is_there_once() -> None:
    once = Ledger().add([CHARGE])
    assert once.add([CHARGE, CHARGE]) == once
    assert once.find(CHARGE.key) == CHARGE
    assert Ledger().find(CHARGE.key) is None


def test_a_key_never_stands_for_another_amount() -> None:
    ledger = Ledger((CHARGE,))
    with pytest.raises(ConflictError, match=r"is \$50.00 of 2025-06-01 already, not \$40.00"):
        ledger.add([replace(CHARGE, amount=Money(4000))])
    assert ledger == Ledger((CHARGE,))


def test_credits_take_from_the_charge_they_name_down_to_nothing() -> None:
    ledger = Ledger((CHARGE,)).add([credit(2000), credit(3000, "b")])
    assert ledger.open_amount(CHARGE) == ZERO
    assert ledger.charged(FEE, "placement-1") == ZERO
    assert [e.amount for e in ledger.credits_of(CHARGE)] == [Money(2000), Money(3000)]
    with pytest.raises(ConflictError, match=r"credits \$0.01, reimbursement_fee:placement-1:once has \$0.00"):
        ledger.add([credit(1, "c")])


def test_of_several_new_events_all_are_added_or_none() -> None:
    ledger = Ledger((CHARGE,))
    with pytest.raises(ConflictError):
        ledger.add([credit(4000), credit(2000, "b")])
    assert ledger.open_amount(CHARGE) == Money(5000)


def test_a_credit_names_a_charge_of_its_own_subject() -> None:
    other = replace(CHARGE, key="other", subject="placement-2")
    refund = replace(CHARGE, key="refund", kind=ChargeKind.REFUND)
    ledger = Ledger((CHARGE, other, refund))
    for key in ("nothing", "other", "refund"):
        with pytest.raises(ConflictError, match=f"credits {key}, which is no charge of placement-1"):
            ledger.add([credit(1, of=key)])


def test_what_was_charged_is_counted_by_rule_and_subject() -> None:
    other = replace(CHARGE, key="other", subject="placement-2", amount=Money(700))
    refund = replace(CHARGE, key="refund", kind=ChargeKind.REFUND)
    ledger = Ledger((CHARGE, other, refund)).add([credit(1000)])
    assert ledger.charged(FEE, "placement-1") == Money(4000)
    assert ledger.charged(FEE, "placement-2") == Money(700)
    assert ledger.charged(VALUE, "placement-1") == ZERO


@pytest.mark.parametrize("cents", [0, -1])
def test_an_amount_is_more_than_zero(cents: int) -> None:
    with pytest.raises(InvalidError, match="more than zero"):
        replace(CHARGE, amount=Money(cents))


@pytest.mark.parametrize("kind", list(ChargeKind))
def test_a_credit_and_nothing_else_names_a_charge(kind: ChargeKind) -> None:
    wrong = "" if kind is ChargeKind.CREDIT else "charge"
    with pytest.raises(InvalidError, match="a credit, and nothing else, names a charge"):
        replace(CHARGE, kind=kind, of=wrong)
