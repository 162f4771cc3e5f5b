"""When the operator may end service for a breach: unpaid 5 Business Days, others 30 days after notice (ToS 12.a)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum

from fleet.domain.access import ForbiddenError, Role
from fleet.domain.business_days import BusinessCalendar
from fleet.domain.errors import ConflictError
from fleet.domain.local_dates import ONE_DAY, first_instant, local_date
from fleet.domain.policy import PolicyBook, PolicyName
from fleet.domain.reason import Reason
from fleet.domain.transitions import advance


class Breach(StrEnum):
    NON_PAYMENT = "non_payment"
    OTHER = "other"


# Ours: the terms do not say who of the operator decides. None: we end the service without a breach.
MAY_END: dict[Breach | None, frozenset[Role]] = {
    Breach.NON_PAYMENT: frozenset({Role.ADMIN, Role.FINANCE}),
    Breach.OTHER: frozenset({Role.ADMIN}),
    None: frozenset({Role.ADMIN}),
}


class BreachState(StrEnum):
    """What became of a written notice."""

    NOTIFIED = "notified"
    CURED = "cured"
    TERMINATED = "terminated"
    OVERTAKEN = "overtaken"  # service ended otherwise


class BreachEvent(StrEnum):
    CURE = "cure"
    TERMINATE = "terminate"
    OVERTAKE = "overtake"


BREACH: dict[tuple[BreachState, BreachEvent], BreachState] = {
    (BreachState.NOTIFIED, BreachEvent.CURE): BreachState.CURED,
    (BreachState.NOTIFIED, BreachEvent.TERMINATE): BreachState.TERMINATED,
    (BreachState.NOTIFIED, BreachEvent.OVERTAKE): BreachState.OVERTAKEN,
}


@dataclass(frozen=True, slots=True)
class BreachNotice:
    """A written notice; the account has the whole of `last_day` to cure the breach, until `ends_at`."""

    breach: Breach
    noticed_at: datetime
    last_day: date
    ends_at: datetime
    reason: Reason
    state: BreachState = BreachState.NOTIFIED

    def is_due(self, now: datetime) -> bool:
        """Whether the last day is over and nothing has come of it: a person decides whether service ends."""
        return self.state is BreachState.NOTIFIED and now >= self.ends_at


def check_may_end(breach: Breach | None, roles: frozenset[Role]) -> None:
    """ForbiddenError for who does not decide whether service ends for `breach`; None: without one."""
    may = MAY_END[breach]
    if not roles & may:
        what = "an end without a breach" if breach is None else f"an end for {breach}"
        raise ForbiddenError(
            f"{what} is decided by {' or '.join(sorted(may))}, got {', '.join(sorted(roles)) or 'nobody'}"
        )


def give_notice(
    breach: Breach, noticed_at: datetime, calendar: BusinessCalendar, policy: PolicyBook, zone: tzinfo
) -> BreachNotice:
    """The notice sent at `noticed_at`; CalendarError beyond the loaded holidays."""
    day = local_date(noticed_at, zone)
    if breach is Breach.NON_PAYMENT:
        count = policy.on(PolicyName.PAYMENT_DEFAULT_BUSINESS_DAYS, day)
        last_day, period = calendar.after(day, count), f"{count} Business Days"
    else:
        count = policy.on(PolicyName.OTHER_BREACH_DAYS, day)
        last_day, period = day + timedelta(count), f"{count} days"
    text = f"{period} after the written notice of {day}: the account has the whole of {last_day}."
    ends_at = first_instant(last_day + ONE_DAY, zone)
    return BreachNotice(breach, noticed_at, last_day, ends_at, Reason("ER 5, ToS 12.a", text))


def cure(notice: BreachNotice, at: datetime) -> BreachNotice:
    """The breach ended at `at`, in full; ConflictError if that was too late.

    Full payment is never too late while service lasts: who has paid is not unpaid (ER 5, decision 0010).
    """
    state = advance(BREACH, notice.state, BreachEvent.CURE, f"the notice of {notice.breach}")
    if notice.breach is not Breach.NON_PAYMENT and at.astimezone(UTC) >= notice.ends_at:
        raise ConflictError(f"the last day to cure the {notice.breach} was {notice.last_day}")
    return replace(notice, state=state)


def terminate(notice: BreachNotice, at: datetime) -> BreachNotice:
    """Service ends at `at`, at the earliest when the last day is over; ConflictError before."""
    state = advance(BREACH, notice.state, BreachEvent.TERMINATE, f"the notice of {notice.breach}")
    if at.astimezone(UTC) < notice.ends_at:
        raise ConflictError(f"the account has the whole of {notice.last_day} to cure the {notice.breach}")
    return replace(notice, state=state)


def overtake(notice: BreachNotice) -> BreachNotice:
    """Service has ended otherwise: nothing comes of the notice."""
    return replace(notice, state=advance(BREACH, notice.state, BreachEvent.OVERTAKE, f"the notice of {notice.breach}"))
