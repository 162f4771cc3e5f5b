"""By when a unit is to be handed in, whether it was, and what its absence costs (equipment rules 4, es 7.b, 7.d).

- The carrier's acceptance decides. What was neither accepted nor received by the last day is overdue at once, and is
  charged then; without a scan a unit received within the grace after it was in time all the same (decision 0010).
- All periods are those in force on the day they begin to count, so that no deadline moves once it is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from fleet.domain.local_dates import ONE_DAY
from fleet.domain.ownership import Ownership
from fleet.domain.policy import PolicyBook, PolicyName
from fleet.domain.reason import Reason
from fleet.domain.rma import REPLACED_KINDS, Replacement, ReplacementMode, Rma, RmaKind

DEADLINE_RULE = "ER 4, es 7.d"


class Timeliness(StrEnum):
    """How a return stands to its deadline."""

    AWAITED = "awaited"  # it may still be, or prove to have been, in time
    IN_TIME = "in_time"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class ReturnFacts:
    """What is known of a unit's way back, as local dates: the carrier's scan, its report of a loss, our receipt.

    `proved_on`: a scan that became known after the receipt; it may show that the unit was in time, and nothing else.
    """

    handed_in_on: date | None = None
    lost_on: date | None = None
    received_on: date | None = None
    proved_on: date | None = None


@dataclass(frozen=True, slots=True)
class ReturnVerdict:
    """`overdue_from`: the first date on which the return is overdue if nothing more becomes known; None: never."""

    timeliness: Timeliness
    overdue_from: date | None
    reason: Reason


def reminder_on(due_on: date, begins_on: date, policy: PolicyBook) -> date:
    """When the account is reminded of a deadline that began to count on `begins_on`: never before that day."""
    return max(begins_on, due_on - timedelta(policy.on(PolicyName.REMINDER_DAYS, begins_on)))


def judge_return(due_on: date, facts: ReturnFacts, today: date, policy: PolicyBook) -> ReturnVerdict:
    """Whether the unit due on `due_on` came in time, for what is known on `today`."""
    if facts.received_on is not None and facts.received_on <= due_on:
        return ReturnVerdict(Timeliness.IN_TIME, None, _reason(due_on, f"received on {facts.received_on}."))
    # Equipment rules 3.5: what is known later may only lower what is owed.
    if facts.proved_on is not None and facts.proved_on <= due_on:
        return _by_scan(due_on, facts.proved_on)
    if facts.handed_in_on is not None:
        return _by_scan(due_on, facts.handed_in_on)
    last_day = due_on + timedelta(policy.on(PolicyName.LATE_SCAN_GRACE_DAYS, due_on))
    overdue_from = due_on + ONE_DAY
    if facts.received_on is None:
        late = Timeliness.AWAITED if today < overdue_from else Timeliness.LATE
        text = f"neither scan nor receipt is known; without a scan a unit received by {last_day} is in time."
        return ReturnVerdict(late, overdue_from, _reason(due_on, text))
    reason = _reason(due_on, f"no scan, received on {facts.received_on}; without a scan, {last_day} was the last day.")
    if facts.received_on <= last_day:
        return ReturnVerdict(Timeliness.IN_TIME, None, reason)
    return ReturnVerdict(Timeliness.LATE, overdue_from, reason)


def _by_scan(due_on: date, handed_in_on: date) -> ReturnVerdict:
    reason = _reason(due_on, f"the carrier accepted it on {handed_in_on}.")
    if handed_in_on <= due_on:
        return ReturnVerdict(Timeliness.IN_TIME, None, reason)
    return ReturnVerdict(Timeliness.LATE, due_on + ONE_DAY, reason)


def _reason(due_on: date, what: str) -> Reason:
    return Reason(DEADLINE_RULE, f"Due on {due_on}: {what}")


def pays_when_absent(rma: Rma, ownership: Ownership) -> Reason | None:
    """Why replacement value is charged if the unit of `rma` does not come back in time; None if it is not.

    Leased units that go back when service ends, and units whose replacement was sent in advance, whoever owns them.
    """
    sent = rma.replacement in {Replacement.SHIPPED, Replacement.DELIVERED}
    if rma.kind in REPLACED_KINDS and rma.mode is ReplacementMode.ADVANCE and sent:
        return Reason("ER 4, es 7.d", f"{rma.serial} was replaced in advance and is not back in time.")
    if rma.kind is RmaKind.CANCELLATION_RETURN and ownership.returns_at_end:
        return Reason("ER 4, es 7.d", f"{rma.serial} is leased and is not back in time after the end of service.")
    return None


def lost_on_the_way_back(rma: Rma, ownership: Ownership, facts: ReturnFacts) -> Reason | None:
    """Why replacement value is charged for a unit the carrier lost, though handed in in time; None if it is not."""
    if facts.lost_on is None or facts.received_on is not None:
        return None
    if not ownership.is_operators and pays_when_absent(rma, ownership) is None:
        return None  # nobody pays for their own unit
    text = f"The carrier reported {rma.serial} lost on {facts.lost_on}: the way back is at the account's risk."
    return Reason("ER 4", text)


def is_credited(charged_on: date, received_on: date, sound: bool, policy: PolicyBook) -> tuple[bool, Reason]:
    """Whether the value charged on `charged_on` for a late unit is credited: received sound within 30 days after."""
    last_day = charged_on + timedelta(policy.on(PolicyName.LATE_RETURN_CREDIT_DAYS, charged_on))
    how = "sound" if sound else "not sound"
    text = f"Received {how} on {received_on}; the value is credited if received sound by {last_day}."
    return sound and received_on <= last_day, Reason("ER 4", text)
