"""Every amount and period of the rules, with the date it takes effect (equipment rules, section 9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from fleet.domain.errors import InvalidError
from fleet.domain.money import Money


class PolicyName(StrEnum):
    """What a policy value sets; the unit is the last word."""

    MINIMUM_TERM_MONTHS = "minimum_term_months"  # ToS 9.f
    REIMBURSEMENT_FEE_CENTS = "reimbursement_fee_cents"  # ToS 9.f
    START_WITHOUT_ACTIVATION_DAYS = "start_without_activation_days"  # ToS 1.27
    ASSUMED_RECEIPT_DAYS = "assumed_receipt_days"
    RETURN_DAYS = "return_days"  # es 7.d
    TRIAL_OPEN_DAYS = "trial_open_days"  # es 7.b
    TRIAL_RETURN_DAYS = "trial_return_days"  # es 7.b
    REPLACEMENT_VALUE_CENTS = "replacement_value_cents"
    RESTOCKING_FEE_CENTS = "restocking_fee_cents"
    SHIPPING_AND_HANDLING_CENTS = "shipping_and_handling_cents"
    RECONNECT_FEE_CENTS = "reconnect_fee_cents"
    CANCELLATION_LEAD_HOURS = "cancellation_lead_hours"  # ToS 9.c
    CANCELLATION_NOTICE_BUSINESS_DAYS = "cancellation_notice_business_days"  # ToS 9.b
    PHONE_OPENS_HOUR = "phone_opens_hour"  # ToS 9.b
    PHONE_CLOSES_HOUR = "phone_closes_hour"  # ToS 9.b
    ANNUAL_REFUND_DAYS = "annual_refund_days"  # ToS 9.d
    PAYMENT_DEFAULT_BUSINESS_DAYS = "payment_default_business_days"  # ToS 12.a
    OTHER_BREACH_DAYS = "other_breach_days"  # ToS 12.a
    REMINDER_DAYS = "reminder_days"
    LATE_SCAN_GRACE_DAYS = "late_scan_grace_days"
    LATE_RETURN_CREDIT_DAYS = "late_return_credit_days"
    CHANGE_OBJECTION_DAYS = "change_objection_days"  # ToS 30.b
    FORCE_MAJEURE_DAYS = "force_majeure_days"  # ToS 32.c
    SWAP_WAIT_HOURS = "swap_wait_hours"  # ER 4
    MINIMUM_VERSION_NOTICE_DAYS = "minimum_version_notice_days"  # ER 6, ToS 30
    MANDATORY_UPDATE_DAYS = "mandatory_update_days"  # ER 6: of an offer that is not taken
    REASONABLE_USE_PERCENT = "reasonable_use_percent"  # ER 7: the percentile of the plan's Accounts
    LATE_CALL_RECORDS_DAYS = "late_call_records_days"  # a month of calls is waited for so long before it is judged
    CALL_RECORDS_MONTHS = "call_records_months"
    CONNECTION_LOGS_DAYS = "connection_logs_days"
    PERSONAL_DATA_DAYS = "personal_data_days"
    UNDELIVERED_MESSAGES_DAYS = "undelivered_messages_days"  # ToS 25; the message service's


DEFAULTS: dict[PolicyName, int] = {
    PolicyName.MINIMUM_TERM_MONTHS: 12,
    PolicyName.REIMBURSEMENT_FEE_CENTS: 5000,
    PolicyName.START_WITHOUT_ACTIVATION_DAYS: 30,
    PolicyName.ASSUMED_RECEIPT_DAYS: 10,
    PolicyName.RETURN_DAYS: 10,
    PolicyName.TRIAL_OPEN_DAYS: 30,
    PolicyName.TRIAL_RETURN_DAYS: 14,
    PolicyName.REPLACEMENT_VALUE_CENTS: 6500,
    PolicyName.RESTOCKING_FEE_CENTS: 1000,
    PolicyName.SHIPPING_AND_HANDLING_CENTS: 995,
    PolicyName.RECONNECT_FEE_CENTS: 1500,
    PolicyName.CANCELLATION_LEAD_HOURS: 72,
    PolicyName.CANCELLATION_NOTICE_BUSINESS_DAYS: 3,
    PolicyName.PHONE_OPENS_HOUR: 6,
    PolicyName.PHONE_CLOSES_HOUR: 20,
    PolicyName.ANNUAL_REFUND_DAYS: 30,
    PolicyName.PAYMENT_DEFAULT_BUSINESS_DAYS: 5,
    PolicyName.OTHER_BREACH_DAYS: 30,
    PolicyName.REMINDER_DAYS: 3,
    PolicyName.LATE_SCAN_GRACE_DAYS: 5,
    PolicyName.LATE_RETURN_CREDIT_DAYS: 30,
    PolicyName.CHANGE_OBJECTION_DAYS: 30,
    PolicyName.FORCE_MAJEURE_DAYS: 10,
    PolicyName.SWAP_WAIT_HOURS: 4,
    PolicyName.MINIMUM_VERSION_NOTICE_DAYS: 30,
    PolicyName.MANDATORY_UPDATE_DAYS: 7,
    PolicyName.REASONABLE_USE_PERCENT: 95,
    PolicyName.LATE_CALL_RECORDS_DAYS: 3,
    PolicyName.CALL_RECORDS_MONTHS: 18,
    PolicyName.CONNECTION_LOGS_DAYS: 90,
    PolicyName.PERSONAL_DATA_DAYS: 90,
    PolicyName.UNDELIVERED_MESSAGES_DAYS: 30,
}

# The most a value may be, by the last word of its name: a slip of the hand must not charge a fortune.
MAX_BY_UNIT = {"cents": 100_000, "months": 120, "days": 3_650, "hours": 720, "hour": 24, "percent": 100}
SINCE_EVER = date.min


@dataclass(frozen=True, slots=True)
class PolicyValue:
    """`name` is `value` from the local date `effective_from` on, until a later one takes over."""

    name: PolicyName
    effective_from: date
    value: int

    def __str__(self) -> str:
        since = "by default" if self.effective_from == SINCE_EVER else f"since {self.effective_from}"
        return f"{self.name} {self.value} {since}"


@dataclass(frozen=True, slots=True)
class PolicyBook:
    """All values ever set; what none covers is the default."""

    values: tuple[PolicyValue, ...] = ()

    def in_force(self, name: PolicyName, day: date) -> PolicyValue:
        """The value of `name` in force on `day`, with the date it took effect."""
        known = [v for v in self.values if v.name is name and v.effective_from <= day]
        return max(known, key=lambda v: v.effective_from, default=PolicyValue(name, SINCE_EVER, DEFAULTS[name]))

    def on(self, name: PolicyName, day: date) -> int:
        """The value of `name` in force on `day`."""
        return self.in_force(name, day).value

    def money_on(self, name: PolicyName, day: date) -> Money:
        """The amount of `name` in force on `day`."""
        return Money(self.on(name, day))


def check_new_value(book: PolicyBook, new: PolicyValue, today: date) -> PolicyValue:
    """`new`, if it may be added to `book`; else InvalidError.

    It takes effect after today, so that nothing decided already comes out otherwise, and once a name and date.
    """
    highest = MAX_BY_UNIT[new.name.rpartition("_")[2]]
    if not 0 <= new.value <= highest:
        raise InvalidError(f"{new.name} is 0 to {highest}, got {new.value}")
    if new.effective_from <= today:
        raise InvalidError(f"{new.name} takes effect after today, {today}, got {new.effective_from}")
    if any(v.name is new.name and v.effective_from == new.effective_from for v in book.values):
        raise InvalidError(f"{new.name} has a value from {new.effective_from} on already; take another date")
    return new
