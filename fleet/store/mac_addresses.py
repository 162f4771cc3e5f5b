"""MAC addresses one by one: handed out with their serial numbers, moved through their states, each step kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, delete, insert, select, update

from fleet.domain.errors import ConflictError
from fleet.domain.lease import Slot
from fleet.domain.mac_address import (
    ADDRESSES,
    UNREPORTED,
    AddressEvent,
    AddressHistory,
    AddressRecord,
    AddressState,
    AddressStep,
    macs_of,
)
from fleet.domain.transitions import advance
from fleet.store.free_ranges import FreeRanges, Range, runs
from fleet.store.mac_blocks import MacBlockRepository
from fleet.store.tables.inventory import SERIAL_SPACE, mac_addresses, mac_events
from fleet.store.unit_of_work import UnitOfWork
from protocol.wire.mac import MacAddress
from protocol.wire.serial_number import PREFIX, make_serial

MAX_STEPS_SHOWN: Final = 200
MAX_MACS_PER_STATEMENT: Final = 1000  # each is a bound parameter


@dataclass(frozen=True, slots=True)
class Allocation:
    """What one unit is given: a serial number and its addresses, which lie in one block."""

    serial: str
    macs: tuple[MacAddress, ...]
    block_id: int

    def records(self, state: AddressState, lease_id: int | None = None) -> list[AddressRecord]:
        """A record for each of its addresses."""
        return [
            AddressRecord(mac, self.block_id, state, self.serial, position, lease_id)
            for position, mac in enumerate(self.macs)
        ]


class MacAddressRepository:
    """The operator's own inventory: it lies in no account's scope, the services let nobody else in."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        self._connection = uow.connection
        self._free = FreeRanges(uow)

    def lock(self) -> None:
        """Wait for whoever else hands out numbers; they are done when this returns."""
        self._free.lock()

    def allocate(self, macs: int) -> Allocation:
        """The next serial number with the next `macs` addresses in a row; ConflictError when they are used up."""
        (allocation,) = self._take(1, macs)
        self.record(allocation.records(AddressState.RESERVED), AddressEvent.ALLOCATE)
        return allocation

    def lease(self, lease_id: int, units: int, macs: int) -> list[Slot]:
        """`units` slots of `macs` addresses each; ConflictError, and nothing is taken, when there are not so many."""
        slots = self._take(units, macs)
        records = [record for slot in slots for record in slot.records(AddressState.LEASED, lease_id)]
        self.record(records, AddressEvent.LEASE)
        return [Slot(slot.serial, slot.macs[0]) for slot in slots]

    def take_named(self, records: Sequence[AddressRecord], event: AddressEvent) -> None:
        """Exactly those free addresses with their serial numbers; ConflictError if one of them is not free."""
        for taken in _ranges_of(records):
            if not self._free.take_exactly(taken.space, taken.first, taken.size):
                raise ConflictError(
                    f"of the {taken.size} numbers from {taken.first} on in space {taken.space} one is not free"
                )
        self.record(records, event)

    def record(self, records: Sequence[AddressRecord], event: AddressEvent) -> None:
        """Note of addresses just taken whose they are and that `event` happened."""
        for state in {record.state for record in records}:
            if advance(ADDRESSES, AddressState.FREE, event, "a free address") is not state:
                raise ConflictError(f"{event} does not make a free address {state}")
        rows = [
            {
                "mac": int(each.mac), "block_id": each.block_id, "state": each.state, "serial": each.serial,
                "position": each.position, "lease_id": each.lease_id,
            }
            for each in records
        ]  # fmt: skip
        if rows:
            self._connection.execute(insert(mac_addresses), rows)
        self._log(records, event, "")

    def of_serial(self, serial: str) -> list[AddressRecord]:
        """The addresses tied to that serial number, the base MAC first."""
        query = select(mac_addresses).where(mac_addresses.c.serial == serial).order_by(mac_addresses.c.position)
        return [record_of(row) for row in self._connection.execute(query)]

    def move(self, serial: str, event: AddressEvent, why: str = "") -> None:
        """Every address of that serial number after `event`; IllegalTransitionError if it has no such step."""
        self._move(self.of_serial(serial), event, why)

    def certified(self, serial: str) -> None:
        """The unit has a certificate now: its addresses are given, if they were not before."""
        records = [each for each in self.of_serial(serial) if each.state is AddressState.RESERVED]
        self._move(records, AddressEvent.CERTIFY, "")

    def open_of_lease(self, lease_id: int) -> list[AddressRecord]:
        """What of a lease nobody has reported as used."""
        query = select(mac_addresses).where(_unreported_of(lease_id))
        return [record_of(row) for row in self._connection.execute(query.order_by(mac_addresses.c.mac))]

    def slots_of_lease(self, lease_id: int) -> list[tuple[Slot, AddressState]]:
        """The slots that were not given back, by serial number, with what they are now."""
        query = (
            select(mac_addresses)
            .where(mac_addresses.c.lease_id == lease_id, mac_addresses.c.position == 0)
            .order_by(mac_addresses.c.serial)
        )
        return [
            (Slot(row.serial, MacAddress.from_int(row.mac)), AddressState(row.state))
            for row in self._connection.execute(query)
        ]

    def write_off(self, lease_id: int, why: str) -> None:
        """What of the lease is not reported is given to nobody until it is."""
        self._move(self.open_of_lease(lease_id), AddressEvent.WRITE_OFF, why)

    def give_back(self, lease_id: int, aside: Collection[str], why: str) -> None:
        """What of the lease was not used is free again, its serial numbers too; those `aside` are written off."""
        unreported = self.open_of_lease(lease_id)
        lost = [record for record in unreported if record.serial in aside and record.state is AddressState.LEASED]
        self._move(lost, AddressEvent.WRITE_OFF, why)
        records = [record for record in unreported if record.serial not in aside]
        for record in records:
            advance(ADDRESSES, record.state, AddressEvent.GIVE_BACK, str(record.mac))
        free = mac_addresses.c.serial.not_in(aside)  # a lease's worth at most
        self._connection.execute(delete(mac_addresses).where(_unreported_of(lease_id), free))
        for unused in _ranges_of(records):
            self._free.put_back(unused.space, unused.first, unused.size)
        self._log(records, AddressEvent.GIVE_BACK, "")

    def history(self, mac: MacAddress) -> AddressHistory:
        """All that is known of an address; its state is free where nobody has it."""
        row = self._connection.execute(select(mac_addresses).where(mac_addresses.c.mac == int(mac))).one_or_none()
        query = select(mac_events).where(mac_events.c.mac == int(mac)).order_by(mac_events.c.id.desc())
        steps = [
            AddressStep(each.at, AddressEvent(each.event), each.actor, each.serial, each.lease_id, each.why)
            for each in self._connection.execute(query.limit(MAX_STEPS_SHOWN))
        ]
        oldest_first = tuple(reversed(steps))
        if row is not None:
            record = record_of(row)
            return AddressHistory(mac, record.block_id, record.state, record, oldest_first)
        block = MacBlockRepository(self._uow).holding(mac)
        return AddressHistory(mac, None if block is None else block.id, AddressState.FREE, None, oldest_first)

    def _take(self, units: int, macs: int) -> list[Allocation]:
        self.lock()
        serials: list[str] = []
        while len(serials) < units:
            found = self._free.take_serials(units - len(serials))
            if found is None:
                raise ConflictError("no serial numbers are left; the format needs another digit")
            serials += [str(make_serial(found.first + number)) for number in range(found.size)]
        taken: list[Allocation] = []
        while len(taken) < units:
            block = self._free.take_macs(macs, units - len(taken))
            if block is None:
                missing = (units - len(taken)) * macs
                raise ConflictError(
                    f"no MAC block has an address left ({missing} wanted, {macs} in a row); load one with "
                    "POST /v1/mac-blocks"
                )
            for first in range(block.first, block.first + block.size, macs):
                taken.append(Allocation(serials[len(taken)], macs_of(MacAddress.from_int(first), macs), block.space))
        return taken

    def _move(self, records: Sequence[AddressRecord], event: AddressEvent, why: str) -> None:
        for state in {record.state for record in records}:
            following = advance(ADDRESSES, state, event, f"{records[0].mac} of {records[0].serial}")
            moving = [int(record.mac) for record in records if record.state is state]
            for at in range(0, len(moving), MAX_MACS_PER_STATEMENT):
                part = mac_addresses.c.mac.in_(moving[at : at + MAX_MACS_PER_STATEMENT])
                self._connection.execute(update(mac_addresses).where(part).values(state=following))
        self._log(records, event, why)

    def _log(self, records: Iterable[AddressRecord], event: AddressEvent, why: str) -> None:
        rows = [
            {
                "mac": int(record.mac), "event": event, "at": self._uow.now, "actor": self._uow.actor.reference,
                "serial": record.serial, "lease_id": record.lease_id, "why": why,
            }
            for record in records
        ]  # fmt: skip
        if rows:
            self._connection.execute(insert(mac_events), rows)


def record_of(row: Row[Any]) -> AddressRecord:
    """The record of a row of its table."""
    return AddressRecord(
        MacAddress.from_int(row.mac), row.block_id, AddressState(row.state), row.serial, row.position, row.lease_id
    )


def _unreported_of(lease_id: int) -> ColumnElement[bool]:
    return and_(mac_addresses.c.lease_id == lease_id, mac_addresses.c.state.in_(UNREPORTED))


def _ranges_of(records: Iterable[AddressRecord]) -> Iterator[Range]:
    """The addresses and serial numbers of `records` as the ranges they make where they are free."""
    spaces: dict[int, list[int]] = {SERIAL_SPACE: []}
    for record in records:
        spaces.setdefault(record.block_id, []).append(int(record.mac))
        if record.position == 0:
            spaces[SERIAL_SPACE].append(_number_of_serial(record.serial))
    for space, numbers in spaces.items():
        for first, size in runs(numbers):
            yield Range(space, first, size)


def _number_of_serial(serial: str) -> int:
    """The number in a serial number, without its check digit."""
    return int(serial[len(PREFIX) : -1])
