"""The date a cancellation takes effect, and which bill it avoids (equipment rules 5, ToS 9.b and 9.c)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from fleet.domain.billing_cycle import BillingCycle, Period
from fleet.domain.business_days import BusinessCalendar
from fleet.domain.cancellation_notice import Notice
from fleet.domain.local_dates import first_date_from, first_instant, hours_later, local_date
from fleet.domain.policy import PolicyBook, PolicyName
from fleet.domain.reason import Reason


@dataclass(frozen=True, slots=True)
class Effect:
    """Service ends at `at`, the first instant of `on` by the operator's clock.

    `avoids` is the first bill that is not due, `renewed` the period that a late notice could not stop;
    both None before billing has started.
    """

    on: date
    at: datetime
    avoids: date | None
    renewed: Period | None
    reason: Reason


def effect_of(
    notice: Notice, cycle: BillingCycle | None, calendar: BusinessCalendar, policy: PolicyBook, zone: tzinfo
) -> Effect:
    """When `notice`, which counts, takes effect. `cycle` None: no Activation yet, nothing is billed.

    CalendarError if the dates lie beyond the loaded holidays.
    """
    noticed_on = local_date(notice.at, zone)
    lead_hours = policy.on(PolicyName.CANCELLATION_LEAD_HOURS, noticed_on)
    earliest = first_date_from(hours_later(notice.at, lead_hours), zone)
    on = earliest if notice.asked_for is None else max(earliest, notice.asked_for)
    if cycle is None:
        return Effect(on, first_instant(on, zone), None, None, _by_lead(on, earliest, lead_hours))
    bill = cycle.next_after(noticed_on)
    business_days = policy.on(PolicyName.CANCELLATION_NOTICE_BUSINESS_DAYS, noticed_on)
    last_notice_on = calendar.before(bill, business_days)
    if noticed_on > last_notice_on:
        return _renewed(on, cycle.period_of(bill), last_notice_on, zone)
    # Only the Account's own wish to stay makes the next bill due; the 72 hours that reach past it do not.
    if notice.asked_for is not None and notice.asked_for > max(bill, earliest):
        bill = _first_bill_from(on, cycle)
    return Effect(on, first_instant(on, zone), bill, None, _by_lead(on, earliest, lead_hours))


def _first_bill_from(day: date, cycle: BillingCycle) -> date:
    period = cycle.period_of(day)
    return day if period.begins == day else period.ends


def _by_lead(on: date, earliest: date, lead_hours: int) -> Reason:
    if on == earliest:
        return Reason("ER 5, ToS 9.c", f"{on} is the first date that begins {lead_hours} hours after the notice.")
    return Reason("ER 5, ToS 9.c", f"{on} is the date asked for; the earliest would be {earliest}.")


def _renewed(wished: date, period: Period, last_notice_on: date, zone: tzinfo) -> Effect:
    on = max(period.ends, wished)
    text = (
        f"Notice would have been due by {last_notice_on} to avoid the bill of {period.begins}: "
        f"the service is renewed to {period.ends} and ends on {on}."
    )
    return Effect(on, first_instant(on, zone), None, period, Reason("ER 5, ToS 9.b", text))
