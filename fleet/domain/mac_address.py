"""What becomes of one MAC address: free, leased to a station, a unit's, and at last nobody's for ever (ER 2).

- An address that was ever tied to a Unit is that Unit's for ever: no event leads back to free from there.
- A leased address comes back only by its station's word; written off, it waits for that word and is given to nobody.
- Of an address in a block exactly one holds: it lies in a free range, or it has a record in one of the other states.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from protocol.wire.mac import MacAddress

MAX_MACS_PER_UNIT: Final = 8


class AddressState(StrEnum):
    """Whose the address is."""

    FREE = "free"  # in no record
    LEASED = "leased"  # a station may give it to a board
    RESERVED = "reserved"  # of a unit that never had a certificate
    GIVEN = "given"  # of a unit
    RETIRED = "retired"  # of a unit that is scrapped
    WRITTEN_OFF = "written_off"  # leased to a station that never said what became of it


class AddressEvent(StrEnum):
    ALLOCATE = "allocate"
    LEASE = "lease"
    USE = "use"  # the station gave it to a board
    GIVE_BACK = "give_back"
    WRITE_OFF = "write_off"
    CERTIFY = "certify"
    IMPORT = "import"
    SCRAP = "scrap"


UNREPORTED: Final = (AddressState.LEASED, AddressState.WRITTEN_OFF)
"""What a station took along and has not said it used."""

ADDRESSES: Final[Mapping[tuple[AddressState, AddressEvent], AddressState]] = {
    (AddressState.FREE, AddressEvent.ALLOCATE): AddressState.RESERVED,
    (AddressState.FREE, AddressEvent.LEASE): AddressState.LEASED,
    (AddressState.FREE, AddressEvent.IMPORT): AddressState.GIVEN,
    (AddressState.LEASED, AddressEvent.USE): AddressState.RESERVED,
    (AddressState.LEASED, AddressEvent.GIVE_BACK): AddressState.FREE,
    (AddressState.LEASED, AddressEvent.WRITE_OFF): AddressState.WRITTEN_OFF,
    (AddressState.WRITTEN_OFF, AddressEvent.USE): AddressState.RESERVED,
    (AddressState.WRITTEN_OFF, AddressEvent.GIVE_BACK): AddressState.FREE,
    (AddressState.RESERVED, AddressEvent.CERTIFY): AddressState.GIVEN,
    (AddressState.RESERVED, AddressEvent.SCRAP): AddressState.RETIRED,
    (AddressState.GIVEN, AddressEvent.SCRAP): AddressState.RETIRED,
}


@dataclass(frozen=True, slots=True)
class AddressRecord:
    """An address that is not free. `serial` is the unit's, or the one leased with it; `position` 0 is the base MAC."""

    mac: MacAddress
    block_id: int
    state: AddressState
    serial: str
    position: int
    lease_id: int | None = None


@dataclass(frozen=True, slots=True)
class AddressStep:
    """One line of an address's history: who did what to it, when and why."""

    at: datetime
    event: AddressEvent
    actor: str
    serial: str
    lease_id: int | None
    why: str


@dataclass(frozen=True, slots=True)
class AddressHistory:
    """Everything about one address; `block_id` is None where no block of ours holds it."""

    mac: MacAddress
    block_id: int | None
    state: AddressState
    record: AddressRecord | None
    steps: tuple[AddressStep, ...]


def macs_of(base: MacAddress, count: int) -> tuple[MacAddress, ...]:
    """The `count` addresses from `base` on: a unit finds its further ones by counting up from its base MAC."""
    return tuple(MacAddress.from_int(int(base) + number) for number in range(count))
