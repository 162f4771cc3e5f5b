"""When service ends, is suspended, is billed and what an annual plan pays back: section 5 of the rules, sentence by
sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from tests.equipment_oracle.calendar import (
    after_business_days,
    business_days_in,
    first_date_after_hours,
    first_instant,
    local_date,
    plus_days,
    plus_months,
)
from tests.equipment_oracle.events import (
    Activated,
    Breach,
    BreachNoticed,
    CancellationAsked,
    CancellationWithdrawn,
    Event,
    LastLineRemoved,
    OrderAccepted,
    Plan,
    Policy,
    Reactivated,
    Suspended,
    Terminated,
)
from tests.equipment_oracle.facts import (
    Facts,
    Place,
    order_date,
    place_of,
    places,
    policy,
    shipment_at,
    shipments,
    worked_out_once,
)

PERIOD_MONTHS = {Plan.MONTHLY: 1, Plan.ANNUAL: 12}


class ServiceState(StrEnum):
    NONE = "none"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class End:
    """The end of a service: its instant and the event that brings it."""

    instant: datetime
    cause: CancellationAsked | LastLineRemoved | Terminated

    @property
    def day(self) -> date:
        """The date something ends is the local date of that instant (Counting)."""
        return local_date(self.instant)


# --- Billing dates -------------------------------------------------------------------------------------------------


def billing_begins(facts: Facts) -> date | None:
    """Billing starts at Activation (ER 1): the local date of the Account's first one."""
    return min((local_date(event.at) for event in facts.of(Activated)), default=None)


@worked_out_once
def billing_dates(facts: Facts, until: date) -> list[date]:
    """A billing day missing from a month is that month's last day; the original day returns after it (ER 5)."""
    first = billing_begins(facts)
    if first is None:
        return []
    months = PERIOD_MONTHS[facts.of(OrderAccepted)[0].plan]
    dates, count = [], 0
    while (day := plus_months(first, count * months)) <= until:
        dates.append(day)
        count += 1
    return dates


def next_billing_dates(facts: Facts, day: date) -> tuple[date, date] | None:
    """The next billing date after a day, and the one after that; None before billing has begun."""
    later = [found for found in billing_dates(facts, plus_months(day, 26)) if found > day]
    return (later[0], later[1]) if later else None


# --- Notices -------------------------------------------------------------------------------------------------------


def earliest_date(facts: Facts, notice: CancellationAsked) -> date:
    """The first date that begins at least 72 elapsed hours after the notice."""
    return first_date_after_hours(notice.at, policy(facts, Policy.CANCELLATION_LEAD_HOURS, local_date(notice.at)))


def is_timely(facts: Facts, notice: CancellationAsked) -> bool:
    """At least 3 Business Days before the billing date (going back from it; it does not count, the notice day does)."""
    bills = next_billing_dates(facts, local_date(notice.at))
    if bills is None:
        return True
    lead = policy(facts, Policy.CANCELLATION_LEAD_BUSINESS_DAYS, local_date(notice.at))
    return business_days_in(local_date(notice.at), bills[0]) >= lead


@worked_out_once
def effect(facts: Facts, notice: CancellationAsked) -> datetime:
    """00:00 local of the date asked for, or of the earliest date, whichever is later; after a late notice, the later of
    the date asked for and the end of the renewed period. Decided on what is known when the notice comes."""
    known = facts.up_to(notice)
    bills = next_billing_dates(known, local_date(notice.at))
    floor = earliest_date(known, notice)
    if bills is not None and not is_timely(known, notice):
        floor = max(floor, bills[1])
    return first_instant(max(floor, notice.asked_for or floor))


def avoids_next_bill(facts: Facts, notice: CancellationAsked) -> bool | None:
    """A timely notice avoids the next bill, even where the 72 hours reach past it; not where a later date is asked for.
    None where no bill is to come."""
    known = facts.up_to(notice)
    bills = next_billing_dates(known, local_date(notice.at))
    if bills is None:
        return None
    wants = notice.asked_for is not None and notice.asked_for > max(bills[0], earliest_date(known, notice))
    return is_timely(known, notice) and not wants


@worked_out_once
def is_standing(facts: Facts, notice: CancellationAsked) -> bool:
    """Neither withdrawn nor replaced by a second notice before it took effect (ER 5)."""
    ends = effect(facts, notice)
    later = facts.events[next(i for i, told in enumerate(facts.events) if told is notice) + 1 :]
    return not any(isinstance(event, CancellationAsked | CancellationWithdrawn) and event.at < ends for event in later)


@worked_out_once
def standing_notices(facts: Facts) -> list[CancellationAsked]:
    return [notice for notice in facts.of(CancellationAsked) if is_standing(facts, notice)]


def pending_notice(facts: Facts) -> CancellationAsked | None:
    """The notice that has not taken effect yet."""
    pending = [notice for notice in standing_notices(facts) if effect(facts, notice) > facts.now]
    return pending[-1] if pending else None


@worked_out_once
def covers(facts: Facts, notice: CancellationAsked, place: Place) -> bool:
    """Part of the services may be cancelled alone: those of the Units named, whichever Unit gives them later."""
    if not notice.serials:
        return True
    known = facts.up_to(notice)
    named = [shipment_at(known, serial, notice.at) for serial in notice.serials]
    return any(shipment is not None and place_of(known, shipment).key == place.key for shipment in named)


