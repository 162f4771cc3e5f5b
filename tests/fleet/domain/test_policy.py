"""Policy values: the defaults of equipment rules 9, the date each takes effect, and what may be added."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from fleet.domain.errors import InvalidError
from fleet.domain.money import Money
from fleet.domain.policy import DEFAULTS, MAX_BY_UNIT, PolicyBook, PolicyName, PolicyValue, check_new_value

TODAY = date(2025, 6, 1)
FEE = PolicyName.REIMBURSEMENT_FEE_CENTS
NEW = PolicyValue(FEE, date(2025, 7, 1), 7500)


def test_the_defaults_are_those_of_the_rules() -> None:
    assert {str(name): value for name, value in DEFAULTS.items()} == {
        "minimum_term_months": 12,
        "reimbursement_fee_cents": 50_00,
        "start_without_activation_days": 30,
        "assumed_receipt_days": 10,
        "return_days": 10,
        "trial_open_days": 30,
        "trial_return_days": 14,
        "replacement_value_cents": 65_00,
        "restocking_fee_cents": 10_00,
        "shipping_and_handling_cents": 9_95,
        "reconnect_fee_cents": 15_00,
        "cancellation_lead_hours": 72,
        "cancellation_notice_business_days": 3,
        "phone_opens_hour": 6,
        "phone_closes_hour": 20,
        "annual_refund_days": 30,
        "payment_default_business_days": 5,
        "other_breach_days": 30,
        "reminder_days": 3,
        "late_scan_grace_days": 5,
        "late_return_credit_days": 30,
        "change_objection_days": 30,
        "force_majeure_days": 10,
        "swap_wait_hours": 4,
        "minimum_version_notice_days": 30,
        "mandatory_update_days": 7,
        "reasonable_use_percent": 95,
        "late_call_records_days": 3,
        "call_records_months": 18,
        "connection_logs_days": 90,
        "personal_data_days": 90,
        "undelivered_messages_days": 30,
    }
    assert set(DEFAULTS) == set(PolicyName)


def test_each_value_has_a_default_and_a_bound_for_its_unit() -> None:
    for name in PolicyName:
        assert 0 <= DEFAULTS[name] <= MAX_BY_UNIT[name.rpartition("_")[2]]


def test_a_value_holds_from_its_date_until_a_later_one_whatever_the_order_they_stand_in() -> None:
    later = PolicyValue(FEE, date(2026, 1, 1), 9000)
    for book in (PolicyBook((NEW, later)), PolicyBook((later, NEW))):
        assert book.money_on(FEE, date(2025, 6, 30)) == Money(5000)
        assert book.money_on(FEE, date(2025, 7, 1)) == Money(7500)
        assert book.money_on(FEE, date(2025, 12, 31)) == Money(7500)
        assert book.in_force(FEE, date(2026, 1, 1)) == later
        assert book.on(PolicyName.RETURN_DAYS, date(2026, 1, 1)) == 10


def test_a_value_in_force_says_since_when() -> None:
    assert str(PolicyBook().in_force(FEE, TODAY)) == "reimbursement_fee_cents 5000 by default"
    assert str(NEW) == "reimbursement_fee_cents 7500 since 2025-07-01"


def test_a_new_value_takes_effect_after_today() -> None:
    assert check_new_value(PolicyBook(), replace(NEW, effective_from=date(2025, 6, 2)), TODAY).value == 7500
    for day in (TODAY, date(2025, 5, 31)):
        with pytest.raises(InvalidError, match="takes effect after today"):
            check_new_value(PolicyBook(), replace(NEW, effective_from=day), TODAY)


def test_a_name_has_one_value_a_date() -> None:
    with pytest.raises(InvalidError, match="take another date"):
        check_new_value(PolicyBook((NEW,)), replace(NEW, value=1), TODAY)
    other = PolicyValue(PolicyName.RETURN_DAYS, NEW.effective_from, 14)
    assert check_new_value(PolicyBook((NEW,)), other, TODAY) == other


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        (FEE, 0, True),
        (FEE, -1, False),
        (FEE, 100_000, True),
        (FEE, 100_001, False),
        (PolicyName.PHONE_CLOSES_HOUR, 24, True),
        (PolicyName.PHONE_CLOSES_HOUR, 25, False),
        (PolicyName.RETURN_DAYS, 3_651, False),
        (PolicyName.MINIMUM_TERM_MONTHS, 121, False),
        (PolicyName.CANCELLATION_LEAD_HOURS, 721, False),
    ],
)
def test_a_value_lies_within_the_bound_of_its_unit(name: PolicyName, value: int, fits: bool) -> None:
    new = PolicyValue(name, date(2025, 7, 1), value)
    if fits:
        assert check_new_value(PolicyBook(), new, TODAY) == new
    else:
        with pytest.raises(InvalidError, match=f"got {value}"):
            check_new_value(PolicyBook(), new, TODAY)
