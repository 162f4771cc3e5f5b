"""Which step of one track of an RMA the other tracks and the facts allow (equipment rules 4).

Each function raises a ConflictError that says what stands in the way, and what to do; nothing has changed then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from fleet.domain.errors import ConflictError
from fleet.domain.inspection import Inspection
from fleet.domain.local_dates import local_date
from fleet.domain.ownership import Ownership
from fleet.domain.policy import PolicyBook, PolicyName
from fleet.domain.reason import Reason
from fleet.domain.references import Noun, refer
from fleet.domain.return_deadline import ReturnVerdict, Timeliness, pays_when_absent
from fleet.domain.rma import Decision, Replacement, Return, Rma, RmaKind
from fleet.domain.trial import may_open_trial_return


@dataclass(frozen=True, slots=True)
class Opening:
    """What is known when an RMA is asked for. A trial return may be opened before its notice of cancellation.

    `held`: the unit is in quarantine here, as a blind return.
    """

    kind: RmaKind
    ownership: Ownership
    order_date: date
    opened_on: date
    service_ended_on: date | None = None
    held: bool = False

    @property
    def may_stay(self) -> bool:
        """Whether the unit is to come back when service ends, or is ours and here already."""
        return self.ownership.returns_at_end or (self.held and self.ownership.is_operators)


def check_may_open(opening: Opening, policy: PolicyBook) -> None:
    """Refuse a kind of RMA that this unit has no claim to."""
    ended = opening.service_ended_on
    match opening.kind:
        case RmaKind.DEFECT if ended is not None and ended <= opening.opened_on:
            raise ConflictError(f"service ended on {ended}: a defect is put right during the Term (ToS 7.b)")
        case RmaKind.TRIAL_RETURN:
            verdict = may_open_trial_return(opening.order_date, opening.opened_on, policy)
            if not verdict.accepted:
                raise ConflictError(str(verdict.reason))
        case RmaKind.CANCELLATION_RETURN if not opening.may_stay:
            raise ConflictError(f"the unit is {opening.ownership}: only a leased one has to come back")
        case RmaKind.CANCELLATION_RETURN if ended is None or ended > opening.opened_on:
            raise ConflictError("the system opens a cancellation return on the day service ends, not before")


def check_is_owed(rma: Rma, inspection: Inspection | None) -> None:
    """Refuse to reserve or send anything for a defect that, as inspected, was caused outside; None: not inspected."""
    if inspection is not None and inspection.caused_outside and rma.kind is RmaKind.DEFECT:
        name = refer(Noun.RMA, rma.id)
        raise ConflictError(f"the inspection found {inspection.code}: {name} has no replacement, its value is charged")


def check_may_ship(rma: Rma, inspection: Inspection | None) -> None:
    """Refuse to send a replacement that is not reserved, not granted any more, or not owed for what was found."""
    name = refer(Noun.RMA, rma.id)
    if rma.replacement is not Replacement.RESERVED or rma.decision is not Decision.APPROVED:
        raise ConflictError(f"{name} is {rma.decision}, its replacement {rma.replacement}: there is nothing to send")
    check_is_owed(rma, inspection)


def check_may_expire(rma: Rma, verdict: ReturnVerdict, today: date) -> None:
    """Refuse to call a return overdue before it is."""
    name = refer(Noun.RMA, rma.id)
    if rma.decision is not Decision.APPROVED:
        raise ConflictError(f"{name} is {rma.decision}: nothing is awaited for it")
    if verdict.timeliness is not Timeliness.LATE or verdict.overdue_from is None or today < verdict.overdue_from:
        raise ConflictError(f"{name} is not overdue: {verdict.reason.text}")


def check_may_close(rma: Rma, ownership: Ownership) -> None:
    """Refuse to close an RMA while a unit is under way in either direction, or is owed without being overdue."""
    name = refer(Noun.RMA, rma.id)
    if rma.replacement in {Replacement.RESERVED, Replacement.SHIPPED}:
        raise ConflictError(f"{name}: the replacement is {rma.replacement}; release it, or wait for its delivery")
    if rma.decision is Decision.APPROVED and rma.returning is Return.AWAITED and pays_when_absent(rma, ownership):
        raise ConflictError(f"{name}: {rma.serial} is still owed; wait until it is overdue")


@dataclass(frozen=True, slots=True)
class CallSeen:
    """A call was up on the old unit when it was last heard, at `heard_at`; it counts as dead after `silence`."""

    heard_at: datetime
    silence: timedelta


def swap_waits(
    call: CallSeen | None, registered_at: datetime, now: datetime, policy: PolicyBook, zone: tzinfo
) -> Reason | None:
    """Why the replacement that registered then does not yet take over; None: it does now, in one transaction.

    It waits for a call while the old unit is heard, and for none longer than SWAP_WAIT_HOURS.
    """
    longest = timedelta(hours=policy.on(PolicyName.SWAP_WAIT_HOURS, local_date(registered_at, zone)))
    if call is None or now - call.heard_at > call.silence or now - registered_at >= longest:
        return None
    return Reason("ER 4", f"A call was up on the old unit at {call.heard_at}: the swap waits until it ends.")


def is_repair(rma: Rma) -> bool:
    """Whether the unit itself was repaired and is sent back, rather than another one."""
    return rma.replacement_serial == rma.serial
