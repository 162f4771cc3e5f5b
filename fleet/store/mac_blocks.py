"""MAC blocks: which the operator owns, and how many addresses of each are in which state."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select

from fleet.domain.errors import ConflictError, NotFoundError
from fleet.domain.mac_address import AddressEvent, AddressState
from fleet.domain.mac_block import BlockCount, MacBlock, Registry
from fleet.domain.references import Noun, refer
from fleet.store.free_ranges import FreeRanges
from fleet.store.tables.equipment import mac_blocks
from fleet.store.tables.inventory import SERIAL_SPACE, free_ranges, mac_addresses, mac_events
from fleet.store.unit_of_work import UnitOfWork
from protocol.wire.mac import MacAddress


class MacBlockRepository:
    """The operator's own inventory: it lies in no account's scope, the services let nobody else in."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._now = uow.now
        self._free = FreeRanges(uow)

    def page(self, limit: int, after: int | None) -> list[BlockCount]:
        """At most `limit` blocks with an id above `after`."""
        rows = select(mac_blocks).where(mac_blocks.c.id > (after or 0)).order_by(mac_blocks.c.id).limit(limit)
        return self._counted([_block(row) for row in self._connection.execute(rows)])

    def get(self, block_id: int) -> BlockCount:
        """One block; NotFoundError if there is none."""
        row = self._connection.execute(select(mac_blocks).where(mac_blocks.c.id == block_id)).one_or_none()
        if row is None:
            raise NotFoundError(f"there is no MAC block {refer(Noun.MAC_BLOCK, block_id)}")
        return self._counted([_block(row)])[0]

    def add(self, registry: Registry, first: MacAddress, size: int, note: str) -> BlockCount:
        """A new block; ConflictError if it shares an address with another."""
        self._free.lock()
        start = int(first)
        overlapping = self._connection.execute(
            select(mac_blocks).where(mac_blocks.c.first < start + size, mac_blocks.c.first + mac_blocks.c.size > start)
        ).first()
        if overlapping is not None:
            block = _block(overlapping)
            raise ConflictError(f"{first} and {size - 1} more overlap block {block.id}, {block.first} to {block.last}")
        row = self._connection.execute(
            insert(mac_blocks)
            .values(registry=registry, first=start, size=size, note=note, added_at=self._now)
            .returning(mac_blocks)
        ).one()
        self._free.add(row.id, start, size)
        return self._counted([_block(row)])[0]

    def holding(self, mac: MacAddress) -> MacBlock | None:
        """The block that address lies in."""
        query = select(mac_blocks).where(mac_blocks.c.first <= int(mac)).order_by(mac_blocks.c.first.desc()).limit(1)
        row = self._connection.execute(query).one_or_none()
        return None if row is None or int(mac) >= row.first + row.size else _block(row)

    def all_ranges(self) -> BlockIndex:
        """Every block, to look up many addresses without asking again."""
        query = select(mac_blocks.c.first, mac_blocks.c.size, mac_blocks.c.id).order_by(mac_blocks.c.first)
        return BlockIndex([(row.first, row.size, row.id) for row in self._connection.execute(query)])

    def supply(self, since: datetime) -> tuple[int, int, int]:
        """Addresses free, in all, and taken by units and leases since then."""
        free = self._connection.scalar(
            select(func.coalesce(func.sum(free_ranges.c.size), 0)).where(free_ranges.c.space != SERIAL_SPACE)
        )
        size = self._connection.scalar(select(func.coalesce(func.sum(mac_blocks.c.size), 0)))
        taking = (AddressEvent.ALLOCATE, AddressEvent.USE)
        taken = self._connection.scalar(
            select(func.count()).where(mac_events.c.event.in_(taking), mac_events.c.at >= since)
        )
        return int(free or 0), int(size or 0), int(taken or 0)

    def _counted(self, blocks: Sequence[MacBlock]) -> list[BlockCount]:
        ids = [block.id for block in blocks]
        counts = {block.id: dict.fromkeys(AddressState, 0) for block in blocks}
        held = (
            select(mac_addresses.c.block_id, mac_addresses.c.state, func.count().label("count"))
            .where(mac_addresses.c.block_id.in_(ids))
            .group_by(mac_addresses.c.block_id, mac_addresses.c.state)
        )
        for row in self._connection.execute(held):
            counts[row.block_id][AddressState(row.state)] = row._mapping["count"]
        free = select(free_ranges.c.space, func.sum(free_ranges.c.size).label("size"))
        for row in self._connection.execute(free.where(free_ranges.c.space.in_(ids)).group_by(free_ranges.c.space)):
            counts[row.space][AddressState.FREE] = int(row.size)
        return [BlockCount(block, counts[block.id]) for block in blocks]


class BlockIndex:
    """Which block an address lies in, from memory. `ranges` are (first, size, block id), in order."""

    def __init__(self, ranges: list[tuple[int, int, int]]) -> None:
        self._ranges = ranges
        self._firsts = [first for first, _, _ in ranges]

    def block_of(self, mac: int) -> int | None:
        """The block's id; None outside of all."""
        at = bisect_right(self._firsts, mac) - 1
        if at < 0:
            return None
        first, size, block_id = self._ranges[at]
        return block_id if mac < first + size else None


def _block(row: Row[Any]) -> MacBlock:
    return MacBlock(row.id, Registry(row.registry), MacAddress.from_int(row.first), row.size, row.note)
