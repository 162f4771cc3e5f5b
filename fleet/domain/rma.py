"""A return merchandise authorization: three tracks, each a small table (equipment rules, section 4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum

from fleet.domain.errors import ConflictError
from fleet.domain.local_dates import local_date
from fleet.domain.policy import PolicyBook, PolicyName
from fleet.domain.transitions import advance


class RmaKind(StrEnum):
    DEFECT = "defect"
    TRIAL_RETURN = "trial_return"
    CANCELLATION_RETURN = "cancellation_return"
    WRONG_ITEM = "wrong_item"


REPLACED_KINDS = frozenset({RmaKind.DEFECT, RmaKind.WRONG_ITEM})


class ReplacementMode(StrEnum):
    """When the replacement goes out: before the old unit is back, or after."""

    ADVANCE = "advance"
    ON_RECEIPT = "on_receipt"


class Decision(StrEnum):
    REQUESTED = "requested"
    APPROVED = "approved"
    DENIED = "denied"
    CANCELLED = "cancelled"


class DecisionEvent(StrEnum):
    APPROVE = "approve"
    DENY = "deny"
    CANCEL = "cancel"


DECISION: dict[tuple[Decision, DecisionEvent], Decision] = {
    (Decision.REQUESTED, DecisionEvent.APPROVE): Decision.APPROVED,
    (Decision.REQUESTED, DecisionEvent.DENY): Decision.DENIED,
    (Decision.REQUESTED, DecisionEvent.CANCEL): Decision.CANCELLED,
    (Decision.APPROVED, DecisionEvent.CANCEL): Decision.CANCELLED,
}


class Replacement(StrEnum):
    NONE = "none"
    RESERVED = "reserved"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    LOST = "lost"


class ReplacementEvent(StrEnum):
    RESERVE = "reserve"
    RELEASE = "release"
    SHIP = "ship"
    DELIVER = "deliver"  # the carrier's proof, or the unit's own registration
    LOSE = "lose"


REPLACEMENT: dict[tuple[Replacement, ReplacementEvent], Replacement] = {
    (Replacement.NONE, ReplacementEvent.RESERVE): Replacement.RESERVED,
    (Replacement.RESERVED, ReplacementEvent.RELEASE): Replacement.NONE,
    (Replacement.RESERVED, ReplacementEvent.SHIP): Replacement.SHIPPED,
    (Replacement.SHIPPED, ReplacementEvent.DELIVER): Replacement.DELIVERED,
    (Replacement.SHIPPED, ReplacementEvent.LOSE): Replacement.LOST,
    (Replacement.DELIVERED, ReplacementEvent.DELIVER): Replacement.DELIVERED,  # a proof that turns up later is logged
    (Replacement.LOST, ReplacementEvent.RESERVE): Replacement.RESERVED,
}


class Return(StrEnum):
    AWAITED = "awaited"
    IN_TRANSIT = "in_transit"
    RECEIVED = "received"
    IN_QUARANTINE = "in_quarantine"
    INSPECTED = "inspected"
    OVERDUE = "overdue"
    CLOSED = "closed"


class ReturnEvent(StrEnum):
    HAND_IN = "hand_in"  # the carrier has accepted it
    RECEIVE = "receive"
    HOLD = "hold"
    INSPECT = "inspect"
    EXPIRE = "expire"
    CLOSE = "close"


RETURN: dict[tuple[Return, ReturnEvent], Return] = {
    (Return.AWAITED, ReturnEvent.HAND_IN): Return.IN_TRANSIT,
    (Return.AWAITED, ReturnEvent.RECEIVE): Return.RECEIVED,
    (Return.AWAITED, ReturnEvent.EXPIRE): Return.OVERDUE,
    (Return.AWAITED, ReturnEvent.CLOSE): Return.CLOSED,
    (Return.IN_TRANSIT, ReturnEvent.HAND_IN): Return.IN_TRANSIT,  # an earlier scan of the same way turns up
    (Return.IN_TRANSIT, ReturnEvent.RECEIVE): Return.RECEIVED,
    (Return.OVERDUE, ReturnEvent.HAND_IN): Return.IN_TRANSIT,  # late, or a scan in time that turns up late
    (Return.OVERDUE, ReturnEvent.RECEIVE): Return.RECEIVED,
    (Return.OVERDUE, ReturnEvent.CLOSE): Return.CLOSED,
    (Return.RECEIVED, ReturnEvent.HAND_IN): Return.RECEIVED,  # a scan that turns up later is logged, and may count
    (Return.RECEIVED, ReturnEvent.HOLD): Return.IN_QUARANTINE,
    (Return.RECEIVED, ReturnEvent.INSPECT): Return.INSPECTED,
    (Return.IN_QUARANTINE, ReturnEvent.HAND_IN): Return.IN_QUARANTINE,
    (Return.IN_QUARANTINE, ReturnEvent.INSPECT): Return.INSPECTED,
    (Return.INSPECTED, ReturnEvent.HAND_IN): Return.INSPECTED,
    (Return.INSPECTED, ReturnEvent.CLOSE): Return.CLOSED,
    (Return.CLOSED, ReturnEvent.HAND_IN): Return.CLOSED,  # evidence may still lower what is owed (ER 3.5)
}


class Condition(StrEnum):
    """How a returned unit looks when it is taken in."""

    SOUND = "sound"
    DEFECTIVE = "defective"
    DAMAGED = "damaged"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class Rma:
    """The three tracks of one RMA. `placement` is that of the unit to come back; `due_on` its return's last day."""

    id: int
    account_id: int
    serial: str
    placement: int
    kind: RmaKind
    mode: ReplacementMode
    reason: str
    opened_at: datetime
    decision: Decision = Decision.REQUESTED
    replacement: Replacement = Replacement.NONE
    returning: Return = Return.AWAITED
    replacement_serial: str | None = None
    replacement_placement: int | None = None
    approved_at: datetime | None = None
    due_on: date | None = None
    condition: Condition | None = None
    version: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class RmaStep:
    """One step of one track: who, when and why."""

    track: str
    event: str
    state: str
    at: datetime
    actor: str
    why: str


