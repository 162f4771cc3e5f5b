"""What is kept of a call: start, length, the other party's number, codec, quality; never content (ER 7, PP).

- A record is named by its unit's identity, its number on the unit and the start the unit noted: sent again, in the same
  or in another start of the unit, it is the same record.
- The unit's clock may be unset or wrong. A start that cannot be is worked out from how long ago the unit says it was,
  and failing that it is the receipt; what it was taken from stands beside it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

CLOCK_TOLERANCE: Final = timedelta(minutes=5)  # of a unit's clock that is right
MAX_AGE: Final = timedelta(days=62)  # of a call when its record is sent: the fleet may be away for long
_SEPARATORS: Final = re.compile(r"[.-]")
_WORLD: Final = re.compile(r"\+[0-9]+")
_NO_NUMBER: Final = re.compile(r"[^0-9A-Za-z+*#._@-]")


class CallDirection(StrEnum):
    """As the unit's person sees it."""

    OUT = "out"
    IN = "in"


class CallEnd(StrEnum):
    US = "us"
    PEER = "peer"
    NETWORK = "network"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    CANCELLED = "cancelled"


class CallCodec(StrEnum):
    NONE = "none"
    PCMU = "PCMU"
    PCMA = "PCMA"


class StartTakenFrom(StrEnum):
    """Where the start of a call is known from."""

    UNIT = "unit"
    AGE = "age"  # the unit's clock is wrong: receipt, less how long the call was ago when it sent the record
    RECEIPT = "receipt"  # the unit did not know the time


@dataclass(frozen=True, slots=True)
class Figures:
    """What the unit measured of the media it received; `mos_tenths` 0: nothing was measured."""

    packets_sent: int = 0
    packets_received: int = 0
    packets_lost: int = 0
    packets_discarded: int = 0  # came too late to be heard
    burst_loss_permille: int = 0
    jitter_ms: int = 0
    jitter_max_ms: int = 0
    buffer_ms: int = 0
    round_trip_ms: int = 0
    r_factor: int = 0
    mos_tenths: int = 0


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call as its unit tells it. `duration_ms` 0: never answered. `status`: the last of SIP, 0 for none."""

    record_id: int
    started_s: int  # by the unit's clock, 0 before it knew the time
    direction: CallDirection
    number: str
    setup_ms: int
    duration_ms: int
    ended_by: CallEnd
    status: int
    codec: CallCodec
    secured: bool
    emergency: bool
    figures: Figures = Figures()

    @property
    def answered(self) -> bool:
        """Whether anybody spoke."""
        return self.duration_ms > 0


@dataclass(frozen=True, slots=True)
class Stay:
    """A unit's time at an account, in its present identity, from when it left for it.

    `purged`: the account was closed, and its personal data is gone: none comes back by a unit that tells late.
    """

    placement: int
    account_id: int
    shipped_at: datetime
    purged: bool = False


def call_start(
    started_s: int, clock_s: int, received_at: datetime, not_before: datetime
) -> tuple[datetime, StartTakenFrom]:
    """When a call began, and where that is known from; `clock_s`: the unit's clock when it sent the record.

    A start before the unit was anybody's, or after the receipt, is a wrong clock's.
    """
    if 0 < started_s <= int((received_at + CLOCK_TOLERANCE).timestamp()):
        said = datetime.fromtimestamp(started_s, UTC)
        if said >= not_before:
            return min(said, received_at), StartTakenFrom.UNIT
    if 0 < started_s <= clock_s and clock_s - started_s <= MAX_AGE.total_seconds():
        aged = received_at - timedelta(seconds=clock_s - started_s)
        if aged >= not_before:
            return aged, StartTakenFrom.AGE
    return received_at, StartTakenFrom.RECEIPT


def stay_at(stays: Sequence[Stay], started_at: datetime) -> Stay | None:
    """Whose the unit was when the call began: the last of `stays`, oldest first, that had begun; None if it had none.

    What is told after the stay is over still belongs to it: a unit that was replaced tells its last calls late.
    """
    begun = [stay for stay in stays if stay.shipped_at <= started_at]
    return begun[-1] if begun else None


def kept_number(text: str) -> str:
    """The other party as it is kept: what may stand in a number or a user's name, and nothing a table would compute."""
    kept = _NO_NUMBER.sub("", text).lstrip("-@")
    number = _SEPARATORS.sub("", kept)
    return number if _WORLD.fullmatch(number) else kept.lstrip("+-@")
