"""MAC blocks, and the one place that hands out addresses and serial numbers."""

from __future__ import annotations

from sqlalchemy import Row, insert, select, update

from fleet.domain.errors import ConflictError
from fleet.domain.mac_block import MacBlock, Registry
from fleet.store.tables.equipment import mac_blocks, sequences
from fleet.store.unit_of_work import UnitOfWork
from protocol.wire.mac import MacAddress
from protocol.wire.serial_number import make_serial

SERIALS = "serial"
FIRST_SERIAL = 1


class MacBlockRepository:
    """The operator's own inventory: no account's Administrator has a scope on it, the routes' permission decides."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._now = uow.now

    def page(self, limit: int, after: int | None) -> list[MacBlock]:
        """At most `limit` blocks with an id above `after`."""
        rows = select(mac_blocks).where(mac_blocks.c.id > (after or 0)).order_by(mac_blocks.c.id).limit(limit)
        return [_block(row) for row in self._connection.execute(rows)]

    def add(self, registry: Registry, first: MacAddress, size: int, note: str) -> MacBlock:
        """A new block; ConflictError if it shares an address with another."""
        self._lock()
        start = int(first)
        overlapping = self._connection.execute(
            select(mac_blocks).where(mac_blocks.c.first < start + size, mac_blocks.c.first + mac_blocks.c.size > start)
        ).first()
        if overlapping is not None:
            block = _block(overlapping)
            raise ConflictError(f"{first} and {size - 1} more overlap block {block.id}, {block.first} to {block.last}")
        row = self._connection.execute(
            insert(mac_blocks)
            .values(registry=registry, first=start, size=size, taken=0, note=note, added_at=self._now)
            .returning(mac_blocks)
        ).one()
        return _block(row)

    def lock_sequence(self) -> None:
        """Wait for whoever else is handing out numbers; they are done when this returns."""
        self._lock()

    def next_mac(self) -> tuple[MacAddress, int]:
        """The next free address and its block's id; ConflictError when all blocks are used up."""
        with_room = (
            select(mac_blocks.c.id).where(mac_blocks.c.taken < mac_blocks.c.size).order_by(mac_blocks.c.id).limit(1)
        )
        row = self._connection.execute(
            update(mac_blocks)
            .where(mac_blocks.c.id == with_room.scalar_subquery())
            .values(taken=mac_blocks.c.taken + 1)
            .returning(mac_blocks)
        ).one_or_none()
        if row is None:
            raise ConflictError("no MAC block has an address left; load one with POST /v1/mac-blocks")
        return MacAddress.from_int(row.first + row.taken - 1), row.id

    def next_serial(self) -> str:
        """The next serial number."""
        number = self._connection.execute(
            update(sequences)
            .where(sequences.c.name == SERIALS)
            .values(next=sequences.c.next + 1)
            .returning(sequences.c.next)
        ).scalar_one()
        serial: str = make_serial(number - 1)
        return serial

    def _lock(self) -> None:
        """Touch the one row every allocation touches: writers of other transactions wait for us from here on."""
        touched = self._connection.execute(
            update(sequences).where(sequences.c.name == SERIALS).values(next=sequences.c.next)
        )
        if touched.rowcount == 0:
            self._connection.execute(insert(sequences).values(name=SERIALS, next=FIRST_SERIAL))


def _block(row: Row[tuple[object, ...]]) -> MacBlock:
    return MacBlock(row.id, Registry(row.registry), MacAddress.from_int(row.first), row.size, row.taken, row.note)