def return_due(
    rma: Rma, approved_at: datetime, policy: PolicyBook, zone: tzinfo, noticed_on: date | None = None
) -> date | None:
    """The last day the old unit may be handed to the carrier, counted from the approval (ER 4); None if it has none.

    Leased units, when service ends, and those replaced in advance have one; what is replaced on receipt may take long.

    A trial return counts from the cancellation notice of `noticed_on` (es 7.b): it has no last day before there is one.
    """
    day = local_date(approved_at, zone)
    if rma.kind in REPLACED_KINDS and rma.mode is ReplacementMode.ON_RECEIPT:
        return None
    if rma.kind is not RmaKind.TRIAL_RETURN:
        return day + timedelta(policy.on(PolicyName.RETURN_DAYS, day))
    if noticed_on is None:
        return None
    return noticed_on + timedelta(policy.on(PolicyName.TRIAL_RETURN_DAYS, noticed_on))


def check_may_reserve(rma: Rma) -> None:
    """ConflictError unless a replacement may be set aside now: the tracks wait for each other."""
    if rma.kind not in REPLACED_KINDS:
        raise ConflictError(f"RMA-{rma.id} is a {rma.kind}: nothing is sent for it")
    if rma.decision is not Decision.APPROVED:
        raise ConflictError(f"RMA-{rma.id} is {rma.decision}; approve it first")
    if rma.returning is Return.CLOSED:
        raise ConflictError(f"RMA-{rma.id} is closed: nothing more is sent for it")
    back = rma.returning in (Return.RECEIVED, Return.IN_QUARANTINE, Return.INSPECTED)
    if rma.mode is ReplacementMode.ON_RECEIPT and not back:
        raise ConflictError(f"RMA-{rma.id} replaces on receipt, and {rma.serial} is {rma.returning}")
    advance(REPLACEMENT, rma.replacement, ReplacementEvent.RESERVE, f"the replacement of RMA-{rma.id}")


def check_may_cancel(rma: Rma) -> None:
    """ConflictError when a unit is already on its way in either direction."""
    if rma.replacement not in (Replacement.NONE, Replacement.RESERVED) or rma.returning is not Return.AWAITED:
        raise ConflictError(
            f"RMA-{rma.id} can no longer be cancelled: replacement {rma.replacement}, return {rma.returning}"
        )


def check_may_receive(rma: Rma, serial: str) -> None:
    """ConflictError unless `serial` is what an approved RMA waits for."""
    if rma.decision is not Decision.APPROVED:
        raise ConflictError(f"RMA-{rma.id} is {rma.decision}; only an approved one takes a unit back")
    if serial != rma.serial:
        raise ConflictError(f"RMA-{rma.id} waits for {rma.serial}, got {serial}; read the label again")
