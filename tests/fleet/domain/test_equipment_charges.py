"""Fee and replacement value of a unit: never both, each once, lowered by what becomes known later, never raised."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.charge import ChargeKind, ChargeRule, Ledger
from fleet.domain.equipment_charges import (
    fee_at_end,
    lowered_to,
    replacement_value,
    subject_of,
    value_charges,
)
from fleet.domain.money import ZERO, Money
from fleet.domain.policy import PolicyBook, PolicyName, PolicyValue
from fleet.domain.quote import QuoteLine, TermState
from fleet.domain.reason import Reason

END, LATER = date(2025, 6, 1), date(2025, 6, 20)
POLICY = PolicyBook()
FEE_POLICY = POLICY.in_force(PolicyName.REIMBURSEMENT_FEE_CENTS, END)
WHY = Reason("ER 4", "It is not back in time.")
FEE, VALUE = ChargeRule.REIMBURSEMENT_FEE, ChargeRule.REPLACEMENT_VALUE


def line(cents: int = 5000, placement: int = 1) -> QuoteLine:
    state = TermState.RUNNING if cents else TermState.OVER
    term = date(2025, 1, 20), date(2026, 1, 20)
    return QuoteLine("unit-1", placement, Money(cents), state, "unit-1 is in its term.", "", *term)


def with_fee(ledger: Ledger, cents: int = 5000) -> Ledger:
    return ledger.add(fee_at_end(line(cents), END, FEE_POLICY, ledger))


def with_value(ledger: Ledger, policy: PolicyBook = POLICY, on: date = LATER) -> Ledger:
    return ledger.add(replacement_value(1, "unit-1", on, WHY, policy, ledger))


def lowered(ledger: Ledger, fee: int, value: int, rule: ChargeRule = ChargeRule.LATER_EVIDENCE) -> Ledger:
    return ledger.add(lowered_to(1, Money(fee), Money(value), LATER, WHY, ledger, rule))


def owed(ledger: Ledger) -> Money:
    return ledger.charged(FEE, subject_of(1)) + ledger.charged(VALUE, subject_of(1))


def test_the_fee_is_charged_once_with_rule_reason_inputs_and_policy() -> None:
    ledger = with_fee(Ledger())
    (event,) = ledger.events
    assert (event.kind, event.amount, event.on, event.subject) == (ChargeKind.CHARGE, Money(5000), END, "placement-1")
    assert event.reason == Reason("ER 3.4, ToS 9.f", "unit-1 is in its term.")
    assert dict(event.inputs) == {
        "unit": "unit-1",
        "service_ended_on": "2025-06-01",
        "term": "2025-01-20 to 2026-01-20",
        "replacement_value_counted": "$0.00",
    }
    assert event.policy == (FEE_POLICY,)
    assert with_fee(ledger) == ledger
    assert with_fee(lowered(ledger, 0, 0)) == lowered(ledger, 0, 0)  # nor again after it was credited


def test_no_fee_makes_no_event() -> None:
    assert with_fee(Ledger(), 0) == Ledger()


def test_the_replacement_value_is_the_one_in_force_on_the_day_it_is_charged() -> None:
    book = PolicyBook((PolicyValue(PolicyName.REPLACEMENT_VALUE_CENTS, LATER, 7000),))
    before, after = (with_value(Ledger(), book, on).events[0] for on in (LATER - timedelta(1), LATER))
    assert (before.amount, after.amount) == (Money(6500), Money(7000))
    assert after.policy[0].effective_from == LATER
    assert after.reason == WHY


def test_a_fee_paid_counts_towards_the_value_charged_later() -> None:
    ledger = with_value(with_fee(Ledger()))
    assert [(e.rule, e.amount) for e in ledger.events] == [(FEE, Money(5000)), (VALUE, Money(1500))]
    assert dict(ledger.events[1].inputs) == {
        "unit": "unit-1",
        "value": "$65.00",
        "fee_counted": "$50.00",
        "value_counted": "$0.00",
    }
    assert with_value(ledger) == ledger


def test_a_value_charged_counts_towards_a_fee_settled_later() -> None:
    ledger = with_value(Ledger())
    assert with_fee(ledger) == ledger
    dear = with_fee(ledger, 8000)
    assert dear.events[1].amount == Money(1500)
    assert dict(dear.events[1].inputs)["replacement_value_counted"] == "$65.00"


def test_each_cause_of_the_value_is_charged_once_and_counts_towards_the_next() -> None:
    def caused(ledger: Ledger, cause: str) -> Ledger:
        return ledger.add(replacement_value(1, "unit-1", LATER, WHY, POLICY, ledger, cause))

    late = caused(Ledger(), "late")
    assert value_charges(1, Ledger()) == []
    assert caused(late, "spoilt") == caused(late, "late") == late
    again = caused(lowered(late, 0, 0), "spoilt")
    assert value_charges(1, again) == [again.events[0], again.events[2]]
    assert owed(again) == Money(6500)
    lower = lowered(with_value(with_fee(again), POLICY), 0, 0)
    assert owed(lower) == ZERO


def test_where_fee_and_value_are_both_owed_the_greater_is() -> None:
    dear = PolicyBook((PolicyValue(PolicyName.REPLACEMENT_VALUE_CENTS, END, 8000),))
    ledger = with_value(with_fee(Ledger()), dear)
    assert owed(lowered(ledger, 5000, 6500)) == Money(6500)  # one cause fell away, a cheaper one stays


def test_a_value_lower_than_the_fee_adds_nothing() -> None:
    book = PolicyBook((PolicyValue(PolicyName.REPLACEMENT_VALUE_CENTS, END, 4000),))
    ledger = with_fee(Ledger())
    assert with_value(ledger, book) == ledger
    # The evidence that ends the fee leaves the value, which nothing but the fee had paid.
    assert owed(lowered(ledger, 0, 4000)) == Money(4000)


def test_units_do_not_mix() -> None:
    ledger = with_fee(Ledger())
    other = fee_at_end(line(placement=2), END, FEE_POLICY, ledger)
    assert [e.subject for e in other] == ["placement-2"]
    assert replacement_value(2, "unit-2", LATER, WHY, POLICY, ledger)[0].amount == Money(6500)
    assert lowered_to(2, ZERO, ZERO, LATER, WHY, ledger) == []


# What becomes known later.


def test_a_fee_that_was_not_owed_is_credited_by_name() -> None:
    ledger = lowered(with_fee(Ledger()), 0, 0)
    credit = ledger.events[1]
    assert (credit.kind, credit.rule, credit.amount, credit.of) == (
        ChargeKind.CREDIT,
        ChargeRule.LATER_EVIDENCE,
        Money(5000),
        ledger.events[0].key,
    )
    assert credit.key == "later_evidence:reimbursement_fee:placement-1:once:to-0"
    assert credit.inputs == (("charge", ledger.events[0].key), ("charged", "$50.00"), ("left", "$0.00"))
    assert owed(ledger) == ZERO
    assert lowered(ledger, 0, 0) == ledger


def test_evidence_that_would_raise_what_is_owed_changes_nothing() -> None:
    assert lowered(Ledger(), 5000, 0) == Ledger()
    ledger = lowered(with_fee(Ledger()), 0, 0)
    assert lowered(ledger, 5000, 0) == ledger
    low = with_fee(Ledger(), 3000)
    assert lowered(low, 5000, 0) == low


def test_a_late_return_gives_the_value_back_in_full_once_and_leaves_the_fee() -> None:
    ledger = lowered(with_value(Ledger()), 0, 0, ChargeRule.LATE_RETURN)
    assert owed(ledger) == ZERO
    assert ledger.events[1].rule is ChargeRule.LATE_RETURN
    assert lowered(ledger, 0, 0, ChargeRule.LATE_RETURN) == ledger
    assert with_value(ledger) == ledger  # and it is not charged a second time
    both = lowered(with_value(with_fee(Ledger())), 5000, 0, ChargeRule.LATE_RETURN)
    assert (owed(both), both.charged(VALUE, subject_of(1))) == (Money(5000), ZERO)


def test_a_value_that_stood_for_the_fee_comes_back_in_full_though_the_term_would_have_cost_one() -> None:
    ledger = with_fee(with_value(Ledger()))  # service ended while the value was charged: no fee
    assert owed(lowered(ledger, 5000, 0, ChargeRule.LATE_RETURN)) == ZERO


def test_a_fee_that_falls_away_goes_on_counting_towards_a_value_that_stands() -> None:
    ledger = with_value(with_fee(Ledger()))
    assert lowered(ledger, 0, 6500) == ledger
    assert owed(lowered(ledger, 0, 0)) == ZERO  # until that falls away too


# Properties.

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("fee"), st.sampled_from([0, 3000, 5000])),
        st.tuples(st.just("value"), st.just(0)),
        st.tuples(st.just("lower"), st.sampled_from([0, 3000, 5000]), st.sampled_from([0, 6500])),
    ),
    max_size=8,
)


@given(STEPS)
def test_never_both_never_raised_by_evidence_never_twice(steps: list[tuple[str, int] | tuple[str, int, int]]) -> None:
    ledger = Ledger()
    for step in steps:
        before = owed(ledger)
        match step:
            case ("fee", int(fee)):
                ledger = with_fee(ledger, fee)
            case ("value", _):
                ledger = with_value(ledger)
            case (_, int(fee), int(value)):
                ledger = lowered(ledger, fee, value)
                assert owed(ledger) <= before
        assert ZERO <= owed(ledger) <= Money(6500)
    keys = [event.key for event in ledger.events]
    assert len(keys) == len(set(keys))
    assert sum(e.kind is ChargeKind.CHARGE for e in ledger.events) <= 2


@pytest.mark.parametrize("value_first", [True, False])
def test_of_fee_and_value_the_greater_is_owed_in_either_order(value_first: bool) -> None:
    ledger = with_fee(with_value(Ledger())) if value_first else with_value(with_fee(Ledger()))
    assert owed(ledger) == Money(6500)