# --- Ends ----------------------------------------------------------------------------------------------------------


@worked_out_once
def ends_of_place(facts: Facts, place: Place) -> End | None:
    """The first end of one Unit's service, whoever brings it; it may lie in the future."""
    ends = [End(effect(facts, n), n) for n in standing_notices(facts) if covers(facts, n, place)]
    for removed in facts.of(LastLineRemoved):
        shipment = shipment_at(facts, removed.serial, removed.at)
        if shipment is not None and place_of(facts, shipment).key == place.key:
            ends.append(End(removed.at, removed))
    ends += [End(terminated.at, terminated) for terminated in facts.of(Terminated)]
    return min(ends, key=lambda end: end.instant, default=None)


@worked_out_once
def account_end(facts: Facts) -> End | None:
    """The end of all services at once: a notice for the whole Account, or the operator's termination."""
    ends = [End(effect(facts, n), n) for n in standing_notices(facts) if not n.serials]
    ends += [End(terminated.at, terminated) for terminated in facts.of(Terminated)]
    return min(ends, key=lambda end: end.instant, default=None)


def has_ended(facts: Facts, end: End | None) -> bool:
    return end is not None and end.instant <= facts.now


def ended_by_operator_without_breach(end: End) -> bool:
    return isinstance(end.cause, Terminated) and end.cause.breach is None


# --- State of the service ------------------------------------------------------------------------------------------


def service_begins(facts: Facts, place: Place) -> date:
    """Term of a service: from the EARLIER of Activation and Order Date + 30 days (ER 1)."""
    days = policy(facts, Policy.START_WITHOUT_ACTIVATION_DAYS, order_date(place))
    return min([plus_days(order_date(place), days), *activations_of_order(facts, place.order)])


@worked_out_once
def activations_of_order(facts: Facts, order: OrderAccepted) -> list[date]:
    """The local dates on which Units of an order were activated."""
    own = {shipment.shipment for shipment in shipments(facts) if place_of(facts, shipment).order is order}
    found = []
    for activated in facts.of(Activated):
        shipment = shipment_at(facts, activated.serial, activated.at)
        if shipment is not None and shipment.shipment in own:
            found.append(local_date(activated.at))
    return found


def is_suspended(facts: Facts) -> bool:
    turns: list[Event] = [event for event in facts.events if isinstance(event, Suspended | Reactivated)]
    return bool(turns) and isinstance(turns[-1], Suspended)


def service_state(facts: Facts) -> ServiceState:
    """Of the Account now: none until the first Term begins, then active or suspended, then ended."""
    if has_ended(facts, account_end(facts)):
        return ServiceState.ENDED
    if is_suspended(facts):
        return ServiceState.SUSPENDED
    begun = any(service_begins(facts, place) <= local_date(facts.now) for place in places(facts))
    return ServiceState.ACTIVE if begun else ServiceState.NONE


def notice_of_breach(facts: Facts, breach: Breach) -> BreachNoticed | None:
    """The written notice that counts; full payment (a reactivation) clears one for non-payment."""
    standing: BreachNoticed | None = None
    for event in facts.events:
        if isinstance(event, BreachNoticed) and event.breach is breach and standing is None:
            standing = event
        elif isinstance(event, Reactivated) and breach is Breach.UNPAID:
            standing = None
    return standing


def last_day_before_termination(facts: Facts, notice: BreachNoticed) -> date:
    """Unpaid 5 Business Days after written notice, other breaches 30 days; the Account has the whole of the last
    day.
    """
    day = local_date(notice.at)
    if notice.breach is Breach.UNPAID:
        return after_business_days(day, policy(facts, Policy.UNPAID_BUSINESS_DAYS, day))
    return plus_days(day, policy(facts, Policy.BREACH_DAYS, day))


# --- Annual plan ---------------------------------------------------------------------------------------------------


def annual_refund_cents(facts: Facts, order: OrderAccepted) -> int:
    """Refund = price x unused days (end date unused) / days of the paid period, half up to the cent, the period
    starting at Activation, else at the start of the Term. Notice by Order Date + 30; nothing after that.
    """
    if order.plan is not Plan.ANNUAL:
        return 0
    own = [place for place in places(facts) if place.order is order]
    ends = [ends_of_place(facts, place) for place in own]
    notices = [(end.instant, end.cause) for end in ends if end is not None and isinstance(end.cause, CancellationAsked)]
    if len(notices) < len(own):
        return 0
    instant, notice = max(notices, key=lambda found: found[0])
    ordered = local_date(order.at)
    if local_date(notice.at) > plus_days(ordered, policy(facts, Policy.ANNUAL_REFUND_DAYS, ordered)):
        return 0
    starts = min(activations_of_order(facts, order), default=service_begins(facts, own[0]))
    until = plus_months(starts, PERIOD_MONTHS[Plan.ANNUAL])
    days = (until - starts).days
    unused = min(days, max(0, (until - local_date(instant)).days))
    return (2 * order.plan_price_cents * unused + days) // (2 * days)
