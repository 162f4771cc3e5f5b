"""Whether an account has said where a line is, and that it knows what 911 does there (equipment rules 7, ours)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from fleet.domain.errors import InvalidError

MAX_ADDRESS_CHARACTERS = 300


class LocationState(StrEnum):
    """Voice needs `current`; each other state says what to ask the Administrator for."""

    MISSING = "missing"
    UNACKNOWLEDGED = "unacknowledged"
    NETWORK_CHANGED = "network_changed"
    CURRENT = "current"


@dataclass(frozen=True, slots=True)
class RegisteredLocation:
    """Where 911 sends help, for the public `network` the unit was on when that was confirmed.

    `network` names a network, not one address: what the fleet knows of the unit's provider and region. Empty: none
    was known; the first that is becomes it. `acknowledged_by`: the Administrator who knows what 911 does there.
    """

    address: str
    network: str
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""

    def __post_init__(self) -> None:
        if not 1 <= len(self.address.strip()) <= MAX_ADDRESS_CHARACTERS:
            raise InvalidError(f"an address has 1 to {MAX_ADDRESS_CHARACTERS} characters, got {len(self.address)}")

    def seen_on(self, network: str) -> RegisteredLocation:
        """For the first `network` its unit is seen on: it was confirmed before the unit was plugged in."""
        return self if self.network or not network else replace(self, network=network)


def location_state(location: RegisteredLocation | None, network: str) -> LocationState:
    """How `location` stands for a unit that is on the public `network`; empty: no network is known yet."""
    if location is None:
        return LocationState.MISSING
    if location.acknowledged_at is None:
        return LocationState.UNACKNOWLEDGED
    if network and network != location.seen_on(network).network:
        return LocationState.NETWORK_CHANGED
    return LocationState.CURRENT
