"""Whether what presents itself is a copy of a unit, and what people may resolve that to (equipment rules 2, ToS 16).

- A MAC alone proves nothing. A certificate of ours that claims another unit's MAC quarantines the identity whose key
  was proved, and names the other for review: else one bad unit could silence the fleet by claiming every MAC.
- A key of a dead epoch is refused by the broker, and is no alarm: it says nothing of the key that is current.
- One identity at two places: a unit that restarts has a new boot id and never goes back to an old one, so a boot id
  that registers anew after another has registered is a second device.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fleet.domain.access import Actor, ForbiddenError
from fleet.domain.reason import Reason
from fleet.domain.unit import TrustEvent
from protocol.wire.mac import MacAddress

CLONE_RULE = "ER 2, ToS 16"


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


def judge_places(sightings: Iterable[Sighting]) -> CloneAlarm | None:
    """The alarm for one identity's registrations, repeated messages left out, in the order they were made."""
    left_behind: set[int] = set()
    latest: Sighting | None = None
    for sighting in sightings:
        if sighting.boot_id in left_behind:
            text = f"Start {sighting.boot_id} of {sighting.serial} registered again at {sighting.at} after a later one."
            return CloneAlarm(CloneEvidence.TWO_PLACES, sighting.serial, "", Reason(CLONE_RULE, text))
        if latest is not None and latest.boot_id != sighting.boot_id:
            left_behind.add(latest.boot_id)
        latest = sighting
    return None


def resolve(actor: Actor, resolution: Resolution) -> TrustEvent:
    """What happens to the quarantined identity; ForbiddenError for anybody of an account."""
    if actor.account_id is not None:
        raise ForbiddenError("a clone alarm is resolved by the operator's own people, not by an Administrator")
    return RESOLUTIONS[resolution]
