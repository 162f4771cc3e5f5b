"""What an annual plan that is cancelled gets back (equipment rules 5, ToS 9.d)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from fleet.domain.activation import service_term_begins
from fleet.domain.billing_cycle import ANNUAL, BillingCycle, Period
from fleet.domain.errors import InvalidError
from fleet.domain.money import ZERO, Money
from fleet.domain.policy import PolicyBook, PolicyName
from fleet.domain.reason import Reason


@dataclass(frozen=True, slots=True)
class AnnualRefund:
    """`amount` goes back; with `rest_falls_due` the plan's remaining charges are due now, which billing adds up."""

    amount: Money
    unused_days: int
    period: Period
    rest_falls_due: bool
    reason: Reason


def annual_refund(
    price: Money, order_date: date, activated_on: date | None, noticed_on: date, ends_on: date, policy: PolicyBook
) -> AnnualRefund:
    """The refund of the year paid with `price`, when notice came on `noticed_on` and service ends on `ends_on`.

    The period starts at Activation, else at the start of the service's Term; the end date itself is unused.
    """
    if price < ZERO:
        raise InvalidError(f"a plan's price is not negative, got {price}")
    start = activated_on or service_term_begins(None, order_date, policy)
    period = BillingCycle(start, ANNUAL).period_of(start)
    unused = min(max((period.ends - ends_on).days, 0), period.days)
    last_day = order_date + timedelta(policy.on(PolicyName.ANNUAL_REFUND_DAYS, order_date))
    if noticed_on > last_day:
        text = f"Notice came on {noticed_on}, after {last_day}: nothing is refunded, and what remains falls due."
        return AnnualRefund(ZERO, unused, period, True, Reason("ER 5, ToS 9.d", text))
    amount = _share(price, unused, period.days)
    text = f"{unused} of the {period.days} days from {period.begins} are unused: {amount} of {price}."
    return AnnualRefund(amount, unused, period, False, Reason("ER 5, ToS 9.d", text))


def _share(price: Money, part: int, whole: int) -> Money:
    """`price` x part / whole, half up to the cent."""
    return Money((2 * price.cents * part + whole) // (2 * whole))
