"""A unit that came back without an RMA: it waits in quarantine until it is matched or sent back (equipment rules 4).

- Its stay at the account goes on, with its term and its service: only an RMA puts a unit into our hands (ER 3.4).
- Once matched it counts as received on the day it first came in, however long it waited for its RMA.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from enum import StrEnum

from fleet.domain.errors import ConflictError
from fleet.domain.local_dates import local_date
from fleet.domain.references import Noun, refer
from fleet.domain.rma import Condition, Decision, Return, Rma, check_may_receive


class BlindReturn(StrEnum):
    """No state of it is an end in which nobody knows where the unit is."""

    IN_QUARANTINE = "in_quarantine"
    MATCHED = "matched"  # its RMA goes on with it
    SENT_BACK = "sent_back"
    DELIVERED = "delivered"


class BlindReturnEvent(StrEnum):
    MATCH = "match"
    SEND_BACK = "send_back"
    DELIVER = "deliver"
    COME_BACK = "come_back"  # refused or undeliverable


BLIND_RETURN: dict[tuple[BlindReturn, BlindReturnEvent], BlindReturn] = {
    (BlindReturn.IN_QUARANTINE, BlindReturnEvent.MATCH): BlindReturn.MATCHED,
    (BlindReturn.IN_QUARANTINE, BlindReturnEvent.SEND_BACK): BlindReturn.SENT_BACK,
    (BlindReturn.SENT_BACK, BlindReturnEvent.DELIVER): BlindReturn.DELIVERED,
    (BlindReturn.SENT_BACK, BlindReturnEvent.COME_BACK): BlindReturn.IN_QUARANTINE,
}

OPEN = frozenset({BlindReturn.IN_QUARANTINE, BlindReturn.SENT_BACK})
WAITS_FOR_UNIT = frozenset({Return.AWAITED, Return.IN_TRANSIT, Return.OVERDUE})


@dataclass(frozen=True, slots=True)
class BlindCase:
    """One unit that came back blind. `placement`: its stay at the account; `received_at`: when it first came in.

    `rma_id`: what it was matched to. `carrier` and `tracking`: of the parcel it was sent back in last.
    """

    id: int
    account_id: int
    serial: str
    placement: int
    condition: Condition
    received_at: datetime
    state: BlindReturn = BlindReturn.IN_QUARANTINE
    rma_id: int | None = None
    carrier: str = ""
    tracking: str = ""
    sent_at: datetime | None = None

    @property
    def reference(self) -> str:
        """The name people and programs use."""
        return refer(Noun.BLIND_RETURN, self.id)

    def waits_days(self, today: date, zone: tzinfo) -> int | None:
        """How many days it has waited on `today`; None once it is settled."""
        return (today - local_date(self.received_at, zone)).days if self.state in OPEN else None


def check_may_match(case: BlindCase, rma: Rma) -> None:
    """ConflictError unless `rma` was granted for this very stay of the unit."""
    check_may_receive(rma, case.serial)
    if rma.placement != case.placement:
        theirs, ours = refer(Noun.ACCOUNT, rma.account_id), refer(Noun.ACCOUNT, case.account_id)
        raise ConflictError(
            f"{refer(Noun.RMA, rma.id)} is for another stay of {case.serial}, at {theirs}; "
            f"{case.reference} came back from its stay at {ours}: match it to an RMA of that one, or send it back"
        )


def check_delivered(case: BlindCase, delivered_at: datetime, now: datetime) -> None:
    """ConflictError unless `delivered_at` lies between the day it was sent back and now."""
    if case.sent_at is None or not case.sent_at <= delivered_at <= now:
        since = "never" if case.sent_at is None else case.sent_at.isoformat()
        raise ConflictError(f"{case.reference} was sent back {since}: it was not delivered {delivered_at.isoformat()}")


def matches(serial: str, rmas: Iterable[Rma]) -> list[Rma]:
    """The RMAs that wait for the unit, the newest first: whoever takes it in chooses, or asks the account."""
    waiting = [
        rma
        for rma in rmas
        if rma.serial == serial and rma.decision is Decision.APPROVED and rma.returning in WAITS_FOR_UNIT
    ]
    return sorted(waiting, key=lambda rma: rma.id, reverse=True)
