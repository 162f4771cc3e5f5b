"""Whether what presents itself is a copy of a unit, and what people may resolve that to (equipment rules 2, ToS 16).

- A MAC alone proves nothing. A certificate of ours that claims another unit's MAC quarantines the identity whose key
  was proved, and names the other for review: else one bad unit could silence the fleet by claiming every MAC.
- A key of a dead epoch is refused by the broker, and is no alarm: it says nothing of the key that is current.
- One identity at two places: a unit that restarts has a new boot id and never goes back to an old one, so a boot id
  that registers anew after another has registered is a second device.
- Messages come late, twice and in any order. A unit's clock, which it has from us, is right to CLOCK_TOLERANCE: what is
  PROMPT when it comes was made within ORDER_DOUBT before; the rest tells nothing of the order.
- A copy may lie about the time, or start again and again to crowd the other's start out. So a new start is noted
  whatever its clock says once no honest message can be that late, and but one within ORDER_DOUBT.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from fleet.domain.access import Actor, ForbiddenError
from fleet.domain.reason import Reason
from fleet.domain.unit import TrustEvent
from protocol.wire.mac import MacAddress

CLONE_RULE = "ER 2, ToS 16"
CLOCK_TOLERANCE: Final = timedelta(seconds=2)  # beyond it a unit takes the fleet's time (firmware/adapter/uplink.py)
PROMPT: Final = timedelta(seconds=5)
ORDER_DOUBT: Final = PROMPT + CLOCK_TOLERANCE
LATEST: Final = timedelta(hours=1)  # by then whatever an earlier start sent has come


class CloneEvidence(StrEnum):
    OTHER_KEY = "other_key"
    TWO_PLACES = "two_places"


@dataclass(frozen=True, slots=True)
class Sighting:
    """A registration under `serial`'s certificate; `boot_id` is drawn anew at each start of a unit."""

    at: datetime
    serial: str
    mac: MacAddress
    boot_id: int


@dataclass(frozen=True, slots=True)
class CloneAlarm:
    """`quarantined`: the identity whose sessions all end. `claimed`: the other unit involved, empty if none."""

    evidence: CloneEvidence
    quarantined: str
    claimed: str
    reason: Reason


class Resolution(StrEnum):
    """What somebody of the operator finds."""

    FALSE_ALARM = "false_alarm"
    NEW_EPOCH = "new_epoch"
    REVOKED = "revoked"


RESOLUTIONS: dict[Resolution, TrustEvent] = {
    Resolution.FALSE_ALARM: TrustEvent.CLEAR,
    Resolution.NEW_EPOCH: TrustEvent.RENEW,
    Resolution.REVOKED: TrustEvent.REVOKE,
}


def judge_mac(sighting: Sighting, owner_of_mac: str | None) -> CloneAlarm | None:
    """The alarm for a MAC that another unit, `owner_of_mac`, is known by; None for the unit's own or an unknown one."""
    if owner_of_mac is None or owner_of_mac == sighting.serial:
        return None
    text = f"{sighting.serial} proved its key and claims {sighting.mac}, by which {owner_of_mac} is known."
    return CloneAlarm(CloneEvidence.OTHER_KEY, sighting.serial, owner_of_mac, Reason(CLONE_RULE, text))


def is_prompt(received_at: datetime, clock_at: datetime) -> bool:
    """Whether a message made at `clock_at` by the unit's clock came at once: only then does it tell of the order."""
    return abs(received_at - clock_at) <= PROMPT


def is_noted(at: datetime, *, prompt: bool, known: bool, newest_at: datetime | None) -> bool:
    """Whether a registration at `at` tells of the order. `known`: of a start seen before.

    `newest_at`: when the unit's newest start was seen first; None: none was.
    """
    if known or newest_at is None:
        return prompt
    return at - newest_at > (ORDER_DOUBT if prompt else LATEST)


def judge_places(sightings: Iterable[Sighting]) -> CloneAlarm | None:
    """The alarm for one identity's prompt registrations: a start that is there before and after another one."""
    seen = sorted(sightings, key=lambda sighting: sighting.at)
    first = {sighting.boot_id: sighting for sighting in reversed(seen)}
    last = {sighting.boot_id: sighting for sighting in seen}
    for boot_id, back in last.items():
        for between in seen:
            if between.boot_id == boot_id:
                continue
            if first[boot_id].at + ORDER_DOUBT < between.at < back.at - ORDER_DOUBT:
                text = (
                    f"Start {boot_id} of {back.serial} registered again at {back.at.isoformat()}, after start "
                    f"{between.boot_id} did at {between.at.isoformat()}."
                )
                return CloneAlarm(CloneEvidence.TWO_PLACES, back.serial, "", Reason(CLONE_RULE, text))
    return None


def resolve(actor: Actor, resolution: Resolution) -> TrustEvent:
    """What happens to the quarantined identity; ForbiddenError for anybody of an account."""
    if actor.account_id is not None:
        raise ForbiddenError("a clone alarm is resolved by the operator's own people, not by an Administrator")
    return RESOLUTIONS[resolution]
