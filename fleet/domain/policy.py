"""Every amount and period of the rules, with the date it takes effect (equipment rules, section 9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

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


DEFAULTS: dict[PolicyName, int] = {
    PolicyName.MINIMUM_TERM_MONTHS: 12,
    PolicyName.REIMBURSEMENT_FEE_CENTS: 5000,
    PolicyName.START_WITHOUT_ACTIVATION_DAYS: 30,
    PolicyName.ASSUMED_RECEIPT_DAYS: 10,
    PolicyName.RETURN_DAYS: 10,
    PolicyName.TRIAL_OPEN_DAYS: 30,
    PolicyName.TRIAL_RETURN_DAYS: 14,
}


@dataclass(frozen=True, slots=True)
class PolicyValue:
    """`name` is `value` from the local date `effective_from` on, until a later one takes over."""

    name: PolicyName
    effective_from: date
    value: int


@dataclass(frozen=True, slots=True)
class PolicyBook:
    """All values ever set; what none covers is the default."""

    values: tuple[PolicyValue, ...] = ()

    def on(self, name: PolicyName, day: date) -> int:
        """The value of `name` in force on `day`."""
        in_force = [v for v in self.values if v.name is name and v.effective_from <= day]
        return max(in_force, key=lambda v: v.effective_from).value if in_force else DEFAULTS[name]

    def money_on(self, name: PolicyName, day: date) -> Money:
        """The amount of `name` in force on `day`."""
        return Money(self.on(name, day))
