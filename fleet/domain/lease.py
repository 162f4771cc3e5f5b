"""Addresses and serial numbers a station takes along to work without network, and how they come home.

- A lease is a list of slots: a serial number and its MAC addresses, tied together from the start.
- Its end stops the station, never the fleet: nothing of it is given to anybody else before the station has said how
  many slots it used and the fleet knows of every one of them (`settle`).
- A lease written off stays that way for all that is not reported: late reports are still taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from fleet.domain.errors import ConflictError, InvalidError
from fleet.domain.references import Noun, refer
from protocol.wire.mac import MacAddress

MAX_LEASE_UNITS: Final = 1000
MAX_LEASE_DAYS: Final = 30
MAX_OPEN_LEASES_PER_HOLDER: Final = 8
MAX_USES_PER_REPORT: Final = 500


class LeaseState(StrEnum):
    """Expiry is no state: it is a matter of the clock."""

    OPEN = "open"
    SETTLED = "settled"
    WRITTEN_OFF = "written_off"


class LeaseEvent(StrEnum):
    SETTLE = "settle"
    WRITE_OFF = "write_off"


LEASES: Final[Mapping[tuple[LeaseState, LeaseEvent], LeaseState]] = {
    (LeaseState.OPEN, LeaseEvent.SETTLE): LeaseState.SETTLED,
    (LeaseState.OPEN, LeaseEvent.WRITE_OFF): LeaseState.WRITTEN_OFF,
    (LeaseState.WRITTEN_OFF, LeaseEvent.SETTLE): LeaseState.SETTLED,
}


@dataclass(frozen=True, slots=True)
class Lease:
    """`holder` is the reference of who took it, `request` the station's own name for it, which makes taking it once."""

    id: int
    request: str
    station: str
    holder: str
    board: str
    macs_per_unit: int
    units: int
    taken_at: datetime
    expires_at: datetime
    state: LeaseState
    version: int
    ended_at: datetime | None
    why: str

    @property
    def reference(self) -> str:
        """As ML-7."""
        return refer(Noun.MAC_LEASE, self.id)


@dataclass(frozen=True, slots=True)
class Slot:
    """What one board gets of a lease: `mac` and the next ones, as many as the lease has for each unit."""

    serial: str
    mac: MacAddress


class Outcome(StrEnum):
    """What the fleet says to one line of a station's report or of an import."""

    ACCEPTED = "accepted"
    UNCHANGED = "unchanged"  # known already
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Use:
    """A slot given to a board at the bench."""

    serial: str
    mac: MacAddress
    board_uid: bytes
    hardware_revision: int
    used_at: datetime


@dataclass(frozen=True, slots=True)
class UseReport:
    """What became of one reported use; `reason` says why it was refused."""

    serial: str
    outcome: Outcome
    reason: str = ""


def check_terms(units: int, period: timedelta) -> None:
    """InvalidError unless a lease may be that large and last that long."""
    if not 1 <= units <= MAX_LEASE_UNITS:
        raise InvalidError(f"a lease is for 1 to {MAX_LEASE_UNITS} units, got {units}")
    if not timedelta(0) < period <= timedelta(days=MAX_LEASE_DAYS):
        raise InvalidError(f"a lease lasts up to {MAX_LEASE_DAYS} days, got {period}")


def check_may_take(open_leases: int, expired: str | None) -> None:
    """ConflictError while the holder owes a report, or holds enough: an address not heard of is lost to everybody."""
    if expired is not None:
        raise ConflictError(f"{expired} has expired and was not settled; upload what it was used for and settle it")
    if open_leases >= MAX_OPEN_LEASES_PER_HOLDER:
        raise ConflictError(f"{open_leases} leases are open, at most {MAX_OPEN_LEASES_PER_HOLDER}; settle one first")


def check_all_reported(lease: Lease, said: int, known: int) -> None:
    """ConflictError unless the fleet knows of as many uses as the station says it made."""
    if said != known:
        raise ConflictError(
            f"the station says it used {said} of {lease.reference}, the fleet knows of {known}; upload every use first"
        )
