"""A unit that came back without an RMA: it waits in quarantine until it is matched or sent back (equipment rules 4)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from fleet.domain.rma import Decision, Return, Rma


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

WAITS_FOR_UNIT = frozenset({Return.AWAITED, Return.IN_TRANSIT, Return.OVERDUE})


def matches(serial: str, rmas: Iterable[Rma]) -> list[Rma]:
    """The RMAs that wait for the unit, the newest first: whoever takes it in chooses, or asks the account."""
    waiting = [
        rma
        for rma in rmas
        if rma.serial == serial and rma.decision is Decision.APPROVED and rma.returning in WAITS_FOR_UNIT
    ]
    return sorted(waiting, key=lambda rma: rma.id, reverse=True)
